"""What requests of earlier runs mean for a new plan: those that its verdict depends on, and those that end
with it.
"""

from __future__ import annotations

import logging

from directory_sync.approval.policy import SCHEDULED
from directory_sync.approval.request import EventKind, Request
from directory_sync.plan.model import Plan
from directory_sync.run.begun_job import BegunJob
from directory_sync.run.policies import JobRules
from directory_sync.run.verdict import ApprovedWaiver, EarlierRequests, Start
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


def earlier_requests(plan: Plan, rules: JobRules, start: Start, store: Store) -> EarlierRequests:
    """The requests of the job that bear on a plan; nothing is asked of the store that cannot matter."""
    waiver = _waiver(plan, store) if plan.exceeded else None
    if rules.policy is None or not len(plan.changes):
        return EarlierRequests(waiver)
    denied = None
    if start.trigger == SCHEDULED:
        denied = store.requests.standing_denial(plan.collection, plan.job, plan.digest)
    return EarlierRequests(
        waiver, _asked(plan, start, store), denied, "" if denied is None else _reason_of_denial(denied, store)
    )


def _waiver(plan: Plan, store: Store) -> ApprovedWaiver | None:
    request = store.requests.approved(plan.collection, plan.job, plan.digest, waiver=True)
    if request is None:
        return None
    people = tuple(decision.person.name for decision in store.requests.get(request.id).decisions)
    age = None if request.decided is None else store.now() - request.decided
    return ApprovedWaiver(request, people, age)


def _asked(plan: Plan, start: Start, store: Store) -> Request | None:
    pending = store.requests.pending(plan.collection, plan.job)
    if pending is not None and not store.requests.decided_among([pending.id]):
        return pending
    approved = store.requests.approved(plan.collection, plan.job, plan.digest, waiver=False)
    if approved is None or start.at_terminal or approved.trigger == TERMINAL:
        return approved
    # A run of Airflow that has ended begins nothing more; a new plan ends what was approved for it. What it
    # had begun before is not asked about again: it is settled.
    run = store.runs.find(plan.collection, approved.run_id)
    has_ended = run is not None and run.finished is not None
    return None if has_ended and approved.begun is None else approved


def _reason_of_denial(denied: Request, store: Store) -> str:
    reasons = [
        event.text.strip()
        for event in store.requests.get(denied.id).events
        if event.kind is EventKind.DENIED and event.text.strip()
    ]
    return reasons[-1] if reasons else ""


def end_superfluous(work: BegunJob, plan: Plan) -> None:
    """End a request of an earlier run: what it asks for is not what the source says now."""
    what = (
        "applies newer changes that need no approval"
        if len(plan.changes)
        else "found nothing to change any more"
    )
    ended = work.store.filing.mark_stale(
        plan.collection,
        plan.job,
        reason=f"Run {work.snapshot.run_id} {what}.",
        terminals_only=work.at_terminal,
    )
    if ended is not None:
        log.info("Request %d of an earlier run is stale now: this run %s.", ended, what)


def end_other(work: BegunJob, plan: Plan, *, reason: str) -> None:
    """End a request of an earlier run that asks for another plan than this one."""
    pending = work.store.requests.pending(plan.collection, plan.job)
    if pending is None or pending.digest == plan.digest:
        return
    ended = work.store.filing.mark_stale(
        plan.collection, plan.job, reason=reason, terminals_only=work.at_terminal
    )
    if ended is not None:
        log.info("Request %d of an earlier run is stale now. %s", ended, reason)
