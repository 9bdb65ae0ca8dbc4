"""Stopping a run, on pages and through the REST API.

Who may start runs of a collection may stop them. What is done is also written to Airflow's audit log.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from directory_sync.approval.states import UNDER_WAY
from directory_sync.errors import (
    AlreadyDecided,
    CollectionNotFound,
    NotAllowed,
    NotDecidable,
    RequestNotFound,
)
from directory_sync.portal import airflow_dags, airflow_runs
from directory_sync.portal.access import Visitor, not_found
from directory_sync.portal.acting import require_short
from directory_sync.portal.run_in_airflow import RunInAirflow, is_left_behind
from directory_sync.run.closing import close_run
from directory_sync.run.result import JobState
from directory_sync.run.stopping import end_requests
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.run_stops import RunStop
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class StoppedRun:
    """A run that was stopped.

    Attributes:
        ended: nothing of it was under way on a worker, so it has ended already.
        requests: that were cancelled because of it.
    """

    stop: RunStop
    ended: bool
    requests: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoppableRun:
    """A run as it stands before it is stopped.

    Attributes:
        snapshot: None as long as it has not begun.
        why_not: why the visitor may not stop it, in words; empty if they may.
        ended: there is nothing left to stop.
    """

    collection: str
    run_id: str
    snapshot: Snapshot | None
    stop: RunStop | None
    why_not: str
    ended: bool


def read_stoppable(store: Store, visitor: Visitor, collection: str, run_id: str) -> StoppableRun:
    """A run that has begun, or that Airflow holds queued. Raises RequestNotFound if there is none that the
    visitor may see.
    """
    missing = RequestNotFound(not_found(f"run {run_id} of {collection}"))
    snapshot = store.runs.find(collection, run_id)
    # Its collection may have another name now, and another one its name.
    name = collection if snapshot is None else snapshot.current_name
    if not visitor.may_see(name):
        raise missing
    found = visitor.rights.run_of(collection, run_id)
    if snapshot is None and (found.identity is None or not _is_collection(store, visitor, collection)):
        raise missing
    return StoppableRun(
        collection,
        run_id,
        snapshot,
        store.run_stops.of(collection, run_id),
        visitor.why_not_run(name),
        _has_ended(store, collection, snapshot, found),
    )


def stop_run(store: Store, visitor: Visitor, collection: str, run_id: str, *, reason: str = "") -> StoppedRun:
    """Stop a run for good. May be repeated: what was cut off in the middle is done then.

    Raises RequestNotFound, NotAllowed; NotDecidable if it has ended; RequestError if the reason is too long.
    """
    found = read_stoppable(store, visitor, collection, run_id)
    if found.why_not:
        raise NotAllowed(found.why_not)
    require_short(reason)
    if found.ended:
        raise NotDecidable(f"Run {run_id} of {collection} has ended, so there is nothing to stop.")
    # This first: from here on nothing of it begins, whatever happens to this process.
    stop, new = store.run_stops.ask(collection, run_id, by=visitor.person.name, reason=reason.strip())
    if new:
        airflow_runs.write_audit_log(
            "directory_sync.stop_run",
            by=visitor.person.name,
            dag_id=collection,
            run_id=run_id,
            task_id="",
            extra={"reason": stop.reason},
        )
    requests = end_requests(store, stop)
    ended = airflow_runs.end_idle_run(collection, run_id)
    snapshot = store.runs.find(collection, run_id)
    if ended and snapshot is not None and snapshot.finished is None:
        # No task of it is left that would.
        close_run(store, snapshot, JobState.STOPPED)
    if requests or ended:
        airflow_runs.send_mail_soon()
    return StoppedRun(stop, ended, requests)


def stop_all(store: Store, visitor: Visitor, collection: str, *, reason: str) -> None:
    """Stop the runs of a collection that go on, and cancel its requests that are not being applied, because
    it is to be deleted. May be repeated until all have ended.

    Raises NotAllowed if the visitor may not start its runs; StoreError. Whether they may delete it has been
    checked.
    """
    visitor.require_run(collection)
    for run_id in airflow_dags.active_runs(collection):
        with contextlib.suppress(NotDecidable, RequestNotFound):  # it has ended at this very moment
            stop_run(store, visitor, collection, run_id, reason=reason)
    waiting = RequestFilter(collections=(collection,), states=UNDER_WAY)
    cancelled = False
    for request in store.requests.all(waiting, limit=_REQUESTS_AT_ONCE).requests:
        if request.begun is None:
            with contextlib.suppress(AlreadyDecided, RequestNotFound):
                store.decisions.cancel(request.id, visitor.person.name, reason=reason, even_approved=True)
                cancelled = True
    if cancelled:
        airflow_runs.send_mail_soon()


_REQUESTS_AT_ONCE = 200


def _has_ended(store: Store, collection: str, snapshot: Snapshot | None, found: RunInAirflow) -> bool:
    if snapshot is not None and snapshot.finished is not None:
        return True
    if snapshot is not None and snapshot.trigger == TERMINAL:
        return False
    return found.over if snapshot is None else is_left_behind(store, collection, found)


def _is_collection(store: Store, visitor: Visitor, name: str) -> bool:
    from directory_sync.portal import collections

    try:
        collections.require_known(store, visitor, name)
    except CollectionNotFound:
        return False
    return True
