"""The task that applies the plan of an approved request: exactly that plan, and only with a recorded
approval of it.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from directory_sync.airflow.collection_task import (
    WorkingOperator,
    end_stopped_run,
    fail,
    joined_run,
    stop_of_run,
)
from directory_sync.airflow.operators import holder_of, summary_of
from directory_sync.airflow.request_link import RequestLink

if TYPE_CHECKING:
    from airflow.sdk import Context

    from directory_sync.approval.request import Request
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

log = logging.getLogger(__name__)


class ApplyOperator(WorkingOperator):
    """Applies what was approved of one job in this run.

    Whatever state the gate before it is in, someone may have marked it so by hand: what counts is the
    request in the store.

    Args:
        job: its name.
        collection, definition_digest: as of every task; the run's own definition counts.

    Returns a small summary as XCom. Fails for good when there is no approval, or when the plan could not be
    applied; a cause that may pass by itself lets Airflow retry, and the retry goes on with the same plan.
    """

    ui_color = "#d1fae5"
    operator_extra_links = (RequestLink(),)

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.request: int | None = None

    def _work(self, store: Store, context: Context) -> dict[str, Any]:
        from directory_sync import settings
        from directory_sync.airflow.deployment import deployment
        from directory_sync.airflow.mail import deliver_after
        from directory_sync.airflow.task_log import ProgressLog, log_result
        from directory_sync.run import approved

        snapshot, request = self._approved(store, context)
        # What was approved of a collection is not written once that is deleted.
        self._claim_name(store)
        job = snapshot.collection.job(self.job)
        result = approved.apply_approved(
            snapshot,
            job,
            request,
            deployment=deployment(),
            store=store,
            holder=holder_of(snapshot, job),
            progress=ProgressLog(),
        )
        answered = (
            store.plans.outcomes(result.plan_id)
            if result.error is not None and result.plan_id is not None
            else None
        )
        log_result(job, result, shown=settings.logged_changes(), answered=answered)
        deliver_after(store, job)
        summary = summary_of(result)
        if result.state.failed:
            context["ti"].xcom_push("return_value", summary)
            fail(result.error, f"Job {job.name}: {result.message}")
        return summary

    def _approved(self, store: Store, context: Context) -> tuple[Snapshot, Request]:
        """The run, and the request that it has filed for the job, which is approved."""
        from directory_sync.airflow.mail import deliver_after
        from directory_sync.airflow.withdrawal import result_text
        from directory_sync.approval.states import RequestState
        from directory_sync.printable import printable_lines

        snapshot = joined_run(store, context)
        request = None if snapshot is None else store.requests.to_apply(snapshot.id, self.job)
        if snapshot is None or request is None:
            raise AirflowFailException(
                f"Nothing was written: this run has filed no request for job {self.job}, so nothing can have"
                " been approved. If someone has marked a task before this one as successful by hand: that is"
                " no approval. Run the job again."
            )
        self.request = request.id
        if (stop := stop_of_run(store, context)) is not None:
            end_stopped_run(store, snapshot, stop)
            deliver_after(store, snapshot.collection.job(self.job))
            text = f"the run was stopped. {stop.text}"
            if request.begun is None:
                raise AirflowSkipException(f"Nothing of request {request.id} was applied: {text}")
            raise AirflowFailException(f"Nothing more of request {request.id} is applied: {text}")
        if request.state in (RequestState.STALE, RequestState.CANCELLED):
            # Approved, and withdrawn or overtaken by a newer plan before this task had its turn: nothing has
            # failed.
            log.info("%s", printable_lines(result_text(store.requests.get(request.id))))
            deliver_after(store, snapshot.collection.job(self.job))
            raise AirflowSkipException(
                f"There is nothing to apply for job {self.job}: request {request.id} is {request.state}."
            )
        if request.state not in (RequestState.APPROVED, RequestState.APPLIED):
            raise AirflowFailException(
                f"Nothing was written: request {request.id} is {request.state}, not approved. If someone has"
                f" marked the task {self.job}.approval as successful by hand: that is no approval. Run the"
                " job again."
            )
        return snapshot, request
