"""The task that closes a run: how each job ended, in the words of tasks and store together, and what that makes of the run.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is parsed.
"""

from __future__ import annotations

import logging
from collections.abc import Collection as Names
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException

from directory_sync.airflow.collection_task import NOT_IN_THIS_RUN, CollectionOperator, fail, left_out, open_store, task_states
from directory_sync.airflow.task_ids import apply_of, approval_of
from directory_sync.errors import DirectorySyncError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow.sdk import Context

    from directory_sync.store.runs import Snapshot, StoredJobResult

NOT_RUN = "not_run"
REMOVED = "removed_from_the_definition"

_FAILED = frozenset({"failed", "stopped_by_limit", "incomplete_source", REMOVED})
_NOT_CARRIED_OUT = ("waiting", "denied", "expired", "cancelled", "stale")
_WRITTEN = frozenset({"success", "success_with_errors", "conflicts"})
_NOTHING_TO_SAY = frozenset({"success", NOT_RUN, NOT_IN_THIS_RUN})

log = logging.getLogger(__name__)


class CloseRunOperator(CollectionOperator):
    """Closes a run: figures of all jobs, state of the run. The only leaf of the DAG, so its own state is the DAG run's."""

    ui_color = "#e5e7eb"

    def execute(self, context: Context) -> dict[str, Any]:
        """Write the closing table and record the run's state. Fails when a job failed, also a *continue* one.

        A job whose changes wait for approval in another run, or were not approved, has not failed.
        """
        from directory_sync.airflow.mail import deliver_request_mail
        from directory_sync.airflow.task_log import in_words, table, total
        from directory_sync.run.planned_text import planned_text

        try:
            with open_store() as store:
                snapshot = self._start_run(store, context)
                results = {each.job: each for each in store.job_results(snapshot.collection.name, snapshot.run_id)}
                without = left_out(snapshot, context["params"])
                states = dict(_states(snapshot, self._task_states(context), results, without))
                state = _state_of_run(states, snapshot)
                store.finish_run(snapshot.collection.name, snapshot.run_id, state)
                deliver_request_mail(store)
        except DirectorySyncError as error:
            fail(error, str(error))
        statistics = {job: results[job].statistics if job in results else None for job in states}
        for line in table({job: (each, statistics[job]) for job, each in states.items()}):
            log.info("%s", line)
        for job, each in results.items():
            if each.planned is not None and states.get(job) not in _WRITTEN:
                log.info("Job %s: %s.", job, planned_text(each.planned, waits=states.get(job) == "waiting"))
        if snapshot.preview_only:
            log.info("This was a preview: nothing was written.")
        log.info("Run %s of collection %s: %s.", snapshot.run_id, snapshot.collection.name, in_words(state))
        failed = [job for job, each in states.items() if each in _FAILED]
        if failed:
            names = ", ".join(f"{job} ({in_words(states[job])})" for job in failed)
            raise AirflowFailException(f"{len(failed)} of {len(states)} jobs failed: {names}. Each job's log says why.")
        return {"state": state, "statistics": total(iter(statistics.values())).to_json(), "jobs": states}

    def _task_states(self, context: Context) -> dict[str, str]:
        names = [job.name for job in self.collection.jobs]
        return task_states(context, [task for name in names for task in (name, approval_of(name), apply_of(name))])


def _states(
    snapshot: Snapshot, tasks: Mapping[str, str], results: Mapping[str, StoredJobResult], without: Names[str]
) -> Iterator[tuple[str, str]]:
    """How each job of the run ended: as its tasks did, and where the store knows more, in its words."""
    for job in snapshot.collection.jobs:
        task, result = tasks.get(job.name, "removed"), results.get(job.name)
        stored = result.state if result is not None else None
        match task:
            case "success" if job.name in without:
                yield job.name, NOT_IN_THIS_RUN
            case "success" if "failed" in (tasks.get(approval_of(job.name)), tasks.get(apply_of(job.name))):
                yield job.name, stored if stored in _FAILED else "failed"
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


def _state_of_run(states: Mapping[str, str], snapshot: Snapshot) -> str:
    found = set(states.values())
    if _FAILED & found:
        return "failed"
    if snapshot.preview_only:
        return "previewed"
    if found - _NOTHING_TO_SAY - {*_NOT_CARRIED_OUT}:
        return "success_with_errors"
    return next((state for state in _NOT_CARRIED_OUT if state in found), "success")
