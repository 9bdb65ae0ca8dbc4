"""What the REST API answers of plans: changes, limits, evidence of listings, comparisons."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field

from directory_sync.endpoints.change import Action, MarkKind, Result, value_to_json
from directory_sync.endpoints.evidence import End
from directory_sync.plan.comparison import Presence
from directory_sync.plan.patterns.model import MOST_LINES, FieldKind, InCommon
from directory_sync.portal.codes import Integrity
from directory_sync.portal.wire.answer import Answer, Newer, Time
from directory_sync.present.shown import HIDDEN


def _base64(text: str) -> str:
    binascii.a2b_base64(text, strict_mode=True)
    return text


class Binary(Answer):
    """A value that is no text."""

    base64: Annotated[str, AfterValidator(_base64)]


INTEGRITY_MEANS = (
    "Whether the plan was read in full and is the one that was stored. `checking`: it is large and being read"
    " in the "
    "background; ask again. `altered`: no one can decide about it. A decision reads it in full in any case."
)


Value = Annotated[
    str | Binary, BeforeValidator(lambda value: value_to_json(value) if isinstance(value, bytes) else value)
]
"""One value of a field."""


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
    """A record that was not processed, and why."""

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
    end: Annotated[End, Newer] = Field(
        description="How the listing ended. After `cut_off` more may be lacking."
    )
    begun: Time
    ended: Time


class EvidenceAnswer(Answer):
    """Both listings that a plan was made from."""

    source: ListingAnswer
    destination: ListingAnswer


class FieldAnswer(Answer):
    """Old and new values of one field."""

    field: str
    old: list[Value] = Field(description=f"Values of a secret field are shown as `{HIDDEN}`.")
    new: list[Value]
    partial: bool = Field(False, description="Only values that go and come are listed; others stay.")

    absent: ClassVar[Mapping[str, Any]] = {"old": (), "new": ()}


class MarkAnswer(Answer):
    """What sets a removal apart."""

    kind: Annotated[MarkKind, Newer]
    subject: str = Field(
        "", description="For `claimed_by` the other job, as `COLLECTION.JOB`; empty otherwise."
    )


class ChangeAnswer(Answer):
    """What happens to one object."""

    sequence: int = Field(description="Its place in the plan, from 0.")
    action: Annotated[Action, Newer]
    key: str
    name: str = Field(description="What people call the object; empty where nothing but the key is known.")
    object: str
    new_object: str = Field(description="The object's id afterwards where it is another; empty otherwise.")
    fields: list[FieldAnswer]
    marks: list[MarkAnswer] = Field(default_factory=list, description="What sets a removal apart.")
    text: str = Field(description="The job's log line for it, with control characters spelled out.")
    result: Annotated[Result, Newer] | None = Field(
        None, description="Its result; null if there is none yet."
    )
    message: str = Field("", description="Why it was not done.")

    absent: ClassVar[Mapping[str, Any]] = {
        "sequence": 0,
        "name": "",
        "new_object": "",
        "fields": (),
        "text": "",
        "message": "",
    }


class ChangesAnswer(Answer):
    """A page of a plan's changes, in its order."""

    changes: list[ChangeAnswer]
    next: int | None = Field(description="Give it as `after` to see what follows; null at the end.")
    total: int = Field(description="How many the filter lets through, on all pages.")
    integrity: Annotated[Integrity, Newer] = Field(description=INTEGRITY_MEANS)
    integrity_message: str = Field(description="The same for people; empty if it is intact.")

    absent: ClassVar[Mapping[str, Any]] = {
        "next": None,
        "total": 0,
        "integrity": Integrity.INTACT,
        "integrity_message": "",
    }


class ReportedChangeAnswer(ChangeAnswer):
    """A change of a run's report."""

    job: str
    plan: int = Field(description="Number of the job's plan.")


class ReportedJobAnswer(Answer):
    """A job of a run's report."""

    job: str
    plan: int = Field(description="Number of its plan: `GET /plans/{plan}/patterns` sums it up.")
    changes: int = Field(description="How many its plan has.")


class ReportAnswer(Answer):
    """A page of a run's report: the changes of its jobs, one job after the other."""

    jobs: list[ReportedJobAnswer] = Field(description="Those with a plan that were asked for.")
    changes: list[ReportedChangeAnswer]
    total: int = Field(description="How many the filter lets through, on all pages.")
    next_job: str | None = Field(
        description="Give it as `at`, and `next` as `after`, to see what follows; null at the end."
    )
    next: int | None = Field(description="Null if the next page begins with a job's first change.")
    integrity: Annotated[Integrity, Newer] = Field(description="What is known of the worst of the plans.")
    integrity_message: str = Field(description="The same for people; empty if all are intact.")


class FieldPatternAnswer(Answer):
    """What the changes of a line do to one field."""

    field: str
    kind: Annotated[FieldKind, Newer]
    old: Value | None = Field(None, description="Of a `pair`, the value that goes; long ones are cut.")
    new: Value | None = Field(None, description="Of a `pair`, the value that comes.")
    affix: Value | None = Field(
        None, description="Of a prefix or suffix, the text, if all of the line's changes have the same."
    )
    added: int = Field(0, description="Of `values`, how many come, in all of the line's changes.")
    removed: int = Field(0, description="Likewise, how many go.")

    absent: ClassVar[Mapping[str, Any]] = {
        "old": None,
        "new": None,
        "affix": None,
        "added": 0,
        "removed": 0,
    }


class CommonAnswer(Answer):
    """What the objects of a line of removals have in common."""

    kind: Annotated[InCommon, Newer]
    subject: str = Field(description="The container, the field, or of a `place` the source.")
    value: Value | None = Field(None, description="Of a field, the value.")
    count: int = Field(description="So many have it …")
    of: int = Field(description="… of so many that were looked at.")
    line: int = Field(
        0, description="Of a `place`, the line of the file where the source's last record begins; else 0."
    )
    number: int = Field(0, description="Of a `place`, the number of the source's last record; else 0.")

    absent: ClassVar[Mapping[str, Any]] = {"value": None, "line": 0, "number": 0}


class ExampleAnswer(Answer):
    """One of a line's objects."""

    sequence: int = Field(description="The change's place in the plan, from 0.")
    name: str = Field(description="What people call it; empty where nothing but the key is known.")
    key: str
    object: str


class PatternAnswer(Answer):
    """Changes of one shape."""

    pattern: int = Field(description="Give it as `pattern` to see the line's changes.")
    action: Annotated[Action, Newer]
    fields: list[FieldPatternAnswer]
    moved_to: str = Field("", description="Of moves, the container that all go to; empty otherwise.")
    marks: list[Annotated[MarkKind, Newer]] = Field(description="What sets removals apart.")
    count: int = Field(description="How many changes.")
    patterns: int = Field(
        description="So many patterns are in this line; more than one if there were too many."
    )
    removal: bool = Field(description="It takes objects away.")
    identifying: bool = Field(
        description="It replaces what identifies a person, otherwise than by values that many share."
    )
    common: list[CommonAnswer] = Field(description="Of removals, what the objects have in common.")
    examples: list[ExampleAnswer]
    text: str = Field(description="The line for people, with control characters spelled out.")


class OtherAnswer(Answer):
    """Changes without a line of their own; none of them is a removal."""

    count: int
    patterns: int
    examples: list[ExampleAnswer]


class PatternsAnswer(Answer):
    """A plan's changes by pattern, in the order to read them."""

    known: bool = Field(
        description="False for large plans of versions that worked no patterns out; there are no lines then."
    )
    lines: list[PatternAnswer] = Field(description=f"At most {MOST_LINES}.")
    other: OtherAnswer | None
    total: int = Field(description="How many changes are summed up.")


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
    integrity: Annotated[Integrity, Newer] = Field(
        description=f"{INTEGRITY_MEANS} The worse of the two plans'."
    )
    integrity_message: str = Field(description="The same for people; empty if both are intact.")
