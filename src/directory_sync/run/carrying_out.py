"""Carries out a stored plan for a job, and notes the end of it: the same for plans that need approval and for all others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from directory_sync.apply.apply import apply_plan
from directory_sync.endpoints.protocol import Destination
from directory_sync.plan.model import Plan
from directory_sync.plan.planning import Progress
from directory_sync.run.result import JobResult, applied
from directory_sync.store.request_model import Request
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def carry_out(
    plan_id: int,
    plan: Plan,
    destination: Destination,
    *,
    snapshot: Snapshot,
    store: Store,
    request: Request | None,
    resumed: bool,
    check: Callable[[], None],
    progress: Progress,
    started: float,
) -> JobResult:
    """Write a plan's changes and record what became of them.

    Args:
        plan_id, plan: in the store.
        destination: open.
        snapshot: the run that writes.
        store: where outcomes go.
        request: what allows it; None where no approval is needed.
        resumed: an earlier attempt may have written some of it.
        check: raises when nothing more may be written (`Lease.check`).
        progress: hears about changes.
        started: `time.monotonic()` when the job began.

    Raises NotDecidable or PlanMismatch if the request does not allow exactly this plan; nothing was written then. StoreError.
    """
    if request is None:
        store.start_applying(plan_id)
    else:
        store.claim_approved(request.id, expected_digest=plan.digest, plan_id=plan_id)
    outcome = apply_plan(
        plan.changes,
        destination,
        plan_id=plan_id,
        store=store,
        check=check,
        resumed=resumed,
        progress=lambda done, total: progress("apply", done, total),
    )
    result = applied(plan, plan_id, outcome, started)
    if not (result.error is not None and result.error.transient):
        store.finish_plan(plan_id, result.state.value)
        if request is not None:
            noted = {
                "state": result.state.value,
                "message": result.message,
                "statistics": result.statistics.to_json(),
                "run_id": snapshot.run_id,
            }
            store.mark_applied(request.id, noted)
    return result if request is None else replace(result, request=request.id)
