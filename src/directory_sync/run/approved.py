"""Applies the plan of an approved request, in the run that has filed it: exactly that plan, or
nothing.
"""

from __future__ import annotations

import contextlib
import time

from directory_sync.approval.request import Request
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Job
from directory_sync.definition.support import refuse_unsupported
from directory_sync.endpoints.contract import Destination
from directory_sync.endpoints.registry import open_destination
from directory_sync.errors import DirectorySyncError, NotDecidable, PlanMismatch, RequestError
from directory_sync.plan.model import Plan
from directory_sync.plan.planning import Progress
from directory_sync.run.apply_step import apply_and_record, as_noted
from directory_sync.run.attempt import Attempt
from directory_sync.run.connection_use import refuse_at_destination, refuse_broken_rules, roles_of
from directory_sync.run.deployment import Deployment
from directory_sync.run.pulse import Pulse
from directory_sync.run.result import JobResult
from directory_sync.store.leases import Lease
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def apply_approved(
    snapshot: Snapshot,
    job: Job,
    request: Request,
    *,
    deployment: Deployment,
    store: Store,
    holder: str,
    progress: Progress = lambda stage, done, total: None,
) -> JobResult:
    """Apply the plan that a request is about, if it is approved, or go on where an earlier attempt has
    stopped.

    The source is not read again. What has changed at the destination since the plan was made is a conflict,
    and is left alone.

    Args:
        snapshot: the run that has filed the request; its definition counts.
        job: the request's, out of that definition.
        request: as the store knows it; its state is looked at again before the first write.
        deployment: connections and settings.
        store: holds plan and request.
        holder: how others are told who holds the lease.
        progress: hears about changes.

    Returns its result; if it has been applied before, what was noted then, and nothing is written.

    Raises:
        LeaseError: another run works on the same part of the destination; nothing was begun.
        RequestError, PlanMismatch: there is no approval of exactly this plan, or only a waiver, which a run
            that plans again makes use of; nothing was written.
        StoreError: the store does not answer; what was written until then is found again by a retry.
    """
    started = time.monotonic()
    if request.state == RequestState.APPLIED:
        return as_noted(request)
    if request.waiver:
        raise NotDecidable(
            f"Request {request.id} waives limits for a run that makes the same plan again. Nothing was"
            " written. Run the job again."
        )
    stored = store.plans.load(request.plan_id)

    def open_place(stack: contextlib.ExitStack) -> tuple[Destination, Destination]:
        refuse_broken_rules(snapshot.collection, deployment, roles=roles_of(store, snapshot))
        refuse_unsupported(snapshot.collection, [job], script_modules=deployment.script_modules)
        destination = open_destination(job, deployment)
        stack.callback(destination.close)
        destination.check()
        refuse_at_destination(snapshot.collection, job, destination, deployment)
        _require_same_place(stored.plan, destination.identity)
        return destination, destination

    def work(destination: Destination, lease: Lease, pulse: Pulse) -> JobResult:
        return apply_and_record(
            stored.id,
            stored.plan,
            destination,
            job=job,
            snapshot=snapshot,
            store=store,
            request=request,
            resumed=stored.apply_started is not None,
            check=lease.check,
            pulse=pulse,
            started=started,
            planned=stored.stored,
        )

    attempt = Attempt(snapshot, job, deployment, store, holder, started, request.id)
    return attempt.run(open_place, work, progress=progress, raised=(RequestError, PlanMismatch))


def _require_same_place(plan: Plan, here: str) -> None:
    if plan.destination != here:
        raise DirectorySyncError(
            f"The approved plan is for {plan.destination}, but the connection leads to {here} now, where"
            " nothing of what was seen holds. Nothing was written. Correct the connection, or run the job"
            " again."
        )
