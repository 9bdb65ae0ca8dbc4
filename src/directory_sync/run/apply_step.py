"""Applies a stored plan for a job, and notes the end of it: the same for plans that need approval and for
all others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice

from directory_sync.apply.apply import ApplyResult, apply_plan
from directory_sync.apply.outcome_log import Tally
from directory_sync.approval.request import Request
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Outcome, Result
from directory_sync.endpoints.contract import Destination
from directory_sync.errors import DirectorySyncError, EndpointError, LeaseLost, RunStopped
from directory_sync.plan.model import Plan, Statistics
from directory_sync.plan.past import UNIDENTIFIED
from directory_sync.plan.planning import Stage
from directory_sync.run.known_definitions import known_secrets
from directory_sync.run.learning import Written, claimed_meanwhile, learn, place_of
from directory_sync.run.looking_back import record_what_was_found
from directory_sync.run.pulse import Pulse
from directory_sync.run.result import JobResult, JobState, applied
from directory_sync.store.plans import WRITE_BATCH
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store

_TOLD = (Result.FOUND_DONE, Result.UNCERTAIN)
"""What is recorded of changes that a look is about, where the others stay without an outcome."""

log = logging.getLogger(__name__)


def apply_and_record(
    plan_id: int,
    plan: Plan,
    destination: Destination,
    *,
    job: Job,
    snapshot: Snapshot,
    store: Store,
    request: Request | None,
    resumed: bool,
    check: Callable[[], None],
    pulse: Pulse,
    started: float,
    planned: datetime | None = None,
) -> JobResult:
    """Write a plan's changes and record their results.

    Args:
        plan_id, plan: in the store.
        destination: open.
        job: whose plan it is.
        snapshot: the run that writes.
        store: where outcomes go.
        request: what allows it; None where no approval is needed.
        resumed: an earlier attempt may have written some of it.
        check: raises when nothing more may be written (`Lease.check`).
        pulse: hears about changes, and whether a person has stopped the run.
        started: `time.monotonic()` when the job began.
        planned: when the plan was made, if that was in an earlier run or attempt; None for just now.

    Raises NotDecidable or PlanMismatch if the request does not allow exactly this plan, RunStopped if the run
    was stopped before; nothing was written then. StoreError.
    """
    # Asked for first: while the store cannot say it, nothing is begun.
    secrets = known_secrets(store, snapshot)
    if request is None:
        store.plans.start_applying(plan_id)
    else:
        claimed = store.approvals.claim(request.id, expected_digest=plan.digest, plan_id=plan_id)
        if (
            claimed.state == RequestState.APPLIED
        ):  # someone else has carried it out while this one waited for its turn
            return as_noted(claimed)
    newer = store.plans.newer(plan_id) if resumed else None
    if newer is not None:
        # What was written is noted as such before the rest is called a conflict.
        record_what_was_found(store, store.plans.load(plan_id), destination, only=_TOLD)
    written = Written(destination, job.keys)
    pulse.begin(Stage.APPLY, len(plan.changes))
    outcome = apply_plan(
        plan.changes,
        destination,
        plan_id=plan_id,
        store=store.plans,
        images=store.before_images,
        secrets=secrets,
        check=check,
        resumed=resumed,
        stopping=pulse.stopping,
        progress=lambda done, total: pulse.progress(Stage.APPLY, done, total),
        refused={} if planned is None else _refused(plan, newer, job=job, snapshot=snapshot, store=store),
        note=written.note,
    )
    if outcome.error is None:
        # Where everything was found done already, nothing was sent, and no one has asked yet.
        check()
        learn(store, snapshot, job, plan, written, planned=planned)
    elif not outcome.error.transient:
        outcome = _ended_early(outcome, outcome.error, plan_id, store, destination, written, resumed=resumed)
        store.known.forget(
            place_of(snapshot.collection, job, plan.destination), set(written.gone) - {UNIDENTIFIED}
        )
    result = applied(plan, plan_id, outcome, started)
    if not (result.error is not None and result.error.transient):
        if request is None:
            if not store.plans.finish(plan_id, result.state.value):
                raise LeaseLost(
                    "This process was held up for so long that its plan has been settled by another one. See"
                    " there."
                )
        else:
            noted = {
                "state": result.state.value,
                "message": result.message,
                "statistics": result.statistics.to_json(),
                "run_id": snapshot.run_id,
            }
            store.approvals.mark_applied(request.id, noted, code=result.code, plan_id=plan_id)
    return result if request is None else replace(result, request=request.id)


def _ended_early(
    outcome: ApplyResult,
    error: DirectorySyncError,
    plan_id: int,
    store: Store,
    destination: Destination,
    written: Written,
    *,
    resumed: bool,
) -> ApplyResult:
    """Record the results of the changes without an outcome of a plan that no attempt goes on with.

    What this attempt has not come to, an earlier one may have written. After a stop, what was not written is
    recorded too.

    Raises EndpointError where some may have been written, and that cannot be found out now; the error itself
    if it was no stop. The plan stays open then, to be settled.
    """
    stopped = isinstance(error, RunStopped)
    if resumed or outcome.in_doubt:
        stored = store.plans.load(plan_id)
        try:
            record_what_was_found(store, stored, destination, only=tuple(Result) if stopped else _TOLD)
        except EndpointError as unseen:
            if stopped:
                raise
            raise error from unseen
        recorded, tally = store.plans.outcomes(plan_id), Tally()
        for sequence, change in enumerate(stored.plan.changes):
            if sequence in recorded:
                tally.add(change.action, recorded[sequence])
                written.note(change, recorded[sequence])
        return replace(outcome, statistics=tally.statistics(), outcomes=tally.outcomes)
    if not stopped:
        return outcome
    message = str(error)
    left_out = {
        sequence: Outcome(sequence, Result.NOT_DONE, message)
        for sequence in store.leftovers.unrecorded(plan_id)
    }
    outcomes = iter(left_out.values())
    while batch := list(islice(outcomes, WRITE_BATCH)):
        store.plans.record_outcomes(plan_id, batch)
    return replace(outcome, outcomes={**outcome.outcomes, **left_out})


def _refused(
    plan: Plan, newer: str | None, *, job: Job, snapshot: Snapshot, store: Store
) -> Mapping[int, str]:
    """The changes of a plan made earlier that must not be written any more, by their places in it, and
    why.
    """
    if newer is not None:
        # What was written and what not is half of this plan; the newer one has been made knowing that.
        return dict.fromkeys(
            range(len(plan.changes)), f"run {newer} has planned the job since. It was left alone."
        )
    claimed = claimed_meanwhile(store, snapshot.collection, job, plan)
    return {
        place: f"job {other} has a record for it now. It was left alone." for place, other in claimed.items()
    }


def as_noted(request: Request) -> JobResult:
    """What was noted of a request that has been applied before."""
    noted = request.result or {}
    log.info("Request %d has been applied already, at %s UTC.", request.id, request.applied)
    return JobResult(
        job=request.job,
        state=JobState(noted.get("state", JobState.SUCCESS)),
        statistics=Statistics(**noted.get("statistics", {})),
        digest=request.digest,
        message=f"Request {request.id} has been applied already. {noted.get('message', '')}".strip(),
        plan_id=request.plan_id,
        request=request.id,
    )
