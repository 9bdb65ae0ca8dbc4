"""Whether a run may still make a plan under a policy.

It may if its starter, the schedule, or Airflow's own retry causes that. A person who makes Airflow run a task
again causes the plan that it makes, and is not its requester: the run has another one.
"""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync.definition.models import Job
from directory_sync.errors import NewRunNeeded
from directory_sync.store.earlier_runs import LastAttempt
from directory_sync.store.runs import Snapshot


@dataclass(frozen=True, slots=True)
class Tries:
    """How a job's task in Airflow came to run.

    Attributes:
        number: the try, from 1.
        cleared: this very task was cleared, so that it has more tries than it has retries.
        run_cleared: a task of the run was cleared, this one or another one. Marking a task as successful
            clears those after it that had failed.
        out_of_turn: a job before it that keeps others from running when it fails has not ended well in this
            run.
        run_over: Airflow has said before that the run is over.
    """

    number: int
    cleared: bool
    run_cleared: bool
    out_of_turn: bool = False
    run_over: bool = False


def begun_by_hand(snapshot: Snapshot, tries: Tries | None, last: LastAttempt | None) -> bool:
    """Whether a person made a job run again, or run at all, in a run that others started.

    Args:
        snapshot: the run.
        tries: of the job's task; None where no task runs it.
        last: the latest attempt at the job in this run.
    """
    if snapshot.finished is not None:
        return True
    if tries is None:
        return False
    if tries.cleared or tries.out_of_turn or tries.run_over:
        return True
    if last is None:
        # Not begun before a task was cleared: it had been skipped, and runs because of that.
        return tries.run_cleared
    if tries.number <= 1:
        # A first try, though there was one before: the task was deleted and created again.
        return True
    # A task that is cleared while it runs gets another try, whatever it ends with, and looks as if Airflow
    # tried again.
    return tries.run_cleared


def new_run_needed(snapshot: Snapshot, job: Job, waits: int | None) -> NewRunNeeded:
    """The answer to a task that was cleared; `waits`: the request that the run has filed for the job."""
    pending = f" Request {waits}, which this run has filed, stays as it is." if waits is not None else ""
    return NewRunNeeded(
        f"Job {job.name} is under an approval policy, and run {snapshot.run_id} makes no new plan for it: a"
        " task of the run was cleared or marked by hand, or the run had ended. Nothing was read or"
        f" written.{pending} Start a new run: the person who starts it is its requester."
    )
