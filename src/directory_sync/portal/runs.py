"""One run of a collection as people are shown it: its jobs, their figures, plans and requests."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from directory_sync.approval.request import Request
from directory_sync.definition.models import Job
from directory_sync.errors import PlanMismatch, RequestNotFound
from directory_sync.plan.model import Statistics
from directory_sync.portal.access import Visitor, not_found
from directory_sync.portal.run_in_airflow import OtherRun, is_left_behind, other_run
from directory_sync.run.result import JobState
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.run_model import StoredJobResult
from directory_sync.store.run_stops import RunStop
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store

_OTHER_TASKS = (".approval", ".apply", ".settled", ".ok")
"""Ends of the tasks next to a job's own, which are named after it."""
_ONLY_PLANNED = frozenset(state for state in JobState if state.only_planned)


@dataclass(frozen=True, slots=True)
class RunJob:
    """One job of a run.

    Attributes:
        job: as the run's definition has it.
        result: its latest attempt; None if it has not begun.
        state: the attempt's state (`running`, or a `JobState`), `not_run` if there is none.
        request: what this run has filed for it; or the pending request of an older run that it refers to;
            None if there is none.
        planned: what its plan would do, where nothing of it was written; None otherwise.
        may_be_waived: it was stopped by a limit, so that `acting.ask_for_waiver` is possible.
    """

    job: Job
    result: StoredJobResult | None
    state: str
    request: Request | None
    planned: Statistics | None
    may_be_waived: bool


@dataclass(frozen=True, slots=True)
class RunView:
    """One run.

    Attributes:
        snapshot: who started it, when, and the definition that counts.
        jobs: in the definition's order.
        other: the run that Airflow has by this id now, where that is another one; None otherwise.
        ended: nothing of it goes on: it was closed, or has ended in Airflow otherwise, by hand for example.
        stop: that a person has stopped it; None if no one has.
        why_not_run: why the visitor may not start runs of the collection (or ask for waivers); empty if
            they may.
    """

    snapshot: Snapshot
    jobs: tuple[RunJob, ...]
    why_not_run: str
    other: OtherRun | None = None
    ended: bool = False
    stop: RunStop | None = None

    def job(self, name: str) -> RunJob | None:
        """The job of that name, or None."""
        return next((each for each in self.jobs if each.job.name == name), None)


def read_run(store: Store, visitor: Visitor, collection: str, run_id: str) -> RunView:
    """A run that has begun. Raises RequestNotFound if there is none that the visitor may see."""
    snapshot = store.runs.find(collection, run_id)
    if snapshot is None or not visitor.may_see(snapshot.current_name):
        raise RequestNotFound(not_found(f"run {run_id} of {collection}"))
    results = {result.job: result for result in store.runs.job_results(collection, run_id)}
    jobs = tuple(
        run_job(store, snapshot, job, results.get(job.name)) for job in snapshot.collection.enabled_jobs
    )
    found = visitor.rights.run_of(collection, run_id)
    ended = snapshot.finished is not None or (
        snapshot.trigger != TERMINAL and is_left_behind(store, collection, found)
    )
    other = other_run(store, collection, found)
    stop = store.run_stops.of(collection, run_id)
    return RunView(snapshot, jobs, visitor.why_not_run(snapshot.current_name), other, ended, stop)


def run_job(store: Store, snapshot: Snapshot, job: Job, result: StoredJobResult | None) -> RunJob:
    """One job of a run, with its latest attempt; None if it has not begun."""
    state = JobState.NOT_RUN.value if result is None else result.state
    request = None if result is None else _request_of(store, snapshot, result)
    # No later run makes this very plan: it has the name in it.
    renamed = snapshot.current_name != snapshot.collection.name
    stopped = state == JobState.STOPPED_BY_LIMIT and result is not None and result.plan_id is not None
    planned = None if result is None or state not in _ONLY_PLANNED else _planned(store, result, request)
    return RunJob(
        job,
        result,
        state,
        request,
        planned,
        may_be_waived=stopped and not snapshot.preview_only and not renamed,
    )


def _planned(store: Store, result: StoredJobResult, request: Request | None) -> Statistics | None:
    """What the plan would do; earlier versions noted that with the plan and the request only."""
    if result.planned is not None:
        return result.planned
    if request is not None:
        known = Statistics().to_json()
        return Statistics(**{name: number for name, number in request.statistics.items() if name in known})
    with contextlib.suppress(PlanMismatch):  # deleted by hand
        return None if result.plan_id is None else store.plan_pages.head(result.plan_id).statistics
    return None


def _request_of(store: Store, snapshot: Snapshot, result: StoredJobResult) -> Request | None:
    """The request that the job's last attempt names, which may be another run's; else the last one that this
    run has filed.
    """
    if result.request_id is not None:
        with contextlib.suppress(RequestNotFound):
            return store.requests.get(result.request_id).request
    return store.requests.of_run(snapshot.id, result.job)


def plan_head(store: Store, job: RunJob | None) -> PlanHead | None:
    """The head of the plan that a job's latest attempt has made; None if there is none, or no longer."""
    if job is None or job.result is None or job.result.plan_id is None:
        return None
    with contextlib.suppress(PlanMismatch):  # deleted by hand
        return store.plan_pages.head(job.result.plan_id)
    return None


def job_of(task_id: str) -> str:
    """The job that a task belongs to: a job's own task has its name, the others have it before a dot."""
    for suffix in _OTHER_TASKS:
        if task_id.endswith(suffix):
            return task_id.removesuffix(suffix)
    return task_id
