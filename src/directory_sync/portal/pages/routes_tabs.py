"""Tabs on Airflow's own pages: *Sync results* of a run, and one job of it.

On any other DAG they say so in a friendly way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse

from directory_sync.errors import RequestError, RequestNotFound
from directory_sync.portal import acting, changes, runs
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.pages.change_list import ChangeList, change_list
from directory_sync.portal.pages.frame import CurrentFrame, Frame, is_part
from directory_sync.portal.pages.rendering import render
from directory_sync.portal.pages.routes_request import ChangePage, Sequence, change_alone
from directory_sync.portal.pages.run_page import NotOurs, job_page, run_page
from directory_sync.portal.pages.waiver_page import WaiverAsk
from directory_sync.portal.queries import LARGEST_NUMBER, ChangeQuery, Order
from directory_sync.portal.runs import RunJob
from directory_sync.portal.storage import CurrentStore
from directory_sync.present.ldif import has_ldif
from directory_sync.store.store import Store

router = APIRouter()

MOST_LOOKS = 40
"""So often a tab looks every three seconds whether a run has begun that is not known yet."""
SLOW_LOOKS = 10
"""Seconds between two looks after that, as long as the run goes on in Airflow."""

Text = Annotated[str, Form()]
Looks = Annotated[int, Query(ge=0, le=MOST_LOOKS)]
GATE_SUFFIXES = (".approval", ".apply", ".settled")
"""Tasks beside a job's own are named after it."""

_NO_RUN = NotOurs(
    "Nothing to show here",
    "This is no run of a directory sync, or it has not begun yet. For runs of a job collection, this tab"
    " shows what each job "
    "read, changed and could not change.",
)
_NO_JOB = NotOurs(
    "Nothing to show here",
    "This task is no job of a directory sync, or its run has not begun yet. For jobs of a collection, this"
    " tab shows each "
    "change, field by field.",
)


@router.get("/embed/run")
def run_tab(
    request: Request,
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
            request, frame, visitor, _NO_RUN, "/embed/run", {"dag_id": dag_id, "run_id": run_id}, looks
        )
    part = f"{frame.root}/embed/run?{urlencode({'dag_id': dag_id, 'run_id': run_id})}"
    return render(request, "run.html", frame, run_page(view, part=part), part="_run.html")


@router.get("/embed/ti")
def task_tab(
    request: Request,
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
        return _not_begun(request, frame, visitor, _NO_JOB, "/embed/ti", address, looks)
    job = view.job(job_of(task_id))
    if job is None:
        return render(request, "not_ours.html", frame, _NO_JOB)
    if looks and is_part(request):
        return _reload()
    listed = _changes(request, frame, visitor, store, job, address)
    if list and listed is not None:
        return render(request, "_changes_rows.html" if more else "_changes_found.html", frame, listed)
    plan_id = job.result.plan_id if job.result is not None else None
    head = None if plan_id is None else changes.visible_plan(store, visitor, plan_id)[0]
    page = job_page(view, job, listed, head, part=f"{frame.root}/embed/ti?{urlencode(address)}")
    return render(
        request, "job.html", frame, page, part="_job.html" if known == page.version else "_job_live.html"
    )


@router.get("/plans/{plan_id}/changes/{sequence}")
def plan_change(
    request: Request,
    plan_id: Annotated[int, Path(ge=1, le=LARGEST_NUMBER)],
    sequence: Sequence,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """One change of a job's plan with its values in full."""
    head, _ = changes.visible_plan(store, visitor, plan_id)
    change = change_alone(store, visitor, plan_id, sequence)
    address = urlencode({"dag_id": head.collection, "run_id": head.run_id, "task_id": head.job})
    page = ChangePage(
        *change, back=f"{frame.root}/embed/ti?{address}", back_text=f"{head.collection} / {head.job}"
    )
    return render(request, "change.html", replace(frame, framed=True), page)


@router.get("/embed/waiver")
def ask_before_waiver(
    request: Request,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: str = "",
    run_id: str = "",
    job: str = "",
) -> Response:
    """The question before limits are asked to be waived: a dialog, or a page where there is no JavaScript."""
    page = _waiver(store, visitor, dag_id, run_id, job)
    return render(request, "waiver.html", frame, page, part="_waiver.html")


@router.post("/embed/waiver")
def ask_for_waiver(
    request: Request,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: Text,
    run_id: Text,
    job: Text,
    reason: Text = "",
) -> Response:
    """Ask for the limits that have stopped a job to be waived once, for exactly its plan."""
    problem = "" if reason.strip() else "Say why so many changes are meant."
    try:
        if not problem:
            acting.ask_for_waiver(store, visitor, dag_id, run_id, job, reason=reason)
    except RequestError as error:
        if type(error) is not RequestError:
            raise
        problem = str(error)
    if problem:
        page = _waiver(store, visitor, dag_id, run_id, job, problem=problem, reason=reason)
        return render(request, "waiver.html", frame, page, status=422)
    query = urlencode({"dag_id": dag_id, "run_id": run_id, "said": "waiver"})
    return RedirectResponse(f"{frame.root}/embed/run?{query}", 303)


def _not_begun(
    request: Request,
    frame: Frame,
    visitor: Visitor,
    page: NotOurs,
    path: str,
    address: Mapping[str, str],
    looks: int,
) -> Response:
    """What is said of a run that the store does not know.

    A person who has just started one is watching: it is looked for again, soon at first, and slowly as long
    as Airflow says that the run goes on. It may be queued for hours.
    """
    if looks < MOST_LOOKS:
        page = replace(page, again=f"{frame.root}{path}?{urlencode({**address, 'looks': looks + 1})}")
    elif _goes_on(visitor, address):
        page = replace(
            page, again=f"{frame.root}{path}?{urlencode({**address, 'looks': MOST_LOOKS})}", pause=SLOW_LOOKS
        )
    return render(request, "not_ours.html", frame, page, part="_not_ours.html")


def _goes_on(visitor: Visitor, address: Mapping[str, str]) -> bool:
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


def _waiver(
    store: Store,
    visitor: Visitor,
    dag_id: str,
    run_id: str,
    name: str,
    *,
    problem: str = "",
    reason: str = "",
) -> WaiverAsk:
    view = runs.read_run(store, visitor, dag_id, run_id)
    job = view.job(name)
    if job is None or not job.may_be_waived or job.result is None or job.result.plan_id is None:
        raise RequestNotFound(
            f"Job {name} of this run was not stopped by a limit, so there is nothing to waive."
        )
    head, _ = changes.visible_plan(store, visitor, job.result.plan_id)
    exceeded = tuple(str(limit) for limit in head.limits if limit.exceeded)
    return WaiverAsk(
        dag_id, run_id, name, exceeded, head.statistics.to_json(), view.hindrance_to_run, problem, reason
    )


def _changes(
    request: Request, frame: Frame, visitor: Visitor, store: Store, job: RunJob, address: dict[str, str]
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
        all=head.changes,
        part=f"{path}&list=found",
        page=f"{path}&",
        hidden=tuple(address.items()),
        detail=f"{frame.root}/plans/{plan_id}/changes",
        downloads=f"{frame.root}/api/v1/plans/{plan_id}/changes",
        ldif=has_ldif(planned),
        applied=head.state != "stored",
    )
