"""What is done about a run that a person has stopped, by the processes that would have gone on with it.

Its requests end, and what its plans have written is found out where a process is gone. Nothing is written.
"""

from __future__ import annotations

import contextlib
import logging

from directory_sync.errors import RequestError
from directory_sync.run.deployment import Deployment
from directory_sync.run.settling import settle
from directory_sync.store.run_stops import RunStop
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


def end_requests(store: Store, stop: RunStop) -> tuple[int, ...]:
    """Cancel the requests of a stopped run of which nothing was written yet; their numbers.

    May be called again: by the route that has stopped the run, by its tasks, and by the housekeeping.
    """
    ended = []
    for number in store.run_stops.requests_to_end(stop.collection, stop.run_id):
        reason = f"The run was stopped. {stop.reason}".strip()
        # Decided, or begun, at this very moment: the run's own task finds that out.
        with contextlib.suppress(RequestError):
            store.decisions.cancel(number, stop.by, reason=reason, even_approved=True)
            ended.append(number)
    return tuple(ended)


def end_stopped(
    store: Store, snapshot: Snapshot, stop: RunStop, deployment: Deployment, *, holder: str
) -> None:
    """End a stopped run's requests, and settle its plans whose process is gone; one that cannot be settled
    now stays for the housekeeping.

    Raises StoreError.
    """
    end_requests(store, stop)
    for plan in store.leftovers.open_plans(snapshot.collection.name):
        if plan.run == snapshot.id:
            settle(plan, store, deployment, holder=holder)
    store.leftovers.close_left_attempts(snapshot.collection.name)
