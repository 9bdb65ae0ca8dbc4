"""The runs that go on, as far as a visitor may see their collections."""

from __future__ import annotations

from directory_sync.portal.access import Visitor
from directory_sync.store.run_overview import RunUnderWay
from directory_sync.store.store import Store


def runs_under_way(store: Store, visitor: Visitor) -> tuple[RunUnderWay, ...]:
    """Newest first; those that wait for approval are among them. Raises StoreError."""
    found = store.run_overview.under_way()
    if not found:
        return ()
    visible = frozenset(visitor.visible(sorted({run.collection for run in found})))
    return tuple(run for run in found if run.collection in visible)
