"""What the REST API answers about requests, checked before anything of it is shown or acted upon.

Keys that this version does not know are ignored, so that a newer Airflow can be spoken to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from directory_sync.approval.states import RequestState
from directory_sync.endpoints.change import Action, Change, FieldChange, Mark, MarkKind, value_from_json
from directory_sync.plan.model import LimitCheck, PlanEvidence, RecordProblem
from directory_sync.present.shown import ShownChange, visible


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


Time = Annotated[datetime, AfterValidator(_utc)]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Summary(_Answer):
    """A request as lists show it; see `directory_sync.store.request_model.Request`."""

    id: int
    collection: str
    job: str
    run_id: str
    state: str
    requester: str
    requester_verified: bool
    trigger: str
    reason: str = ""
    description: str = ""
    asked_by: str = ""
    title: str = ""
    source_text: str = ""
    destination_text: str = ""
    waiver: bool = False
    usable_until: Time | None = None
    digest: str
    changes: int
    statistics: dict[str, int] = Field(default_factory=dict)
    waives: tuple[str, ...] = ()
    filed: Time
    expires: Time | None = None
    decided: Time | None = None
    decided_by: str | None = None
    successor: int | None = None
    applied: Time | None = None
    result: dict[str, Any] | None = None
    url: str = ""

    @property
    def pending(self) -> bool:
        """Whether it waits for a decision."""
        return self.state == RequestState.PENDING


class Powers(_Answer):
    """What this user may do; each is empty if they may, else says why not."""

    decide: str = ""
    cancel: str = ""


class Assignee(_Answer):
    """Somebody who is asked."""

    kind: str
    name: str
    why: str = ""
    level: int = 0
    note: str = ""


class Event(_Answer):
    """One thing that happened."""

    kind: str
    actor: str | None = ""
    text: str = ""
    at: Time


class Details(_Answer):
    """A request with everything about it but the changes."""

    request: Summary
    powers: Powers = Powers()
    waiting_for: str = ""
    reachable: bool = True
    assignees: tuple[Assignee, ...] = ()
    events: tuple[Event, ...] = ()
    destination: str = ""
    limits: tuple[LimitCheck, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[RecordProblem, ...] = ()
    evidence: PlanEvidence | None = None
    integrity: str = "intact"
    integrity_message: str = ""


class RequestList(_Answer):
    """A part of a list, newest first."""

    requests: tuple[Summary, ...]
    next: int | None = None
    total: int


def _value(value: object) -> bytes:
    if isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("base64"), str)):
        return value_from_json(value)
    raise ValueError("a value is text or base64")


Value = Annotated[bytes, PlainValidator(_value)]


class _FieldAnswer(_Answer):
    field: str
    old: tuple[Value, ...] = ()
    new: tuple[Value, ...] = ()
    partial: bool = False


class _MarkAnswer(_Answer):
    kind: MarkKind
    subject: str = ""


class ChangeAnswer(_Answer):
    """One change of a plan, and what became of it if it was carried out."""

    action: Action
    key: str
    name: str = ""
    object: str
    new_object: str | None = None
    fields: tuple[_FieldAnswer, ...] = ()
    marks: tuple[_MarkAnswer, ...] = ()
    result: str | None = None
    message: str | None = None

    @property
    def shown(self) -> ShownChange:
        """As the server shows it: secrets are hidden there already."""
        fields = tuple(
            FieldChange(field.field, field.old, field.new, partial=field.partial) for field in self.fields
        )
        marks = tuple(Mark(mark.kind, mark.subject) for mark in self.marks)
        name = self.name or None
        change = Change(
            self.action, self.key, self.object, self.new_object or None, fields=fields, marks=marks, name=name
        )
        return visible(change, lambda field: False)


class ChangeList(_Answer):
    """A part of a plan's changes."""

    changes: tuple[ChangeAnswer, ...]
    next: int | None = None


_Kind = TypeVar("_Kind", bound=_Answer)


class UnreadableAnswer(Exception):
    """The API answered in a form that this version does not know; the text says where."""


def read_answer(kind: type[_Kind], data: Any) -> _Kind:
    """Check an answer. Raises UnreadableAnswer."""
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise UnreadableAnswer(f"{place}: {first['msg']}" if place else first["msg"]) from None
