"""A preview of one job within a run of its collection: the tasks before it left their plans in the store."""

from __future__ import annotations

from dataclasses import replace

from directory_sync.definition.models import Job
from directory_sync.plan.planning import Progress
from directory_sync.run.connection_use import roles_of
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import preview_job, start_of
from directory_sync.run.opening import Earlier
from directory_sync.run.policies import rules_for
from directory_sync.run.pulse import Pulse
from directory_sync.run.result import JobResult
from directory_sync.run.stored_preview import store_preview
from directory_sync.run.verdict_text import forecast_text
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def preview_in_run(
    snapshot: Snapshot, job: Job, *, deployment: Deployment, store: Store, progress: Progress
) -> JobResult:
    """Plan a job on top of what the jobs before it plan, and store its plan for the jobs after it.

    Nothing else is written.
    """
    roles = roles_of(store, snapshot)
    attempt = store.runs.start_job(snapshot.id, job.name)
    rules = rules_for(snapshot.collection, None, job, deployment.approval_minimum)
    with Pulse(store, snapshot, attempt, progress) as pulse:
        result = preview_job(
            snapshot.collection,
            job,
            deployment=deployment,
            store=store,
            # Of a run like this one, only that it would write.
            start=replace(start_of(store, snapshot, job, rules, deployment), run=None),
            earlier=_earlier(snapshot, job, store),
            progress=pulse.progress,
            run_id=snapshot.run_id,
            roles=roles,
        )
    if result.forecast is not None and (told := forecast_text(result.forecast)):
        result = replace(result, message=f"{result.message} {told}")
    return store_preview(store, attempt.id, snapshot.collection.name, result)


def _earlier(snapshot: Snapshot, job: Job, store: Store) -> list[Earlier]:
    """The plans of the jobs before this one, in the collection's order."""
    plans = {
        each.job: each.plan_id for each in store.runs.job_results(snapshot.collection.name, snapshot.run_id)
    }
    earlier = []
    for other in snapshot.collection.enabled_jobs:
        if other.name == job.name:
            break
        if (plan_id := plans.get(other.name)) is not None:
            plan = store.plans.load(plan_id).plan
            earlier.append(Earlier(other.name, plan.destination, plan.changes, plan.findings))
    return earlier
