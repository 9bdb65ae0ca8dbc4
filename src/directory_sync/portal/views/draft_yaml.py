"""A draft as YAML, whole or one job of it: *Show YAML*, and the steps that have no form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi import Request as HttpRequest

from directory_sync.collections.job_texts import job_text, replaced_job
from directory_sync.errors import DefinitionError, RequestNotFound
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.typed_texts import sent_lines
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import Sent, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import COLLECTION_STEPS, JOB_STEPS, Place

router = APIRouter()
without_form = APIRouter()
"""Takes the steps that no other module has; it comes last."""

JobNumber = Annotated[int, Path(ge=1, le=9999)]


@dataclass(frozen=True, slots=True)
class YamlPage:
    """A text to edit.

    Attributes:
        wizard: what is around it.
        text: what stands in the field.
        whole: it is the whole definition; else one job.
        back: the step that it was opened from, below the draft's address.
    """

    wizard: Wizard
    text: str
    whole: bool
    back: str = ""


@router.get("/drafts/{draft_id}/yaml")
def show_yaml(
    request: HttpRequest,
    draft_id: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    back: Annotated[str, Query(alias="from", max_length=60)] = "details",
) -> Response:
    """The definition as YAML, which can be edited here."""
    wizard = open_step(store, visitor, draft_id, Place("review"), request)
    page = YamlPage(wizard, wizard.view.draft.text, whole=True, back=back)
    return render(request, "draft_yaml.html", frame, page)


@router.post("/drafts/{draft_id}/yaml")
def take_yaml(
    request: HttpRequest,
    draft_id: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep the text, whatever it is."""
    typed = sent_lines(sent.values.get("definition", ""))
    back = sent.values.get("from", "details")
    wizard = open_step(store, visitor, draft_id, Place("review"))

    def show(wizard: Wizard, status: int) -> Response:
        page = YamlPage(wizard, typed, whole=True, back=back)
        return render(request, "draft_yaml.html", frame, page, status=status)

    if sent.do == "save":
        sent = replace(sent, do="yaml")
    return take_step(store, visitor, frame, wizard, sent, edit=lambda _: typed, show=show)


@without_form.get("/drafts/{draft_id}/{step}")
def show_step_yaml(
    request: HttpRequest,
    draft_id: str,
    step: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """A step of the collection that has no form: the definition as YAML."""
    wizard = open_step(store, visitor, draft_id, _place(step), request)
    return _step_page(request, frame, wizard, wizard.view.draft.text, 200)


@without_form.post("/drafts/{draft_id}/{step}")
def take_step_yaml(
    request: HttpRequest,
    draft_id: str,
    step: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep the text, whatever it is."""
    wizard = open_step(store, visitor, draft_id, _place(step))
    typed = sent_lines(sent.values.get("definition", ""))
    return take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=lambda _: typed,
        show=lambda wizard, status: _step_page(request, frame, wizard, typed, status),
    )


@without_form.get("/drafts/{draft_id}/jobs/{number}/{step}")
def show_job_yaml(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    step: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """A step of a job that has no form: the job as YAML."""
    wizard = open_step(store, visitor, draft_id, _place(step, number), request)
    return _step_page(request, frame, wizard, job_text(wizard.view.draft.text, number - 1), 200)


@without_form.post("/drafts/{draft_id}/jobs/{number}/{step}")
def take_job_yaml(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    step: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep the job's text, if it can be read."""
    wizard = open_step(store, visitor, draft_id, _place(step, number))
    typed = sent_lines(sent.values.get("definition", ""))

    def edit(text: str) -> str:
        try:
            return replaced_job(text, number - 1, typed)
        except IndexError:
            raise DefinitionError(()) from None

    return take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _step_page(request, frame, wizard, typed, status),
    )


def _place(step: str, number: int | None = None) -> Place:
    steps = COLLECTION_STEPS if number is None else JOB_STEPS
    if step not in {each.name for each in steps}:
        raise RequestNotFound("There is no such step.")
    return Place(step, None if number is None else number - 1)


def _step_page(request: HttpRequest, frame: Frame, wizard: Wizard, text: str, status: int) -> Response:
    page = YamlPage(wizard, text, whole=False)
    return render(request, "draft_without_form.html", frame, page, status=status)
