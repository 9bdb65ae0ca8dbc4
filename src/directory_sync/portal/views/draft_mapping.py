"""The step *Fields and Mapping* of a job: the grid, the field reference, a live example, and one record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.definition.models import ObjectKind
from directory_sync.errors import DirectorySyncError, LookError, MissingObjectError, StoreError
from directory_sync.forms.mapping_rows import (
    KINDS,
    Kind,
    MappingRow,
    as_template,
    posted_fields,
    rows_of,
    with_same_names,
)
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.words import choice_of
from directory_sync.looking.answers import FieldFacts, Fields
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.draft_looks import JobNumber, ask, job_data, secret_names, whole_job
from directory_sync.portal.views.form_step import posted_values
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import Sent, SentStep, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place, problem_key
from directory_sync.store.store import Store

router = APIRouter()

_ROW = re.compile(r"(?:template|unmap):(\d{1,4})")
_SPARE = 3


@dataclass(frozen=True, slots=True)
class MappingPage:
    """The step.

    Attributes:
        wizard: what is around it.
        readable: the job can be shown as a form.
        rows: of the grid, with empty ones.
        object: the type of the objects; empty if none is chosen yet.
        objects: types to choose, with what people call them.
        address: of the step's parts.
    """

    wizard: Wizard
    readable: bool
    rows: tuple[MappingRow, ...]
    object: str
    objects: tuple[tuple[str, str], ...]
    address: str

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of transformations."""
        return tuple(KINDS.values())


@dataclass(frozen=True, slots=True)
class ReferencePart:
    """The field reference of both sides.

    Attributes:
        sides: side → its fields; None where they cannot be told.
        errors: side → why not.
        mapped: destination fields that are mapped, lower case.
    """

    sides: Mapping[str, Fields | None]
    errors: Mapping[str, str]
    mapped: frozenset[str]

    def is_lacking(self, field: FieldFacts) -> bool:
        """Whether a destination field must be given and is not mapped."""
        return field.facts.mandatory and field.facts.name.lower() not in self.mapped


@router.get("/drafts/{draft_id}/jobs/{number}/mapping")
def show_mapping(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """The grid."""
    wizard = open_step(store, visitor, draft_id, Place("mapping", number - 1), request)
    return _page(request, frame, wizard, 200)


@router.post("/drafts/{draft_id}/jobs/{number}/mapping")
def take_mapping(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep the grid; *Map same names* and *Edit as template* change it."""
    wizard = open_step(store, visitor, draft_id, Place("mapping", number - 1))

    def typed(text: str) -> str:
        return with_mapping(text, number - 1, sent)

    def edit(text: str) -> str:
        text = typed(text)
        if sent.do == "same":
            return _map_same_names(store, visitor, wizard, text, number - 1)
        if (row := _ROW.fullmatch(sent.do)) is not None and sent.do.startswith("template"):
            return _edit_as_template(text, number - 1, sent.values.get(f"map.{row[1]}.was", ""))
        return text

    return take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _page(request, frame, wizard, status),
        again=typed,
    )


@router.post("/drafts/{draft_id}/jobs/{number}/fields")
def show_fields(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """The field reference: a part. What cannot be told of a side is said there."""
    wizard = open_step(store, visitor, draft_id, Place("mapping", number - 1))
    job = whole_job(visitor, with_mapping(wizard.view.draft.text, number - 1, sent), number - 1)
    sides: dict[str, Fields | None] = {}
    errors: dict[str, str] = {}
    for side in ("source", "destination"):
        try:
            sides[side] = _fields(store, visitor, wizard, job, side)
        except StoreError:
            raise
        except DirectorySyncError as error:
            sides[side], errors[side] = None, str(error)
    fields = job.get("fields")
    mapped = frozenset(name.lower() for name in fields) if isinstance(fields, dict) else frozenset()
    part = ReferencePart(sides, errors, mapped)
    return render(request, "_look_fields.html", frame, part)


def with_mapping(text: str, job: int, sent: SentStep) -> str:
    """The text with what was typed into the grid. Raises DefinitionError for a text that cannot be read."""
    data = job_data(text, job)
    changed = dict(data)
    fields = posted_fields(data.get("fields"), posted_values(sent))
    if fields is not data.get("fields"):
        changed["fields"] = fields
    kind = sent.values.get("object", "").strip()
    if kind and kind != data.get("object"):
        changed["object"] = kind
    return _with_job(text, job, changed) if changed != data else text


def _with_job(text: str, job: int, changed: Mapping[str, Any]) -> str:
    data = data_of(text)
    jobs = data["jobs"]
    return rewrite(text, {**data, "jobs": [*jobs[:job], changed, *jobs[job + 1 :]]})


def _map_same_names(store: Store, visitor: Visitor, wizard: Wizard, text: str, index: int) -> str:
    whole = whole_job(visitor, text, index)
    source = _fields(store, visitor, wizard, whole, "source")
    usable = [
        each.facts.name
        for each in source.fields
        if not each.facts.secret and each.filled and each.facts.name.lower() != "objectclass"
    ]
    try:
        destination = _fields(store, visitor, wizard, whole, "destination")
    except MissingObjectError:
        if "file" not in whole["destination"]:
            raise
        wanted = usable  # the first run writes the file, with whatever columns the job names
    else:
        wanted = [
            each.facts.name for each in destination.fields if each.facts.writable and not each.facts.secret
        ]
    job = job_data(text, index)
    before, given = (each.get("fields") for each in (job, whole))
    mapped = given if isinstance(given, dict) else {}
    found = with_same_names(mapped, usable, wanted)
    added = {name: mapping for name, mapping in found.items() if name not in mapped}
    if not added:
        raise LookError(
            "No field of the source has the name of a field of the destination that is not mapped."
        )
    own = before if isinstance(before, dict) else {}
    return _with_job(text, index, {**job, "fields": {**own, **added}})


def _edit_as_template(text: str, index: int, name: str) -> str:
    job = job_data(text, index)
    fields = job.get("fields")
    if not isinstance(fields, dict) or name not in fields:
        return text
    made = as_template(fields[name])
    return text if made is fields[name] else _with_job(text, index, {**job, "fields": {**fields, name: made}})


def _fields(store: Store, visitor: Visitor, wizard: Wizard, job: Mapping[str, Any], side: str) -> Fields:
    place = job.get(side)
    question: dict[str, Any] = {
        "look": "fields",
        side: place if isinstance(place, dict) else {},
        "secret": secret_names(job),
    }
    kind = job.get("object")
    if side == "destination" and kind in {each.value for each in ObjectKind}:
        question["object"] = kind
    found = ask(store, visitor, wizard, question)
    assert isinstance(found, Fields)
    return found


def _page(request: HttpRequest, frame: Frame, wizard: Wizard, status: int) -> Response:
    view, job = wizard.view, wizard.place.job or 0
    try:
        data, readable = job_data(view.draft.text, job), view.readable
    except DirectorySyncError:
        data, readable = {}, False
    kind = data.get("object")
    kind = kind if isinstance(kind, str) else ""
    objects = tuple((each.value, choice_of("Job", "object", each.value)) for each in ObjectKind)
    address = f"{frame.root}{wizard.draft_address}/jobs/{job + 1}"
    fields = data.get("fields")
    readable = readable and (fields is None or isinstance(fields, dict))
    rows = rows_of(fields, spare=_SPARE)
    page = MappingPage(_with_ids(wizard, rows), readable, rows, kind, objects, address)
    return render(request, "draft_mapping.html", frame, page, status=status)


def _with_ids(wizard: Wizard, rows: Sequence[MappingRow]) -> Wizard:
    """The wizard, whose problems lead to the rows that they are about."""
    start = f"jobs[{wizard.place.job}].fields."
    ids = {}
    for problem in wizard.view.problems:
        key = problem_key(problem)
        row = next(
            (row for row in rows if row.destination and _is_about(key, f"{start}{row.destination}")), None
        )
        if row is not None:
            ids[key] = f"field-jobs-{wizard.place.job}-fields-{row.index}"
    return replace(wizard, ids=ids)


def _is_about(key: str, row: str) -> bool:
    return key == row or key.startswith((f"{row}.", f"{row}["))
