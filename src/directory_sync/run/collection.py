"""Runs or previews the jobs of a collection one after another, with their failure actions: what a terminal
does in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from directory_sync.definition.models import Collection, FailureAction, Job
from directory_sync.definition.support import refuse_unsupported
from directory_sync.errors import LeaseError
from directory_sync.plan.planning import Progress
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job, run_job
from directory_sync.run.opening import Earlier
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.verdict import FROM_TERMINAL, Start
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def preview_collection(
    collection: Collection,
    jobs: Sequence[Job],
    *,
    deployment: Deployment,
    store: Store | None,
    start: Start = FROM_TERMINAL,
    now: Collection | None = None,
    progress: Callable[[Job], Progress],
) -> Iterator[JobResult]:
    """Plan jobs on top of each other and write nothing; `start`, `now`: see `preview_job`.

    A job that cannot be planned does not end the preview: the jobs after it are planned without its changes.

    Raises:
        UnsupportedError: one of the jobs is not supported here; nothing was read for any of them.
    """
    refuse_unsupported(collection, jobs, script_modules=deployment.script_modules)
    earlier: list[Earlier] = []
    for job in jobs:
        result = preview_job(
            collection,
            job,
            deployment=deployment,
            store=store,
            start=start,
            now=now,
            earlier=earlier,
            progress=progress(job),
        )
        if result.state is JobState.PREVIEWED:
            earlier.append(Earlier(job.name, result.destination, result.changes, result.findings))
        yield result


def run_collection(
    snapshot: Snapshot,
    jobs: Sequence[Job],
    *,
    deployment: Deployment,
    store: Store,
    holder: str,
    now: Collection | None = None,
    progress: Callable[[Job], Progress],
) -> Iterator[JobResult]:
    """Run jobs in order; after a failed job whose failure action is *abort*, or when a person has stopped the
    run, the others are not run, and say so.

    Neither are those after a job that waits for approval and says `wait_for_approval`: no one stays at a
    terminal for that.

    Args:
        snapshot: the run.
        jobs: of its definition.
        deployment: connections and settings.
        store: records everything.
        holder: how others are told who holds the lease.
        now: another definition of the collection that counts where it is stricter; see `run_job`.
        progress: makes what hears how far a job is.

    Raises:
        UnsupportedError: one of the jobs is not supported here; nothing was read for any of them.
        StoreError: the store does not answer.
    """
    refuse_unsupported(snapshot.collection, jobs, script_modules=deployment.script_modules)
    why_not = ""
    for job in jobs:
        if (stop := store.run_stops.of(snapshot.collection.name, snapshot.run_id)) is not None:
            yield JobResult(job=job.name, state=JobState.NOT_RUN, message=stop.text, error=stop.error())
            continue
        if why_not:
            yield JobResult(job=job.name, state=JobState.NOT_RUN, message=why_not)
            continue
        try:
            result = run_job(
                snapshot,
                job,
                deployment=deployment,
                store=store,
                holder=holder,
                now=now,
                progress=progress(job),
            )
        except LeaseError as error:
            # In a terminal someone waits: say who is at work instead of queueing.
            result = JobResult(job=job.name, state=JobState.FAILED, message=str(error), error=error)
        yield result
        if result.state.failed and job.on_failure is FailureAction.ABORT:
            why_not = f"Not run, because job {job.name} before it failed and its failure action is abort."
        elif result.state is JobState.WAITING and job.wait_for_approval:
            why_not = (
                f"Not run, because job {job.name} before it waits for approval (request {result.request})."
            )
