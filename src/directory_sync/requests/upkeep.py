"""Ends requests whose time is over, and asks the next approvers where no one answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from directory_sync.approval.escalation import ManagerOf, Step, StepKind, due
from directory_sync.approval.people import Approver, named
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Request
from directory_sync.errors import DirectorySyncError, RequestNotFound
from directory_sync.requests.texts import unfound_text
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class Escalated:
    """A request that now asks one level more.

    Attributes:
        request: its number.
        level: from 1; the default approvers come last.
        to: who is asked; no one if the level names no one who could be found, and `note` says why.
    """

    request: int
    level: int
    to: tuple[Approver, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class SweepProblem:
    """A request that had to be left to the next sweep, and why: a whole sentence with the remedy."""

    request: int
    message: str


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep has done.

    Attributes:
        expired: numbers of the requests that ended.
        escalated: in the order in which people were asked.
        problems: what is left to the next sweep.
    """

    expired: tuple[int, ...] = ()
    escalated: tuple[Escalated, ...] = ()
    problems: tuple[SweepProblem, ...] = ()


def sweep(store: Store, *, manager_of: ManagerOf, now: datetime | None = None) -> SweepResult:
    """End requests whose time is over and ask the next approvers where no one has answered. May run anywhere,
    at any time.

    A request whose manager cannot be looked up now is left to the next sweep; the others are not held up.

    Args:
        store: holds the requests.
        manager_of: user name → user name of the manager, or None; raises a DirectorySyncError while it cannot
            tell.
        now: what is due by then; the database's clock unless given. What happens is noted with the database's
            clock.

    Raises StoreError.
    """
    now = now or store.now()
    expired = store.request_upkeep.expire(now)
    escalated: list[Escalated] = []
    problems: list[SweepProblem] = []
    for request in store.request_upkeep.due(now):
        try:
            steps = _steps(store, request, now, manager_of)
        except RequestNotFound:
            continue
        except _LookupFailed as failed:
            problems.append(SweepProblem(request.id, str(failed)))
        else:
            escalated.extend(_ask(store, request, steps))
    return SweepResult(expired, tuple(escalated), tuple(problems))


class _LookupFailed(Exception):
    """The people directory could not tell."""


def _steps(store: Store, request: Request, now: datetime, manager_of: ManagerOf) -> list[Step]:
    def looked_up(user: str) -> str | None:
        try:
            return manager_of(user)
        except DirectorySyncError as error:
            raise _LookupFailed(
                f"The manager of {user} could not be looked up, so no one else was asked yet. {error}"
            ) from error

    view = store.requests.get(request.id)
    steps = due(
        request.rules,
        request.filed,
        view.events,
        now,
        manager_of=looked_up,
        requester=request.starter,
        asked_by=view.asker,
        edits=request.edits,
    )
    # One that expires at this moment was locked by someone who works on it: that is for the next sweep.
    return [step for step in steps if step.kind is StepKind.ESCALATE]


def _ask(store: Store, request: Request, steps: Sequence[Step]) -> list[Escalated]:
    policy = request.rules
    done = []
    for step in steps:
        to, note = named(step.approvers), unfound_text(step.unfound)
        try:
            asked = store.request_upkeep.escalate(
                request.id,
                to,
                level=step.level,
                why="default" if _is_default(policy, step.level) else "escalation",
                text=note,
                # If this is interrupted between two steps, the next sweep goes on at once.
                escalate_after=timedelta(0) if step is not steps[-1] else _pause(policy, step.level),
            )
        except RequestNotFound:
            break
        if not asked:
            # Decided, or escalated by someone else since it was looked at.
            break
        done.append(Escalated(request.id, step.level, to, note))
    return done


def _is_default(policy: EffectivePolicy, level: int) -> bool:
    return policy.escalation is not None and level > len(policy.escalation.levels)


def _pause(policy: EffectivePolicy, level: int) -> timedelta | None:
    """How long those asked now have; None if no one comes after them."""
    escalation = policy.escalation
    if escalation is None or level >= len(escalation.levels) + bool(escalation.default):
        return None
    return escalation.after
