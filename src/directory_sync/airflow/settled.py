"""The marker after a job whose followers wait until its request is decided."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from directory_sync.airflow.collection_task import fail, joined_run, open_store, task_states
from directory_sync.airflow.lost_task import state_beyond_task
from directory_sync.airflow.run_parameters import read_parameters
from directory_sync.airflow.task_ids import apply_of, approval_of
from directory_sync.errors import DirectorySyncError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from directory_sync.run.result import JobState
    from directory_sync.store.run_model import StoredJobResult
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

log = logging.getLogger(__name__)

FAILED = frozenset({"failed", "upstream_failed"})
"""States of a task that keep what follows a job from running, where its failure action is *abort*."""


class SettledOperator(BaseOperator):
    """Succeeds when the jobs after a job may run; is skipped, and they with it, when they may not.

    They may not if the job was not run, if it failed and its failure action is *abort*, or if what it would
    write waits for a request of another run: that run goes on with the jobs after it. A task that was killed
    after it had filed its request has not failed; that request counts.

    Args:
        job: its name.
        abort: whether its failure action is *abort*.
    """

    ui_color = "#e5e7eb"

    def __init__(self, *, job: str, abort: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.abort = abort

    def execute(self, context: Context) -> None:
        """Look up the result of the job, its gate and its apply."""
        read_parameters(context)
        gate, apply = approval_of(self.job), apply_of(self.job)
        states = task_states(context, [self.job, gate, apply])
        if states.get(self.job) not in {"success", "failed"}:
            raise AirflowSkipException(f"Job {self.job} was not run, so neither are the jobs after it.")
        failed = [task for task in (self.job, gate, apply) if states.get(task) in FAILED]
        if failed == [self.job] and self._state(context) is not None:
            failed = []
        if failed and self.abort:
            raise AirflowSkipException(
                f"Job {self.job} failed ({failed[0]}) and its failure action is abort."
            )
        if not failed and states.get(apply) == "skipped" and self._waits_elsewhere(context):
            raise AirflowSkipException(
                f"The changes of job {self.job} wait for approval in another run, and with them the jobs"
                " after it; that run goes on with them."
            )

    def _state(self, context: Context) -> JobState | None:
        """The job's state if its request goes on although its task has failed."""
        with self._result(context) as (store, snapshot, result):
            return None if snapshot is None else state_beyond_task(store, snapshot, result)

    def _waits_elsewhere(self, context: Context) -> bool:
        from directory_sync.run.result import JobState

        # A request that this run has filed itself had ended when its apply was skipped, and with it the job's
        # waiting.
        with self._result(context) as (_, _, result):
            return result is not None and result.state == JobState.WAITING

    @contextmanager
    def _result(self, context: Context) -> Iterator[tuple[Store, Snapshot | None, StoredJobResult | None]]:
        """The store, the run, and the latest attempt at the job."""
        try:
            with open_store() as store:
                snapshot = joined_run(store, context)
                results = (
                    ()
                    if snapshot is None
                    else store.runs.job_results(snapshot.collection.name, snapshot.run_id)
                )
                yield store, snapshot, next((result for result in results if result.job == self.job), None)
        except DirectorySyncError as error:
            fail(error, str(error))
