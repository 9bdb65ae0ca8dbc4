"""What the REST API answers of requests for approval, and takes of decisions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from directory_sync.approval.request import EventKind
from directory_sync.approval.states import RequestState
from directory_sync.portal.codes import Integrity, Known
from directory_sync.portal.wire.answer import Answer, Body, Newer, Time
from directory_sync.portal.wire.plans import INTEGRITY_MEANS, EvidenceAnswer, LimitAnswer, ProblemAnswer
from directory_sync.store.request_model import TEXT_LENGTH

LARGEST_SELECTION = 200
"""Requests that can be decided at once."""


class EditAnswer(Answer):
    """A version of a saved collection that no one but the person who saved it has approved."""

    version: int
    by: str = Field(description="Who saved it.")
    at: Time
    changes_job: bool = Field(
        description="The job is another one since. The person who saved it may not decide, unless the policy"
        " says `self_approval: allow`."
    )
    weakening: list[str] = Field(description="What it protects less than the version before, in words.")


class SavedDefinitionAnswer(Answer):
    """Of a request whose plan was made by a saved collection."""

    version: int | None = Field(description="The run's; null for a run from a terminal.")
    edits: list[EditAnswer] = Field(description="Versions that no other person has approved, newest first.")


class RequestAnswer(Answer):
    """A request for the approval of one job's plan in one run."""

    id: int
    collection: str
    job: str
    run_id: str = Field(description="The run that has filed it, as Airflow calls it.")
    plan_id: int
    state: Annotated[RequestState, Newer]
    requester: str = Field(description="Who started the run; `schedule` for the schedule.")
    requester_verified: bool = Field(description="Whether Airflow has checked who that is.")
    trigger: str = Field(description="What started the run: manual, scheduled, terminal, …")
    reason: str = Field(description="Why the run was started, in the requester's words.")
    description: str = Field(description="What the request is about.")
    asked_by: str = Field(
        description="Who asks for a waiver; empty for any other request. `reason` is theirs then."
    )
    title: str = Field(description="The collection's title; empty if it has none.")
    source_text: str = Field(description="Where the job reads: connection and container, table or file.")
    destination_text: str = Field(description="Where the job writes, in the same form.")
    digest: str = Field(description="SHA-256 of the plan; a decision has to name the digest that was shown.")
    changes: int = Field(description="How many changes the plan has.")
    statistics: dict[str, int] = Field(
        description="The plan's counts: read, created, updated, moved, disabled, deleted, …"
    )
    waives: list[str] = Field(description="Limits that are waived if it is approved.")
    waiver: bool = Field(
        description="Asked for after a limit had stopped the job. An approval writes nothing by itself: a later"  # noqa: E501
        " run"
        " that makes "
        "exactly this plan applies it, started by the schedule or by someone who has not approved it."
    )
    usable_until: Time | None = Field(description="Until when a run can use an approved waiver.")
    filed: Time
    expires: Time | None = Field(description="When it ends if no one decides.")
    escalates: Time | None = Field(description="When others are asked if no one decides.")
    level: int = Field(description="Level of escalation, from 0.")
    decided: Time | None = Field(description="When it was decided, or ended otherwise.")
    decided_by: str | None = Field(description="The person who did that; empty if no person did.")
    successor: int | None = Field(description="The request that has taken its place, if it is stale.")
    applied: Time | None = Field(description="When the approved plan was applied.")
    result: dict[str, Any] | None = Field(description="The result of the approved plan.")
    url: str = Field(description="Its page inside Airflow.")
    saved: SavedDefinitionAnswer | None = Field(
        None, description="Of the saved collection that the plan was made by; null for one from a file."
    )

    absent: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(
            ("reason", "description", "asked_by", "title", "source_text", "destination_text", "url"), ""
        ),
        **dict.fromkeys(("usable_until", "expires", "escalates", "decided", "decided_by"), None),
        **dict.fromkeys(("successor", "applied", "result"), None),
        "plan_id": 0,
        "level": 0,
        "waiver": False,
        "statistics": {},
        "waives": (),
    }

    @property
    def pending(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == RequestState.PENDING


class RequestListAnswer(Answer):
    """A page of a list, newest first."""

    requests: list[RequestAnswer]
    next: int | None = Field(description="Give it as `before` to see what follows; null at the end.")
    total: int = Field(description="How many the filter lets through, on all pages.")

    absent: ClassVar[Mapping[str, Any]] = {"next": None}


class CountAnswer(Answer):
    """A number."""

    count: int


class PowersAnswer(Answer):
    """What you may do; each text is empty if you may, else says why not."""

    decide: str = Field(description="Approve, deny, reroute.")
    cancel: str
    replan: str = Field(description="Have the job planned again.")

    absent: ClassVar[Mapping[str, Any]] = {"decide": "", "cancel": "", "replan": ""}


class AssigneeAnswer(Answer):
    """Someone who is asked."""

    kind: Annotated[Literal["user", "role"], Newer]
    name: str
    why: Annotated[Literal["policy", "reroute", "escalation", "default"], Newer]
    level: int
    since: Time
    known: Annotated[Known, Newer] | None = Field(
        None,
        description="Whether Airflow has one of this name; `not_yet`: it knows users from their first sign-in"
        " on;"
        " `unknown`: it does not tell. null once the request no longer waits.",
    )
    able: bool | None = Field(
        None, description="Whether they can open the request in Airflow; null if that is not known."
    )
    note: str = Field("", description="What keeps them from deciding, for people; empty if nothing does.")

    absent: ClassVar[Mapping[str, Any]] = {"why": "", "level": 0, "note": ""}


class DecisionAnswer(Answer):
    """What one person decided, with the roles they had then."""

    person: str
    roles: list[str]
    verified: bool
    approve: bool
    reason: str
    at: Time


class EventAnswer(Answer):
    """One thing that happened."""

    id: int
    kind: Annotated[EventKind, Newer]
    actor: str = Field(description="The person who did it; empty if no person did.")
    text: str
    at: Time
    data: dict[str, Any] | None = Field(description="What else there is to know, by kind of event.")

    absent: ClassVar[Mapping[str, Any]] = {"actor": "", "text": "", "data": None}


class RequestDetailsAnswer(Answer):
    """One request with everything about it but the changes."""

    request: RequestAnswer
    powers: PowersAnswer
    waiting_for: str = Field(description="Who has to agree still; empty if it does not wait.")
    reachable: bool = Field(description="Whether those who are asked can be enough, as far as that is known.")
    assignees: list[AssigneeAnswer]
    decisions: list[DecisionAnswer]
    events: list[EventAnswer]
    destination: str = Field(description="Identity of the place that is written to.")
    limits: list[LimitAnswer]
    warnings: list[str]
    problems: list[ProblemAnswer]
    evidence: EvidenceAnswer | None = Field(
        None, description="Of both listings; null for plans of versions that recorded none."
    )
    previous: int | None = Field(description="The request that this one is best compared with.")
    integrity: Annotated[Integrity, Newer] = Field(description=INTEGRITY_MEANS)
    integrity_message: str = Field(description="The same for people; empty if it is intact.")

    absent: ClassVar[Mapping[str, Any]] = {
        **dict.fromkeys(("waiting_for", "destination", "integrity_message"), ""),
        **dict.fromkeys(("assignees", "decisions", "events", "limits", "warnings", "problems"), ()),
        "powers": {},
        "reachable": True,
        "evidence": None,
        "previous": None,
        "integrity": Integrity.INTACT,
    }


class ApproveBody(Body):
    """Agreement to exactly the plan that was shown."""

    digest: str = Field(max_length=64, description="Of the plan that was shown.")
    reason: str = Field("", max_length=TEXT_LENGTH)


class DenyBody(Body):
    """Refusal of the plan that was shown, for a reason."""

    digest: str = Field(max_length=64, description="Of the plan that was shown.")
    reason: str = Field(max_length=TEXT_LENGTH, description="Required: the requester acts on it.")


class RerouteBody(Body):
    """Others to ask too."""

    users: list[str] = Field([], max_length=100)
    roles: list[str] = Field([], max_length=100)
    reason: str = Field("", max_length=TEXT_LENGTH)
    confirm_unknown: bool = Field(
        False,
        description="Ask them even if Airflow does not know them, or does not let them see the collection.",
    )


class CancelBody(Body):
    """Withdrawal."""

    reason: str = Field("", max_length=TEXT_LENGTH)


class CommentBody(Body):
    """A comment."""

    text: str = Field(max_length=TEXT_LENGTH)


class SelectedBody(Body):
    """A request of a selection, and the digest of the plan that was shown."""

    id: int
    digest: str = Field(max_length=64)


class SelectionBody(Body):
    """One decision on several requests; each is decided by itself."""

    approve: bool
    reason: str = Field("", max_length=TEXT_LENGTH, description="Required to deny.")
    requests: list[SelectedBody] = Field(min_length=1, max_length=LARGEST_SELECTION)


class SelectionResultAnswer(Answer):
    """The result of one request of a selection."""

    id: int
    ok: bool
    detail: str = Field(description="Why nothing was recorded; empty if it was.")
    error: str
    state: str = Field(description="The request's state afterwards.")


class SelectionAnswer(Answer):
    """The result of each request, in the given order."""

    results: list[SelectionResultAnswer]
