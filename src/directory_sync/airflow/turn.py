"""Whether a job begins where the jobs before it keep it from running, because someone has marked their tasks
by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from directory_sync.definition.models import FailureAction

if TYPE_CHECKING:
    from directory_sync.definition.models import Job
    from directory_sync.store.runs import Snapshot
    from directory_sync.store.store import Store


def is_out_of_turn(store: Store, snapshot: Snapshot, job: Job, without: frozenset[str]) -> bool:
    """Whether a job before this one whose failure action is *abort* has not ended well, as the store knows.

    Args:
        store: knows how the jobs of the run have ended, whatever Airflow's tasks say.
        snapshot: the run.
        job: the one that begins.
        without: jobs that were left out of the run.
    """
    from directory_sync.airflow.lost_task import state_beyond_task
    from directory_sync.run.result import JobState

    results = {
        result.job: result for result in store.runs.job_results(snapshot.collection.name, snapshot.run_id)
    }
    for before in snapshot.collection.enabled_jobs:
        if before.name == job.name:
            return False
        if before.on_failure is not FailureAction.ABORT or before.name in without:
            continue
        result = results.get(before.name)
        if result is not None and result.state in set(JobState) and not JobState(result.state).failed:
            continue
        if state_beyond_task(store, snapshot, result) is not None:
            continue
        # Jobs that do not wait for an approval go on whatever happens to the plan once it is approved.
        if before.wait_for_approval or store.requests.to_apply(snapshot.id, before.name) is None:
            return True
    return False
