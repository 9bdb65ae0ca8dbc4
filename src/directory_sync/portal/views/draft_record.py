"""Parts of the step *Fields and Mapping* that try what is typed: an example of one field, and *Try one
record*.

The definition is checked as saving checks it, rules of connections included; nothing is kept, and nothing
written.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.definition.export import complete
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.problems import Problem
from directory_sync.errors import DirectorySyncError, LookError, StoreError
from directory_sync.looking.answers import Examples, Outcome, TriedRecord
from directory_sync.portal import drafts
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.draft_looks import ask
from directory_sync.portal.views.draft_mapping import with_mapping
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import JobNumber, Sent, SentStep, Wizard, open_step
from directory_sync.portal.wizard_steps import Place
from directory_sync.store.store import Store

router = APIRouter()

OUTCOMES = {
    Outcome.NOT_FOUND: "Nothing: the source has no such record.",
    Outcome.OUT_OF_SCOPE: "Nothing: the record is not in scope.",
    Outcome.CREATE: "An object would be created.",
    Outcome.UPDATE: "The object would be updated.",
    Outcome.MOVE: "The object would be renamed or moved.",
    Outcome.DISABLE: "The object would be disabled.",
    Outcome.DELETE: "The object would be deleted.",
    Outcome.UNCHANGED: "Nothing: the object is as the record wants it.",
    Outcome.SKIPPED: "Nothing: the record is left out.",
    Outcome.FAILED: "Nothing: the record cannot be applied.",
}


@dataclass(frozen=True, slots=True)
class TriedPart:
    """What was found; `error` says why nothing was."""

    answer: TriedRecord | Examples | None
    error: str

    @property
    def outcome(self) -> str:
        """What would happen, in words."""
        return OUTCOMES[self.answer.outcome] if isinstance(self.answer, TriedRecord) else ""


@router.post("/drafts/{draft_id}/jobs/{number}/example")
def show_example(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """One line of the grid, for some records."""
    row = sent.values.get("row", "")
    name = sent.values.get(f"map.{row}.destination", "").strip() or sent.values.get(f"map.{row}.was", "")
    asked = {"look": "example", "destination_field": name or "?"}
    part = _tried(store, visitor, draft_id, number, sent, asked)
    return render(request, "_look_example.html", frame, part)


@router.post("/drafts/{draft_id}/jobs/{number}/record")
def show_record(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """*Try one record*."""
    field, value = (sent.values.get(name, "").strip() for name in ("try-field", "try-value"))
    asked = {"look": "record", "field": field, "value": value}
    part = _tried(store, visitor, draft_id, number, sent, asked)
    return render(request, "_look_record.html", frame, part)


def _tried(
    store: Store, visitor: Visitor, draft_id: str, number: int, sent: SentStep, asked: dict[str, Any]
) -> TriedPart:
    wizard = open_step(store, visitor, draft_id, Place("mapping", number - 1))
    try:
        if not all(asked.values()):
            raise LookError("Write a field of the source, and the value that the record has in it.")
        collection, job = _usable(store, visitor, wizard, sent, number - 1)
        answer = ask(
            store,
            visitor,
            wizard,
            {
                **asked,
                "collection": complete(collection),
                "job": job.name,
                "source_connection": job.source.connection,
                "destination_connection": job.destination.connection,
            },
        )
    except StoreError:
        raise
    except DirectorySyncError as error:
        return TriedPart(None, str(error))
    assert isinstance(answer, TriedRecord | Examples)
    return TriedPart(answer, "")


def _usable(
    store: Store, visitor: Visitor, wizard: Wizard, sent: SentStep, index: int
) -> tuple[Collection, Job]:
    """The job as it is typed, alone in its collection. Raises LookError while something is wrong with it."""
    text = with_mapping(visitor, wizard.view.draft.text, index, sent)
    view = drafts.judged(store, visitor, replace(wizard.view.draft, text=text))
    if view.refused:
        raise LookError(view.refused)
    wrong = [each for each in view.problems if each.severity == "error" and _is_about(each, index)]
    if wrong:
        key = wrong[0].key.removeprefix(f"jobs[{index}]").lstrip(".")
        raise LookError(f"Correct this first: {key}: {wrong[0].text}" if key else wrong[0].text)
    if view.collection is None or index >= len(view.collection.jobs):
        raise LookError(
            "The collection cannot be used yet: another step or job has errors. Correct them first."
        )
    job = view.collection.jobs[index]
    return view.collection.model_copy(update={"jobs": [job]}), job


def _is_about(problem: Problem, index: int) -> bool:
    return problem.key.startswith(f"jobs[{index}]") or problem.key in ("", "jobs")
