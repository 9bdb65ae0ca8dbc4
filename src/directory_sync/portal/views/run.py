"""Tabs on Airflow's own pages: *Sync results* of a run, and one job of it.

On any other DAG they say so in a friendly way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest

from directory_sync.approval.states import UNDER_WAY
from directory_sync.errors import RequestNotFound
from directory_sync.portal import changes, runs
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.queries import ChangeQuery, Order
from directory_sync.portal.runs import RunJob, RunView, job_of
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import ChangeList, ListLinks, change_list, render_part
from directory_sync.portal.views.frame import CurrentFrame, Frame, is_part
from directory_sync.portal.views.job_rows import COLUMNS, JobRow, is_live, job_row
from directory_sync.portal.views.limit_meters import Meter, limit_meters
from directory_sync.portal.views.not_ours import Looks, NotOurs, not_begun
from directory_sync.portal.views.pattern_table import pattern_table
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.run_stop import StopState, stop_state
from directory_sync.present.ldif import has_ldif
from directory_sync.present.words import KindCount, add_statistics, count_kinds, kinds_text
from directory_sync.run.result import JobState
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.runs import RUNNING
from directory_sync.store.store import Store

router = APIRouter()

_SOON, _SLOWLY = 3, 10
"""Seconds between two looks at a run in which something happens, or that waits for someone."""
_WRITTEN = frozenset((RUNNING, *JobState)) - {
    JobState.NOT_RUN,
    *(state for state in JobState if state.only_planned),
}


@dataclass(frozen=True, slots=True)
class RunPage:
    """One run.

    Attributes:
        view: what is known of it.
        totals: of all jobs, in the order of `COLUMNS`.
        planned_kinds: what the jobs have planned of which nothing was written; `planned_waits`: some of it
            may still be.
        stop: what there is to say about stopping it.
        live: something happens now; `follow`: seconds after which the page looks again, 0 at the end.
        part: address of what is followed.
    """

    view: RunView
    jobs: tuple[JobRow, ...]
    columns: tuple[str, ...]
    totals: tuple[int, ...]
    kinds: tuple[KindCount, ...]
    planned_kinds: tuple[KindCount, ...]
    planned_waits: bool
    stop: StopState
    live: bool
    follow: int
    part: str

    @property
    def kinds_text(self) -> str:
        """What all jobs have changed, in words."""
        return kinds_text(self.kinds)

    @property
    def planned_text(self) -> str:
        """What was planned and not written, in words."""
        return kinds_text(self.planned_kinds)

    @property
    def definition_text(self) -> str:
        """Which version of the definition the run goes by, in words; empty where that was not noted."""
        origin = self.view.snapshot.came_from
        if origin is None:
            return ""
        if origin.file is None:
            return f"version {self.view.snapshot.version} of the saved collection"
        return origin.words

    @property
    def waiting(self) -> tuple[JobRow, ...]:
        """Jobs whose request waits for a decision."""
        return tuple(job for job in self.jobs if job.request is not None and job.request.pending)


@dataclass(frozen=True, slots=True)
class JobPage:
    """One job of a run, with its changes.

    Attributes:
        kinds: what it has written; or what it has planned, where `written` says that nothing was.
        changes: None where it has no plan.
        version: changes with what its list of changes shows, so that the list is fetched again only then.
        view, stop, live, follow: as of a run.
    """

    view: RunView
    job: JobRow
    columns: tuple[str, ...]
    kinds: tuple[KindCount, ...]
    written: bool
    meters: tuple[Meter, ...]
    changes: ChangeList | None
    version: str
    stop: StopState
    live: bool
    follow: int
    part: str

    @property
    def kinds_text(self) -> str:
        """What it has written or planned, in words."""
        return kinds_text(self.kinds)


def run_page(view: RunView, *, part: str) -> RunPage:
    """What the tab on a run shows. `part`: its own address."""
    rows = tuple(job_row(job) for job in view.jobs)
    totals = tuple(
        sum(numbers) for numbers in zip(*(row.figures for row in rows if row.figures), strict=True)
    )
    totals = totals or (0,) * len(COLUMNS)
    planned = add_statistics(dict(zip(COLUMNS, row.planned, strict=True)) for row in rows if row.planned)
    live = any(is_live(row) for row in rows) or _goes_on(view) or (view.stop is not None and not view.ended)
    return RunPage(
        view=view,
        jobs=rows,
        columns=COLUMNS,
        totals=totals,
        kinds=count_kinds(dict(zip(COLUMNS, totals, strict=True))),
        planned_kinds=count_kinds(planned),
        planned_waits=any(row.waits for row in rows),
        stop=stop_state(view),
        live=live,
        follow=_SOON if live else _SLOWLY if _is_open(view) else 0,
        part=part,
    )


def job_page(
    view: RunView, job: RunJob, changes: ChangeList | None, plan: PlanHead | None, *, part: str
) -> JobPage:
    """What the tab on a job shows. `plan`: its plan's head, if it has one; `part`: its own address."""
    row = job_row(job)
    written = job.state in _WRITTEN
    live = is_live(row) or (job.result is None and _goes_on(view))
    return JobPage(
        view=view,
        job=row,
        columns=COLUMNS,
        kinds=row.kinds if written or plan is None else count_kinds(plan.statistics.to_json()),
        written=written,
        meters=() if plan is None else limit_meters(plan.limits),
        changes=changes,
        version=f"{job.state}-{job.result.attempt if job.result else 0}-{plan.id if plan else 0}",
        stop=stop_state(view),
        live=live,
        follow=_SOON if live else _SLOWLY if _is_open(view) else 0,
        part=part,
    )


def _goes_on(view: RunView) -> bool:
    """Whether the next job is about to begin: none is left behind by a closed run, or by a job that holds up
    the others.
    """
    if view.ended:
        return False
    for each in view.jobs:
        if each.result is None:
            return True
        if each.job.wait_for_approval and each.request is not None and each.request.pending:
            return False
    return False


def _is_open(view: RunView) -> bool:
    """Whether anything can still come: the run was not closed, or someone has yet to decide or to be
    followed.
    """
    open_requests = any(each.request is not None and each.request.state in UNDER_WAY for each in view.jobs)
    return view.snapshot.finished is None or open_requests


_NO_RUN = NotOurs(
    "Nothing to show here",
    "This is no run of a directory sync, or it has not begun yet. For runs of a job collection, this tab"
    " shows what each job read, changed and could not change.",
)
_NO_JOB = NotOurs(
    "Nothing to show here",
    "This task is no job of a directory sync, or its run has not begun yet. For jobs of a collection, this"
    " tab shows each change, field by field.",
)


@router.get("/embed/run")
def run_tab(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: str = "",
    run_id: str = "",
    looks: Looks = 0,
) -> Response:
    """All jobs of a run, live while they run."""
    try:
        view = runs.read_run(store, visitor, dag_id, run_id)
    except RequestNotFound:
        return not_begun(
            request, frame, visitor, store, _NO_RUN, "/embed/run", {"dag_id": dag_id, "run_id": run_id}, looks
        )
    part = f"{frame.root}/embed/run?{urlencode({'dag_id': dag_id, 'run_id': run_id})}"
    return render(request, "run.html", frame, run_page(view, part=part), part="_run.html")


@router.get("/embed/ti")
def task_tab(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: str = "",
    run_id: str = "",
    task_id: str = "",
    list: str = "",
    more: str = "",
    known: Annotated[str, Query(max_length=200)] = "",
    looks: Looks = 0,
) -> Response:
    """One job of a run with its changes.

    With `list` what a filter lets through alone, with `more` the rows that follow; with `known`, the version
    of the job that a page follows, the list of changes only if it is another one now.
    """
    address = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id}
    try:
        view = runs.read_run(store, visitor, dag_id, run_id)
    except RequestNotFound:
        return not_begun(request, frame, visitor, store, _NO_JOB, "/embed/ti", address, looks)
    job = view.job(job_of(task_id))
    if job is None:
        return render(request, "not_ours.html", frame, _NO_JOB)
    if looks and is_part(request):
        return _reload()
    listed = _changes(request, frame, visitor, store, job, address)
    if list and listed is not None:
        return render_part(request, frame, listed, more=bool(more))
    plan_id = job.result.plan_id if job.result is not None else None
    head = None if plan_id is None else changes.visible_plan(store, visitor, plan_id)[0]
    page = job_page(view, job, listed, head, part=f"{frame.root}/embed/ti?{urlencode(address)}")
    return render(
        request, "job.html", frame, page, part="_job.html" if known == page.version else "_job_live.html"
    )


def _reload() -> Response:
    """Let the browser load the whole tab: there is more to show now than the part that it follows."""
    return Response(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})


def _changes(
    request: HttpRequest, frame: Frame, visitor: Visitor, store: Store, job: RunJob, address: dict[str, str]
) -> ChangeList | None:
    if job.result is None or job.result.plan_id is None:
        return None
    plan_id = job.result.plan_id
    head, planned = changes.visible_plan(store, visitor, plan_id)
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    path = f"{frame.root}/embed/ti?{urlencode(address)}"
    return change_list(
        changes.read_changes(store, visitor, plan_id, query),
        query,
        ListLinks(
            part=f"{path}&list=found",
            page=f"{path}&",
            detail=f"{frame.root}/plans/{plan_id}/changes",
            downloads=f"{frame.root}/api/v1/plans/{plan_id}/changes",
            hidden=tuple(address.items()),
        ),
        all=head.changes,
        ldif=has_ldif(planned),
        applied=head.state != "stored",
        patterns=pattern_table(store, visitor, plan_id, query.pattern),
    )
