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
from collections.abc import Collection as Roles
from dataclasses import replace

from directory_sync.approval.policy import SCHEDULED, starter
from directory_sync.approval.request import Request
from directory_sync.approval.states import RequestState
from directory_sync.collections.unapproved import JobHistory
from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.contract import Destination
from directory_sync.errors import CollectionChanged, DirectorySyncError, NewRunNeeded, PolicyChanged
from directory_sync.plan.build import NO_PAST, make_plan
from directory_sync.plan.model import Plan
from directory_sync.plan.past import Past
from directory_sync.plan.planning import Progress
from directory_sync.requests.filing import file_request
from directory_sync.requests.texts import reason_text
from directory_sync.run.attempt import Attempt
from directory_sync.run.begun_job import BegunJob, unfinished_plan
from directory_sync.run.connection_use import roles_of
from directory_sync.run.deployment import Deployment
from directory_sync.run.earlier_claims import past_after
from directory_sync.run.earlier_requests import earlier_requests, end_other, end_superfluous
from directory_sync.run.known_definitions import is_known
from directory_sync.run.learning import past_of
from directory_sync.run.newest_version import require_rules_of_now
from directory_sync.run.opening import Earlier, OpenJob, open_job
from directory_sync.run.policies import JobRules, rules_for
from directory_sync.run.pulse import Pulse
from directory_sync.run.replanning import Tries, begun_by_hand, new_run_needed
from directory_sync.run.result import JobResult, JobState, failure, not_approved, planned, stopped, waiting
from directory_sync.run.settling import AtWork, settle_before
from directory_sync.run.shared_listings import SharedListings
from directory_sync.run.verdict import (
    FROM_TERMINAL,
    Apply,
    Ask,
    EarlierRequests,
    Forecast,
    ReferTo,
    Start,
    Stop,
    Verdict,
    WhyStop,
    decide,
)
from directory_sync.run.verdict_text import nothing_waits_text, referred_text, unused_text
from directory_sync.store.leases import Lease
from directory_sync.store.plans import StoredPlan
from directory_sync.store.request_model import Filed, Filing
from directory_sync.store.runs import JobRun, Snapshot
from directory_sync.store.store import Store

log = logging.getLogger(__name__)

_FILING_TRIES = 5
"""How often a person may save another version in the moment in which a request is filed."""


def preview_job(
    collection: Collection,
    job: Job,
    *,
    deployment: Deployment,
    store: Store | None,
    start: Start = FROM_TERMINAL,
    earlier: Sequence[Earlier] = (),
    now: Collection | None = None,
    progress: Progress = lambda stage, done, total: None,
    run_id: str = "preview",
    roles: Roles[str] | None = None,
    shared: SharedListings | None = None,
) -> JobResult:
    """Plan a job as if the earlier plans had been applied, and write nothing.

    Args:
        store: knows what the job knows; None where there is none, so that nothing is known.
        start: of the run that the preview is about; the result says what it would do with the plan.
        earlier: the plans of the jobs before this one.
        now: as for `run_job`; its policy counts too.
        roles: of the person who saved the collection, or asks; None for a collection from a file.
        shared: listings that another plan is made of, too.
    """
    started = time.monotonic()
    try:
        with open_job(
            collection, job, deployment, roles=roles, run_id=run_id, earlier=earlier, shared=shared
        ) as opened:
            rules = rules_for(collection, now, job, deployment.approval_minimum)
            past = NO_PAST
            if store is not None:
                destination = opened.destination.identity
                past = past_after(store, collection, job, destination, earlier, window=rules.window)
            plan = _make_plan(collection, job, opened, past, progress, rules=rules)
            requests = EarlierRequests() if store is None else earlier_requests(plan, rules, start, store)
            verdict = decide(plan, rules, start, requests, canonical=_spelling(opened))
    except Exception as error:  # noqa: BLE001 - every failure is part of the result
        return failure(job, error, started)
    return replace(planned(plan, started), forecast=Forecast(start, verdict))


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

    A plan that needs approval is not applied: a request is filed for it, and the job waits. Nothing is
    begun in a run that a person has stopped.

    Args:
        snapshot: the run it belongs to, from `Runs.start`; its definition counts for the whole run.
        job: one of the snapshot's jobs.
        holder: how others are told who holds the lease.
        gated: whether someone will carry the plan out once it is approved; if not, a plan that needs
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
    attempt = Attempt(snapshot, job, deployment, store, holder, started)
    rules = rules_for(collection, now, job, deployment.approval_minimum)
    if (stop := store.run_stops.of(collection.name, snapshot.run_id)) is not None:
        return JobResult(job=job.name, state=JobState.NOT_RUN, message=stop.text, error=stop.error())
    last = store.earlier_runs.last_attempt(snapshot.id, job.name)
    by_hand = begun_by_hand(snapshot, tries, last)
    may_plan = rules.policy is None or not by_hand
    if not may_plan and unfinished_plan(store, snapshot, job, deployment) is None:
        return attempt.failed(_new_run_needed(store, snapshot, job))

    def open_both(stack: contextlib.ExitStack) -> tuple[OpenJob, Destination]:
        roles = roles_of(store, snapshot)
        opened = stack.enter_context(
            open_job(collection, job, deployment, roles=roles, run_id=snapshot.run_id)
        )
        return opened, opened.destination

    def settle(opened: OpenJob, lease: Lease) -> None:
        own = unfinished_plan(store, snapshot, job, deployment)
        settle_before(snapshot, AtWork(job, opened.destination, lease), store, deployment, own=own)

    def work(opened: OpenJob, lease: Lease, pulse: Pulse) -> JobResult:
        at_work = BegunJob(
            snapshot, job, rules, opened, deployment, store, lease.check, pulse, started, by_hand
        )
        return _plan_and_apply(at_work, pulse.attempt, may_plan=may_plan, gated=gated)

    return attempt.run(open_both, work, progress=progress, prepare=settle)


def _plan_and_apply(work: BegunJob, attempt: JobRun, *, may_plan: bool, gated: bool) -> JobResult:
    store, collection, job = work.store, work.snapshot.collection, work.job
    unfinished = _unfinished(work)
    if unfinished is not None:
        request = _begun_under(work, unfinished)
        return work.apply(unfinished.id, unfinished.plan, request=request, planned=unfinished.stored)
    if not may_plan:
        raise _new_run_needed(store, work.snapshot, job)
    past = past_of(store, collection, job, work.opened.destination.identity, window=work.rules.window)
    plan = _make_plan(collection, job, work.opened, past, work.pulse.progress, rules=work.rules)
    if (stop := store.run_stops.of(collection.name, work.snapshot.run_id)) is not None:
        raise stop.error("Nothing was written.")
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
    start = start_of(
        store, work.snapshot, job, work.rules, work.deployment, by_hand=work.by_hand, gated=gated
    )
    earlier = earlier_requests(plan, work.rules, start, store)
    verdict = decide(plan, work.rules, start, earlier, canonical=_spelling(work.opened))
    return _execute(verdict, work, attempt, plan)


def start_of(
    store: Store,
    snapshot: Snapshot,
    job: Job,
    rules: JobRules,
    deployment: Deployment,
    *,
    by_hand: bool = False,
    gated: bool = True,
) -> Start:
    """How a run began, as far as its verdict on a job depends on it."""
    if rules.policy is None:
        return Start(
            snapshot.id,
            snapshot.trigger,
            starter(snapshot.trigger, snapshot.requester),
            by_hand=by_hand,
            gated=gated,
        )
    # Only such a policy asks whether the job was edited.
    by_schedule = _lets_the_schedule_through(snapshot, rules)
    history = JobHistory(store, snapshot, job.name, deployment.templates, with_schedule=by_schedule)
    saved = history.saved_definition()
    return Start(
        snapshot.id,
        snapshot.trigger,
        starter(snapshot.trigger, snapshot.requester),
        by_hand=by_hand,
        gated=gated,
        edited=by_schedule and not is_known(store, snapshot, job, since=history.changed()),
        edits=() if saved is None else saved.authors,
    )


def _lets_the_schedule_through(snapshot: Snapshot, rules: JobRules) -> bool:
    return snapshot.trigger == SCHEDULED and rules.policy is not None and rules.policy.when == "manual"


def _execute(verdict: Verdict, work: BegunJob, attempt: JobRun, plan: Plan) -> JobResult:
    store = work.store
    match verdict:
        case Apply(waiver=waiver):
            require_rules_of_now(store, work.snapshot, work.job, work.rules, work.deployment)
            if waiver is None:
                end_superfluous(work, plan)
            else:
                log.info(
                    "Limits are waived for exactly this plan. request=%d approved_by=%s",
                    waiver.id,
                    waiver.decided_by,
                )
            return work.apply(store.plans.save(attempt.id, plan), plan, request=waiver)
        case Stop(why=WhyStop.NOTHING_WAITS):
            raise DirectorySyncError(nothing_waits_text(work.job.name))
        case Stop(unused=unused):
            plan_id = store.plans.save(attempt.id, plan)
            store.plans.finish(plan_id, JobState.STOPPED_BY_LIMIT.value)
            # A request for another plan that waits asks for what the source no longer says.
            end_other(
                work,
                plan,
                reason=f"Run {work.snapshot.run_id} has made a newer plan, which a limit stopped.",
            )
            result = stopped(plan, plan_id, work.started)
            if unused is None:
                return result
            return replace(result, message=f"{result.message} {unused_text(unused)}")
        case ReferTo(request=request):
            state = JobState.WAITING
            if request.state == RequestState.DENIED:
                state = JobState.DENIED
                # A request for another plan that waits asks for what the source no longer says.
                reason = (
                    f"Run {work.snapshot.run_id} has made the plan again that was denied with request"
                    f" {request.id}."
                )
                store.filing.mark_stale(plan.collection, plan.job, reason=reason)
            text = referred_text(verdict)
            return not_approved(plan, request.plan_id, request.id, state, text, work.started)
        case Ask():
            return _file(verdict, work, attempt, plan)


def _file(verdict: Ask, work: BegunJob, attempt: JobRun, plan: Plan) -> JobResult:
    plan_id = work.store.plans.save(attempt.id, plan)
    filed = _file_by_newest(verdict, work, plan_id, plan)
    message = f"Waiting for approval: request {filed.id}. {reason_text(verdict.why)}"
    if filed.filing is Filing.REPLACES:
        message += f" It takes the place of request {filed.replaced}, which is stale now."
    return waiting(plan, plan_id, filed.id, message, work.started)


def _file_by_newest(verdict: Ask, work: BegunJob, plan_id: int, plan: Plan) -> Filed:
    """File it under the policy of the saved version that is the newest when it is filed.

    Raises PolicyChanged if that came while the plan was made, and asks for something else.
    """
    minimum = work.deployment.approval_minimum
    for is_last in (*[False] * _FILING_TRIES, True):
        history = JobHistory(
            work.store,
            work.snapshot,
            work.job.name,
            work.deployment.templates,
            with_schedule=_lets_the_schedule_through(work.snapshot, work.rules),
        )
        now = history.newest_collection
        if history.newest is not None:
            rules = None if now is None else rules_for(work.snapshot.collection, now, work.job, minimum)
            if rules is None or rules.policy != verdict.policy:
                raise PolicyChanged(
                    f"The approval policy of job {work.job.name} was changed with version"
                    f" {history.newest.number}, which {history.newest.saved_by} saved while this run planned"
                    " the job. Nothing was asked for or written. Run the job again, under the new policy."
                )
        try:
            return file_request(
                work.store,
                work.snapshot,
                plan_id,
                plan,
                policy=verdict.policy,
                why=verdict.why,
                description=work.job.description,
                saved=history.saved_definition(),
                newest=history.newest_revision,
            )
        except CollectionChanged:
            if is_last:
                raise
    raise AssertionError("the last try returns or raises")


def _new_run_needed(store: Store, snapshot: Snapshot, job: Job) -> NewRunNeeded:
    own = store.requests.to_apply(snapshot.id, job.name)
    return new_run_needed(
        snapshot,
        job,
        own.id if own is not None and own.state in (RequestState.PENDING, RequestState.APPROVED) else None,
    )


def _unfinished(work: BegunJob) -> StoredPlan | None:
    """The plan that an earlier attempt began to apply at this destination; None if there is none."""
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
    rules: JobRules,
) -> Plan:
    plan = make_plan(
        collection,
        job,
        opened.source,
        opened.destination,
        opened.mapping,
        past=past,
        limits=rules.limits,
        remove=rules.remove,
        progress=progress,
    )
    return replace(plan, warnings=opened.warnings + plan.warnings)
