"""Runs or previews one job: lease, plan, limits, approval, store, apply. Every way of running a job goes
through here.

Nothing but a busy lease and a failing store is raised: what goes wrong with a job is part of its result, so
that the command line, the Airflow task, the page and the mail all say the same.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from directory_sync.approval.policy import EDITED, SCHEDULED, EffectivePolicy, Reason, needs_approval
from directory_sync.definition.models import Collection, Job
from directory_sync.errors import DirectorySyncError, LeaseError, NewRunNeeded, StoreError
from directory_sync.plan.build import NO_PAST, make_plan
from directory_sync.plan.model import Plan
from directory_sync.plan.past import Past
from directory_sync.plan.planning import Progress
from directory_sync.requests.filing import file_request
from directory_sync.run.begun_job import BegunJob, unfinished_plan
from directory_sync.run.deployment import Deployment
from directory_sync.run.earlier_claims import past_after
from directory_sync.run.earlier_requests import end_other, end_superfluous, refer, usable_waiver
from directory_sync.run.known_definitions import is_known
from directory_sync.run.learning import past_of
from directory_sync.run.opening import Earlier, OpenJob, open_job, touched_areas
from directory_sync.run.policies import JobRules, rules_for
from directory_sync.run.replanning import Tries, begun_by_hand, new_run_needed
from directory_sync.run.result import JobResult, JobState, failure, planned, record, stopped, waiting
from directory_sync.run.settling import AtWork, settle_before
from directory_sync.store.plans import StoredPlan
from directory_sync.store.request_model import APPROVED, PENDING, Filing, Request
from directory_sync.store.runs import JobRun, Snapshot
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


def preview_job(
    collection: Collection,
    job: Job,
    *,
    deployment: Deployment,
    store: Store | None,
    earlier: Sequence[Earlier] = (),
    progress: Progress = lambda stage, done, total: None,
    run_id: str = "preview",
) -> JobResult:
    """Plan a job as if the earlier plans had been carried out, and write nothing.

    `store`: knows what the job knows; None where there is none, so that nothing is known.
    """
    started = time.monotonic()
    try:
        with open_job(collection, job, deployment, run_id=run_id, earlier=earlier) as opened:
            past = NO_PAST
            if store is not None:
                past = past_after(store, collection, job, opened.destination.identity, earlier)
            plan = _make_plan(collection, job, opened, past, progress)
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
    now: Collection | None = None,
    tries: Tries | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> JobResult:
    """Plan a job and carry the plan out, or go on with the plan that an earlier attempt of the same run left
    unfinished.

    A plan that needs approval is not carried out: a request is filed for it, and the job waits.

    Args:
        snapshot: the run it belongs to, from `Runs.start`; its definition counts for the whole run.
        job: one of the snapshot's jobs.
        holder: how others are told who holds the lease.
        gated: whether somebody will carry the plan out once it is approved; if not, a plan that needs
            approval fails.
        now: the collection as it is defined now; where it is stricter than the snapshot, in policy or limits,
            it counts.
        tries: how the job's task in Airflow came to run; None where no task runs it. Under a policy, a task
            that was cleared makes no new plan.

    Raises:
        LeaseError: another run works on the same part of the destination; nothing was begun.
        StoreError: the store does not answer; what was written until then is found again by a retry.
    """
    started = time.monotonic()
    collection = snapshot.collection
    rules = rules_for(collection, now, job, deployment.approval_minimum)
    last = store.earlier_runs.last_attempt(snapshot.id, job.name)
    by_hand = begun_by_hand(snapshot, tries, last)
    may_plan = rules.policy is None or not by_hand
    if not may_plan and unfinished_plan(store, snapshot, job, deployment) is None:
        return record(
            store,
            store.runs.start_job(snapshot.id, job.name),
            failure(job, _new_run_needed(store, snapshot, job), started),
        )
    with contextlib.ExitStack() as stack:
        try:
            # The lease comes before the first record is read, and is kept until the last change is written.
            opened = stack.enter_context(open_job(collection, job, deployment, run_id=snapshot.run_id))
            areas = touched_areas(job, opened.destination)
            lease = stack.enter_context(
                store.leases.acquire(
                    opened.destination.identity, areas, holder=holder, duration=deployment.lease_duration
                )
            )
        except (LeaseError, StoreError):
            raise
        except Exception as error:  # noqa: BLE001 - every failure is part of the result
            return record(store, store.runs.start_job(snapshot.id, job.name), failure(job, error, started))
        own = unfinished_plan(store, snapshot, job, deployment)
        settle_before(snapshot, AtWork(job, opened.destination, lease), store, deployment, own=own)
        attempt = store.runs.start_job(snapshot.id, job.name, lease=lease)
        try:
            work = BegunJob(
                snapshot, job, rules, opened, deployment, store, lease.check, progress, started, by_hand
            )
            result = _plan_and_apply(work, attempt, may_plan=may_plan, gated=gated)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - every failure is part of the result
            result = failure(job, error, started)
        return record(store, attempt, result)


def _plan_and_apply(work: BegunJob, attempt: JobRun, *, may_plan: bool, gated: bool) -> JobResult:
    store, collection, job, policy = work.store, work.snapshot.collection, work.job, work.rules.policy
    unfinished = _unfinished(work)
    if unfinished is not None:
        request = _begun_under(work, unfinished)
        return work.carry_out(unfinished.id, unfinished.plan, request=request, planned=unfinished.stored)
    if not may_plan:
        raise _new_run_needed(store, work.snapshot, job)
    past = past_of(store, collection, job, work.opened.destination.identity, window=work.rules.window)
    plan = _make_plan(collection, job, work.opened, past, work.progress, rules=work.rules)
    # A plan that was approved must not be written after a newer one was made; a waiver ends when it was not
    # needed.
    store.filing.end_outdated_approvals(
        collection.name,
        job.name,
        run=work.snapshot.id,
        digest=plan.digest,
        waivers=not plan.exceeded,
        reason=f"Run {work.snapshot.run_id} has made a newer plan.",
        terminals_only=work.at_terminal,
    )
    waiver, refusal = usable_waiver(work, plan)
    if waiver is not None:
        return work.carry_out(store.plans.save(attempt.id, plan), plan, request=waiver)
    why = _needs_approval(work, plan)
    if plan.exceeded and not (why is not None and work.rules.asks_over_limit):
        plan_id = store.plans.save(attempt.id, plan)
        store.plans.finish(plan_id, JobState.STOPPED_BY_LIMIT.value)
        # A request for another plan that waits asks for what the source no longer says.
        end_other(
            work, plan, reason=f"Run {work.snapshot.run_id} has made a newer plan, which a limit stopped."
        )
        result = stopped(plan, plan_id, work.started)
        return replace(result, message=f"{result.message} {refusal}") if refusal else result
    if why is None or policy is None:
        end_superfluous(work, plan)
        return work.carry_out(store.plans.save(attempt.id, plan), plan, request=None)
    if not gated:
        raise DirectorySyncError(
            f"Job {job.name} needs approval now, but nothing in this run would wait for it: it began before"
            f" the policy did. "
            "Nothing was written. Start a new run."
        )
    return refer(work, plan) or _file(work, attempt, plan, policy, why)


def _needs_approval(work: BegunJob, plan: Plan) -> Reason | None:
    if work.rules.policy is None:
        return None
    trigger = work.snapshot.trigger
    if trigger == SCHEDULED and work.rules.policy.when == "manual" and len(plan.changes):
        # What nobody has agreed to since the job was edited is not the schedule's doing alone.
        trigger = SCHEDULED if is_known(work.store, work.snapshot, work.job) else EDITED
    return needs_approval(
        work.rules.policy, plan, trigger=trigger, exceeded=plan.exceeded, canonical=_spelling(work.opened)
    )


def _file(work: BegunJob, attempt: JobRun, plan: Plan, policy: EffectivePolicy, why: Reason) -> JobResult:
    plan_id = work.store.plans.save(attempt.id, plan)
    filed = file_request(
        work.store, work.snapshot, plan_id, plan, policy=policy, why=why, description=work.job.description
    )
    message = f"Waiting for approval: request {filed.id}. {why}"
    if filed.filing is Filing.REPLACES:
        message += f" It takes the place of request {filed.replaced}, which is stale now."
    return waiting(plan, plan_id, filed.id, message, work.started)


def _new_run_needed(store: Store, snapshot: Snapshot, job: Job) -> NewRunNeeded:
    own = store.requests.to_carry_out(snapshot.id, job.name)
    return new_run_needed(
        snapshot, job, own.id if own is not None and own.state in (PENDING, APPROVED) else None
    )


def _unfinished(work: BegunJob) -> StoredPlan | None:
    """The plan that an earlier attempt began to carry out at this destination; None if there is none."""
    job, store = work.job, work.store
    plan_id = work.unfinished_plan()
    if plan_id is None:
        return None
    found, here = store.plans.load(plan_id), work.opened.destination.identity
    plan = found.plan
    if plan.destination != here:
        # The connection leads somewhere else now, where nothing of what was seen holds. What was written is
        # found out, and the plan closed, once it can be looked at.
        log.warning(
            "The plan of an earlier attempt is for another destination, so a new one is made. job=%s"
            " planned=%s now=%s",
            job.name,
            plan.destination,
            here,
        )
        return None
    log.info(
        "Going on with the plan that an earlier attempt left unfinished. job=%s digest=%s",
        job.name,
        plan.digest,
    )
    return found


def _begun_under(work: BegunJob, stored: StoredPlan) -> Request | None:
    """The request that a plan was begun under, in whatever state it is now; None if the plan needed no
    approval.
    """
    return None if stored.request_id is None else work.store.requests.get(stored.request_id).request


def _spelling(opened: OpenJob) -> Callable[[str], str]:
    """The destination's own spelling of a field's name."""

    def spelling(name: str) -> str:
        rule = opened.destination.rule(name)
        return rule.name if rule is not None else name

    return spelling


def _make_plan(
    collection: Collection,
    job: Job,
    opened: OpenJob,
    past: Past,
    progress: Progress,
    *,
    rules: JobRules | None = None,
) -> Plan:
    plan = make_plan(
        collection,
        job,
        opened.source,
        opened.destination,
        opened.mapping,
        past=past,
        limits=None if rules is None else rules.limits,
        remove=None if rules is None else rules.remove,
        progress=progress,
    )
    return replace(plan, warnings=opened.warnings + plan.warnings)
