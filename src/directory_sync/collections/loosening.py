"""Whether a rule of a definition protects less than the one before: limits, approval policies, and what
happens to objects whose record is missing.

Where two rules cannot be compared, the new one counts as weaker: a person then looks at it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from directory_sync.definition.models import (
    ApprovalPolicy,
    Approvers,
    DisableMissing,
    Limit,
    LimitKind,
    Limits,
    MoveMissing,
)
from directory_sync.plan.limits import DEFAULTS, REMOVALS, REMOVALS_DEFAULT

_SELF_APPROVAL = ("forbid", "allow", "auto")
"""The strictest first."""

Missing = str | MoveMissing | DisableMissing
"""A job's `missing_at_source`."""


def effective_limit(limits: Limits, kind: LimitKind) -> Limit:
    """The limit that counts for a kind of change: the definition's, or the default; none where there is none.

    Deletes, disables and moves share one default. Here each is compared with it alone.
    """
    default = REMOVALS_DEFAULT if kind in REMOVALS else DEFAULTS.get(kind, Limit())
    return limits.get(kind, default)


def is_within(new: Limit, old: Limit) -> bool:
    """Whether the new limit never allows more than the old one, whatever it counts against."""
    percent, before = _percent(new), _percent(old)
    most = 0 if percent == 0 else math.inf if new.count is None else new.count
    return most <= (math.inf if old.count is None else old.count) and (percent <= before or most == 0)


def stricter(one: Limit, other: Limit) -> Limit:
    """What allows no more than either of two limits."""
    counts = [each.count for each in (one, other) if each.count is not None]
    percents = [each.percent for each in (one, other) if each.percent is not None]
    return Limit(count=min(counts, default=None), percent=min(percents, default=None))


def _percent(limit: Limit) -> float:
    return math.inf if limit.percent is None else limit.percent


def loosened(old: ApprovalPolicy, new: ApprovalPolicy) -> tuple[str, ...]:
    """The keys in which a policy asks for less than before; none if it asks for at least as much."""
    found = {
        "approvers": _lets_others_approve(old, new),
        "when": new.when not in (old.when, "always"),
        "changes": not _covers(new, old),
        "require": _asks_fewer(old, new),
        "self_approval": _SELF_APPROVAL.index(new.self_approval) > _SELF_APPROVAL.index(old.self_approval),
        "escalation": not _later(new) <= _named([old.approvers, new.approvers]) | _later(old),
        "expires": _longest(new.expires) > _longest(old.expires),
    }
    return tuple(key for key, is_looser in found.items() if is_looser)


def _named(groups: Iterable[Approvers | None]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (kind, name)
        for group in groups
        if group is not None
        for kind, names in (("user", group.users), ("role", group.roles))
        for name in names
    )


def _later(policy: ApprovalPolicy) -> frozenset[tuple[str, str]]:
    """The people who may decide when no one else has."""
    if policy.escalation is None:
        return frozenset()
    levels = policy.escalation.levels
    named = _named([*(each for each in levels if isinstance(each, Approvers)), policy.escalation.default])
    return named | ({("level", "manager")} if "manager" in levels else set())


def _lets_others_approve(old: ApprovalPolicy, new: ApprovalPolicy) -> bool:
    before, now = _named([old.approvers]), _named([new.approvers])
    # Under `all`, a person who is no longer named is one that is no longer asked.
    return not now <= before or (old.require == "all" and not before <= now)


def _covers(new: ApprovalPolicy, old: ApprovalPolicy) -> bool:
    """Whether the new policy asks about every plan that the old one asks about."""
    if not (new.changes or new.fields):
        return True
    if not (old.changes or old.fields):
        return False
    return set(old.changes or ()) <= set(new.changes or ()) and set(old.fields or ()) <= set(new.fields or ())


def _asks_fewer(old: ApprovalPolicy, new: ApprovalPolicy) -> bool:
    if old.require == "all":
        return new.require != "all"
    return _people(new) < _people(old)


def _people(policy: ApprovalPolicy) -> int:
    """How many people agree in any case. Under `all`, one person may stand for several roles."""
    if policy.require == "all":
        return max(1, len(set(policy.approvers.users)))
    return policy.require if isinstance(policy.require, int) else 1


def _longest(time: timedelta | None) -> timedelta:
    return timedelta.max if time is None else time


@dataclass(frozen=True, slots=True)
class _Fate:
    """What happens to an object whose record is missing.

    Attributes:
        deleted: after which time; the longest there is for never.
        disabled: at once.
        moved: at once.
    """

    deleted: timedelta = timedelta.max
    disabled: bool = False
    moved: bool = False


def _fate(missing: Missing) -> _Fate:
    match missing:
        case MoveMissing():
            return _Fate(_longest(missing.delete), missing.disable, moved=True)
        case DisableMissing():
            return _Fate(missing.delete, disabled=True)
        case "delete":
            return _Fate(timedelta(0))
        case "disable":
            return _Fate(disabled=True)
        case _:
            return _Fate()


def is_harsher(new: Missing, old: Missing) -> bool:
    """Whether objects whose record is missing lose more than before, or lose it sooner."""
    now, before = _fate(new), _fate(old)
    if now.deleted != before.deleted:
        return now.deleted < before.deleted
    return (now.disabled and not before.disabled) or (now.moved and not before.moved)
