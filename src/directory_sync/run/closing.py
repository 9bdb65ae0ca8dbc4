"""The end of a run: its state, and which jobs of its collection go on claiming objects."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.definition.models import Collection
from directory_sync.run.result import JobState
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def close_run(
    store: Store,
    snapshot: Snapshot,
    state: JobState,
    *,
    jobs: Mapping[str, str] | None = None,
    elsewhere: Collection | None = None,
) -> None:
    """Record a run's state, and let people hear of it.

    Jobs of its collection that are disabled, or defined no longer, claim nothing from then on.

    Args:
        store: holds the run.
        snapshot: the run.
        state: of all of it.
        jobs: job → how it ended, where that is known better than its attempts say.
        elsewhere: another definition under the same name, whose enabled jobs go on claiming what they have
            records for.
    """
    store.runs.finish(snapshot.collection.name, snapshot.run_id, state.value, jobs=jobs)
    if snapshot.preview_only:
        return
    enabled = [*snapshot.collection.enabled_jobs, *(elsewhere.enabled_jobs if elsewhere is not None else ())]
    store.known.end_claims(
        snapshot.collection.name, except_jobs=[job.name for job in enabled], began=snapshot.started
    )
