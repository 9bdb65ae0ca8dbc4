"""The task that runs a job of a collection, previews it, or files a request where its plan needs
approval.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from directory_sync.airflow.collection_task import (
    WorkingOperator,
    end_stopped_run,
    fail,
    left_out,
    stop_of_run,
    task_states,
)
from directory_sync.airflow.request_link import RequestLink
from directory_sync.airflow.run_parameters import read_parameters
from directory_sync.airflow.task_ids import approval_of
from directory_sync.run.task_ends import NOT_IN_THIS_RUN

if TYPE_CHECKING:
    from airflow.sdk import Context

    from directory_sync.definition.models import Job
    from directory_sync.run.replanning import Tries
    from directory_sync.run.result import JobResult
    from directory_sync.store.run_stops import RunStop
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

log = logging.getLogger(__name__)


class SyncJobOperator(WorkingOperator):
    """Runs one job of a collection, or previews it.

    Args:
        job: its name.
        collection: the definition as this task has loaded it. If this is the first task of its run, the run
            goes by it; else it counts where it is stricter, in policy or limits. Of a saved collection the
            newest version does.
        definition_digest: names that definition.

    Returns a small summary as XCom. Fails for good when the job failed, except for a cause that may pass by
    itself, which Airflow retries as often as the job's `retries` says. Record errors and conflicts are no
    failure: they are warnings in the log. Neither is a limit in a preview, so that the jobs after it are
    previewed too; the run fails when it is closed. A job whose plan waits for approval has succeeded: its
    request is filed, and the tasks next to it see to the rest.
    """

    ui_color = "#dbeafe"
    operator_extra_links = (RequestLink(),)

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.request: int | None = None

    def _work(self, store: Store, context: Context) -> dict[str, Any]:
        from directory_sync import settings
        from directory_sync.airflow.task_log import log_result
        from directory_sync.run.result import JobState

        parameters = read_parameters(context)
        if (stop := stop_of_run(store, context)) is not None:
            self._end(store, self._start_run(store, context, parameters), stop)
        self._claim_name(store)
        snapshot = self._start_run(store, context, parameters)
        without = left_out(snapshot, parameters)
        try:
            job = snapshot.collection.job(self.job)
        except KeyError:
            # Not skipped: Airflow would skip the jobs after it too.
            log.warning(
                "Job %s came into the definition after this run had begun. It did nothing; the next run has"
                " it.",
                self.job,
            )
            return {"state": NOT_IN_THIS_RUN}
        if not job.enabled:
            log.info(
                "Job %s was not enabled when this run began. It did nothing; the next run has it.", job.name
            )
            return {"state": NOT_IN_THIS_RUN}
        if job.name in without:
            log.info(
                "Job %s is not among the jobs that this run was started for (parameter jobs). It did"
                " nothing.",
                job.name,
            )
            return {"state": NOT_IN_THIS_RUN}
        result = self._run_job(snapshot, job, without, store, context)
        self.request = result.request
        # A plan that was left before its end: only what is on record was done.
        answered = (
            store.plans.outcomes(result.plan_id)
            if result.error is not None and result.plan_id is not None
            else None
        )
        log_result(job, result, shown=settings.logged_changes(), answered=answered)
        summary = summary_of(result)
        if result.state.failed and not (snapshot.preview_only and result.state is JobState.STOPPED_BY_LIMIT):
            context["ti"].xcom_push("return_value", summary)
            fail(result.error, f"Job {job.name}: {result.message}")
        return summary

    def _end(self, store: Store, snapshot: Snapshot, stop: RunStop) -> NoReturn:
        """Begin nothing in a run that was stopped, whatever made Airflow run the task (again)."""
        end_stopped_run(store, snapshot, stop)
        if store.earlier_runs.last_attempt(snapshot.id, self.job) is None:
            raise AirflowSkipException(f"Job {self.job} was not run: the run was stopped. {stop.text}")
        raise AirflowFailException(
            f"Nothing of job {self.job} is resumed: the run was stopped. {stop.text} Start a new run."
        )

    def _run_job(
        self, snapshot: Snapshot, job: Job, without: frozenset[str], store: Store, context: Context
    ) -> JobResult:
        from directory_sync.airflow.deployment import deployment
        from directory_sync.airflow.preview import preview_in_run
        from directory_sync.airflow.task_log import ProgressLog
        from directory_sync.airflow.turn import is_out_of_turn
        from directory_sync.definition.support import refuse_unsupported
        from directory_sync.run import job as jobs
        from directory_sync.run.newest_version import newest_version
        from directory_sync.run.policies import rules_for

        surroundings = deployment()
        # All jobs, not only this one: a collection is refused before anything was done, never in the middle.
        refuse_unsupported(
            snapshot.collection, snapshot.collection.enabled_jobs, script_modules=surroundings.script_modules
        )
        if snapshot.preview_only:
            return preview_in_run(snapshot, job, deployment=surroundings, store=store, progress=ProgressLog())
        gated = _has_gate(job, context)
        now = newest_version(store, snapshot.collection.name, surroundings.templates) or self.collection
        rules = rules_for(snapshot.collection, now, job, surroundings.approval_minimum)
        if gated and rules.policy is None:
            raise AirflowFailException(
                f"Nothing was written: this run has the task {approval_of(job.name)}, but by what this worker"
                " knows the job never needs approval. Give all machines of Airflow the same setting"
                " approval_minimum, or, if the definition has just been edited, start a new run."
            )
        tries = replace(
            self._tries(job, context),
            out_of_turn=is_out_of_turn(store, snapshot, job, without),
            run_over=store.ended_runs.has(snapshot.collection.name, snapshot.run_id),
        )
        return jobs.run_job(
            snapshot,
            job,
            deployment=surroundings,
            store=store,
            holder=holder_of(snapshot, job),
            gated=gated,
            now=now,
            tries=tries,
            progress=ProgressLog(),
        )

    def _tries(self, job: Job, context: Context) -> Tries:
        """How this task came to run, as far as that tells who has caused it."""
        from directory_sync.run.replanning import Tries

        instance = context["ti"]
        # Clearing gives a task more tries than it has retries (`clear_task_instances` of Airflow). Retries
        # that were written into the file since the run began do not count: they would hide it. What a cluster
        # policy has made of them does.
        added = sum(each.retries - job.retries for each in self.collection.jobs if each.name == job.name)
        retries = (self.retries or 0) - max(added, 0)
        return Tries(
            number=instance.try_number,
            # A task that is cleared while it runs is tried again without having more tries.
            cleared=instance.max_tries > retries or instance.try_number > retries + 1,
            run_cleared=bool(context["dag_run"].clear_number),
        )


def _has_gate(job: Job, context: Context) -> bool:
    """Whether this run has a gate for the job.

    Airflow is asked: it has read the file at another time, with its own settings.
    """
    gate = approval_of(job.name)
    return task_states(context, [gate]).get(gate, "removed") != "removed"


def holder_of(snapshot: Snapshot, job: Job) -> str:
    """How others are told who works on a destination."""
    return f"collection {snapshot.collection.name}, job {job.name}, run {snapshot.run_id}"


def summary_of(result: JobResult) -> dict[str, Any]:
    """What a task leaves as XCom."""
    return {
        "state": result.state.value,
        "statistics": result.statistics.to_json(),
        "planned": result.planned and result.planned.to_json(),
        "digest": result.digest,
        "plan": result.plan_id,
        "request": result.request,
    }
