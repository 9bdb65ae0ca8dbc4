"""The task that closes a run: how each job ended, in the words of tasks and store together, and what that
makes of the run.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection as Names
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from directory_sync.airflow.collection_task import (
    CollectionOperator,
    end_stopped_run,
    fail,
    joined_run,
    left_out,
    open_store,
    stop_of_run,
    task_states,
)
from directory_sync.airflow.lost_task import state_beyond_task
from directory_sync.airflow.run_parameters import read_parameters
from directory_sync.airflow.task_ids import apply_of, approval_of
from directory_sync.definition.models import FailureAction
from directory_sync.errors import DirectorySyncError
from directory_sync.run.task_ends import NOT_IN_THIS_RUN, REMOVED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from directory_sync.definition.models import Job
    from directory_sync.run.result import JobState
    from directory_sync.store.run_stops import RunStop
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

_WRITTEN = frozenset({"success", "success_with_errors", "conflicts"})

log = logging.getLogger(__name__)


class CloseRunOperator(CollectionOperator):
    """Closes a run: figures of all jobs, state of the run.

    The only leaf of the DAG, so its own state is the DAG run's.
    """

    ui_color = "#e5e7eb"

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the closing table and record the run's state. Fails when a job failed, also a *continue* one.

        A job whose changes wait for approval in another run, or were not approved, has not failed. Neither
        has one whose task was killed after it had filed its request; but if jobs were not run because of
        that, the run has failed all the same.
        """
        from directory_sync.airflow.mail import deliver_mail
        from directory_sync.airflow.task_log import table, total
        from directory_sync.present.outcomes import outcome_text
        from directory_sync.present.words import planned_text
        from directory_sync.run.closing import close_run
        from directory_sync.run.result import JobState, has_failed

        parameters = read_parameters(context)
        try:
            with open_store() as store:
                if joined_run(store, context) is None:
                    self._claim_name(store)
                snapshot = self._start_run(store, context, parameters)
                if (stop := stop_of_run(store, context)) is not None:
                    end_stopped_run(store, snapshot, stop)
                tasks, without = self._task_states(context), left_out(snapshot, parameters)
                ends = _Ends(store, snapshot, tasks, without, stopped=stop is not None)
                states = {job.name: ends.of(job) for job in snapshot.collection.enabled_jobs}
                lost = ends.broken_off(states)
                state = JobState.FAILED if lost else _state_of_run(states, snapshot, stop)
                close_run(store, snapshot, state, jobs=states)
                deliver_mail(store)
        except DirectorySyncError as error:
            fail(error, str(error))
        statistics = {job: ends.results[job].statistics if job in ends.results else None for job in states}
        for line in table({job: (each, statistics[job]) for job, each in states.items()}):
            log.info("%s", line)
        for job, each in ends.results.items():
            if each.planned is not None and states.get(job) not in _WRITTEN:
                log.info(
                    "Job %s: %s.", job, planned_text(each.planned, waits=states.get(job) == JobState.WAITING)
                )
        if snapshot.preview_only:
            log.info("This was a preview: nothing was written.")
        outcome = outcome_text(state, wrote=any(each.wrote for each in ends.results.values()))
        log.info("Run %s of collection %s: %s.", snapshot.run_id, snapshot.collection.name, outcome)
        if state is JobState.STOPPED:
            assert stop is not None
            raise AirflowFailException(f"The run was stopped. {stop.text} The table says how far it came.")
        if lost:
            raise AirflowFailException(
                f"The task of job {lost} was lost after it had filed its request, so the jobs after it were"
                " not run (its failure action is abort). The state of the request is in the table above."
                " Start a new run for the other jobs."
            )
        failed = [job for job, each in states.items() if has_failed(each)]
        if failed:
            names = ", ".join(f"{job} ({outcome_text(states[job], wrote=False)})" for job in failed)
            raise AirflowFailException(
                f"{len(failed)} of {len(states)} jobs failed: {names}. Each job's log says why."
            )
        return {
            "state": state.value,
            "statistics": total(iter(statistics.values())).to_json(),
            "jobs": states,
        }

    def _task_states(self, context: Context) -> dict[str, str]:
        names = [job.name for job in self.collection.enabled_jobs]
        return task_states(
            context, [task for name in names for task in (name, approval_of(name), apply_of(name))]
        )


class _Ends:
    """How the jobs of a run ended: as their tasks did, and where the store knows more, in its words."""

    def __init__(
        self,
        store: Store,
        snapshot: Snapshot,
        tasks: Mapping[str, str],
        without: Names[str],
        *,
        stopped: bool,
    ) -> None:
        self.results = {
            each.job: each for each in store.runs.job_results(snapshot.collection.name, snapshot.run_id)
        }
        self._store = store
        self._snapshot = snapshot
        self._tasks = tasks
        self._without = without
        self._stopped = stopped

    def of(self, job: Job) -> str:
        """A `JobState`, or that the job is not in this run, or no longer in the definition."""
        from directory_sync.run.result import JobState
        from directory_sync.store.runs import RUNNING

        result, snapshot = self.results.get(job.name), self._snapshot
        stored = JobState(result.state) if result is not None and result.state in set(JobState) else None
        failed = JobState.FAILED.value
        if stored is not None and stored.failed:
            failed = stored.value
        elif self._stopped and result is not None and result.state == RUNNING:
            # Its process is gone, and what it has written is found out once its lease has ended.
            failed = JobState.STOPPED.value
        after = (self._tasks.get(approval_of(job.name)), self._tasks.get(apply_of(job.name)))
        match self._tasks.get(job.name, "removed"):
            case "success" if job.name in self._without:
                return NOT_IN_THIS_RUN
            case "success" | "failed" if "failed" in after:
                return failed
            case "failed":
                state = state_beyond_task(self._store, snapshot, result)
                return failed if state is None else state.value
            case "success":
                # A real job that failed and is a success now was marked so by hand.
                marked = stored is None or (stored.failed and not snapshot.preview_only)
                return JobState.SUCCESS.value if marked or stored is None else stored.value
            case "removed":
                return REMOVED
            case _:
                return JobState.NOT_RUN.value

    def broken_off(self, states: Mapping[str, str]) -> str:
        """The job whose task was lost though the job has not failed, and because of which others were not
        run; or nothing.
        """
        from directory_sync.run.result import JobState

        for job, after in pairwise(self._snapshot.collection.enabled_jobs):
            is_lost = self._tasks.get(job.name) == "failed" and not JobState(states[job.name]).failed
            if is_lost and job.on_failure is FailureAction.ABORT and states[after.name] == JobState.NOT_RUN:
                return job.name
        return ""


def _state_of_run(states: Mapping[str, str], snapshot: Snapshot, stop: RunStop | None) -> JobState:
    from directory_sync.run.result import JobState, state_of_run, state_of_stopped_run

    if REMOVED in states.values():
        return JobState.FAILED
    known = (JobState(state) for state in states.values() if state != NOT_IN_THIS_RUN)
    judge = state_of_run if stop is None else state_of_stopped_run
    return judge(known, preview_only=snapshot.preview_only)
