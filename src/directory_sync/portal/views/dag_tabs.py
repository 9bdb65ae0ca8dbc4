"""Tabs on Airflow's pages of a DAG and of a task: the collection, and one job of it across its runs.

On any other DAG they say so in a friendly way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.approval.request import Request
from directory_sync.approval.states import RequestState
from directory_sync.errors import CollectionNotFound
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_overview import Overview, read_overview
from directory_sync.portal.runs import job_of
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.collection import CollectionPage, JobRow, collection_page
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.not_ours import NotOurs
from directory_sync.portal.views.rendering import render
from directory_sync.present.outcomes import outcome_of, outcome_text, wrote_something
from directory_sync.present.times import seconds_text
from directory_sync.present.words import count_kinds, kinds_text
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.run_highlights import JobInRun
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store

router = APIRouter()

SHOWN = 20
"""Requests that wait, and runs of a job, that a tab shows."""

_NO_COLLECTION = NotOurs(
    "Nothing to show here",
    "This DAG is no directory sync. For job collections, this tab shows the jobs, the requests that wait and"
    " the latest runs.",
)
_NO_JOB = NotOurs(
    "Nothing to show here",
    "This task is no job of a directory sync. For jobs of a collection, this tab shows how the job did in its"
    " latest runs.",
)


@dataclass(frozen=True, slots=True)
class CollectionTab:
    """A collection; `waiting`: its requests that wait for a decision, newest first."""

    about: CollectionPage
    waiting: tuple[Request, ...]

    @property
    def overview(self) -> Overview:
        """The collection itself."""
        return self.about.overview


@dataclass(frozen=True, slots=True)
class RunOfJob:
    """A run; `label`, `figures` and `duration` in words. `in_airflow`: it has a page there."""

    run: JobInRun
    outcome: str
    label: str
    figures: str
    duration: str
    in_airflow: bool


@dataclass(frozen=True, slots=True)
class JobTab:
    """A job of a collection; None as `row` where its definition does not have it any more."""

    collection: str
    title: str
    name: str
    row: JobRow | None
    waiting: tuple[Request, ...]
    runs: tuple[RunOfJob, ...]


@router.get("/embed/dag")
def dag_tab(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore, dag_id: str = ""
) -> Response:
    """A collection: its jobs, what waits and the latest runs."""
    try:
        overview = read_overview(store, visitor, dag_id)
    except CollectionNotFound:
        return render(request, "not_ours.html", frame, _NO_COLLECTION)
    page = CollectionTab(collection_page(overview), _waiting(store, dag_id))
    return render(request, "dag_tab.html", frame, page)


@router.get("/embed/task")
def task_of_dag_tab(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: str = "",
    task_id: str = "",
) -> Response:
    """A job of a collection across its runs, for the job's own task and for those named after it."""
    name = job_of(task_id)
    try:
        about = collection_page(read_overview(store, visitor, dag_id))
    except CollectionNotFound:
        return render(request, "not_ours.html", frame, _NO_JOB)
    row = next((each for each in about.jobs if each.job.name == name), None)
    runs = store.run_highlights.of_job(dag_id, name, limit=SHOWN)
    if row is None and not runs:
        return render(request, "not_ours.html", frame, _NO_JOB)
    collection = about.overview.collection
    page = JobTab(
        collection=dag_id,
        title=(collection.title if collection else "") or dag_id,
        name=name,
        row=row,
        waiting=_waiting(store, dag_id, name),
        runs=tuple(map(_run, runs)),
    )
    return render(request, "task_tab.html", frame, page)


def _waiting(store: Store, collection: str, job: str | None = None) -> tuple[Request, ...]:
    wait = RequestFilter(collections=(collection,), job=job, states=(RequestState.PENDING.value,))
    return store.requests.all(wait, limit=SHOWN).requests


def _run(run: JobInRun) -> RunOfJob:
    counted = {} if run.statistics is None else run.statistics.to_json()
    wrote = wrote_something(run.statistics)
    return RunOfJob(
        run=run,
        outcome=outcome_of(run.state, wrote=wrote),
        label=outcome_text(run.state, wrote=wrote),
        figures=kinds_text(count_kinds(counted)) if counted else "",
        duration=seconds_text((run.finished or datetime.now(UTC)) - run.started),
        in_airflow=run.trigger != TERMINAL,
    )
