"""The pages of a preview: how far it is, what each job would do, and what an edit itself causes.

They are for the person who has asked, and for no one else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Action
from directory_sync.errors import PreviewNotFound
from directory_sync.plan.comparison import Presence
from directory_sync.plan.effects import EffectGroup
from directory_sync.portal import changes, previews
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.codes import PreviewStanding
from directory_sync.portal.preview_text import progress_text, standing_text
from directory_sync.portal.previews import PreviewJob, PreviewView, ShownEffects
from directory_sync.portal.queries import ChangeQuery, EffectQuery, Order
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import ChangeList, ListLinks, change_list, render_part
from directory_sync.portal.views.comparison import DifferenceShown, show_difference
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.job_rows import COLUMNS, JobRow, job_row
from directory_sync.portal.views.limit_meters import Meter, limit_meters
from directory_sync.portal.views.pattern_table import pattern_table
from directory_sync.portal.views.rendering import render
from directory_sync.present.effects import group_text
from directory_sync.present.ldif import has_ldif
from directory_sync.present.word_marks import Marking
from directory_sync.present.words import KindCount, count_kinds
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.store import Store

router = APIRouter()

Texts = Annotated[Sequence[str], Form()]

_REMOVALS = (Action.DELETE, Action.DISABLE, Action.MOVE)
_SOON, _SLOWLY = 2, 10
"""Seconds between two looks at a preview that is being made, or that waits for a worker."""

PRESENCE = {
    Presence.ONLY_NEW: "Only with the edit",
    Presence.CHANGED: "Differently with the edit",
    Presence.ONLY_OLD: "No longer with the edit",
}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """Objects at which the edit makes the same difference; `number` of the group from 1."""

    number: int
    text: str
    objects: int
    presence: Presence
    tone: str


@dataclass(frozen=True, slots=True)
class JobOfPreview:
    """One job.

    Attributes:
        asked: by the definition that was asked about; None if that does not have it.
        saved: by the saved version; None likewise, or where nothing is compared.
        groups: what the edit causes, worst first; None where nothing was compared.
        same_listing: both plans were made of the same listings.
    """

    name: str
    asked: JobRow | None
    saved: JobRow | None
    groups: tuple[GroupRow, ...] | None
    same_listing: bool


@dataclass(frozen=True, slots=True)
class PreviewPage:
    """A preview.

    Attributes:
        text: how it stands, in words; `remedy` what to do about it, empty if nothing.
        progress: how far it is, in words; empty if that is not known.
        follow: seconds after which the page looks again; 0 at the end.
    """

    view: PreviewView
    jobs: tuple[JobOfPreview, ...]
    columns: tuple[str, ...]
    text: str
    remedy: str
    progress: str
    follow: int

    @property
    def standing(self) -> PreviewStanding:
        """How it stands."""
        return self.view.standing

    @property
    def compared(self) -> bool:
        """Whether it is an edit that is compared with what is saved."""
        return self.view.question.is_edit

    @property
    def caused(self) -> int:
        """At how many objects the edit makes a difference."""
        return sum(row.objects for job in self.jobs for row in job.groups or ())

    @property
    def all_compared(self) -> bool:
        """Whether that is known of every job."""
        return all(job.groups is not None for job in self.jobs)


@dataclass(frozen=True, slots=True)
class PreviewJobPage:
    """One job with its changes.

    Attributes:
        saved: they are those of the saved version, not of what was asked about.
        kinds: what it would do.
    """

    view: PreviewView
    name: str
    saved: bool
    job: JobRow
    columns: tuple[str, ...]
    kinds: tuple[KindCount, ...]
    meters: tuple[Meter, ...]
    changes: ChangeList | None


@dataclass(frozen=True, slots=True)
class EffectsPage:
    """What an edit causes at one job; `chosen` the group that is shown, None for all."""

    view: PreviewView
    job: str
    found: ShownEffects
    query: EffectQuery
    groups: tuple[GroupRow, ...]
    differences: tuple[DifferenceShown, ...]

    @property
    def chosen(self) -> GroupRow | None:
        """The group whose objects are shown; None for all."""
        return next((row for row in self.groups if row.number == self.query.group), None)

    @property
    def next(self) -> str:
        """Query of what follows; empty at the end."""
        return "" if self.found.next is None else self._query(after=self.found.next)

    @property
    def first(self) -> str:
        """Query of the beginning."""
        return self._query()

    def _query(self, **more: int) -> str:
        given = {"group": self.query.group, "search": self.query.search or None, **more}
        return urlencode({name: value for name, value in given.items() if value is not None})


@router.post("/collections/{name}/preview")
def ask(
    name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore, jobs: Texts = ()
) -> Response:
    """Ask what a collection would do as it is saved."""
    question = previews.ask_kept(store, visitor, name, jobs=[job for job in jobs if job])
    return RedirectResponse(f"{frame.root}/previews/{question.id}", 303)


@router.get("/previews/{preview_id}")
def show(
    request: HttpRequest, preview_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """A preview, live while it is being made."""
    view = previews.read_preview(store, visitor, preview_id)
    text, remedy = standing_text(view.standing)
    follow = _SOON if view.standing in (PreviewStanding.RUNNING, PreviewStanding.WAITING) else _SLOWLY
    page = PreviewPage(
        view=view,
        jobs=tuple(map(_job, view.jobs)),
        columns=COLUMNS,
        text=text,
        remedy=remedy,
        progress=progress_text(view.question.progress) if view.standing is PreviewStanding.RUNNING else "",
        follow=follow if view.standing.goes_on else 0,
    )
    return render(request, "preview.html", frame, page, part="_preview.html")


@router.post("/previews/{preview_id}/cancel")
def cancel(preview_id: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore) -> Response:
    """End it; nothing was written in any case."""
    previews.cancel(store, visitor, preview_id)
    return RedirectResponse(f"{frame.root}/previews/{preview_id}", 303)


@router.get("/previews/{preview_id}/jobs/{job}")
def show_job(
    request: HttpRequest,
    preview_id: str,
    job: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    saved: str = "",
    list: str = "",
    more: str = "",
) -> Response:
    """One job with its changes; with `saved` those of the version that an edit is compared with.

    With `list` what a filter lets through alone, with `more` the rows that follow.
    """
    view, found = _of_job(store, visitor, preview_id, job)
    planned = found.saved if saved else found.asked
    if planned is None:
        raise PreviewNotFound(f"This preview has no plan of the job {job}.")
    plan_id = planned.result.plan_id if planned.result is not None else None
    listed, head = None, None
    if plan_id is not None:
        head, definition = changes.visible_plan(store, visitor, plan_id)
        path = f"{frame.root}/previews/{preview_id}/jobs/{job}"
        listed = _listed(request, store, visitor, head, definition, path, frame.root, saved=bool(saved))
        if list:
            return render_part(request, frame, listed, more=bool(more))
    page = PreviewJobPage(
        view=view,
        name=job,
        saved=bool(saved),
        job=job_row(planned),
        columns=COLUMNS,
        kinds=() if head is None else count_kinds(head.statistics.to_json()),
        meters=() if head is None else limit_meters(head.limits),
        changes=listed,
    )
    return render(request, "preview_job.html", frame, page)


@router.get("/previews/{preview_id}/jobs/{job}/effects")
def show_effects(
    request: HttpRequest,
    preview_id: str,
    job: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """What the edit causes at one job, object by object, worst first."""
    view, _ = _of_job(store, visitor, preview_id, job)
    query = EffectQuery.read(request.query_params.multi_items())
    found = previews.read_effects(store, visitor, preview_id, job, query)
    marking = Marking()
    page = EffectsPage(
        view=view,
        job=job,
        found=found,
        query=query,
        groups=tuple(_groups(found.effects.effects.groups)),
        differences=tuple(show_difference(each, marking, PRESENCE) for each in found.differences),
    )
    return render(request, "preview_effects.html", frame, page)


def _of_job(store: Store, visitor: Visitor, preview_id: str, job: str) -> tuple[PreviewView, PreviewJob]:
    view = previews.read_preview(store, visitor, preview_id)
    found = view.job(job)
    if found is None:
        raise PreviewNotFound(f"This preview has no job {job}.")
    return view, found


def _listed(
    request: HttpRequest,
    store: Store,
    visitor: Visitor,
    head: PlanHead,
    job: Job,
    path: str,
    root: str,
    *,
    saved: bool,
) -> ChangeList:
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    side = "saved=1&" if saved else ""
    return change_list(
        changes.read_changes(store, visitor, head.id, query),
        query,
        ListLinks(
            part=f"{path}?{side}list=found",
            page=f"{path}?{side}",
            detail=f"{root}/plans/{head.id}/changes",
            downloads=f"{root}/api/v1/plans/{head.id}/changes",
            hidden=(("saved", "1"),) if saved else (),
        ),
        all=head.changes,
        ldif=has_ldif(job),
        applied=False,
        patterns=pattern_table(store, visitor, head.id, query.pattern),
    )


def _job(job: PreviewJob) -> JobOfPreview:
    effects = job.effects
    return JobOfPreview(
        name=job.name,
        asked=None if job.asked is None else job_row(job.asked),
        saved=None if job.saved is None else job_row(job.saved),
        groups=None if effects is None else tuple(_groups(effects.effects.groups)),
        same_listing=effects is not None and effects.same_listing,
    )


def _groups(groups: Iterable[EffectGroup]) -> Iterable[GroupRow]:
    for number, group in enumerate(groups, 1):
        removal = group.new in _REMOVALS and group.new is not group.old
        tone = "bad" if removal else ""
        yield GroupRow(number, group_text(group), group.number, group.presence, tone)
