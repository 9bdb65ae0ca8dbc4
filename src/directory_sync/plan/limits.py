"""How much a plan may change: counts a plan against the job's limits before anything is written.

The defaults protect against an empty or truncated source.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import floor

from directory_sync.definition.models import Limit, LimitKind, Limits, format_limit
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.model import LimitCheck

ALWAYS_ALLOWED: Mapping[LimitKind, int] = {LimitKind.CLEAR: 20, LimitKind.MEMBERS: 10}
"""Changes of a kind that no percentage forbids; 5 for the kinds that are not listed."""
_ALWAYS_ALLOWED_OTHERWISE = 5

DEFAULTS: Mapping[LimitKind, Limit] = {
    LimitKind.CLEAR: Limit(percent=10),
    LimitKind.MEMBERS: Limit(percent=50),
}
REMOVALS = (LimitKind.DELETE, LimitKind.DISABLE, LimitKind.MOVE)
REMOVALS_DEFAULT = Limit(percent=5, count=500)
"""Counts for those of `REMOVALS` together for which the definition says nothing."""

_KINDS = {
    Action.CREATE: LimitKind.CREATE,
    Action.UPDATE: LimitKind.UPDATE,
    Action.DELETE: LimitKind.DELETE,
    Action.DISABLE: LimitKind.DISABLE,
    Action.MOVE: LimitKind.MOVE,
}


@dataclass(slots=True)
class Tally:
    """What a plan changes, counted while it is made.

    Attributes:
        actions: changes by kind.
        cleared: field → matched objects that lose its last value.
        removed_members: group id → (removals, members before).
    """

    actions: Counter[LimitKind] = field(default_factory=Counter)
    cleared: Counter[str] = field(default_factory=Counter)
    removed_members: dict[str, tuple[int, int]] = field(default_factory=dict)

    def count_action(self, action: Action, *, times: int = 1) -> bool:
        """Add one change of this kind. True if its values do not matter to any limit."""
        self.actions[_KINDS[action]] += times
        return action in (Action.CREATE, Action.DELETE)

    def count(self, change: Change, *, members_before: Mapping[str, int], times: int = 1) -> None:
        """Add one change, or with `times=-1` take it back.

        `members_before`: for each partial field, how many values the object has now.
        """
        if not self.count_action(change.action, times=times):
            self.count_values(change, members_before=members_before, times=times)

    def count_values(self, change: Change, *, members_before: Mapping[str, int], times: int = 1) -> None:
        """Add what one change does to values; see `count`."""
        for fields in change.fields:
            if fields.partial:
                # Late ones follow objects that are renamed: nobody is taken away.
                if fields.old and not fields.late:
                    removed, before = self.removed_members.get(change.object, (0, 0))
                    self.removed_members[change.object] = (
                        removed + times * len(fields.old),
                        before + members_before.get(fields.field, 0),
                    )
            elif fields.old and not fields.new:
                self.cleared[fields.field] += times


def allowed(limit: Limit, base: int, kind: LimitKind) -> int | None:
    """The most changes of a kind that a limit allows when percentages count against `base`; None for no limit."""
    always = ALWAYS_ALLOWED.get(kind, _ALWAYS_ALLOWED_OTHERWISE)
    by_percent = None if limit.percent is None else max(always, floor(base * limit.percent / 100))
    candidates = [number for number in (by_percent, limit.count) if number is not None]
    return min(candidates) if candidates else None


def check_limits(limits: Limits, tally: Tally, *, managed: int, source_records: int, matched: int) -> tuple[LimitCheck, ...]:
    """Hold a tally against the limits that a definition gives, and the defaults where it gives none.

    Args:
        limits: the job's own limits over the collection's.
        tally: the plan's changes.
        managed: number of objects that the destination's listing holds.
        source_records: number of records that were read.
        matched: number of records with an object at the destination.
    """
    checks: list[LimitCheck] = []

    def check(kind: LimitKind, limit: Limit, planned: int, base: int, *, name: str = "", subject: str = "") -> None:
        checks.append(
            LimitCheck(
                kind=name or kind.value,
                subject=subject,
                planned=planned,
                base=base,
                allowed=allowed(limit, base, kind),
                limit=_written(limit),
            )
        )

    for kind in (LimitKind.CREATE, LimitKind.UPDATE, *REMOVALS):
        if kind in limits:
            check(kind, limits[kind], tally.actions[kind], source_records if kind is LimitKind.CREATE else managed)
    together = [kind for kind in REMOVALS if kind not in limits]
    if together:
        planned = sum(tally.actions[kind] for kind in together)
        name = "+".join(kind.value for kind in together)
        check(LimitKind.DELETE, REMOVALS_DEFAULT, planned, managed, name=name)
    clear = limits.get(LimitKind.CLEAR, DEFAULTS[LimitKind.CLEAR])
    for name, planned in sorted(tally.cleared.items()):
        check(LimitKind.CLEAR, clear, planned, matched, subject=name)
    members = limits.get(LimitKind.MEMBERS, DEFAULTS[LimitKind.MEMBERS])
    for group, (removed, before) in sorted(tally.removed_members.items()):
        check(LimitKind.MEMBERS, members, removed, before, subject=group)
    return tuple(checks)


def exceeded_text(checks: Iterable[LimitCheck]) -> str:
    """Say which limits a plan goes past, by how much, and what to do."""
    lines = [str(check).removeprefix("limit ") for check in checks if check.exceeded]
    return (
        f"Stopped before the first write: the plan goes past {'a limit' if len(lines) == 1 else f'{len(lines)} limits'}: "
        + "; ".join(lines[:10])
        + (f"; and {len(lines) - 10} more" if len(lines) > 10 else "")
        + ". See whether the source is complete (`directory-sync preview`). If all of these changes are meant, let this plan pass"
        " once (*Ask for a waiver* on the tab *Sync results* of its run in Airflow), or raise the job's `limits`."
    )


def _written(limit: Limit) -> str:
    text = format_limit(limit)
    return f"[{text[0]}, {text[1]}]" if isinstance(text, list) else str(text)
