"""A request for approval and what has happened to it: the data that store, rules and pages share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from directory_sync.approval.people import Assignment, Kind, Origin, Person
from directory_sync.approval.policy import EffectivePolicy, starter
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Approvers
from directory_sync.plan.model import LimitCheck

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
class Assignee:
    """Someone who is asked.

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
    """One person's answer, once and for all.

    Attributes:
        person: with the roles that they had at that time.
        agreed: False for a denial.
        at: when; UTC.
        reason: their words; a denial has some.
    """

    person: Person
    agreed: bool
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        actor: who did it; empty where no one did (expiry, a newer plan).
        text: in the actor's words.
        data: what else there is to know, by kind of event.
    """

    id: int
    kind: EventKind
    actor: str
    text: str
    at: datetime
    data: Mapping[str, Any] | None

    @property
    def person(self) -> Person | None:
        """Who did it, with the roles that they had; None if no one did."""
        if not self.actor:
            return None
        data = self.data or {}
        return Person(self.actor, frozenset(data.get("roles", ())), verified=bool(data.get("verified")))

    @property
    def approvers(self) -> Approvers | None:
        """Who is asked from now on (rerouted, escalated); None if an escalation found no one."""
        # Mail addresses, which stand at the same place in the event of a mail, are no one.
        people = [each for each in (self.data or {}).get("to") or () if isinstance(each, Mapping)]
        if not people:
            return None
        return Approvers(
            users=[each["name"] for each in people if each["kind"] == "user"],
            roles=[each["name"] for each in people if each["kind"] == "role"],
        )

    @property
    def policy_change(self) -> int | None:
        """Of a request that became stale: the version of the saved collection that changed its policy."""
        version = (self.data or {}).get("policy_changed")
        return version if isinstance(version, int) else None

    @property
    def level(self) -> int | None:
        """The level of an escalation, from 1."""
        return (self.data or {}).get("level")


@dataclass(frozen=True, slots=True)
class Edit:
    """A version of a saved collection that no one but the person who saved it has approved yet.

    Attributes:
        version: its number within the collection.
        by: who saved it.
        at: when; UTC.
        changes_job: the job is another one since this version, so its author may not decide.
        weakening: codes and facts of what protects less in it, in any job; see `collections.changes`.
    """

    version: int
    by: str
    at: datetime
    changes_job: bool
    weakening: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The edit as it is stored; `from_json` reads it back."""
        return {
            "version": self.version,
            "by": self.by,
            "at": self.at.isoformat(),
            "changes_job": self.changes_job,
            "weakening": [dict(each) for each in self.weakening],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read one back."""
        return cls(
            data["version"],
            data["by"],
            datetime.fromisoformat(data["at"]),
            data["changes_job"],
            tuple(data["weakening"]),
        )


@dataclass(frozen=True, slots=True)
class SavedDefinition:
    """What a request says of the saved collection that its plan was made by.

    Attributes:
        version: that the run goes by; None for a run from a terminal, which goes by a file.
        edits: versions that no other person has approved, newest first.
    """

    version: int | None
    edits: tuple[Edit, ...] = ()

    @property
    def authors(self) -> tuple[Edit, ...]:
        """The edits that keep those who saved them from deciding."""
        return tuple(edit for edit in self.edits if edit.changes_job)

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        return {"version": self.version, "edits": [edit.to_json() for edit in self.edits]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read it back."""
        return cls(data["version"], tuple(map(Edit.from_json, data["edits"])))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as lists show it. What has a default is empty where it does not apply.

    Attributes:
        run_id: of the run that filed it, unique within the collection.
        collection_run_id, plan_id: that run and the plan, in the store.
        digest: of the plan that approval is asked for, and of no other.
        policy: as it was when the request was filed, in the form in which it is stored; `rules` reads it.
        waives: limits that the plan exceeds and that are waived if it is approved.
        waiver: asked for after a limit had stopped the job; a later run that makes the same plan uses it.
        requester: who started the run; `requester_verified` says whether someone has checked that.
        requester_may_decide: their own request stands in their inbox too.
        asked_by: who asks for a waiver, empty for any other request; `reason` is theirs then, and not that of
            the run.
        title: the collection's, empty if it has none; `source`, `destination`: where the job reads and
            writes, in words.
        statistics: the counts of the plan; `changes`: how many changes it has.
        expires: when it ends if no one decides; `escalates`: when the next level is to be asked; `level`: the
            last one asked.
        decided: when it was decided, or ended otherwise; `decided_by`: whose doing that was, empty for
            no one's.
        begun: when someone began to carry it out.
        successor: the request that has taken its place (stale ones).
        applied: when the approved plan was applied; `result`: its result; `result_code`: what the
            message in it says.
        saved: of the saved collection that the plan was made by; None for one from a file.
        current_name: what the collection is called now, where `collection` is what it was called then.
    """

    id: int
    collection: str
    job: str
    run_id: str
    collection_run_id: int
    plan_id: int
    digest: str
    policy: Mapping[str, Any]
    waives: tuple[LimitCheck, ...] = ()
    waiver: bool
    requester: str
    requester_verified: bool
    requester_may_decide: bool
    asked_by: str = ""
    title: str = ""
    source: str = ""
    destination: str = ""
    trigger: str
    reason: str = ""
    description: str = ""
    statistics: Mapping[str, int]
    changes: int
    state: RequestState
    filed: datetime
    expires: datetime | None = None
    level: int = 0
    escalates: datetime | None = None
    decided: datetime | None = None
    decided_by: str | None = None
    begun: datetime | None = None
    successor: int | None = None
    applied: datetime | None = None
    result: Mapping[str, Any] | None = None
    result_code: MessageCode = MessageCode.OTHER
    saved: SavedDefinition | None = None
    current_name: str = ""

    @property
    def edits(self) -> tuple[Edit, ...]:
        """Versions of the job that no other person has approved: who saved them counts as a requester."""
        return () if self.saved is None else self.saved.authors

    @property
    def pending(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == RequestState.PENDING

    @property
    def applied_in_part(self) -> bool:
        """Whether a person has stopped the run that was applying it; final, as every end."""
        return self.state == RequestState.APPLIED and (self.result or {}).get("state") == "stopped"

    @property
    def rules(self) -> EffectivePolicy:
        """The policy as it was when the request was filed, to decide by."""
        return EffectivePolicy.model_validate(dict(self.policy))

    @property
    def starter(self) -> str:
        """The requester, for checks of self-approval; empty for scheduled runs."""
        return starter(self.trigger, self.requester)


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request with everything about it, each in the order in which it happened."""

    request: Request
    assignees: tuple[Assignee, ...]
    decisions: tuple[Decision, ...]
    events: tuple[Event, ...]

    @property
    def asker(self) -> str:
        """Who asked for a waiver; empty for all other requests, which the run itself files."""
        if not self.request.waiver:
            return ""
        return next((event.actor for event in self.events if event.kind is EventKind.FILED), "")

    @property
    def assignments(self) -> tuple[Assignment, ...]:
        """Everyone who is asked; see `assignments`."""
        return assignments(self.request.rules, self.events)


def assignments(policy: EffectivePolicy, events: Iterable[Event] = ()) -> tuple[Assignment, ...]:
    """Everyone who is asked: first those that policy and minimum name, then those that escalation and
    rerouting brought in.
    """
    asked = [Assignment(policy.approvers)]
    if policy.all_of is not None:
        asked.append(Assignment(policy.all_of, Origin.MINIMUM))
    for event in events:
        if event.approvers is not None and event.kind is EventKind.ESCALATED:
            asked.append(Assignment(event.approvers, Origin.ESCALATED))
        elif event.approvers is not None and event.kind is EventKind.REROUTED:
            asked.append(Assignment(event.approvers, Origin.REROUTED, event.person))
    return tuple(asked)
