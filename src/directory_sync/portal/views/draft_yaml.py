"""A draft as YAML: *Show YAML*."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest

from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.typed_texts import sent_lines
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import Sent, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place

router = APIRouter()


@dataclass(frozen=True, slots=True)
class YamlPage:
    """A text to edit.

    Attributes:
        wizard: what is around it.
        text: what stands in the field.
        whole: it is the whole definition: no step of the rail.
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
