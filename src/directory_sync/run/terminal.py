"""What a terminal may do with a collection that Airflow runs too: nothing that needs approval there."""

from __future__ import annotations

from collections.abc import Sequence

from directory_sync.definition.models import ApprovalPolicy, Collection, Job
from directory_sync.definition.templates import BUILT_IN, Templates
from directory_sync.errors import RunInAirflow
from directory_sync.run.newest_version import newest_version
from directory_sync.run.policies import policy_for, surely_asks
from directory_sync.store.store import Store


def definition_of_airflow(
    store: Store,
    collection: Collection,
    jobs: Sequence[Job],
    minimum: ApprovalPolicy | None,
    templates: Templates = BUILT_IN,
) -> Collection | None:
    """What the saved collection of this name says, else the definition of Airflow's newest run of it; it
    counts here too. None without either.

    Raises RunInAirflow if a job is under a policy in one of them, and a run from here could write without a
    recorded approval: because a job is not known there, or because not every plan of it would be asked for
    here. Raises DefinitionError if the saved collection cannot be read. Nothing is read from endpoints
    before.
    """
    newest = store.earlier_runs.newest_of_airflow(collection.name)
    if newest is not None:
        _refuse(f"last as run {newest.run_id}", newest.collection, collection, jobs, minimum)
    saved = newest_version(store, collection.name, templates)
    if saved is not None:
        _refuse("it is saved in the store", saved, collection, jobs, minimum)
        return saved
    return None if newest is None else newest.collection


def _refuse(
    how: str,
    there: Collection,
    collection: Collection,
    jobs: Sequence[Job],
    minimum: ApprovalPolicy | None,
) -> None:
    asking = [job.name for job in there.jobs if policy_for(there, job, minimum) is not None]
    known = {job.name for job in there.jobs}
    could_write = [
        job.name
        for job in jobs
        if job.name not in known or not surely_asks(policy_for(collection, job, minimum))
    ]
    if asking and could_write:
        raise RunInAirflow(
            f"Airflow runs a collection {collection.name} too ({how}), and what"
            f" {_jobs(asking)} would write there needs approval. From here {_jobs(could_write)} could write"
            " without it, so nothing was read or written. Run the collection in Airflow. What was approved"
            " for a run from a terminal can still be written: --approved NUMBER."
        )


def _jobs(names: Sequence[str]) -> str:
    return f"job {names[0]}" if len(names) == 1 else f"jobs {', '.join(names)}"
