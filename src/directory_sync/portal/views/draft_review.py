"""The last step: everything on one page, what is wrong or worth knowing, and *Finish*."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.collections.saving import Saved
from directory_sync.definition.models import Collection
from directory_sync.errors import (
    CollectionChanged,
    DefinitionError,
    DirectorySyncError,
    DraftChanged,
    SettingsError,
    StoreError,
)
from directory_sync.portal import collections, drafts, previews
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.asked_today import AskedToday, asked_today
from directory_sync.portal.drafts import DraftView
from directory_sync.portal.schedule_text import schedule_text
from directory_sync.portal.shared_files import also_written_by
from directory_sync.portal.storage import CurrentStore, forget_store
from directory_sync.portal.views.approval_words import approval_words
from directory_sync.portal.views.collection_edit import Conflict, conflict_of
from directory_sync.portal.views.frame import CurrentFrame, Frame
from directory_sync.portal.views.job_summary import JobPart, gist_of, limits_text, parts_of
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.wizard import JobNumber, Sent, SentStep, Wizard, leave, open_step
from directory_sync.portal.wizard_steps import Place
from directory_sync.present.definition_changes import ChangeLine, change_lines
from directory_sync.store.drafts import LONGEST_COMMENT, Draft, DraftKind
from directory_sync.store.store import Store

router = APIRouter()

PLACE = Place("review")
TICKS = ("preview", "switch_on")


@dataclass(frozen=True, slots=True)
class ReviewedJob:
    """A job; `approval` says who would have to agree, in words, `gist` what else counts, and `also` who else
    writes the file that is its destination.
    """

    number: int
    name: str
    gist: str
    source: str
    destination: str
    approval: str
    on_failure: str
    enabled: bool
    also: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """The step.

    Attributes:
        wizard: what is around it.
        collection: None while the definition cannot be used.
        schedule: in words.
        notified: whom runs are told to, in words; empty for no one.
        limits: of all jobs, in words; empty for none.
        changes: what is different from the newest version.
        comment: why.
        ticks: what is done when it is finished.
        conflict: another person has saved meanwhile; None if no one has.
    """

    wizard: Wizard
    collection: Collection | None
    schedule: str
    notified: str
    limits: str
    jobs: tuple[ReviewedJob, ...]
    changes: tuple[ChangeLine, ...]
    comment: str
    ticks: dict[str, bool]
    conflict: Conflict | None = None


@dataclass(frozen=True, slots=True)
class JobReviewPage:
    """The last step of a job in a collection.

    Attributes:
        wizard: what is around it.
        parts: the job's other steps, with what was chosen there.
        asked: who would be asked today; None while the definition cannot be used.
    """

    wizard: Wizard
    parts: tuple[JobPart, ...]
    asked: AskedToday | None


@router.get("/drafts/{draft_id}/review")
def show_review(
    request: HttpRequest, draft_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The step."""
    wizard = open_step(store, visitor, draft_id, PLACE, request)
    return _page(request, frame, store, visitor, wizard, wizard.view.draft, 200)


@router.get("/drafts/{draft_id}/jobs/{number}/review")
def show_job_review(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """The last step of a job: of one that stands alone, that of its collection too."""
    wizard = open_step(store, visitor, draft_id, Place("review", number - 1), request)
    if wizard.alone:
        return _page(request, frame, store, visitor, wizard, wizard.view.draft, 200)
    found = wizard.job
    asked = None if found is None else asked_today(visitor, *found, dag_id=wizard.view.draft.collection)
    return render(request, "draft_job_review.html", frame, JobReviewPage(wizard, parts_of(wizard), asked))


@router.post("/drafts/{draft_id}/jobs/{number}/review")
def take_job_review(
    request: HttpRequest,
    draft_id: str,
    number: JobNumber,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Go on, or finish a job that stands alone."""
    place = Place("review", number - 1)
    wizard = open_step(store, visitor, draft_id, place)
    if wizard.alone:
        return _take(request, frame, store, visitor, draft_id, place, sent)
    if sent.do == "next":
        return RedirectResponse(f"{frame.root}{wizard.draft_address}/jobs", 303)
    return leave(frame, wizard, sent.do)


@router.post("/drafts/{draft_id}/review")
def take_review(
    request: HttpRequest,
    draft_id: str,
    sent: Sent,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """Keep comment and ticks; finish, if that is the button."""
    return _take(request, frame, store, visitor, draft_id, PLACE, sent)


def _take(
    request: HttpRequest,
    frame: Frame,
    store: Store,
    visitor: Visitor,
    draft_id: str,
    place: Place,
    sent: SentStep,
) -> Response:
    wizard = open_step(store, visitor, draft_id, place)
    draft = wizard.view.draft
    typed = replace(draft, comment=sent.values.get("comment", ""), ticks=_ticks(sent))
    try:
        kept = drafts.write(
            store, visitor, draft, expected=sent.number, comment=typed.comment, ticks=typed.ticks
        )
        if sent.do not in ("finish", "over"):
            return leave(frame, replace(wizard, view=drafts.judged(store, visitor, kept)), sent.do)
        return _finish(
            frame, store, visitor, kept, over=sent.values.get("over", "") if sent.do == "over" else ""
        )
    except DraftChanged as error:
        newest = open_step(store, visitor, draft_id, place)
        alert = f"{error} Nothing was finished. This page shows the draft as it is now: look at it again."
        return _page(request, frame, store, visitor, replace(newest, alert=alert), typed, 409)
    except CollectionChanged as error:
        conflict = conflict_of(store, error, expected=draft.version)
        now = open_step(store, visitor, draft_id, place)
        return _page(request, frame, store, visitor, now, typed, 409, conflict=conflict)
    except DefinitionError:
        now = open_step(store, visitor, draft_id, place)
        alert = "This cannot be saved yet: correct what is listed below. The draft is kept."
        return _page(request, frame, store, visitor, replace(now, alert=alert), typed, 422)
    except DirectorySyncError as error:
        if isinstance(error, StoreError):
            forget_store()
            raise
        # Comment and ticks may have been kept: the page goes on from there.
        now = open_step(store, visitor, draft_id, place)
        return _page(request, frame, store, visitor, replace(now, alert=str(error)), typed, status_of(error))


def _finish(frame: Frame, store: Store, visitor: Visitor, draft: Draft, *, over: str) -> Response:
    number = int(over) if over.isascii() and over.isdigit() and len(over) < 10 else 0
    on = draft.ticks.get("switch_on", False)
    if draft.kind is not DraftKind.EDIT:
        # A new collection has no DAG yet that could be switched on: the definition says how it begins.
        text = drafts.begun_on(draft.text, on=on)
        draft = drafts.write(store, visitor, draft, expected=draft.number, text=text)
    saved = drafts.finish(store, visitor, draft, over=number)
    name = saved.version.name
    if on and (wrong := _switch_on(store, visitor, name, new=draft.kind is not DraftKind.EDIT)):
        return RedirectResponse(f"{frame.root}/collections/{name}?said={wrong}", 303)
    if draft.ticks.get("preview"):
        return _preview(frame, store, visitor, name)
    return RedirectResponse(f"{frame.root}/collections/{name}?said={_said(saved)}", 303)


def _preview(frame: Frame, store: Store, visitor: Visitor, name: str) -> Response:
    try:
        question = previews.ask_kept(store, visitor, name)
    except DirectorySyncError:
        # It is saved; why there is no preview its page says when it is asked for there.
        return RedirectResponse(f"{frame.root}/collections/{name}?said=collection-saved-no-preview", 303)
    return RedirectResponse(f"{frame.root}/previews/{question.id}?said=preview-of-saved", 303)


def _switch_on(store: Store, visitor: Visitor, name: str, *, new: bool) -> str:
    """Switch it on in Airflow; the code of a message if that was refused, empty if not."""
    if new and not collections.dag_of(name).known:
        return ""
    try:
        collections.switch(store, visitor, name, on=True)
    except DirectorySyncError:
        return "collection-saved-not-on"
    return ""


def _said(saved: Saved) -> str:
    return "collection-saved" if saved.is_new_version else "collection-unchanged"


def _ticks(sent: SentStep) -> dict[str, bool]:
    return {name: name in sent.values for name in TICKS}


def _page(
    request: HttpRequest,
    frame: Frame,
    store: Store,
    visitor: Visitor,
    wizard: Wizard,
    typed: Draft,
    status: int,
    *,
    conflict: Conflict | None = None,
) -> Response:
    view = wizard.view
    collection = view.collection
    ticks = {**_first_ticks(view), **typed.ticks}
    page = ReviewPage(
        wizard=wizard,
        collection=collection,
        schedule="" if collection is None else schedule_text(collection),
        notified="" if collection is None else _notified(collection),
        limits="" if collection is None else limits_text(collection.limits),
        jobs=() if collection is None else _jobs(collection, _shared(store, visitor, view, collection)),
        changes=change_lines(view.changes) if view.draft.kind is DraftKind.EDIT else (),
        comment=typed.comment[: LONGEST_COMMENT * 2],
        ticks=ticks,
        conflict=conflict,
    )
    return render(request, "draft_review.html", frame, page, status=status)


def _first_ticks(view: DraftView) -> dict[str, bool]:
    """What is ticked before the person says anything: what is new is looked at before it runs, and is
    switched on where it has a schedule.
    """
    if view.draft.kind is not DraftKind.EDIT:
        collection = view.collection
        timed = collection is not None and (collection.schedule is not None or not collection.paused)
        return {"preview": True, "switch_on": timed}
    dag = collections.dag_of(view.draft.collection)
    off = dag.known and dag.paused
    return {"preview": False, **({"switch_on": False} if off else {})}


_WHEN = {
    "always": "always",
    "records_updated": "where records are updated",
    "errors": "where one or more errors occur",
    "failure": "where a job fails",
}


def _notified(collection: Collection) -> str:
    notifications = collection.notifications
    if notifications is None:
        return ""
    names: list[str] = []
    for each in notifications.to:
        if isinstance(each, str):
            names.append(each)
        else:
            names += [*each.users, *(f"role {role}" for role in each.roles)]
    return f"{_WHEN[notifications.when.value]}: {', '.join(names)}"


def _shared(
    store: Store, visitor: Visitor, view: DraftView, collection: Collection
) -> Mapping[str, tuple[str, ...]]:
    try:
        return also_written_by(store, visitor, collection, saved_as=view.draft.collection)
    except SettingsError:
        return {}  # told elsewhere on the page


def _jobs(collection: Collection, shared: Mapping[str, tuple[str, ...]]) -> tuple[ReviewedJob, ...]:
    return tuple(
        ReviewedJob(
            number,
            job.name,
            gist_of(collection, job),
            job.source.text,
            job.destination.text,
            approval_words(collection.policy_of(job)),
            job.on_failure.value,
            job.enabled,
            shared.get(job.name, ()),
        )
        for number, job in enumerate(collection.jobs, start=1)
    )
