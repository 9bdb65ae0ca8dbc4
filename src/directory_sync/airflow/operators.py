"""The tasks of a collection's DAG: one that carries out a job, and one that closes the run.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is parsed.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from directory_sync.definition.models import Collection, format_duration
from directory_sync.errors import DirectorySyncError, LeaseError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow.sdk import Context

    from directory_sync.store.runs import Snapshot, StoredJobResult
    from directory_sync.store.store import Store

_FIRST_PAUSE = 15.0
_LONGEST_PAUSE = 60.0

log = logging.getLogger(__name__)


class _CollectionOperator(BaseOperator):
    """What both tasks know: the definition, as it was when the DAG file was parsed.

    The run goes by the definition that its first task stored, so that an edit in between changes nothing.
    """

    # Only template fields are part of a serialized DAG: through the digest a changed definition makes a new DAG version.
    # The definition itself must not be one: Jinja would render its filters and templates.
    template_fields: Sequence[str] = ("definition_digest",)

    def __init__(self, *, collection: Collection, definition_digest: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.collection = collection
        self.definition_digest = definition_digest

    def _start_run(self, store: Store, context: Context) -> Snapshot:
        run, params = context["dag_run"], context["params"]
        trigger = str(getattr(run.run_type, "value", run.run_type))
        requester = run.triggering_user_name or ("schedule" if trigger == "scheduled" else "unknown")
        return store.start_run(
            self.collection,
            run.run_id,
            trigger=trigger,
            requester=requester,
            verified=requester != "unknown",
            reason=str(params.get("reason") or run.note or ""),
            preview_only=bool(params.get("preview_only")),
        )


class SyncJobOperator(_CollectionOperator):
    """Carries out one job of a collection, or previews it.

    Args:
        job: its name.
        collection: the definition at parse time; it counts only if this is the first task of its run.
        definition_digest: names that definition.

    Returns a small summary as XCom. Fails for good when the job failed, except for a cause that may pass by itself, which Airflow
    retries as often as the job's `retries` says. Record errors and conflicts are no failure: they are warnings in the log.
    Neither is a limit in a preview, so that the jobs behind it are previewed too; the run fails when it is closed.
    """

    ui_color = "#dbeafe"

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin the job."""
        return self._attempt(context, waiting_since=time.time(), pause=_FIRST_PAUSE)

    def resume(self, context: Context, event: dict[str, float]) -> dict[str, Any]:
        """Try again after waiting for another run that works on the same part of the destination."""
        return self._attempt(context, waiting_since=event["waiting_since"], pause=event["pause"])

    def on_kill(self) -> None:
        """Leave the job on SIGTERM: what was written so far is recorded on the way out, and a retry goes on from there."""
        raise SystemExit("The task was stopped; everything that was written until now is recorded.")

    def _attempt(self, context: Context, *, waiting_since: float, pause: float) -> dict[str, Any]:
        from directory_sync import settings
        from directory_sync.store.store import Store

        try:
            with Store.open(settings.database_url()) as store:
                return self._run(store, context)
        except LeaseError as busy:
            waited, most = timedelta(seconds=time.time() - waiting_since), settings.lease_wait()
            if waited >= most:
                raise AirflowFailException(f"{busy} Waited {format_duration(most)} for it (setting lease_wait).") from None
            log.info("%s Trying again in %d seconds.", busy, pause)
            self._pause(pause, waiting_since)
        except DirectorySyncError as error:
            _fail(error, str(error))

    def _pause(self, seconds: float, waiting_since: float) -> NoReturn:
        from directory_sync.airflow.pause import PauseTrigger

        self.defer(
            trigger=PauseTrigger(
                time.time() + seconds, {"waiting_since": waiting_since, "pause": min(seconds * 2, _LONGEST_PAUSE)}
            ),
            method_name=self.resume.__name__,
        )

    def _run(self, store: Store, context: Context) -> dict[str, Any]:
        from directory_sync import settings
        from directory_sync.airflow.deployment import deployment
        from directory_sync.airflow.preview import preview_in_run
        from directory_sync.airflow.task_log import ProgressLog, log_result
        from directory_sync.definition.support import refuse_unsupported
        from directory_sync.run import job as jobs

        snapshot = self._start_run(store, context)
        try:
            job = snapshot.collection.job(self.job)
        except KeyError:
            # Not skipped: Airflow would skip the jobs behind it too.
            log.warning(
                "Job %s came into the definition after this run had begun. It did nothing; the next run has it.", self.job
            )
            return {"state": "not_in_this_run"}
        surroundings = deployment()
        # All jobs, not only this one: a collection is refused before anything was done, never in the middle.
        refuse_unsupported(snapshot.collection, snapshot.collection.jobs, script_modules=surroundings.script_modules)
        if snapshot.preview_only:
            result = preview_in_run(snapshot, job, deployment=surroundings, store=store, progress=ProgressLog())
        else:
            result = jobs.run_job(
                snapshot,
                job,
                deployment=surroundings,
                store=store,
                holder=f"collection {snapshot.collection.name}, job {job.name}, run {snapshot.run_id}",
                progress=ProgressLog(),
            )
        # A plan that was left before its end: only what is on record was done.
        answered = store.outcomes(result.plan_id) if result.error is not None and result.plan_id is not None else None
        log_result(job, result, shown=settings.logged_changes(), answered=answered)
        summary = {
            "state": result.state.value,
            "statistics": result.statistics.to_json(),
            "digest": result.digest,
            "plan": result.plan_id,
        }
        if result.state.failed and not (snapshot.preview_only and result.state is jobs.JobState.STOPPED_BY_LIMIT):
            context["ti"].xcom_push("return_value", summary)
            _fail(result.error, f"Job {job.name}: {result.message}")
        return summary


class CloseRunOperator(_CollectionOperator):
    """Closes a run: figures of all jobs, state of the run. The only leaf of the DAG, so its own state is the DAG run's."""

    ui_color = "#e5e7eb"

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the closing table and record the run's state. Fails when a job failed, also a *continue* one."""
        from directory_sync import settings
        from directory_sync.airflow.task_log import in_words, table, total
        from directory_sync.store.store import Store

        try:
            with Store.open(settings.database_url()) as store:
                snapshot = self._start_run(store, context)
                results = {each.job: each for each in store.job_results(snapshot.collection.name, snapshot.run_id)}
                states = dict(_states(snapshot, self._task_states(context), results))
                state = _state_of_run(states, snapshot)
                store.finish_run(snapshot.collection.name, snapshot.run_id, state)
        except DirectorySyncError as error:
            _fail(error, str(error))
        statistics = {job: results[job].statistics if job in results else None for job in states}
        for line in table({job: (each, statistics[job]) for job, each in states.items()}):
            log.info("%s", line)
        if snapshot.preview_only:
            log.info("This was a preview: nothing was written.")
        log.info("Run %s of collection %s: %s.", snapshot.run_id, snapshot.collection.name, in_words(state))
        failed = [job for job, each in states.items() if each in _FAILED]
        if failed:
            names = ", ".join(f"{job} ({in_words(states[job])})" for job in failed)
            raise AirflowFailException(f"{len(failed)} of {len(states)} jobs failed: {names}. Each job's log says why.")
        return {"state": state, "statistics": total(iter(statistics.values())).to_json(), "jobs": states}

    def _task_states(self, context: Context) -> dict[str, str]:
        instance = context["ti"]
        names = [job.name for job in self.collection.jobs]
        found = instance.get_task_states(dag_id=instance.dag_id, task_ids=names, run_ids=[instance.run_id])
        return {task: str(getattr(state, "value", state)) for task, state in found.get(instance.run_id, {}).items()}


NOT_RUN = "not_run"
REMOVED = "removed_from_the_definition"
_FAILED = frozenset({"failed", "stopped_by_limit", "incomplete_source", REMOVED})


def _states(snapshot: Snapshot, tasks: dict[str, str], results: dict[str, StoredJobResult]) -> Iterator[tuple[str, str]]:
    """How each job of the run ended: as its task did, and where the store knows more, in its words."""
    for job in snapshot.collection.jobs:
        task, result = tasks.get(job.name, "removed"), results.get(job.name)
        stored = result.state if result is not None else None
        match task:
            case "failed":
                yield job.name, stored if stored in _FAILED else "failed"
            case "success":
                # A real job that failed and is a success now was marked so by somebody.
                marked = stored is None or (stored in _FAILED and not snapshot.preview_only)
                yield job.name, "success" if marked else stored or "success"
            case "removed":
                yield job.name, REMOVED
            case _:
                yield job.name, NOT_RUN


def _state_of_run(states: dict[str, str], snapshot: Snapshot) -> str:
    if _FAILED.intersection(states.values()):
        return "failed"
    if snapshot.preview_only:
        return "previewed"
    return "success" if set(states.values()) <= {"success", NOT_RUN} else "success_with_errors"


def _fail(error: DirectorySyncError | None, message: str) -> NoReturn:
    """End the task: for good, or, where trying again may help, so that Airflow retries."""
    if error is not None and error.transient:
        raise AirflowException(message) from None
    raise AirflowFailException(message) from None
