"""A plan's changes by pattern, as mails have them: a few lines, without values."""

from __future__ import annotations

from directory_sync.definition.models import Job
from directory_sync.errors import PlanAltered, PlanMismatch
from directory_sync.present.patterns import pattern_lines
from directory_sync.store.store import Store

MOST_PATTERNS = 10
"""Lines of one plan; another one says how many follow."""


def plan_patterns(store: Store, plan_id: int, job: Job) -> tuple[str, ...]:
    """The first lines, without values; none where they are not known."""
    try:
        patterns = store.plan_patterns.of(plan_id)
    except (PlanAltered, PlanMismatch):
        # The page says so.
        return ()
    if patterns is None:
        return ()
    return tuple(pattern_lines(patterns, job, most=MOST_PATTERNS, with_values=False))
