"""The gate: the task that waits, without a worker slot, until the request that its run has filed for a job is
decided.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowSkipException

from directory_sync.airflow.collection_task import fail, joined_run, open_store, stop_of_run
from directory_sync.airflow.request_link import RequestLink
from directory_sync.airflow.run_parameters import read_parameters
from directory_sync.errors import DirectorySyncError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from directory_sync.approval.request import Request
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

log = logging.getLogger(__name__)


class ApprovalSensor(BaseSensorOperator):
    """Succeeds when the job's plan is approved; is skipped when nothing is to be applied.

    What counts is the store alone: it is asked again each time, whatever an earlier task or the trigger has
    said. Nothing is to be applied where the run has filed no request (a request of another run is that
    run's), or where its request was denied, has expired, was withdrawn or is stale.

    While it waits it sends the mail about requests that is due. Mail never comes before a write: once the
    request is approved, the task after this one writes first and sends mail then.

    Args:
        job: its name.

    Returns the number of the approved request.
    """

    ui_color = "#fef3c7"
    operator_extra_links = (RequestLink(),)

    def __init__(self, *, job: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.request: int | None = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, and wait if the request is pending."""
        read_parameters(context)
        return self._look(context)

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 the store is asked instead
        """Look again: the trigger says that something has been decided."""
        return self._look(context)

    def _look(self, context: Context) -> dict[str, Any]:
        from directory_sync.airflow.mail import deliver_after, deliver_until
        from directory_sync.approval.states import RequestState
        from directory_sync.run.stopping import end_requests

        try:
            with open_store() as store:
                snapshot = self._run(store, context)
                if (stop := stop_of_run(store, context)) is not None:
                    end_requests(store, stop)
                    deliver_after(store, snapshot.collection.job(self.job))
                    raise AirflowSkipException(f"Nothing is applied: the run was stopped. {stop.text}")
                request = self._request(store, snapshot)
                self.request = request.id
                if request.pending and store.requests.decided_among([request.id]):
                    store.request_upkeep.expire()
                    request = store.requests.get(request.id).request
                if request.pending:
                    deliver_until(lambda: bool(store.requests.decided_among([request.id])))
                    request = store.requests.get(request.id).request
                if request.pending:
                    self._wait(store, context, request)
                if request.state in (RequestState.APPROVED, RequestState.APPLIED):
                    by = f" by {request.decided_by}" if request.decided_by else ""
                    log.info("Request %d was approved%s.", request.id, by)
                    return {"request": request.id}
                self._end(store, snapshot, request)
        except DirectorySyncError as error:
            fail(error, str(error))

    def _run(self, store: Store, context: Context) -> Snapshot:
        snapshot = joined_run(store, context)
        if snapshot is None:
            raise AirflowSkipException(
                f"Job {self.job} has not begun in this run, so there is nothing to wait for."
            )
        if snapshot.preview_only:
            raise AirflowSkipException("This run is a preview: nothing is written, and no one is asked.")
        return snapshot

    def _request(self, store: Store, snapshot: Snapshot) -> Request:
        """The request that this very run has filed for the job; those of other runs are not waited for.

        What counts is not what the job's task says of itself: it may have been killed before it said
        anything.
        """
        request = store.requests.to_apply(snapshot.id, self.job)
        if request is not None:
            return request
        results = store.runs.job_results(snapshot.collection.name, snapshot.run_id)
        named = next((result.request_id for result in results if result.job == self.job), None)
        if named is None:
            raise AirflowSkipException(f"This run has filed no request for job {self.job}.")
        raise AirflowSkipException(
            f"This run has filed no request for job {self.job}: request {named} is another run's."
        )

    def _wait(self, store: Store, context: Context, request: Request) -> NoReturn:
        from directory_sync.airflow.gate_trigger import GateTrigger
        from directory_sync.airflow.mail import links
        from directory_sync.printable import printable

        assignees = store.requests.get(request.id).assignees
        asked = ", ".join(f"{each.kind} {printable(each.name)}" for each in assignees) or "no one"
        page = links().request(request.id) or f"Dir Sync, request {request.id}"
        instance = context["ti"]
        log.info(
            "Waiting for the decision on request %d (%d changes). Asked: %s.",
            request.id,
            request.changes,
            asked,
        )
        # A task cannot ask Airflow's auth manager; the portal can, which is in the API server.
        log.info(
            "Whether they exist and can see this collection in Airflow, the request's page says: %s", page
        )
        self.defer(
            trigger=GateTrigger(
                request=request.id, dag_id=instance.dag_id, run_id=instance.run_id, task_id=instance.task_id
            ),
            method_name=self.resume.__name__,
        )

    def _end(self, store: Store, snapshot: Snapshot, request: Request) -> NoReturn:
        from directory_sync.airflow.mail import deliver_after
        from directory_sync.airflow.withdrawal import result_text
        from directory_sync.printable import printable_lines

        log.info("%s", printable_lines(result_text(store.requests.get(request.id))))
        deliver_after(store, snapshot.collection.job(self.job))
        raise AirflowSkipException(
            f"There is nothing to apply for job {self.job}: request {request.id} is {request.state}."
        )
