"""Tabs on Airflow's own pages: *Sync results* of a run, and one job of it.

On any other DAG they say so in a friendly way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest

from directory_sync.approval.request import MessageCode, Request
from directory_sync.approval.states import UNDER_WAY, RequestState
from directory_sync.errors import RequestNotFound
from directory_sync.plan.model import COUNTED_AS, RecordProblem, Statistics
from directory_sync.portal import changes, runs, stopping
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.queries import ChangeQuery, Order
from directory_sync.portal.runs import RunJob, RunView
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import ChangeList, ListLinks, change_list, render_part
from directory_sync.portal.views.frame import CurrentFrame, Frame, is_part
from directory_sync.portal.views.limit_meters import Meter, limit_meters
from directory_sync.portal.views.pattern_table import pattern_table
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.run_stop import StopState, stop_state
from directory_sync.present.ldif import has_ldif
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.progress import applied_share, progress_text
from directory_sync.present.times import seconds_text
from directory_sync.present.words import KindCount, add_statistics, count_kinds, kinds_text
from directory_sync.run import approval_text
from directory_sync.run.result import JobState
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.run_stops import RunStop
from directory_sync.store.runs import RUNNING
from directory_sync.store.store import Store

router = APIRouter()

MOST_LOOKS = 40
"""So often a tab looks every three seconds whether a run has begun that is not known yet."""

SLOW_LOOKS = 10
"""Seconds between two looks after that, as long as the run goes on in Airflow."""

Looks = Annotated[int, Query(ge=0, le=MOST_LOOKS)]

GATE_SUFFIXES = (".approval", ".apply", ".settled", ".ok")
"""Tasks beside a job's own are named after it."""


COLUMNS = tuple(Statistics().to_json())
_CHANGES = frozenset(COUNTED_AS.values())
_SOON, _SLOWLY = 3, 10
"""Seconds between two looks at a run in which something happens, or that waits for somebody."""
SHOWN_PROBLEMS = 100

_WRITTEN = frozenset((RUNNING, *JobState)) - {
    JobState.NOT_RUN,
    *(state for state in JobState if state.only_planned),
}
_PLAIN = frozenset((RUNNING, JobState.SUCCESS, JobState.PREVIEWED, JobState.NOT_RUN))


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of a run.

    Attributes:
        label: of its state.
        figures: its statistics in the order of `COLUMNS`; empty if nothing was counted.
        kinds: what it has changed, worst first.
        planned: what its plan would do, where nothing of it was written, in the order of `COLUMNS`; empty
            otherwise.
        planned_kinds: the same as kinds of change; `waits`: it may still be written.
        source, destination: where it reads and writes, in words.
        duration: in words; empty while it runs or if it has not begun.
        request: what waits for approval, or was approved for it.
        may_be_waived: its limits can be asked to be waived.
        progress: how far it is while it runs, in words; empty otherwise. `share`: changes that have been
            applied, and their total, for a bar; None while that is not known.
    """

    name: str
    state: str
    label: str
    figures: tuple[int, ...]
    kinds: tuple[KindCount, ...]
    planned: tuple[int, ...]
    planned_kinds: tuple[KindCount, ...]
    waits: bool
    source: str
    destination: str
    duration: str
    message: str
    warnings: tuple[str, ...]
    problems: tuple[RecordProblem, ...]
    problems_more: int
    request: Request | None
    has_plan: bool
    may_be_waived: bool
    progress: str
    share: tuple[int, int] | None

    @property
    def kinds_text(self) -> str:
        """What it has changed, in words."""
        return kinds_text(self.kinds)

    @property
    def cells(self) -> tuple[tuple[int, bool], ...]:
        """The cells of a table in the order of `COLUMNS`: a number, and whether it is only planned."""
        if not self.planned:
            return tuple((number, False) for number in self.figures)
        counted = self.figures or (0,) * len(COLUMNS)
        return tuple(
            (planned, True) if name in _CHANGES else (number, False)
            for name, number, planned in zip(COLUMNS, counted, self.planned, strict=True)
        )

    @property
    def planned_text(self) -> str:
        """What its plan would do, in words."""
        return kinds_text(self.planned_kinds)

    @property
    def awaited(self) -> bool:
        """Whether all there is to say of it is that its request waits for a decision."""
        return self.state == JobState.WAITING and self.request is not None and self.request.pending

    @property
    def asked_text(self) -> str:
        """What its request asks for, in words."""
        return "" if self.request is None else kinds_text(count_kinds(self.request.statistics))

    @property
    def notable(self) -> bool:
        """Whether there is more to say than its figures do."""
        return bool(self.request or self.warnings or self.problems) or self.state not in _PLAIN


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


@dataclass(frozen=True, slots=True)
class NotOurs:
    """A tab on something that is no run of a collection.

    `again`: where to look whether it has become one, every `pause` seconds. `stop`: query of the page that
    keeps a run of a collection from beginning; empty if it is none. `stopped`: that a person has done so.
    """

    title: str
    text: str
    again: str = ""
    pause: int = _SOON
    stop: str = ""
    stopped: RunStop | None = None


def run_page(view: RunView, *, part: str) -> RunPage:
    """What the tab on a run shows. `part`: its own address."""
    rows = tuple(job_row(job) for job in view.jobs)
    totals = tuple(
        sum(numbers) for numbers in zip(*(row.figures for row in rows if row.figures), strict=True)
    )
    totals = totals or (0,) * len(COLUMNS)
    planned = add_statistics(dict(zip(COLUMNS, row.planned, strict=True)) for row in rows if row.planned)
    live = any(_is_live(row) for row in rows) or _goes_on(view) or (view.stop is not None and not view.ended)
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
    live = _is_live(row) or (job.result is None and _goes_on(view))
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


def job_row(job: RunJob) -> JobRow:
    """One job of a run as pages show it."""
    result = job.result
    statistics = result.statistics.to_json() if result is not None and result.statistics is not None else {}
    request = job.request
    duration = ""
    if result is not None and result.finished is not None:
        duration = seconds_text(result.finished - result.started)
    elif result is not None:
        duration = f"for {seconds_text(datetime.now(UTC) - result.started)}"
    problems = result.problems if result is not None else ()
    planned = job.planned.to_json() if job.planned is not None else {}
    progress = None if result is None or job.state != RUNNING else result.progress
    label = outcome_text(job.state, wrote=result is not None and result.wrote)
    return JobRow(
        name=job.job.name,
        state=job.state,
        label=label,
        figures=tuple(statistics[name] for name in COLUMNS) if statistics else (),
        kinds=count_kinds(statistics),
        planned=tuple(planned[name] for name in COLUMNS) if planned else (),
        planned_kinds=count_kinds(planned),
        waits=bool(planned) and job.state == JobState.WAITING,
        source=job.job.source.text,
        destination=job.job.destination.text,
        duration=duration,
        message="" if result is None or result.code is MessageCode.DONE else result.message,
        warnings=result.warnings if result is not None else (),
        problems=problems[:SHOWN_PROBLEMS],
        problems_more=max(0, len(problems) - SHOWN_PROBLEMS),
        request=request,
        has_plan=result is not None and result.plan_id is not None,
        may_be_waived=job.may_be_waived and not (request is not None and request.pending),
        progress="" if progress is None else progress_text(progress),
        share=None if progress is None else applied_share(progress),
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
    """Whether anything can still come: the run was not closed, or somebody has yet to decide or to be
    followed.
    """
    open_requests = any(each.request is not None and each.request.state in UNDER_WAY for each in view.jobs)
    return view.snapshot.finished is None or open_requests


def _is_live(row: JobRow) -> bool:
    """Whether it changes by itself within seconds."""
    return row.state == RUNNING or _is_about_to_be_applied(row.request)


def _is_about_to_be_applied(request: Request | None) -> bool:
    return (
        request is not None
        and request.state is RequestState.APPROVED
        and not approval_text.needs_somebody(request)
    )


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
        return _not_begun(
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
        return _not_begun(request, frame, visitor, store, _NO_JOB, "/embed/ti", address, looks)
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


def _not_begun(
    request: HttpRequest,
    frame: Frame,
    visitor: Visitor,
    store: Store,
    page: NotOurs,
    path: str,
    address: Mapping[str, str],
    looks: int,
) -> Response:
    """What is said of a run that the store does not know.

    A person who has just started one is watching: it is looked for again, soon at first, and slowly as long
    as Airflow says that the run goes on. It may be queued for hours.
    """
    page = _with_stop(page, visitor, store, address)
    if page.stopped is not None:
        return render(request, "not_ours.html", frame, page, part="_not_ours.html")
    if looks < MOST_LOOKS:
        page = replace(page, again=f"{frame.root}{path}?{urlencode({**address, 'looks': looks + 1})}")
    elif _goes_on_in_airflow(visitor, address):
        page = replace(
            page, again=f"{frame.root}{path}?{urlencode({**address, 'looks': MOST_LOOKS})}", pause=SLOW_LOOKS
        )
    return render(request, "not_ours.html", frame, page, part="_not_ours.html")


def _with_stop(page: NotOurs, visitor: Visitor, store: Store, address: Mapping[str, str]) -> NotOurs:
    """The same for a run that Airflow holds queued, which can be kept from beginning."""
    try:
        found = stopping.read_stoppable(store, visitor, address["dag_id"], address["run_id"])
    except RequestNotFound:
        return page
    query = urlencode({"dag_id": found.collection, "run_id": found.run_id})
    may_stop = found.stop is None and not found.ended and not found.why_not
    return replace(page, stop=query if may_stop else "", stopped=found.stop)


def _goes_on_in_airflow(visitor: Visitor, address: Mapping[str, str]) -> bool:
    if not visitor.may_see(address["dag_id"]):
        return False
    run = visitor.rights.run_of(address["dag_id"], address["run_id"])
    return run.identity is not None and not run.over


def _reload() -> Response:
    """Let the browser load the whole tab: there is more to show now than the part that it follows."""
    return Response(headers={"HX-Refresh": "true", "Cache-Control": "no-store"})


def job_of(task_id: str) -> str:
    """The job that a task belongs to: a job's own task has its name, the others have it before a dot."""
    for suffix in GATE_SUFFIXES:
        if task_id.endswith(suffix):
            return task_id.removesuffix(suffix)
    return task_id


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
