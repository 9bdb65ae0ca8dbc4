"""Keeps what a preview of a job has found, as a run keeps its plans; nothing of it is ever applied."""

from __future__ import annotations

from dataclasses import replace

from directory_sync.plan.model import Plan
from directory_sync.run.result import JobResult
from directory_sync.store.store import Store


def store_preview(store: Store, attempt: int, collection: str, result: JobResult) -> JobResult:
    """Store the plan of a previewed job, and how the attempt ended; the result with the plan's id.

    Args:
        store: keeps it.
        attempt: id of the attempt in the store.
        collection: name of the collection.
        result: of `preview_job`.
    """
    if result.digest:
        plan = Plan(
            collection=collection,
            job=result.job,
            destination=result.destination,
            changes=result.changes,
            digest=result.digest,
            statistics=result.statistics,
            managed=result.managed,
            problems=result.problems,
            warnings=result.warnings,
            limits=result.limits,
            left_alone=result.left_alone,
            findings=result.findings,
            evidence=result.evidence,
        )
        plan_id = store.plans.save(attempt, plan)
        store.plans.finish(plan_id, result.state.value)
        result = replace(result, plan_id=plan_id)
    store.runs.finish_job(
        attempt,
        result.state.value,
        statistics=result.statistics if result.digest else None,
        message=result.message,
        warnings=result.warnings,
        problems=result.problems,
    )
    return result
