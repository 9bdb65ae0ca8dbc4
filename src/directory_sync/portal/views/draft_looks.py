"""Parts of the wizard's steps that look at endpoints: connections are tested, trees opened, queries tried.

What is looked at is what stands in the form, whether it was saved or not; nothing is kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from pydantic import ValidationError

from directory_sync.errors import DirectorySyncError, LookError, StoreError
from directory_sync.forms.controls import is_true
from directory_sync.forms.form import completed
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.sections import DESTINATION, SOURCE
from directory_sync.looking.answers import Answer, Counted
from directory_sync.looking.questions import QUESTION, Side
from directory_sync.portal import looks
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.form_step import typed_into
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import JobNumber, Sent, SentStep, Wizard, open_step
from directory_sync.portal.wizard_steps import Place
from directory_sync.store.drafts import DraftKind
from directory_sync.store.store import Store

router = APIRouter()

SECTIONS = (SOURCE, DESTINATION)
_PARTS = {
    "test": "_look_test.html",
    "containers": "_look_tree.html",
    "counts": "_look_counts.html",
    "files": "_look_files.html",
    "records": "_look_records.html",
}


@dataclass(frozen=True, slots=True)
class LookPart:
    """What a part shows.

    Attributes:
        answer: what was found; None if nothing was.
        error: why not.
        address: looks of this step are sent there.
        side: `source` or `destination`.
        under: the container whose level it is.
        fills: name of the input that a choice is put into.
    """

    answer: Answer | None
    error: str
    address: str
    side: str
    under: str = ""
    fills: str = ""

    def mark(self, dn: str) -> str:
        """Names an element that is about a container."""
        return f"{self.side}-{hashlib.sha256(dn.lower().encode()).hexdigest()[:16]}"

    def count(self, dn: str) -> int:
        """Objects under a container of the level, as far as they were counted."""
        return self.answer.counts.get(dn, 0) if isinstance(self.answer, Counted) else 0


@router.post("/drafts/{draft_id}/jobs/{number}/look")
def look(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """A look at what stands in the form. What goes wrong is a part too."""
    wizard = open_step(store, visitor, draft_id, Place("endpoints", number - 1))
    values = sent.values
    kind = values.get("look", "")
    side: Side = "destination" if values.get("side") == "destination" else "source"
    answer, error = None, ""
    try:
        if kind not in _PARTS:
            raise LookError("There is no such look.")
        job = whole_job(visitor, typed_text(visitor, wizard, sent), number - 1)
        answer = ask(store, visitor, wizard, _question(kind, side, job, values))
    except StoreError:
        raise
    except DirectorySyncError as problem:
        error = str(problem)
    container = "container" if side == "source" else "container.text"
    model = "DirectorySource" if side == "source" else "DirectoryDestination"
    name = f"{side}.{side}.{model}.{container}" if kind != "files" else f"{side}.{side}.FileEndpoint.file"
    part = LookPart(
        answer,
        error,
        f"{frame.root}{wizard.draft_address}/jobs/{number}/look",
        side,
        values.get("under", ""),
        name,
    )
    template = _PARTS.get(kind, "_look_test.html")
    return render(request, template, frame, part)


def typed_text(visitor: Visitor, wizard: Wizard, sent: SentStep) -> str:
    """The draft's text with what stands in the form of the step, which is not kept."""
    return with_endpoints(visitor, wizard.view.draft.text, wizard.place.job or 0, sent)


def with_endpoints(visitor: Visitor, text: str, job: int, sent: SentStep) -> str:
    """The text with what was typed for source and destination."""
    templates = saving_rules(visitor, only_looks=True).templates
    return typed_into(text, sent, SECTIONS, templates, Place("endpoints", job))


def job_data(text: str, job: int) -> dict[str, Any]:
    """The job as data, as its own text has it; empty if there is none. Raises DefinitionError for a text that
    cannot be read.
    """
    jobs = data_of(text).get("jobs")
    found = jobs[job] if isinstance(jobs, list) and job < len(jobs) else None
    return found if isinstance(found, dict) else {}


def whole_job(visitor: Visitor, text: str, job: int) -> dict[str, Any]:
    """The job as data, with what its template gives; empty if there is none, or the text cannot be read."""
    return completed(text, ("jobs", job), saving_rules(visitor, only_looks=True).templates)


def with_job_data(text: str, job: int, changed: Mapping[str, Any]) -> str:
    """The text with other data of one of its jobs."""
    data = data_of(text)
    jobs = data["jobs"]
    return rewrite(text, {**data, "jobs": [*jobs[:job], changed, *jobs[job + 1 :]]})


def ask(store: Store, visitor: Visitor, wizard: Wizard, question: Mapping[str, Any]) -> Answer:
    """Take a look. Raises LookError for what is not filled in yet, and what `looks.take` raises."""
    try:
        parsed = QUESTION.validate_python(dict(question))
    except ValidationError as error:
        raise LookError(_missing(error)) from None
    draft = wizard.view.draft
    of = draft.collection if draft.kind is DraftKind.EDIT else None
    return looks.take(store, visitor, parsed, collection=of)


def secret_names(job: Mapping[str, Any]) -> list[str]:
    """Fields of both sides whose values the job marks as secret."""
    found: list[str] = []
    fields = job.get("fields")
    for name, mapping in fields.items() if isinstance(fields, dict) else ():
        if isinstance(mapping, dict) and is_true(mapping.get("secret")):
            read = (mapping.get(key) for key in ("from", "left", "substring", "map", "resolve", "members"))
            joined = mapping.get("join")
            found += [name, *(each for each in read if isinstance(each, str))]
            found += [each for each in joined if isinstance(each, str)] if isinstance(joined, list) else []
    return found[:1_000]


def _question(kind: str, side: Side, job: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    place = job.get(side)
    place = place if isinstance(place, dict) else {}
    match kind:
        case "records":
            # What is not filled in has no default here: a container that is missing is told.
            return {"look": kind, side: place, "secret": secret_names(job)}
        case "files":
            return {"look": kind, "side": side}
        case _:
            connection = place.get("connection")
            if not isinstance(connection, str) or not connection:
                raise LookError(f"Choose a connection for the {side} first.")
            question: dict[str, Any] = {"look": kind, "connection": connection, "side": side}
            if kind in ("containers", "counts"):
                question["under"] = values.get("under", "")
            if kind == "containers":
                question["named"] = values.get("named", "")
            return question


_NOT_YET = {"connection": "the connection", "container": "the container", "file": "the file"}


def _missing(error: ValidationError) -> str:
    told: Sequence[Any] = error.errors(include_url=False, include_input=False)
    first = told[0]
    key = next((str(part) for part in reversed(first["loc"]) if isinstance(part, str)), "")
    if first["type"] in ("missing", "string_too_short", "string_type") and key in _NOT_YET:
        return f"Fill in {_NOT_YET[key]} first."
    if first["type"] == "shape":
        return "Choose a kind of place, and fill in its connection or file first."
    return f"{key or 'The form'}: {first['msg']}. Correct it, then look again."
