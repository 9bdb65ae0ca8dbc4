"""The step *Fields and Mapping* of a job: the grid, the field reference, a live example, and one record."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.definition.models import ObjectKind
from directory_sync.errors import DirectorySyncError, LookError, MissingObjectError, StoreError
from directory_sync.forms.mapping_rows import (
    KINDS,
    NAME,
    Kind,
    MappingRow,
    as_template,
    misnamed,
    posted_fields,
    rows_of,
    with_same_names,
)
from directory_sync.forms.words import choice_of
from directory_sync.looking.answers import FieldFacts, Fields
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.draft_looks import (
    ask,
    job_data,
    secret_names,
    whole_job,
    with_job_data,
)
from directory_sync.portal.views.form_step import posted_values
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import JobNumber, Sent, SentStep, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place, problem_key
from directory_sync.store.store import Store

router = APIRouter()

_ROW = re.compile(r"(?:template|unmap):(\d{1,4})")
_KIND = re.compile(r"kind:(\d{1,4})")
_SPARE = 3
_KEPT = 303


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
        names_objects: the destination names objects, by the attribute `rdn`; empty for what is usual.
        is_new: nothing is mapped yet, and the type of the objects is known.
        opened: the destination field of which another kind was chosen right now; empty if none was.
        chosen: the type of the objects was chosen right now.
    """

    wizard: Wizard
    readable: bool
    rows: tuple[MappingRow, ...]
    object: str
    objects: tuple[tuple[str, str], ...]
    address: str
    names_objects: bool
    rdn: str
    is_new: bool
    opened: str
    chosen: bool

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
    opened: str = "",
    chosen: str = "",
) -> Response:
    """The grid. `opened`: the destination field of which another kind was chosen right now; `chosen`: the
    type of the objects was.
    """
    wizard = open_step(store, visitor, draft_id, Place("mapping", number - 1), request)
    return _page(request, frame, visitor, wizard, 200, opened=opened, chosen=bool(chosen))


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
        return with_mapping(visitor, text, number - 1, sent)

    def edit(text: str) -> str:
        _refuse_given(visitor, text, number - 1, sent)
        fields = _in_force(job_data(text, number - 1), whole_job(visitor, text, number - 1))
        if wrong := misnamed(fields, posted_values(sent)):
            raise LookError(wrong)
        before, text = text, typed(text)
        if sent.do == "same":
            return _map_same_names(store, visitor, wizard, text, number - 1)
        row = _ROW.fullmatch(sent.do)
        if row is not None and sent.do.startswith("template:"):
            name = _name_now(before, text, number - 1, sent.values.get(f"map.{row[1]}.was", ""))
            return _edit_as_template(visitor, text, number - 1, name)
        return text

    answer = take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _page(request, frame, visitor, wizard, status),
        again=typed,
    )
    chosen = _KIND.fullmatch(sent.do)
    if answer.status_code != _KEPT:
        return answer
    here = f"{frame.root}{wizard.address}"
    if chosen is not None:
        # The line whose kind was chosen goes on to be filled in.
        name = sent.values.get(f"map.{chosen[1]}.destination", "").strip()
        return RedirectResponse(f"{here}?opened={quote(name, safe='')}", _KEPT)
    if sent.do in ("lines", "object"):
        return RedirectResponse(f"{here}?chosen={'yes' if sent.do == 'object' else ''}", _KEPT)
    return answer


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
    text = with_mapping(visitor, wizard.view.draft.text, number - 1, sent)
    job = whole_job(visitor, text, number - 1)
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


def with_mapping(visitor: Visitor, text: str, job: int, sent: SentStep) -> str:
    """The text with what was typed into the grid. Raises DefinitionError for a text that cannot be read."""
    data, counts = job_data(text, job), whole_job(visitor, text, job)
    changed = dict(data)
    fields = _in_force(data, counts)
    after = posted_fields(fields, _without_new_names(data, fields, posted_values(sent)))
    if after is not fields:
        changed["fields"] = _own(data, fields, after)
    kind = sent.values.get("object", "").strip()
    if kind and kind != counts.get("object"):
        changed["object"] = kind
    rdn = sent.values.get("rdn", "").strip()
    if "rdn" in sent.values and rdn != counts.get("rdn", ""):
        changed.pop("rdn", None)
        if rdn:
            changed["rdn"] = rdn
    return with_job_data(text, job, changed) if changed != data else text


def _without_new_names(
    data: Mapping[str, Any], fields: Any, values: Mapping[str, Sequence[str]]
) -> Mapping[str, Sequence[str]]:
    """What was sent, with lines that a template gives called as they were: they would be there twice."""
    own = data.get("fields")
    given = set(fields if isinstance(fields, dict) else ()) - set(own if isinstance(own, dict) else ())
    kept = {
        f"{name.removesuffix('.was')}.destination": was
        for name, was in values.items()
        if name.endswith(".was") and was[0] in given
    }
    return {**values, **kept}


def _in_force(data: Mapping[str, Any], counts: Mapping[str, Any]) -> Any:
    """The mapping that counts: the job's own lines, then those that only its template gives."""
    own, given = data.get("fields"), counts.get("fields")
    if not isinstance(given, dict) or not isinstance(own, dict | None):
        return own
    own = own or {}
    return {**own, **{name: value for name, value in given.items() if name not in own}}


def _own(data: Mapping[str, Any], fields: Any, after: Any) -> Any:
    """Of a mapping that was changed, what the job has to say itself: what a template gives is not copied."""
    own = data.get("fields")
    if not isinstance(after, dict) or not isinstance(fields, dict):
        return after
    said = own if isinstance(own, dict) else {}
    return {name: each for name, each in after.items() if name in said or each is not fields.get(name)}


def _refuse_given(visitor: Visitor, text: str, job: int, sent: SentStep) -> None:
    """Raise LookError where a line is removed, or renamed, that the job's template gives: it would be
    there all the same.
    """
    own, given = job_data(text, job).get("fields"), whole_job(visitor, text, job).get("fields")
    said = own if isinstance(own, dict) else {}
    values = sent.values
    for row in (row for name, row in sent.fields if name == f"{NAME}.rows"):
        was, name = values.get(f"{NAME}.{row}.was", ""), values.get(f"{NAME}.{row}.destination", "").strip()
        gone = sent.do == f"unmap:{row}" or name not in ("", was)
        if gone and was not in said and isinstance(given, dict) and was in given:
            raise LookError(
                f"The template of this job gives the line of {was[:100]}, so it can be changed here, and"
                " neither removed nor renamed. Choose no template in Details to write all lines yourself."
            )


def _map_same_names(store: Store, visitor: Visitor, wizard: Wizard, text: str, index: int) -> str:
    own, whole = job_data(text, index), whole_job(visitor, text, index)
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
    before = _in_force(own, whole)
    fields = with_same_names(before, usable, wanted)
    if not fields or fields == before:
        raise LookError(
            "No field of the source has the name of a field of the destination that is not mapped."
        )
    return with_job_data(text, index, {**own, "fields": _own(own, before, fields)})


def _name_now(before: str, after: str, job: int, name: str) -> str:
    """What a line is called after what was typed was put into the text: own lines keep their order."""
    old, new = (job_data(text, job).get("fields") for text in (before, after))
    if not isinstance(old, dict) or not isinstance(new, dict) or name not in old:
        return name
    now: str = list(new)[list(old).index(name)]
    return now


def _edit_as_template(visitor: Visitor, text: str, index: int, name: str) -> str:
    job = job_data(text, index)
    fields = _in_force(job, whole_job(visitor, text, index))
    if not isinstance(fields, dict) or name not in fields:
        return text
    made = as_template(fields[name])
    if made is fields[name]:
        raise LookError(
            f"No template says the same as the line of {name[:100]}: it is not complete, has a delimiter, or"
            " is of a kind that has no template. Choose Template as its kind to write one."
        )
    return with_job_data(text, index, {**job, "fields": _own(job, fields, {**fields, name: made})})


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


def _page(
    request: HttpRequest,
    frame: Frame,
    visitor: Visitor,
    wizard: Wizard,
    status: int,
    *,
    opened: str = "",
    chosen: bool = False,
) -> Response:
    view, job = wizard.view, wizard.place.job or 0
    data: dict[str, Any] = {}
    counts: dict[str, Any] = {}
    try:
        data, counts = job_data(view.draft.text, job), whole_job(visitor, view.draft.text, job)
        readable = view.readable
    except DirectorySyncError:
        readable = False
    kind = counts.get("object")
    kind = kind if isinstance(kind, str) else ""
    objects = tuple((each.value, choice_of("Job", "object", each.value)) for each in ObjectKind)
    address = f"{frame.root}{wizard.draft_address}/jobs/{job + 1}"
    fields = _in_force(data, counts)
    readable = readable and (fields is None or isinstance(fields, dict))
    rows = rows_of(fields, spare=_SPARE)
    rdn, destination = counts.get("rdn", ""), counts.get("destination")
    page = MappingPage(
        wizard=_with_ids(wizard, rows),
        readable=readable,
        rows=rows,
        object=kind,
        objects=objects,
        address=address,
        names_objects=isinstance(rdn, str) and isinstance(destination, dict) and "connection" in destination,
        rdn=rdn if isinstance(rdn, str) else "",
        is_new=bool(kind) and not fields,
        opened=opened,
        chosen=chosen,
    )
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
