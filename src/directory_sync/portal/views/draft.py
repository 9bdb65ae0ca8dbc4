"""Drafts are begun, gone on with and discarded here; their steps are modules of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from directory_sync.collections.documents import renamed
from directory_sync.portal import collections, drafts
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_overview import read_overview
from directory_sync.portal.draft_templates import with_job_template, with_template
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.wizard_steps import COLLECTION_STEPS, Place, first_place, place_of
from directory_sync.store.drafts import DraftKind

router = APIRouter()

_STEPS = frozenset(step.name for step in COLLECTION_STEPS)


@router.post("/drafts")
def begin(
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    kind: Annotated[str, Form()] = "",
    template: Annotated[str, Form()] = "",
    copy: Annotated[str, Form()] = "",
) -> Response:
    """*Create New*: a job collection, or a job that stands alone; from a template of its kind, where one is
    named. *Duplicate*: a copy of a collection, by another name.

    Raises EditRefused, DraftError, CollectionNotFound.
    """
    collections.require_create(visitor)
    what = DraftKind.JOB if kind == DraftKind.JOB.value else DraftKind.COLLECTION
    text = ""
    if copy:
        overview = read_overview(store, visitor, copy)
        what = DraftKind.COLLECTION
        text = renamed(overview.text, f"{copy}_copy", saving_rules(visitor, only_looks=True).templates)
    elif template:
        templates = saving_rules(visitor, only_looks=True).templates
        if what is DraftKind.JOB:
            text = with_job_template(drafts.START_OF_JOB, templates, template)
        else:
            text = with_template(drafts.START, templates, template)
    draft = drafts.begin_new(store, visitor, what, text)
    return RedirectResponse(f"{frame.root}/drafts/{draft.id}/{first_place(what).path}", 303)


@router.post("/collections/{name}/drafts")
def begin_edit(
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    step: Annotated[str, Form()] = "",
) -> Response:
    """*Edit*: the same steps for a saved collection. Raises CollectionNotFound, EditRefused, DraftError."""
    draft = drafts.begin_edit(store, visitor, name)
    went_on = "?done=gone-on" if draft.number > 1 else ""
    first = step if step in _STEPS else "details"
    return RedirectResponse(f"{frame.root}/drafts/{draft.id}/{first}{went_on}", 303)


@router.get("/drafts/{draft_id}")
def go_on(draft_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore) -> Response:
    """*Go on*: the first step in which something is missing or wrong, else the last one."""
    view = drafts.open_draft(store, visitor, draft_id)
    wrong = [place_of(each) for each in view.problems if each.severity == "error"]
    last = Place("review", 0 if view.draft.kind is DraftKind.JOB else None)
    place = min(wrong, key=_order, default=last)
    if not view.readable:
        return RedirectResponse(f"{frame.root}/drafts/{draft_id}/yaml", 303)
    return RedirectResponse(f"{frame.root}/drafts/{draft_id}/{place.path}", 303)


@router.post("/drafts/{draft_id}/discard")
def discard(draft_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore) -> Response:
    """*Discard*: the draft is gone; what is saved stays as it is."""
    draft = store.drafts.get(draft_id, drafts.owner_of(visitor))
    drafts.discard(store, visitor, draft)
    if draft.kind is DraftKind.EDIT:
        return RedirectResponse(
            f"{frame.root}/collections/{draft.collection}?said=collection-draft-gone", 303
        )
    return RedirectResponse(f"{frame.root}/collections?said=draft-discarded", 303)


def _order(place: Place) -> tuple[int, int]:
    names = [step.name for step in COLLECTION_STEPS]
    return (names.index("jobs") if place.job is not None else names.index(place.step), place.job or 0)
