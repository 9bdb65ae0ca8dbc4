"""Jobs whose task has failed in Airflow, though it had filed its request before it was killed.

Requests and gates outlive the task that filed them. Such a job waits, and ends as its request does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from directory_sync.run.result import JobState
    from directory_sync.store.run_model import StoredJobResult
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store


def state_beyond_task(store: Store, snapshot: Snapshot, result: StoredJobResult | None) -> JobState | None:
    """The state of a job whose task has failed although its run has filed a request; None if the job failed.

    Args:
        store: knows its requests.
        snapshot: the run.
        result: the latest attempt at the job, or None.
    """
    from directory_sync.run.result import JobState

    if result is None or result.state not in set(JobState):
        return None
    state = JobState(result.state)
    if state.failed or store.requests.to_apply(snapshot.id, result.job) is None:
        return None
    return state
