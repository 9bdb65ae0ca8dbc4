"""The step *Details* of a collection: what it is called, whose it is, templates to begin with, and what
counts for all of its jobs.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.collections.job_texts import job_count
from directory_sync.forms.sections import COLLECTION_APPROVAL, COLLECTION_LIMITS, DETAILS
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.draft_templates import with_template
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.template_list import ListedTemplate, list_templates
from directory_sync.portal.views.form_step import FormStep, form_step, known_names, same_step, typed_into
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import Sent, Wizard, open_step, take_step
from directory_sync.portal.wizard_steps import Place
from directory_sync.store.drafts import DraftKind

router = APIRouter()

PLACE = Place("details")
SECTIONS = (DETAILS, COLLECTION_APPROVAL, COLLECTION_LIMITS)
_LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class DetailsPage:
    """The step.

    Attributes:
        wizard: what is around it.
        form: its sections.
        suggest: names that fields offer.
        templates: of collections, to begin with.
        jobs: how many the draft has.
    """

    form: FormStep
    suggest: Mapping[str, Sequence[str]]
    templates: tuple[ListedTemplate, ...]
    jobs: int

    @property
    def wizard(self) -> Wizard:
        """What is around the step."""
        return self.form.wizard


@router.get("/drafts/{draft_id}/details")
def show_details(
    request: HttpRequest, draft_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The step."""
    return _page(request, frame, visitor, open_step(store, visitor, draft_id, PLACE, request), 200)


@router.post("/drafts/{draft_id}/details")
def take_details(
    request: HttpRequest,
    draft_id: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep what was typed; take over a template, if that is the button."""
    wizard = open_step(store, visitor, draft_id, PLACE)
    templates = saving_rules(visitor, only_looks=True).templates
    if wizard.view.draft.kind is not DraftKind.EDIT:
        named = [
            (name, suggested(sent.values)) if name == "details.name" and not value.strip() else (name, value)
            for name, value in sent.fields
        ]
        sent = replace(sent, fields=named)

    def again(text: str) -> str:
        return typed_into(text, sent, SECTIONS, templates, PLACE)

    def edit(text: str) -> str:
        text = again(text)
        if sent.do.startswith("template:"):
            return with_template(text, templates, sent.do.removeprefix("template:"))
        return text

    answer = take_step(
        store,
        visitor,
        frame,
        wizard,
        sent,
        edit=edit,
        show=lambda wizard, status: _page(request, frame, visitor, wizard, status),
        again=again,
    )
    if answer.status_code != 303:
        return answer
    if sent.do.startswith("template:"):
        return RedirectResponse(f"{frame.root}{wizard.address}?done=template", 303)
    return same_step(wizard, frame.root, sent.do) or answer


def suggested(values: Mapping[str, str]) -> str:
    """The name that a title suggests; empty if it suggests none."""
    ascii_only = unicodedata.normalize("NFKD", values.get("details.title", "")).encode("ascii", "ignore")
    name = re.sub(r"[^a-z0-9]+", "_", ascii_only.decode().lower()).strip("_")[:_LONGEST_NAME].strip("_")
    return name if name[:1].isalpha() else f"c_{name}" if name else ""


def _page(request: HttpRequest, frame: Frame, visitor: Visitor, wizard: Wizard, status: int) -> Response:
    templates = saving_rules(visitor, only_looks=True).templates
    more = request.query_params.get("more", "")[:200]
    offered: tuple[ListedTemplate, ...] = ()
    if wizard.view.draft.kind is DraftKind.COLLECTION:
        offered = tuple(
            each for each in list_templates(templates) if each.kind == "collections" and not each.problem
        )
    page = DetailsPage(
        form=_title_first(form_step(wizard, SECTIONS, templates, more=more)),
        suggest={"owners": known_names(visitor, wizard)[0]},
        templates=offered,
        jobs=job_count(wizard.view.draft.text),
    )
    return render(request, "draft_details.html", frame, page, status=status)


def _title_first(form: FormStep) -> FormStep:
    """The title suggests the name, so it comes before it."""
    sections = tuple(
        replace(each, parts=tuple(sorted(each.parts, key=lambda part: part.part.topic != "title")))
        if each.name == DETAILS.name
        else each
        for each in form.sections
    )
    return replace(form, sections=sections)
