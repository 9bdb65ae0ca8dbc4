"""What the store tells and is told about requests for approval: plain data, and what is allowed in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from directory_sync.errors import RequestError
from directory_sync.plan.model import LimitCheck
from directory_sync.printable import storable

PENDING, APPROVED, DENIED = "pending", "approved", "denied"
EXPIRED, CANCELLED, STALE = "expired", "cancelled", "stale"
APPLIED = "applied"
ENDED = (DENIED, EXPIRED, CANCELLED, STALE, APPLIED)
"""States in which nothing more happens to a request."""
GONE = "gone"
"""What `decided_among` says of a request that does not exist."""

NAME_LENGTH = 250
"""Characters that the name of a person or role may have."""
TEXT_LENGTH = 10_000
"""Characters that a reason or comment may have."""
SEARCH_LENGTH = 1_000
"""Characters that a text to search for may have."""

Kind = Literal["user", "role"]
Why = Literal["policy", "reroute", "escalation", "default"]


class EventKind(StrEnum):
    """What can happen to a request."""

    FILED = "filed"
    MAILED = "mailed"
    VIEWED = "viewed"
    COMMENTED = "commented"
    APPROVED = "approved"
    DENIED = "denied"
    REROUTED = "rerouted"
    ESCALATED = "escalated"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    STALE = "stale"
    APPLIED = "applied"


class MessageCode(StrEnum):
    """What a message that is kept says, where pages depend on that."""

    OTHER = ""
    """Something of its own, or nothing."""
    DONE = "done"
    """That everything was done, as the state says already."""


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody to be asked: a user by name, or everybody who has a role."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Assignee:
    """Somebody who is asked.

    Attributes:
        why: named by the policy, by a reroute, by an escalation, or as default approver.
        level: of escalation, 0 for the first ones.
        since: when they were asked.
    """

    kind: Kind
    name: str
    why: Why
    level: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What one person decided, once and for all.

    Attributes:
        roles: those that they had then.
        verified: whether somebody has checked who they are.
    """

    person: str
    roles: tuple[str, ...]
    verified: bool
    approve: bool
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        actor: who did it; empty where nobody did (expiry, a newer plan).
        text: in the actor's words.
        data: what else there is to know, by kind of event.
    """

    id: int
    kind: EventKind
    actor: str
    text: str
    at: datetime
    data: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as lists show it.

    Attributes:
        run_id: of the run that filed it, unique within the collection.
        collection_run_id, plan_id: that run and the plan, in the store.
        digest: of the plan that approval is asked for, and of no other.
        policy: as it was when the request was filed.
        waives: limits that the plan exceeds and that are waived if it is approved.
        waiver: asked for after a limit had stopped the job; a later run that makes the same plan uses it.
        requester: who started the run; `requester_verified` says whether somebody has checked that.
        requester_may_decide: their own request stands in their inbox too.
        asked_by: who asks for a waiver, empty for any other request; `reason` is theirs then, and not that of
            the run.
        title: the collection's, empty if it has none; `source`, `destination`: where the job reads and
            writes, in words.
        statistics: the counts of the plan; `changes`: how many changes it has.
        state: `pending`, `approved`, `applied`, `denied`, `expired`, `cancelled` or `stale`.
        expires: when it ends if nobody decides; `escalates`: when the next level is to be asked; `level`: the
            last one asked.
        decided: when it was decided, or ended otherwise; `decided_by`: whose doing that was, empty for
            nobody's.
        begun: when somebody began to carry it out.
        successor: the request that has taken its place (stale ones).
        applied: when the approved plan was carried out; `result`: what became of it; `result_code`: what the
            message in it says.
    """

    id: int
    collection: str
    job: str
    run_id: str
    collection_run_id: int
    plan_id: int
    digest: str
    policy: Mapping[str, Any]
    waives: tuple[LimitCheck, ...]
    waiver: bool
    requester: str
    requester_verified: bool
    requester_may_decide: bool
    asked_by: str
    title: str
    source: str
    destination: str
    trigger: str
    reason: str
    description: str
    statistics: Mapping[str, int]
    changes: int
    state: str
    filed: datetime
    expires: datetime | None
    level: int
    escalates: datetime | None
    decided: datetime | None
    decided_by: str | None
    begun: datetime | None
    successor: int | None
    applied: datetime | None
    result: Mapping[str, Any] | None
    result_code: MessageCode = MessageCode.OTHER

    @property
    def pending(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == PENDING


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request with everything about it, each in the order in which it happened."""

    request: Request
    assignees: tuple[Assignee, ...]
    decisions: tuple[Decision, ...]
    events: tuple[Event, ...]


class Filing(StrEnum):
    """What filing a request led to."""

    NEW = "new"
    SAME_AS_PENDING = "same_as_pending"
    REPLACES = "replaces"


@dataclass(frozen=True, slots=True)
class Filed:
    """The answer to filing a request.

    Attributes:
        filing: a new request; the one that is there already, because it asks the same; or a new one instead
            of an older one.
        id: of the request that counts now.
        replaced: the older one, which is stale now.
    """

    filing: Filing
    id: int
    replaced: int | None = None


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests a list shows; what is None or empty does not restrict it.

    Attributes:
        collections: only of these; the empty tuple is none at all, unlike None.
        run_id: only those that this run filed.
        approver: a user who was asked by name; `decided_by`: somebody who approved, denied or cancelled it.
        filed_from, filed_before: half-open range of the time of filing.
        object: part of the id of an object that the plan changes, before or after, or of its name; letters in
            any case.
        description: part of the description or of the requester's reason; letters in any case.
        event: only those to which this has happened.
    """

    collections: tuple[str, ...] | None = None
    job: str | None = None
    run_id: str | None = None
    requester: str | None = None
    approver: str | None = None
    decided_by: str | None = None
    filed_from: datetime | None = None
    filed_before: datetime | None = None
    object: str | None = None
    states: tuple[str, ...] = ()
    description: str | None = None
    event: EventKind | None = None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A part of a list, newest first.

    Attributes:
        next: what to give as `before` to see what follows; None at the end.
    """

    requests: tuple[Request, ...]
    next: int | None


def checked_name(name: str, what: str) -> str:
    """A name as it is, or RequestError: a name that had to be altered could be somebody else's."""
    if not name:
        raise RequestError(f"The {what} is empty. Give a name.")
    if len(name) > NAME_LENGTH:
        raise RequestError(
            f"The {what} {name[:20]!r}… has {len(name):,} characters; at most {NAME_LENGTH} can be stored."
        )
    if storable(name) != name:
        raise RequestError(
            f"The {what} {name!a} holds characters that cannot be stored (NUL or half of a pair). Correct the"
            f" name."
        )
    return name


def checked_text(text: str, what: str) -> str:
    """A text in somebody's words, or RequestError if it is too long."""
    if len(text) > TEXT_LENGTH:
        raise RequestError(
            f"The {what} has {len(text):,} characters; at most {TEXT_LENGTH:,} can be stored. Shorten it."
        )
    return text


def shortened(text: str) -> str:
    """A text that is kept elsewhere in full, at most as long as one that people may write here."""
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"


def checked_approvers(approvers: Iterable[Approver]) -> tuple[Approver, ...]:
    """Each of them once; RequestError where a name cannot be stored."""
    distinct = tuple(dict.fromkeys(approvers))
    for approver in distinct:
        checked_name(approver.name, f"approver's {approver.kind} name")
    return distinct
