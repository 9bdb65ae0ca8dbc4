"""Somebody who may write to the store's database alters a plan that waits there."""

from __future__ import annotations

from sqlalchemy import select, update

from directory_sync.store.store import Store
from directory_sync.store.tables import ChangeRow, RequestRow


def alter_change(store: Store, plan_id: int, old: str, new: str) -> None:
    """Replace a text in the plan's changes."""
    with store._database.write() as connection:
        rows = connection.execute(select(ChangeRow.sequence, ChangeRow.payload).where(ChangeRow.plan_id == plan_id)).all()
        found = [(sequence, payload.replace(old, new)) for sequence, payload in rows if old in payload]
        assert found, f"no change of plan {plan_id} holds {old!r}"
        for sequence, payload in found:
            here = (ChangeRow.plan_id == plan_id, ChangeRow.sequence == sequence)
            connection.execute(update(ChangeRow).where(*here).values(payload=payload))


def alter_figures(store: Store, request_id: int, **figures: int) -> None:
    """Have a request show other numbers than its plan has."""
    with store._database.write() as connection:
        here = RequestRow.id == request_id
        now = connection.execute(select(RequestRow.statistics).where(here)).scalar_one()
        connection.execute(update(RequestRow).where(here).values(statistics=now | figures))
