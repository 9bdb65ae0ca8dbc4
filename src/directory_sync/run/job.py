"""Runs or previews one job: lease, plan, limits, approval, store, apply. Every way of running a job goes through here.

Nothing but a busy lease and a failing store is raised: what goes wrong with a job is part of its result, so that the command
line, the Airflow task, the page and the mail all say the same.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from directory_sync.approval.filing import file_request
from directory_sync.approval.people import same_person
from directory_sync.approval.policy import SCHEDULED, EffectivePolicy, needs_approval
from directory_sync.approval.records import policy_of
from directory_sync.approval.waivers import WAIVER_LASTS
from directory_sync.definition.models import Collection, Job
from directory_sync.errors import DirectorySyncError, LeaseError, StoreError
from directory_sync.plan.build import make_plan
from directory_sync.plan.model import ChangeSequence, Plan, same_limits
from directory_sync.plan.planning import Progress
from directory_sync.run.carrying_out import carry_out
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import Earlier, OpenJob, open_job, touched_areas
from directory_sync.run.policies import policy_for
from directory_sync.run.result import JobResult, JobState, failure, planned, record, stopped, waiting
from directory_sync.store.request_model import APPROVED, Filing, Request
from directory_sync.store.runs import TERMINAL, JobRun, Snapshot
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


def preview_job(
    collection: Collection,
    job: Job,
    *,
    deployment: Deployment,
    earlier: Sequence[Earlier] = (),
    progress: Progress = lambda stage, done, total: None,
    run_id: str = "preview",
) -> JobResult:
    """Plan a job as if the earlier plans had been carried out, and write nothing."""
    started = time.monotonic()
    try:
        with open_job(collection, job, deployment, run_id=run_id, earlier=earlier) as opened:
            plan = _make_plan(collection, job, opened, progress)
    except Exception as error:  # noqa: BLE001 - every failure is part of the result
        return failure(job, error, started)
    return planned(plan, started)


def run_job(
    snapshot: Snapshot,
    job: Job,
    *,
    deployment: Deployment,
    store: Store,
    holder: str,
    gated: bool = True,
    progress: Progress = lambda stage, done, total: None,
) -> JobResult:
    """Plan a job and carry the plan out, or go on with the plan that an earlier attempt of the same run left unfinished.

    A plan that needs approval is not carried out: a request is filed for it, and the job waits.

    Args:
        snapshot: the run it belongs to, from `Store.start_run`; its definition counts for the whole run.
        job: one of the snapshot's jobs.
        holder: how others are told who holds the lease.
        gated: whether somebody will carry the plan out once it is approved; if not, a plan that needs approval fails.

    Raises:
        LeaseError: another run works on the same part of the destination; nothing was begun.
        StoreError: the store does not answer; what was written until then is found again by a retry.
    """
    started = time.monotonic()
    collection = snapshot.collection
    with contextlib.ExitStack() as stack:
        try:
            # The lease comes before the first record is read, and is kept until the last change is written.
            opened = stack.enter_context(open_job(collection, job, deployment, run_id=snapshot.run_id))
            areas = touched_areas(job, opened.destination)
            lease = stack.enter_context(
                store.acquire_lease(opened.destination.identity, areas, holder=holder, duration=deployment.lease_duration)
            )
        except (LeaseError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - every failure is part of the result
            return record(store, store.start_job(snapshot.id, job.name), failure(job, error, started))
        attempt = store.start_job(snapshot.id, job.name)
        try:
            work = _Work(snapshot, job, opened, deployment, store, lease.check, progress, started)
            result = _plan_and_apply(work, attempt, gated=gated)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - every failure is part of the result
            result = failure(job, error, started)
        return record(store, attempt, result)


def render_changes(collection: Collection, job: Job, changes: ChangeSequence, deployment: Deployment) -> Iterator[str]:
    """Each change as LDIF change records, or a comment where its destination has no such form."""
    with open_job(collection, job, deployment, run_id="preview") as opened:
        for change in changes:
            yield opened.destination.render(change)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a job that has begun works with."""

    snapshot: Snapshot
    job: Job
    opened: OpenJob
    deployment: Deployment
    store: Store
    check: Callable[[], None]
    progress: Progress
    started: float

    def carry_out(self, plan_id: int, plan: Plan, *, request: Request | None, resumed: bool) -> JobResult:
        return carry_out(
            plan_id,
            plan,
            self.opened.destination,
            snapshot=self.snapshot,
            store=self.store,
            request=request,
            resumed=resumed,
            check=self.check,
            progress=self.progress,
            started=self.started,
        )


def _plan_and_apply(work: _Work, attempt: JobRun, *, gated: bool) -> JobResult:
    store, collection, job = work.store, work.snapshot.collection, work.job
    unfinished = _unfinished(work)
    if unfinished is not None:
        plan_id, plan = unfinished
        return work.carry_out(plan_id, plan, request=_begun_under(work, plan_id), resumed=True)
    plan = _make_plan(collection, job, work.opened, work.progress)
    # A plan that was approved must not be written after a newer one was made; a waiver ends when it was not needed.
    store.end_outdated_approvals(
        collection.name,
        job.name,
        run=work.snapshot.id,
        digest=plan.digest,
        waivers=not plan.exceeded,
        reason=f"Run {work.snapshot.run_id} has made a newer plan.",
    )
    policy = policy_for(collection, job, work.deployment.approval_minimum)
    waiver, hindrance = _usable_waiver(work, plan, policy)
    if waiver is not None:
        return work.carry_out(store.save_plan(attempt.id, plan), plan, request=waiver, resumed=False)
    why = None
    if policy is not None:
        why = needs_approval(
            policy, plan, trigger=work.snapshot.trigger, exceeded=plan.exceeded, canonical=_spelling(work.opened)
        )
    if plan.exceeded and not (why is not None and policy is not None and policy.when == "over_limit"):
        plan_id = store.save_plan(attempt.id, plan)
        store.finish_plan(plan_id, JobState.STOPPED_BY_LIMIT.value)
        result = stopped(plan, plan_id, work.started)
        return replace(result, message=f"{result.message} {hindrance}") if hindrance else result
    if why is None or policy is None:
        _nothing_to_ask(work, plan)
        return work.carry_out(store.save_plan(attempt.id, plan), plan, request=None, resumed=False)
    if not gated:
        raise DirectorySyncError(
            f"Job {job.name} needs approval now, but nothing in this run would wait for it: it began before the policy did. "
            "Nothing was written. Start a new run."
        )
    asked = _asked_already(work, plan, policy)
    if asked is not None:
        stands = "are approved, and about to be carried out" if asked.state == APPROVED else "wait for approval already"
        message = f"The same changes {stands}: request {asked.id} of run {asked.run_id}. Nothing was filed."
        return waiting(plan, asked.plan_id, asked.id, message, work.started)
    plan_id = store.save_plan(attempt.id, plan)
    filed = file_request(store, work.snapshot, plan_id, plan, policy=policy, why=why, description=job.description)
    message = f"Waiting for approval: request {filed.id}. {why}"
    if filed.filing is Filing.REPLACES:
        message += f" It takes the place of request {filed.replaced}, which is stale now."
    return waiting(plan, plan_id, filed.id, message, work.started)


def _unfinished(work: _Work) -> tuple[int, Plan] | None:
    """The plan that an earlier attempt began to carry out at this destination, and its id; None if there is none."""
    snapshot, job, store = work.snapshot, work.job, work.store
    plan_id = store.unfinished_plan(snapshot.collection.name, snapshot.run_id, job.name, max_age=work.deployment.plan_max_age)
    if plan_id is None:
        return None
    plan, here = store.load_plan(plan_id).plan, work.opened.destination.identity
    if plan.destination != here:
        # The connection leads somewhere else now, where nothing of what was seen holds.
        store.finish_plan(plan_id, JobState.FAILED.value)
        log.warning(
            "The plan of an earlier attempt is for another destination, so a new one is made. job=%s planned=%s now=%s",
            job.name,
            plan.destination,
            here,
        )
        return None
    log.info("Going on with the plan that an earlier attempt left unfinished. job=%s digest=%s", job.name, plan.digest)
    return plan_id, plan


def _begun_under(work: _Work, plan_id: int) -> Request | None:
    """The request that a plan was begun under, in whatever state it is now; None if the plan needed no approval."""
    request_id = work.store.load_plan(plan_id).request_id
    return None if request_id is None else work.store.get_request(request_id).request


def _usable_waiver(work: _Work, plan: Plan, policy: EffectivePolicy | None) -> tuple[Request | None, str]:
    """An approved request that lets this very plan go past its limits; or why there is one that does not count."""
    if not plan.exceeded:
        return None, ""
    waiver = work.store.approved_request(plan.collection, plan.job, plan.digest, waiver=True)
    if waiver is None:
        return None, ""
    hindrance = _hindrance_to_use(work, waiver, plan, policy)
    if hindrance:
        return None, f"Request {waiver.id} waives limits, but {hindrance}"
    log.info("Limits are waived for exactly this plan. request=%d approved_by=%s", waiver.id, waiver.decided_by)
    return waiver, ""


def _hindrance_to_use(work: _Work, waiver: Request, plan: Plan, policy: EffectivePolicy | None) -> str:
    if policy is not None and policy_of(waiver) != policy.model_copy(update={"self_approval": "forbid"}):
        return "under a policy that has been changed since. Ask for it again."
    if not {limit.asked for limit in plan.exceeded} <= {limit.asked for limit in waiver.waives}:
        return "not all that this plan goes past: they were changed since. Ask for it again."
    view = work.store.get_request(waiver.id)
    if waiver.decided is not None and work.store.now() - waiver.decided > WAIVER_LASTS:
        return f"it was approved more than {WAIVER_LASTS.days} days ago. Ask for it again."
    if work.snapshot.trigger != SCHEDULED:
        for decision in view.decisions:
            if same_person(decision.person, work.snapshot.requester):
                return f"{decision.person}, who has approved it, has also started this run. Somebody else has to start it."
    return ""


def _asked_already(work: _Work, plan: Plan, policy: EffectivePolicy) -> Request | None:
    """The request of an earlier run for the same plan, pending or about to be carried out; this plan need not even be stored."""
    store = work.store
    pending = store.pending_request(plan.collection, plan.job)
    if pending is not None and store.decided_among([pending.id]):
        pending = None
    asked = pending or store.approved_request(plan.collection, plan.job, plan.digest, waiver=False)
    if asked is None or asked.collection_run_id == work.snapshot.id or asked.digest != plan.digest:
        return None
    if asked.trigger == TERMINAL and work.snapshot.trigger != TERMINAL:
        return None  # nobody may come back to that terminal, while this run carries out what it asks for
    return asked if policy_of(asked) == policy and same_limits(asked.waives, plan.exceeded) else None


def _nothing_to_ask(work: _Work, plan: Plan) -> None:
    """End a request of an earlier run: what it asks for is not what the source says now."""
    what = "carries out newer changes that need no approval" if len(plan.changes) else "found nothing to change any more"
    ended = work.store.mark_stale(plan.collection, plan.job, reason=f"Run {work.snapshot.run_id} {what}.")
    if ended is not None:
        log.info("Request %d of an earlier run is stale now: this run %s.", ended, what)


def _spelling(opened: OpenJob) -> Callable[[str], str]:
    """The destination's own spelling of a field's name."""

    def spelling(name: str) -> str:
        rule = opened.destination.rule(name)
        return rule.name if rule is not None else name

    return spelling


def _make_plan(collection: Collection, job: Job, opened: OpenJob, progress: Progress) -> Plan:
    plan = make_plan(collection, job, opened.source, opened.destination, opened.mapping, progress=progress)
    return replace(plan, warnings=opened.warnings + plan.warnings)
