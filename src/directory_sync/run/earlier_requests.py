"""What requests of earlier runs mean for a new plan: a waiver to use, an answer to refer to, one to end."""

from __future__ import annotations

import logging

from directory_sync.approval.people import same_person
from directory_sync.approval.policy import SCHEDULED
from directory_sync.approval.records import policy_of
from directory_sync.approval.waivers import WAIVER_LASTS
from directory_sync.plan.model import Plan, same_limits
from directory_sync.run.begun_job import BegunJob
from directory_sync.run.result import JobResult, JobState, not_approved, waiting
from directory_sync.store.request_model import APPROVED, EventKind, Request
from directory_sync.store.runs import TERMINAL

log = logging.getLogger(__name__)


def refer(work: BegunJob, plan: Plan) -> JobResult | None:
    """The answer of an earlier request to the same plan, so that it is not asked again; None without one."""
    asked = _asked_already(work, plan)
    if asked is not None:
        stands = (
            "are approved, and about to be carried out"
            if asked.state == APPROVED
            else "wait for approval already"
        )
        message = f"The same changes {stands}: request {asked.id} of run {asked.run_id}. Nothing was filed."
        return waiting(plan, asked.plan_id, asked.id, message, work.started)
    denied = _denied_already(work, plan)
    if denied is not None:
        # A request for another plan that waits asks for what the source no longer says.
        reason = (
            f"Run {work.snapshot.run_id} has made the plan again that was denied with request {denied.id}."
        )
        work.store.filing.mark_stale(plan.collection, plan.job, reason=reason)
        view = work.store.requests.get(denied.id)
        reasons = [
            event.text.strip()
            for event in view.events
            if event.kind is EventKind.DENIED and event.text.strip()
        ]
        by = f" by {denied.decided_by}" if denied.decided_by else ""
        message = (
            f"The same changes were denied{by}: request {denied.id} of run {denied.run_id}. Nothing was filed"
            f" or "
            "written. To ask for them again, start a run by hand."
            + (f" Reason of the denial: {reasons[-1]}" if reasons else "")
        )
        return not_approved(plan, denied.plan_id, denied.id, JobState.DENIED, message, work.started)
    return None


def usable_waiver(work: BegunJob, plan: Plan) -> tuple[Request | None, str]:
    """An approved request that lets this plan go past its limits; or why one does not count."""
    if not plan.exceeded:
        return None, ""
    waiver = work.store.requests.approved(plan.collection, plan.job, plan.digest, waiver=True)
    if waiver is None:
        return None, ""
    refusal = _why_not_used(work, waiver, plan)
    if refusal:
        return None, f"Request {waiver.id} waives limits, but {refusal}"
    log.info(
        "Limits are waived for exactly this plan. request=%d approved_by=%s", waiver.id, waiver.decided_by
    )
    return waiver, ""


def _why_not_used(work: BegunJob, waiver: Request, plan: Plan) -> str:
    if work.at_terminal and waiver.trigger != TERMINAL:
        return (
            f"it belongs to run {waiver.run_id} of Airflow, and nobody has checked who started this run. Run"
            f" the"
            f" job in Airflow."
        )
    policy = work.rules.policy
    if policy is not None and policy_of(waiver) != policy.model_copy(update={"self_approval": "forbid"}):
        return "under a policy that has been changed since. Ask for it again."
    if not {limit.asked for limit in plan.exceeded} <= {limit.asked for limit in waiver.waives}:
        return "not all that this plan goes past: they were changed since. Ask for it again."
    view = work.store.requests.get(waiver.id)
    if waiver.decided is not None and work.store.now() - waiver.decided > WAIVER_LASTS:
        return f"it was approved more than {WAIVER_LASTS.days} days ago. Ask for it again."
    if waiver.collection_run_id == work.snapshot.id or work.by_hand:
        return "only a new run makes use of it, and this one was made to go on by hand. Start a new run."
    if work.snapshot.trigger != SCHEDULED:
        for decision in view.decisions:
            if same_person(decision.person, work.snapshot.requester):
                return (
                    f"{decision.person}, who has approved it, has also started this run. Someone else has to"
                    f" start it."
                )
    return ""


def _asked_already(work: BegunJob, plan: Plan) -> Request | None:
    """The request of an earlier run for the same plan, pending or about to be applied."""
    store = work.store
    pending = store.requests.pending(plan.collection, plan.job)
    if pending is not None and store.requests.decided_among([pending.id]):
        pending = None
    asked = pending or store.requests.approved(plan.collection, plan.job, plan.digest, waiver=False)
    if asked is None or asked.collection_run_id == work.snapshot.id or asked.digest != plan.digest:
        return None
    if asked.trigger == TERMINAL and not work.at_terminal:
        return None  # nobody may come back to that terminal, while this run carries out what it asks for
    return asked if _same_question(work, asked, plan) else None


def _denied_already(work: BegunJob, plan: Plan) -> Request | None:
    """The denial of the same plan that is the last word about it. A run by hand asks again all the same."""
    if work.snapshot.trigger != SCHEDULED:
        return None
    denied = work.store.requests.standing_denial(plan.collection, plan.job, plan.digest)
    return denied if denied is not None and _same_question(work, denied, plan) else None


def _same_question(work: BegunJob, asked: Request, plan: Plan) -> bool:
    """Whether a request was filed under the same policy, and lets the same limits pass."""
    return policy_of(asked) == work.rules.policy and same_limits(asked.waives, plan.exceeded)


def end_superfluous(work: BegunJob, plan: Plan) -> None:
    """End a request of an earlier run: what it asks for is not what the source says now."""
    what = (
        "carries out newer changes that need no approval"
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
