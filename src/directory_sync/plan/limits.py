"""How much a plan may change: counts a plan against the job's limits before anything is written.

The defaults protect against a truncated source; what an empty one may not do stands in `emptiness`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import floor
from typing import Protocol

from directory_sync.definition.models import Limit, LimitKind, Limits, format_limit
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.model import EMPTY_SOURCE, LimitCheck

HANDFUL = 5
"""Deletes, disables and moves together, or changes of another kind, that no percentage forbids."""
HANDFUL_OF_CLEARS = 20
HANDFUL_OF_MEMBERS = 10
HANDFUL_OF_MEMBERSHIPS = 20
SMALL_GROUP = 2
"""A group of so few members may lose all of them to the handful."""

DEFAULTS: Mapping[LimitKind, Limit] = {
    LimitKind.CLEAR: Limit(percent=10),
    LimitKind.MEMBERS: Limit(percent=50),
    LimitKind.MEMBERSHIPS: Limit(percent=10),
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
        losing_members: field → groups that lose members of it.
        member_fields: fields that hold members though they are not looked up.
    """

    actions: Counter[LimitKind] = field(default_factory=Counter)
    cleared: Counter[str] = field(default_factory=Counter)
    removed_members: dict[str, tuple[int, int]] = field(default_factory=dict)
    losing_members: Counter[str] = field(default_factory=Counter)
    member_fields: frozenset[str] = frozenset()

    @property
    def memberships(self) -> int:
        """Members that are removed from groups, over all groups."""
        return sum(removed for removed, _ in self.removed_members.values())

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
            if (fields.partial and not fields.late) or fields.field in self.member_fields:
                gone = fields.old if fields.partial else fields.removed
                if gone:
                    self.losing_members[fields.field] += times
                    removed, before = self.removed_members.get(change.object, (0, 0))
                    now = members_before.get(fields.field, 0) if fields.partial else len(fields.old)
                    self.removed_members[change.object] = (removed + times * len(gone), before + now)
            elif fields.old and not fields.new:
                self.cleared[fields.field] += times


@dataclass(frozen=True, slots=True)
class Figures:
    """What a plan is held against.

    Attributes:
        source_records: records that were read, unusable ones included.
        managed: selected objects that the job may remove: those that it knows, or all.
        updatable: the same with those that it has matched for the first time.
        matched: records with an object.
        memberships: members of all managed groups.
        recent: removals that were made within the window before this plan.
    """

    source_records: int
    managed: int
    updatable: int
    matched: int
    memberships: int = 0
    recent: Mapping[LimitKind, int] = field(default_factory=dict)


def allowed(limit: Limit, base: int, *, handful: int) -> int | None:
    """The most changes that a limit allows when percentages count against `base`; None for no limit.

    `handful`: what a percentage never forbids. `0%` and plain numbers are exact.
    """
    by_percent = None
    if limit.percent is not None:
        by_percent = max(handful if limit.percent else 0, floor(base * limit.percent / 100))
    candidates = [number for number in (by_percent, limit.count) if number is not None]
    return min(candidates) if candidates else None


def check_limits(limits: Limits, tally: Tally, figures: Figures) -> tuple[LimitCheck, ...]:
    """Hold a tally against the limits that a definition gives, and the defaults where it gives none.

    Args:
        limits: the job's own limits over the collection's.
        tally: the plan's changes.
        figures: what percentages count against, and what was removed recently.
    """
    checks: list[LimitCheck] = []

    def check(
        name: str, limit: Limit, planned: int, base: int, *, handful: int, recent: int = 0, subject: str = ""
    ) -> None:
        most = allowed(limit, base, handful=handful)
        checks.append(LimitCheck(name, subject, planned, base, most, _written(limit), recent))

    for kind, base in (
        (LimitKind.CREATE, figures.source_records),
        (LimitKind.UPDATE, figures.updatable),
    ):
        if kind in limits:
            check(kind.value, limits[kind], tally.actions[kind], base, handful=HANDFUL)
    _check_removals(limits, tally, figures, check)
    clear = limits.get(LimitKind.CLEAR, DEFAULTS[LimitKind.CLEAR])
    for name, planned in sorted(tally.cleared.items()):
        check(LimitKind.CLEAR.value, clear, planned, figures.matched, handful=HANDFUL_OF_CLEARS, subject=name)
    members = limits.get(LimitKind.MEMBERS, DEFAULTS[LimitKind.MEMBERS])
    for group, (removed, before) in sorted(tally.removed_members.items()):
        # Never all members of a group that has more than two.
        handful = min(HANDFUL_OF_MEMBERS, before if before <= SMALL_GROUP else before - 1)
        check(LimitKind.MEMBERS.value, members, removed, before, handful=handful, subject=group)
    recent = figures.recent.get(LimitKind.MEMBERSHIPS, 0)
    if tally.memberships or recent or LimitKind.MEMBERSHIPS in limits:
        check(
            LimitKind.MEMBERSHIPS.value,
            limits.get(LimitKind.MEMBERSHIPS, DEFAULTS[LimitKind.MEMBERSHIPS]),
            tally.memberships,
            figures.memberships + recent,
            handful=HANDFUL_OF_MEMBERSHIPS,
            recent=recent,
        )
    return tuple(checks)


class _Check(Protocol):
    def __call__(
        self,
        name: str,
        limit: Limit,
        planned: int,
        base: int,
        *,
        handful: int,
        recent: int = 0,
        subject: str = "",
    ) -> None: ...


def _check_removals(limits: Limits, tally: Tally, figures: Figures, check: _Check) -> None:
    """Deletes, disables and moves, each by its own limit and the others together; one handful for all of
    them.
    """
    planned = {kind: tally.actions[kind] for kind in REMOVALS}
    recent = {kind: figures.recent.get(kind, 0) for kind in REMOVALS}
    base = figures.managed + sum(recent.values())
    handful = min(HANDFUL, max(1, base // 3))

    def check_together(kinds: Sequence[LimitKind], limit: Limit) -> None:
        others = sum(planned[kind] + recent[kind] for kind in REMOVALS if kind not in kinds)
        check(
            "+".join(kind.value for kind in kinds),
            limit,
            sum(planned[kind] for kind in kinds),
            base,
            handful=max(0, handful - others),
            recent=sum(recent[kind] for kind in kinds),
        )

    for kind in REMOVALS:
        if kind in limits:
            check_together([kind], limits[kind])
    if unsaid := [kind for kind in REMOVALS if kind not in limits]:
        check_together(unsaid, REMOVALS_DEFAULT)


def exceeded_text(checks: Iterable[LimitCheck]) -> str:
    """Say which limits a plan goes past, by how much, and what to do."""
    exceeded = [check for check in checks if check.exceeded]
    lines = [check.text for check in exceeded]
    # As long as one is about an empty source, raising the others' limits helps no one.
    empty = any(check.kind == EMPTY_SOURCE for check in exceeded)
    found = "; ".join(lines[:10]) + (f"; and {len(lines) - 10} more" if len(lines) > 10 else "")
    what = "" if empty else f"the plan goes past {'a limit' if len(lines) == 1 else f'{len(lines)} limits'}: "
    cause = (
        "Find out whether the source is complete (its filter, its export, the rights of its login)"
        if empty
        else "See whether the source is complete (directory-sync preview)"
    )
    ways = "let this plan pass once (Ask for a waiver on the tab Sync results of its run in Airflow)"
    ways += "; no limit lifts this" if empty else ", or raise the job's limits"
    return (
        f"Stopped before the first write: {what}{found}. {cause}. If all of these changes are meant, {ways}."
    )


def _written(limit: Limit) -> str:
    text = format_limit(limit)
    return f"[{text[0]}, {text[1]}]" if isinstance(text, list) else str(text)
