"""The gate: the task that waits, without a worker slot, until the request that its run has filed for a job is decided.

Everything heavy is imported when a task executes, because this module is imported whenever the DAG file is parsed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk import BaseSensorOperator
from airflow.sdk.exceptions import AirflowSkipException

from directory_sync.airflow.collection_task import fail, named_request, open_store
from directory_sync.airflow.request_link import RequestLink
from directory_sync.errors import DirectorySyncError, RequestNotFound

if TYPE_CHECKING:
    from airflow.sdk import Context

    from directory_sync.store.request_model import Request
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store

log = logging.getLogger(__name__)


class ApprovalSensor(BaseSensorOperator):
    """Succeeds when the job's plan is approved; is skipped when nothing is to be carried out.

    What counts is the store alone: it is asked again each time, whatever an earlier task or the trigger has said. Nothing
    is to be carried out where the run has filed no request (a request of another run is that run's), or where its request
    was denied, has expired, was withdrawn or is stale.

    While it waits it sends the mail about requests that is due. Mail never comes before a write: once the request is approved,
    the task behind this one writes first and sends mail then.

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
        return self._look(context)

    def resume(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 the store is asked instead
        """Look again: the trigger says that something has been decided."""
        return self._look(context)

    def _look(self, context: Context) -> dict[str, Any]:
        from directory_sync.airflow.mail import deliver_until

        try:
            with open_store() as store:
                snapshot = self._run(store, context)
                request = self._request(store, snapshot)
                self.request = request.id
                if request.pending and store.decided_among([request.id]):
                    store.expire()
                    request = store.get_request(request.id).request
                if request.pending:
                    deliver_until(lambda: bool(store.decided_among([request.id])))
                    request = store.get_request(request.id).request
                if request.pending:
                    self._wait(context, request)
                if request.state in {"approved", "applied"}:
                    by = f" by {request.decided_by}" if request.decided_by else ""
                    log.info("Request %d was approved%s.", request.id, by)
                    return {"request": request.id}
                self._end(store, snapshot, request)
        except DirectorySyncError as error:
            fail(error, str(error))

    def _run(self, store: Store, context: Context) -> Snapshot:
        instance = context["ti"]
        snapshot = store.find_run(instance.dag_id, instance.run_id)
        if snapshot is None:
            raise AirflowSkipException(f"Job {self.job} has not begun in this run, so there is nothing to wait for.")
        if snapshot.preview_only:
            raise AirflowSkipException("This run is a preview: nothing is written, and nobody is asked.")
        return snapshot

    def _request(self, store: Store, snapshot: Snapshot) -> Request:
        """The request that the job's last attempt has named, if this very run has filed it; others are not waited for."""
        try:
            request = named_request(store, snapshot, self.job)
        except RequestNotFound as error:
            raise AirflowSkipException(str(error)) from None
        if request is None:
            raise AirflowSkipException(f"No approval is needed for what job {self.job} does in this run.")
        if request.collection_run_id != snapshot.id:
            raise AirflowSkipException(
                f"This run has filed no request for job {self.job}: request {request.id} of run {request.run_id} asks for that."
            )
        return request

    def _wait(self, context: Context, request: Request) -> NoReturn:
        from directory_sync.airflow.gate_trigger import GateTrigger

        instance = context["ti"]
        log.info("Waiting for the decision on request %d (%d changes).", request.id, request.changes)
        self.defer(
            trigger=GateTrigger(request=request.id, dag_id=instance.dag_id, run_id=instance.run_id, task_id=instance.task_id),
            method_name=self.resume.__name__,
        )

    def _end(self, store: Store, snapshot: Snapshot, request: Request) -> NoReturn:
        from directory_sync.airflow.mail import deliver_after
        from directory_sync.airflow.withdrawal import what_became_of
        from directory_sync.run.printable import printable_lines

        log.info("%s", printable_lines(what_became_of(store.get_request(request.id))))
        deliver_after(store, snapshot.collection.job(self.job))
        raise AirflowSkipException(f"Nothing is to be carried out for job {self.job}: request {request.id} is {request.state}.")
