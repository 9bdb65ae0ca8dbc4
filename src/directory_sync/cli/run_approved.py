"""Applies, from a terminal, an approved request that a run from a terminal has filed: no one else
would.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from directory_sync.approval.request import Request
from directory_sync.approval.states import LABELS, RequestState
from directory_sync.cli.deployment import holder
from directory_sync.cli.exit_status import UsageError
from directory_sync.cli.progress import ProgressDisplay
from directory_sync.definition.models import Collection
from directory_sync.errors import LeaseError, NotDecidable
from directory_sync.run.approved import apply_approved
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState, state_of_run
from directory_sync.store.runs import TERMINAL, Snapshot
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class ApprovedRequest:
    """An approved request, and the run that has filed it."""

    request: Request
    snapshot: Snapshot


class RequestPending(NotDecidable):
    """The request still waits for a decision."""


def find_approved(collection: Collection, number: int, store: Store) -> ApprovedRequest:
    """Return an approved request that can be applied from a terminal.

    Args:
        collection: of the file that the command was given; the request has to be its.
        number: of the request.
        store: holds both.

    Raises:
        UsageError: the request is for another collection.
        RequestNotFound: there is no such request.
        NotDecidable: it cannot be applied from here, or not any more.
        RequestPending: no one has decided it yet.
        StoreError: the store does not answer.
    """
    request = store.requests.get(number).request
    if request.collection != collection.name:
        raise UsageError(
            f"--approved: request {number} is for the collection {request.collection}, not for"
            f" {collection.name}. Give the definition file of that collection."
        )
    if request.trigger != TERMINAL:
        raise NotDecidable(
            f"Request {number} belongs to run {request.run_id} of Airflow, which applies it by itself once it"
            " is approved. Nothing was written. See that run in Airflow."
        )
    _require_approved(request)
    snapshot = store.runs.find(request.collection, request.run_id)
    if snapshot is None:
        raise NotDecidable(
            f"Run {request.run_id}, which has filed request {number}, is not in the store. Run the job again."
        )
    return ApprovedRequest(request, snapshot)


def _require_approved(request: Request) -> None:
    match request.state:
        case RequestState.APPROVED:
            return
        case RequestState.PENDING:
            raise RequestPending(
                f"Request {request.id} still waits for approval; nothing was written. directory-sync requests"
                f" show {request.id} says who is asked."
            )
        case RequestState.APPLIED:
            raise NotDecidable(
                f"Request {request.id} was applied at {request.applied:%Y-%m-%d %H:%M} UTC; nothing was"
                " written now. Run the job again to see whether anything is left to change."
            )
        case state:
            by = f" by {request.decided_by}" if request.decided_by else ""
            at = f" at {request.decided:%Y-%m-%d %H:%M} UTC" if request.decided else ""
            what = LABELS[RequestState(state)].lower()
            successor = f" Request {request.successor} has replaced it." if request.successor else ""
            raise NotDecidable(
                f"Request {request.id} is not approved but {what}{by}{at}; nothing was written.{successor}"
                " Run the job again."
            )


def run_approved(
    approved: ApprovedRequest, *, deployment: Deployment, store: Store, display: ProgressDisplay
) -> Generator[JobResult]:
    """Carry the approved plan out as a part of the run that has filed it; yield the one result.

    A failure of the job is part of the result. Raises RequestError, PlanMismatch, StoreError.
    """
    snapshot, request = approved.snapshot, approved.request
    job = snapshot.collection.job(request.job)
    try:
        yield apply_approved(
            snapshot,
            job,
            request,
            deployment=deployment,
            store=store,
            holder=holder(),
            progress=display.of(job),
        )
    except LeaseError as error:
        # In a terminal someone waits: say who is at work instead of queueing.
        yield JobResult(
            job=job.name, state=JobState.FAILED, message=str(error), error=error, request=request.id
        )
    finally:
        states = (result.state for result in store.runs.job_results(request.collection, request.run_id))
        state = state_of_run(
            JobState(state) if state in set(JobState) else JobState.FAILED for state in states
        )
        store.runs.finish(request.collection, request.run_id, state.value)


def next_step(request: Request, file: Path) -> str:
    """What is to be done once a request that a run from a terminal has met is approved."""
    if request.trigger != TERMINAL:
        return f"Request {request.id}: once it is approved, its run {request.run_id} in Airflow applies it."
    return (
        f"Request {request.id}: once it is approved, directory-sync run {file} --approved {request.id}"
        " applies it."
    )
