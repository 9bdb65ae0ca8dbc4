"""What time does to a request that no one decides: others are asked, in the end it expires.

Time never approves it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from directory_sync.approval.eligibility import could_decide, someone_could_decide
from directory_sync.approval.people import Origin, identity
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Edit, Event, EventKind, assignments
from directory_sync.definition.models import Approvers

ManagerOf = Callable[[str], str | None]
"""User name → user name of the manager, None if there is none.

What it raises goes through, and nothing is escalated.
"""

_ANSWERS = frozenset({EventKind.APPROVED, EventKind.DENIED, EventKind.REROUTED, EventKind.ESCALATED})
"""Events after which the time without an answer begins again.

Looking at a request or commenting on it is no answer.
"""


class StepKind(StrEnum):
    """What is to be done."""

    ESCALATE = "escalate"
    EXPIRE = "expire"


class WhyUnfound(StrEnum):
    """Why someone that a level names is not asked."""

    ROLES_ONLY = "roles_only"
    """Their managers are to be asked, but only roles were asked before."""
    NO_MANAGER = "no_manager"
    MAY_NOT_DECIDE = "may_not_decide"
    IS_ASKED = "is_asked"
    ROLE_IS_ASKED = "role_is_asked"


@dataclass(frozen=True, slots=True)
class Unfound:
    """Someone that a level names, but who is not asked.

    Attributes:
        why: the rule.
        name: the user, or the role; empty where none is known.
        manager_of: whose manager they are, or would be; empty if they are named themselves.
    """

    why: WhyUnfound
    name: str = ""
    manager_of: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is due.

    Attributes:
        kind: what.
        at: since when it is due; UTC.
        level: of an escalation, from 1; the default approvers come after the last level. 0 for expiry.
        approvers: who is asked now too; None if the level names no one who could be found.
        unfound: why no one was found; for the history, where administrators see it.
    """

    kind: StepKind
    at: datetime
    level: int = 0
    approvers: Approvers | None = None
    unfound: tuple[Unfound, ...] = ()


def expires_at(policy: EffectivePolicy, filed_at: datetime) -> datetime | None:
    """When a request ends undecided; counted from its filing, whatever happens meanwhile."""
    if policy.expires is None:
        return None
    try:
        return filed_at + policy.expires
    except OverflowError:
        return None


def due(
    policy: EffectivePolicy,
    filed_at: datetime,
    events: Sequence[Event],
    now: datetime,
    *,
    manager_of: ManagerOf,
    requester: str = "",
    asked_by: str = "",
    edits: Sequence[Edit] = (),
) -> list[Step]:
    """What is due for a pending request by now, in order; the caller carries it out and records an event for
    each step.

    The chain is the policy's levels in order, then its default approvers. Each is asked when no one has
    answered (approved, denied, rerouted) for the time `after` since the one before was. Where no one who is
    asked so far can ever decide, or a level names no one who can be found, may decide and was not asked
    before, the next is asked at once. When the chain has ended, nothing more happens: the request stays
    pending until someone decides or it expires. `manager` asks the managers of the users who were asked last.

    Args:
        events: of this request, oldest first; an escalation's event carries the step's level and approvers,
            None where no one was found.
        requester: counts as no one, unless the policy lets them decide.
        asked_by: who asked for a waiver; counts as no one.
        edits: versions that no one but the person who saved them has approved; that person counts as the
            requester does.
    """

    def could(user: str) -> bool:
        return could_decide(policy, user, requester, asked_by, edits)

    expires = expires_at(policy, filed_at)
    if expires is not None and now >= expires:
        return [Step(StepKind.EXPIRE, expires)]
    if policy.escalation is None:
        return []
    chain: list[Approvers | Literal["manager"]] = [*policy.escalation.levels]
    chain.extend([policy.escalation.default] if policy.escalation.default else [])
    # The people of the minimum have to agree in person, so no one can be asked instead of them.
    asked = [group.approvers for group in assignments(policy, events) if group.origin is not Origin.MINIMUM]
    last = max((event.at for event in events if event.kind in _ANSWERS), default=filed_at)
    escalations = [event for event in events if event.kind is EventKind.ESCALATED]
    level = max((event.level or 0 for event in escalations), default=0)
    at_once = bool(escalations) and escalations[-1].approvers is None
    steps: list[Step] = []
    while level < len(chain):
        at_once = at_once or not any(
            someone_could_decide(policy, approvers, requester, asked_by, edits) for approvers in asked
        )
        try:
            at = last if at_once else last + policy.escalation.after
        except OverflowError:
            break
        if at > now:
            break
        who = chain[level]
        level += 1
        approvers, unfound = (
            _managers(asked, manager_of, could) if who == "manager" else _listed(who, asked, could)
        )
        steps.append(Step(StepKind.ESCALATE, at, level, approvers, unfound))
        last, at_once = at, approvers is None
        if approvers is not None:
            asked.append(approvers)
    return steps


_Could = Callable[[str], bool]
"""Whether a named user may ever decide."""


_Found = tuple[Approvers | None, tuple[Unfound, ...]]
"""Who is asked; None if no one is, and then why."""


def _listed(level: Approvers, asked: Sequence[Approvers], could: _Could) -> _Found:
    """The people of a listed level, as far as their answers could count; or why waiting for them would be in
    vain.
    """
    users, roles = _known(asked)
    able = [user for user in level.users if could(user)]
    if any(role not in roles for role in level.roles) or any(identity(user) not in users for user in able):
        return Approvers(users=able, roles=level.roles), ()
    return None, (
        *(Unfound(WhyUnfound.ROLE_IS_ASKED, role) for role in level.roles),
        *(
            Unfound(WhyUnfound.IS_ASKED if could(user) else WhyUnfound.MAY_NOT_DECIDE, user)
            for user in level.users
        ),
    )


def _known(asked: Sequence[Approvers]) -> tuple[set[str], set[str]]:
    """Who is asked already: identities of users, and roles."""
    return {identity(user) for group in asked for user in group.users}, {
        role for group in asked for role in group.roles
    }


def _managers(asked: Sequence[Approvers], manager_of: ManagerOf, could: _Could) -> _Found:
    """The managers of who was asked last, leaving out who is asked already or may not decide; or why there
    are none.
    """
    users = asked[-1].users
    if not users:
        return None, (Unfound(WhyUnfound.ROLES_ONLY),)
    known, _ = _known(asked)
    managers: list[str] = []
    unfound: list[Unfound] = []
    for user in dict.fromkeys(users):
        manager = manager_of(user)
        if not manager:
            unfound.append(Unfound(WhyUnfound.NO_MANAGER, manager_of=user))
        elif not could(manager):
            unfound.append(Unfound(WhyUnfound.MAY_NOT_DECIDE, manager, user))
        elif identity(manager) in known:
            unfound.append(Unfound(WhyUnfound.IS_ASKED, manager, user))
        elif manager not in managers:
            managers.append(manager)
    return (Approvers(users=managers), ()) if managers else (None, tuple(unfound))
