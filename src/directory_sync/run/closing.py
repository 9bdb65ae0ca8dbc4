"""The end of a run: its state, and which jobs of its collection go on claiming objects."""

from __future__ import annotations

from directory_sync.definition.models import Collection
from directory_sync.run.result import JobState
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def close_run(
    store: Store, snapshot: Snapshot, state: JobState, *, elsewhere: Collection | None = None
) -> None:
    """Record a run's state. Jobs of its collection that are disabled, or defined no longer, claim nothing
    from then on.

    `elsewhere`: another definition under the same name, whose enabled jobs go on claiming what they have
    records for.
    """
    store.runs.finish(snapshot.collection.name, snapshot.run_id, state.value)
    if snapshot.preview_only:
        return
    enabled = [*snapshot.collection.enabled_jobs, *(elsewhere.enabled_jobs if elsewhere is not None else ())]
    store.known.end_claims(snapshot.collection.name, except_jobs=[job.name for job in enabled])
