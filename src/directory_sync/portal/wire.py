"""What the REST API answers and takes, as pydantic models.

The server makes its answers and their OpenAPI description of them, and the command line reads answers with
them: this needs neither FastAPI nor a database.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from directory_sync.approval.request import EventKind
from directory_sync.approval.states import RequestState
from directory_sync.endpoints.change import Action, MarkKind, Result, value_to_json
from directory_sync.endpoints.evidence import End
from directory_sync.plan.comparison import Presence
from directory_sync.present.shown import HIDDEN
from directory_sync.store.request_model import TEXT_LENGTH

LARGEST_SELECTION = 200
"""Requests that can be decided at once."""
REASON_LENGTH = 1_000
"""Characters that the reason for a new run may have: the DAG's parameter has the same bound."""


class Integrity(StrEnum):
    """What is known of a stored plan."""

    INTACT = "intact"
    CHECKING = "checking"
    ALTERED = "altered"


class Known(StrEnum):
    """Whether Airflow has a user, or a role or group, of exactly this name."""

    YES = "yes"
    NO = "no"
    NOT_YET = "not_yet"
    """It knows users from their first sign-in on, because they are kept elsewhere (LDAP, OAuth)."""
    UNKNOWN = "unknown"
    """The auth manager does not tell."""


class Answer(BaseModel):
    """Base of what is answered: made from the objects that it tells of, where they have the same names.

    What a newer server answers besides is ignored.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    absent: ClassVar[Mapping[str, Any]] = {}
    """What counts for a member that a server of an earlier version does not answer."""

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any, info: ValidationInfo) -> Any:
        if info.context is not _FROM_A_SERVER or not isinstance(data, dict):
            return data
        given = {name: value for name, value in data.items() if value is not None or name not in cls.absent}
        return {**cls.absent, **given}


_FROM_A_SERVER = object()
_Answer = TypeVar("_Answer", bound=Answer)


def read_answer(kind: type[_Answer], data: Any) -> _Answer:
    """Read what a server has answered, which may be of an earlier or a newer version.

    Raises pydantic's ValidationError.
    """
    return kind.model_validate(data, context=_FROM_A_SERVER)


def _perhaps_newer(value: Any, check: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """A name that only a newer server knows is shown as it is."""
    try:
        return check(value)
    except ValidationError:
        if info.context is _FROM_A_SERVER and isinstance(value, str):
            return value
        raise


_Newer = WrapValidator(_perhaps_newer)


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


Time = Annotated[datetime, AfterValidator(_utc)]


class Body(BaseModel):
    """Base of what is taken: a member that does not exist is refused, so that a misspelled one is not
    lost.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


def _base64(text: str) -> str:
    binascii.a2b_base64(text, strict_mode=True)
    return text


class Binary(Answer):
    """A value that is no text."""

    base64: Annotated[str, AfterValidator(_base64)]


_INTEGRITY = (
    "Whether the plan was read in full and is the one that was stored. `checking`: it is large and being read"
    " in the "
    "background; ask again. `altered`: nobody can decide about it. A decision reads it in full in any case."
)

Value = Annotated[
    str | Binary, BeforeValidator(lambda value: value_to_json(value) if isinstance(value, bytes) else value)
]
"""One value of a field."""


class Error(Answer):
    """Why something was not done. Nothing was changed."""

    detail: str = Field(description="What is wrong and what to do about it, for people.")
    error: str = Field(
        description=(
            "The kind of error: NotAllowed, AlreadyDecided, NotDecidable, RequestNotFound, QueryError, …"
        )
    )
    by: str = Field(
        "", description="AlreadyDecided: who was first; empty where it was nobody, but time or a newer plan."
    )
    at: Time | None = Field(None, description="AlreadyDecided: when.")
    state: str = Field(
        "", description="AlreadyDecided: what the request has become, or what this person has decided before."
    )
    problems: dict[str, str] = Field(
        {}, description="Wrong parameters or members: name → what is wrong and what is right."
    )


class RequestAnswer(Answer):
    """A request for the approval of one job's plan in one run."""

    id: int
    collection: str
    job: str
    run_id: str = Field(description="The run that has filed it, as Airflow calls it.")
    plan_id: int
    state: Annotated[RequestState, _Newer]
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
    expires: Time | None = Field(description="When it ends if nobody decides.")
    escalates: Time | None = Field(description="When others are asked if nobody decides.")
    level: int = Field(description="Level of escalation, from 0.")
    decided: Time | None = Field(description="When it was decided, or ended otherwise.")
    decided_by: str | None = Field(description="Whose doing that was; empty for nobody's.")
    successor: int | None = Field(description="The request that has taken its place, if it is stale.")
    applied: Time | None = Field(description="When the approved plan was carried out.")
    result: dict[str, Any] | None = Field(description="What became of the approved plan.")
    url: str = Field(description="Its page inside Airflow.")

    absent = {
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

    absent = {"next": None}


class CountAnswer(Answer):
    """A number."""

    count: int


class PowersAnswer(Answer):
    """What you may do; each text is empty if you may, else says why not."""

    decide: str = Field(description="Approve, deny, reroute.")
    cancel: str
    replan: str = Field(description="Have the job planned anew.")

    absent = {"decide": "", "cancel": "", "replan": ""}


class AssigneeAnswer(Answer):
    """Somebody who is asked."""

    kind: Annotated[Literal["user", "role"], _Newer]
    name: str
    why: Annotated[Literal["policy", "reroute", "escalation", "default"], _Newer]
    level: int
    since: Time
    known: Annotated[Known, _Newer] | None = Field(
        None,
        description="Whether Airflow has one of this name; `not_yet`: it knows users from their first sign-in"
        " on;"
        " `unknown`: it does not tell. null once the request no longer waits.",
    )
    able: bool | None = Field(
        None, description="Whether they can open the request in Airflow; null if that is not known."
    )
    note: str = Field("", description="What keeps them from deciding, for people; empty if nothing does.")

    absent = {"why": "", "level": 0, "note": ""}


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
    kind: Annotated[EventKind, _Newer]
    actor: str = Field(description="Who did it; empty where nobody did.")
    text: str
    at: Time
    data: dict[str, Any] | None = Field(description="What else there is to know, by kind of event.")

    absent = {"actor": "", "text": "", "data": None}


class LimitAnswer(Answer):
    """How one limit stands against the plan."""

    kind: str
    subject: str = Field(description="The field or group it is about; empty otherwise.")
    planned: int
    base: int = Field(description="What a percentage counts against.")
    recent: int = Field(
        0, description="Removals that were made within the window before this plan; they count too."
    )
    allowed: int | None = Field(description="The most that is allowed; null for no limit.")
    limit: str = Field(description="As the definition writes it.")
    exceeded: bool


class ProblemAnswer(Answer):
    """A record that was not carried out, and why."""

    key: str
    object: str
    message: str


class ListingAnswer(Answer):
    """Why one listing is taken to be complete."""

    connection: str = Field(description="Connection that it was asked through; empty for a file.")
    place: str = Field(description="The container, or the file.")
    scope: str = Field(description="How deep a directory was searched; empty for a file.")
    filter: str = Field(description="Which records were selected; empty for all.")
    entries: int = Field(description="How many were received.")
    pages: int = Field(description="In how many pages; 0 where there are none.")
    end: Annotated[End, _Newer] = Field(
        description="How the listing ended. After `cut_off` more may be lacking."
    )
    begun: Time
    ended: Time


class EvidenceAnswer(Answer):
    """Both listings that a plan was made from."""

    source: ListingAnswer
    destination: ListingAnswer


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
    integrity: Annotated[Integrity, _Newer] = Field(description=_INTEGRITY)
    integrity_message: str = Field(description="The same for people; empty if it is intact.")

    absent = {
        **dict.fromkeys(("waiting_for", "destination", "integrity_message"), ""),
        **dict.fromkeys(("assignees", "decisions", "events", "limits", "warnings", "problems"), ()),
        "powers": {},
        "reachable": True,
        "evidence": None,
        "previous": None,
        "integrity": Integrity.INTACT,
    }


class FieldAnswer(Answer):
    """Old and new values of one field."""

    field: str
    old: list[Value] = Field(description=f"Values of a secret field are shown as `{HIDDEN}`.")
    new: list[Value]
    partial: bool = Field(False, description="Only values that go and come are listed; others stay.")

    absent = {"old": (), "new": ()}


class MarkAnswer(Answer):
    """What sets a removal apart."""

    kind: Annotated[MarkKind, _Newer]
    subject: str = Field(
        "", description="For `claimed_by` the other job, as `COLLECTION.JOB`; empty otherwise."
    )


class ChangeAnswer(Answer):
    """What happens to one object."""

    sequence: int = Field(description="Its place in the plan, from 0.")
    action: Annotated[Action, _Newer]
    key: str
    name: str = Field(description="What people call the object; empty where nothing but the key is known.")
    object: str
    new_object: str = Field(description="The object's id afterwards where it is another; empty otherwise.")
    fields: list[FieldAnswer]
    marks: list[MarkAnswer] = Field(default_factory=list, description="What sets a removal apart.")
    text: str = Field(description="The job's log line for it, with control characters spelled out.")
    result: Annotated[Result, _Newer] | None = Field(
        None, description="What became of it; null if nothing has yet."
    )
    message: str = Field("", description="Why it was not done.")

    absent = {"sequence": 0, "name": "", "new_object": "", "fields": (), "text": "", "message": ""}


class ChangesAnswer(Answer):
    """A page of a plan's changes, in its order."""

    changes: list[ChangeAnswer]
    next: int | None = Field(description="Give it as `after` to see what follows; null at the end.")
    total: int = Field(description="How many the filter lets through, on all pages.")
    integrity: Annotated[Integrity, _Newer] = Field(description=_INTEGRITY)
    integrity_message: str = Field(description="The same for people; empty if it is intact.")

    absent = {"next": None, "total": 0, "integrity": Integrity.INTACT, "integrity_message": ""}


class DifferenceAnswer(Answer):
    """An object that two plans treat differently."""

    presence: Presence
    object: str
    old: ChangeAnswer | None
    new: ChangeAnswer | None
    fields: list[str] = Field(description="Fields that are treated differently.")


class CountsAnswer(Answer):
    """How many objects are only in one plan, treated differently, or the same in both."""

    only_old: int
    only_new: int
    changed: int
    same: int


class ComparisonAnswer(Answer):
    """What differs between the plans of two requests of one job."""

    old: int = Field(description="The older request.")
    new: int = Field(description="The newer request.")
    counts: CountsAnswer
    differences: list[DifferenceAnswer]
    next: int | None = Field(description="Give it as `after` to see what follows; null at the end.")
    integrity: Annotated[Integrity, _Newer] = Field(description=f"{_INTEGRITY} The worse of the two plans'.")
    integrity_message: str = Field(description="The same for people; empty if both are intact.")


class RunJobAnswer(Answer):
    """One job of a run."""

    job: str
    state: str = Field(description="`running`, `not_run`, `waiting`, `success`, …")
    attempt: int | None
    message: str
    statistics: dict[str, int] | None = Field(description="What was counted; what was not written counts 0.")
    planned: dict[str, int] | None = Field(
        None,
        description=(
            "What the plan would do, where nothing of it was written: it waits, or was stopped or refused."
        ),
    )
    warnings: list[str]
    problems: list[ProblemAnswer]
    started: Time | None
    finished: Time | None
    plan_id: int | None
    request: int | None = Field(
        description="What it has asked for, or the earlier request that it refers to."
    )
    may_be_waived: bool = Field(description="It was stopped by a limit, which can be asked to be waived.")


class RunAnswer(Answer):
    """One run of a collection."""

    collection: str
    run_id: str
    trigger: str
    requester: str
    requester_verified: bool
    reason: str
    preview_only: bool
    started: Time
    id_used_again: bool = Field(
        description=(
            "Airflow has another run by this id now, which was refused. What is told is of the one before it."
        )
    )
    jobs: list[RunJobAnswer]


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
    """What became of one request of a selection."""

    id: int
    ok: bool
    detail: str = Field(description="Why nothing was recorded; empty if it was.")
    error: str
    state: str = Field(description="The request's state afterwards.")


class SelectionAnswer(Answer):
    """What became of each request, in the given order."""

    results: list[SelectionResultAnswer]


class ReplanBody(Body):
    """Why the job is planned anew."""

    reason: str = Field("", max_length=REASON_LENGTH)


class StartedRunAnswer(Answer):
    """The run that was started."""

    dag_id: str
    run_id: str


class WaiverBody(Body):
    """Why the changes are meant although they go past a limit."""

    reason: str = Field(max_length=TEXT_LENGTH)
