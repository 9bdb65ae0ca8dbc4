"""What a source without records, or without values of a field, may not do: remove what it does not show.

A login that lost its rights, an export that failed half way and a filter that selects nothing look like this.
No limit lifts it; a person can let one plan pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from directory_sync.plan.layout import Layout
from directory_sync.plan.limits import REMOVALS, Figures, Tally
from directory_sync.plan.model import EMPTY_SOURCE, LimitCheck
from directory_sync.plan.sides import load_source
from directory_sync.plan.spool import Spool

_LOSERS = 2
"""From so many objects on that would lose their values of a field, its absence from the whole source is not
believed.
"""


def check_emptiness(layout: Layout, tally: Tally, figures: Figures, sources: Spool) -> tuple[LimitCheck, ...]:
    """Checks that fail for a plan that removes what nothing in the source speaks of.

    Args:
        layout: of the job.
        tally: the plan's changes.
        figures: how many records were read.
        sources: the usable source records.
    """
    removals = sum(tally.actions[kind] for kind in REMOVALS)
    checks = []
    if not figures.source_records and removals:
        checks.append(LimitCheck(EMPTY_SOURCE, "", removals, figures.managed, 0, ""))
    losers = {**tally.cleared, **tally.losing_members}
    suspects = {name for name, count in losers.items() if count >= _LOSERS}
    checks.extend(
        LimitCheck(EMPTY_SOURCE, name, losers[name], figures.matched, _LOSERS - 1, "")
        for name in sorted(_without_values(layout, suspects, sources))
    )
    return tuple(checks)


def _without_values(layout: Layout, suspects: set[str], sources: Spool) -> Iterator[str]:
    """Those of the fields for which no usable source record has a value."""
    fields = {name: i for i, name in enumerate(layout.fields) if name in suspects}
    for data in sources:
        if not fields:
            return
        record = load_source(data, layout)
        fields = {
            name: i
            for name, i in fields.items()
            if not (record.lookups.get(name) if i in layout.lookups else record.values[i])
        }
    yield from fields
