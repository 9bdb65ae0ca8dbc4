"""What a terminal may do with a collection that Airflow runs too: nothing that needs approval there."""

from __future__ import annotations

from collections.abc import Sequence

from directory_sync.definition.models import ApprovalPolicy, Collection, Job
from directory_sync.errors import RunInAirflow
from directory_sync.run.policies import policy_for, surely_asks
from directory_sync.store.store import Store


def definition_of_airflow(
    store: Store, collection: Collection, jobs: Sequence[Job], minimum: ApprovalPolicy | None
) -> Collection | None:
    """The definition of Airflow's newest run of this collection, which counts here too; None without one.

    Raises RunInAirflow if a job is under a policy there, and a run from here could write without a recorded
    approval: because a job is not known there, or because not every plan of it would be asked for here.
    Nothing is read before.
    """
    newest = store.earlier_runs.newest_of_airflow(collection.name)
    if newest is None:
        return None
    there = newest.collection
    asking = [job.name for job in there.jobs if policy_for(there, job, minimum) is not None]
    known = {job.name for job in there.jobs}
    could_write = [
        job.name
        for job in jobs
        if job.name not in known or not surely_asks(policy_for(collection, job, minimum))
    ]
    if asking and could_write:
        raise RunInAirflow(
            f"Airflow runs a collection {collection.name} too (last as run {newest.run_id}), and what"
            f" {_jobs(asking)} would write there needs approval. From here {_jobs(could_write)} could write"
            " without it, so nothing was read or written. Run the collection in Airflow. What was approved"
            " for a run from a terminal can still be written: --approved NUMBER."
        )
    return there


def _jobs(names: Sequence[str]) -> str:
    return f"job {names[0]}" if len(names) == 1 else f"jobs {', '.join(names)}"
