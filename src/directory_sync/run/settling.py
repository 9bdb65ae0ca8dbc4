"""Closes what processes left open that are gone.

What their plans have written is found by looking; nothing is written here.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from directory_sync.apply.apply import ApplyResult
from directory_sync.apply.outcome_log import Tally
from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Outcome, Result
from directory_sync.endpoints.contract import Destination
from directory_sync.endpoints.registry import open_destination
from directory_sync.errors import DirectorySyncError, EndpointError, LeaseError, StoreError
from directory_sync.plan.model import Statistics
from directory_sync.plan.past import UNIDENTIFIED
from directory_sync.run.deployment import Deployment
from directory_sync.run.learning import Written, learn, place_of
from directory_sync.run.looking_back import record_what_was_found
from directory_sync.run.opening import touched_areas
from directory_sync.run.result import JobState, applied
from directory_sync.store.leases import Lease, overlap
from directory_sync.store.plans import WRITE_BATCH, StoredPlan
from directory_sync.store.runs import BROKE_OFF, TERMINAL, Snapshot
from directory_sync.store.settling import Closed, OpenPlan
from directory_sync.store.store import Store

GIVE_UP_AFTER = timedelta(days=7)
"""So long it is tried to look at the objects of a plan; then its changes without an outcome are uncertain for
good.
"""

log = logging.getLogger(__name__)


class Why(StrEnum):
    """Why a plan stays open for now."""

    HELD = "held"
    """The process that works on it is alive, or another run works in the same place."""
    MAY_GO_ON = "may_go_on"
    """A retry of its task in Airflow goes on with it, or `--approved` from a terminal."""
    NOT_SEEN = "not_seen"
    """Its objects cannot be looked at now."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A plan that was closed.

    Attributes:
        plan: which.
        state: how its job has ended (a job state).
        found: how many changes without an outcome were found done, not done, or are uncertain.
        message: the same as a sentence.
    """

    plan: OpenPlan
    state: JobState
    found: Counter[Result]
    message: str


@dataclass(frozen=True, slots=True)
class LeftOpen:
    """A plan that stays open for now, and why; `message` is a sentence."""

    plan: OpenPlan
    why: Why
    message: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What was done about everything that was left open.

    Attributes:
        settled, left: the plans that were closed, and those that stay open.
        attempts, runs: that were closed, without those that belong to the plans.
    """

    settled: tuple[Settled, ...] = ()
    left: tuple[LeftOpen, ...] = ()
    attempts: tuple[Closed, ...] = ()
    runs: tuple[Closed, ...] = ()


@dataclass(frozen=True, slots=True)
class AtWork:
    """A run that settles before it plans: its lease, and the destination that its job has opened."""

    job: Job
    destination: Destination
    lease: Lease


def settle_all(
    store: Store,
    deployment: Deployment,
    *,
    holder: str,
    is_over: Callable[[OpenPlan], bool] = lambda plan: False,
) -> Settlement:
    """Settle every open plan whose process is gone, then close attempts, and runs from terminals, that no one
    goes on with.

    One that cannot be settled holds up no other. May run anywhere, at any time, and twice at the same time.

    Args:
        store: knows what is open.
        deployment: connections and settings.
        holder: how others are told who holds the leases meanwhile.
        is_over: whether a plan's run is certainly over in Airflow, so that no retry goes on with the plan. By
            default that is not known: the store closes such runs while the approval of one of their jobs is
            waited for.

    Raises StoreError.
    """
    settled: list[Settled] = []
    left: list[LeftOpen] = []
    for plan in store.leftovers.open_plans():
        if _may_go_on(plan, store, deployment, is_over):
            left.append(LeftOpen(plan, Why.HELD if plan.held else Why.MAY_GO_ON, _may_go_on_text(plan)))
            continue
        end = settle(plan, store, deployment, holder=holder)
        if isinstance(end, Settled):
            settled.append(end)
        else:
            left.append(end)
    return Settlement(
        tuple(settled), tuple(left), store.leftovers.close_left_attempts(), store.leftovers.close_left_runs()
    )


def settle_before(
    snapshot: Snapshot, work: AtWork, store: Store, deployment: Deployment, *, own: int | None
) -> Settlement:
    """What a run does before it plans a job: the job's open plans of other attempts are settled, whichever
    run they are of.

    Args:
        snapshot: the run.
        work: what it holds.
        store, deployment: as for `settle_all`.
        own: the plan that this run goes on with.

    Raises StoreError.
    """
    settled: list[Settled] = []
    left: list[LeftOpen] = []
    name = snapshot.collection.name
    for plan in store.leftovers.open_plans(name, work.job.name):
        if plan.id == own:
            continue
        # What people have agreed to is given up only when this run has made a newer plan.
        stays = plan.request is not None and _may_go_on(plan, store, deployment)
        end = settle(plan, store, deployment, holder=work.lease.holder, work=work, stays=stays)
        if isinstance(end, Settled):
            settled.append(end)
        else:
            left.append(end)
    return Settlement(
        tuple(settled),
        tuple(left),
        store.leftovers.close_left_attempts(name),
        store.leftovers.close_left_runs(name),
    )


def settle(
    plan: OpenPlan,
    store: Store,
    deployment: Deployment,
    *,
    holder: str,
    work: AtWork | None = None,
    stays: bool = False,
) -> Settled | LeftOpen:
    """Settle one open plan, if its process is gone and its objects can be looked at. Raises StoreError.

    `stays`: what was written is recorded, and the plan stays open, so that a retry may go on with the rest.
    """
    if plan.held:
        held = (
            f"Process {plan.pid} on {plan.host} may still work on it. If it is gone, try again in a minute."
        )
        return LeftOpen(plan, Why.HELD, held)
    started = time.monotonic()
    try:
        snapshot = store.leftovers.run_of(plan)
        job = snapshot.collection.job(plan.job)
        stored = store.plans.load(plan.id)
        with _place(job, stored, store, deployment, holder=holder, work=work) as destination:
            if stays:
                record_what_was_found(store, stored, destination, only=(Result.FOUND_DONE,))
                return LeftOpen(plan, Why.MAY_GO_ON, _may_go_on_text(plan))
            found = record_what_was_found(store, stored, destination)
            end = _close(plan, stored, snapshot, job, destination, store, found, started)
    except LeaseError as busy:
        return LeftOpen(plan, Why.HELD, str(busy))
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - one plan must not hold up the others, whatever is wrong with it
        end = _not_seen(plan, store, error)
    if isinstance(end, Settled):
        log.warning(
            "Settled a plan that was left open. collection=%s run=%s job=%s plan=%d state=%s: %s",
            plan.collection,
            plan.run_id,
            plan.job,
            plan.id,
            end.state.value,
            end.message,
        )
    else:
        log.warning(
            "A plan that was left open stays so. collection=%s run=%s job=%s plan=%d why=%s: %s",
            plan.collection,
            plan.run_id,
            plan.job,
            plan.id,
            end.why.value,
            end.message,
        )
    return end


def _may_go_on(
    plan: OpenPlan,
    store: Store,
    deployment: Deployment,
    is_over: Callable[[OpenPlan], bool] = lambda plan: False,
) -> bool:
    """Whether someone would go on with the plan, so that what was approved is not given up too early."""
    if plan.stopped:
        return False
    if plan.trigger == TERMINAL and plan.request is None:
        return False
    # What was approved may be older: no one knew when it would be.
    since = plan.stored if plan.request is None else plan.begun
    if plan.overtaken or store.now() - since > deployment.plan_max_age:
        return False
    return plan.trigger == TERMINAL or not is_over(plan)


def _may_go_on_text(plan: OpenPlan) -> str:
    if plan.trigger == TERMINAL:
        return f"It was approved: directory-sync run FILE --approved {plan.request} goes on with it."
    return f"Run {plan.run_id} may still go on with it: its task in Airflow may be retried."


@contextlib.contextmanager
def _place(
    job: Job, stored: StoredPlan, store: Store, deployment: Deployment, *, holder: str, work: AtWork | None
) -> Iterator[Destination]:
    """The plan's destination, open, while no one else writes there. Raises EndpointError, LeaseError."""
    with contextlib.ExitStack() as stack:
        if work is not None and work.job == job:
            destination = work.destination
        else:
            destination = open_destination(job, deployment)
            stack.callback(destination.close)
            destination.check()
        if destination.identity != stored.plan.destination:
            raise EndpointError(
                f"the plan is for {stored.plan.destination}, but the connection leads to"
                f" {destination.identity} now.",
                endpoint=destination.label,
                remedy="Correct the connection.",
            )
        areas: Sequence[str] = touched_areas(job, destination)
        if work is not None and work.lease.resource == destination.identity:
            # A process at work on an area that overlaps with one of ours would have kept us from it.
            areas = [area for area in areas if not any(overlap(area, mine) for mine in work.lease.areas)]
        if areas:
            stack.enter_context(
                store.leases.acquire(
                    destination.identity, tuple(areas), holder=holder, duration=deployment.lease_duration
                )
            )
        yield destination


def _close(
    plan: OpenPlan,
    stored: StoredPlan,
    snapshot: Snapshot,
    job: Job,
    destination: Destination,
    store: Store,
    found: Counter[Result],
    started: float,
) -> Settled | LeftOpen:
    written = Written(destination, job.keys)
    tally = _tally(store, stored, written)
    complete = not tally.not_done and not any(
        each.result is Result.UNCERTAIN for each in tally.outcomes.values()
    )
    if complete:
        # As if it had not been interrupted at all; before it is closed, for no one would do it afterwards.
        learn(store, snapshot, job, stored.plan, written, planned=stored.stored)
    else:
        store.known.forget(
            place_of(snapshot.collection, job, stored.plan.destination), set(written.gone) - {UNIDENTIFIED}
        )
    return _noted(plan, stored, store, tally, found, started, complete=complete)


def _not_seen(plan: OpenPlan, store: Store, error: Exception) -> Settled | LeftOpen:
    """Leave the plan to the next time; after a week of that its changes are uncertain for good."""
    if not isinstance(error, DirectorySyncError):
        log.error("A plan could not be settled. plan=%d", plan.id, exc_info=error)
    reason = f"Its objects cannot be looked at: {error}"
    if store.now() - plan.begun < GIVE_UP_AFTER:
        return LeftOpen(plan, Why.NOT_SEEN, f"{reason} Nothing was changed; it is tried again.")
    message = f"the run broke off, and for {GIVE_UP_AFTER.days} days the object could not be read. {error}"
    unknown = store.leftovers.unrecorded(plan.id)
    for place in range(0, len(unknown), WRITE_BATCH):
        batch = unknown[place : place + WRITE_BATCH]
        store.plans.record_outcomes(
            plan.id, [Outcome(sequence, Result.UNCERTAIN, message) for sequence in batch]
        )
    found = Counter({Result.UNCERTAIN: len(unknown)})
    try:
        stored = store.plans.load(plan.id)
    except StoreError:
        raise
    except DirectorySyncError:
        return _given_up(plan, store, found, reason)
    return _noted(plan, stored, store, _tally(store, stored, None), found, time.monotonic(), complete=False)


def _given_up(plan: OpenPlan, store: Store, found: Counter[Result], reason: str) -> Settled | LeftOpen:
    """Close a plan that cannot even be read."""
    message = f"{BROKE_OFF} {reason}"
    state = JobState.STOPPED if plan.stopped else JobState.FAILED
    if not store.leftovers.close_plan(plan, state.value, statistics=Statistics(), message=message):
        return _too_late(plan)
    return Settled(plan, state, found, message)


def _tally(store: Store, stored: StoredPlan, written: Written | None) -> Tally:
    outcomes = store.plans.outcomes(stored.id)
    tally = Tally()
    for sequence, change in enumerate(stored.plan.changes):
        if (outcome := outcomes.get(sequence)) is not None:
            tally.add(change.action, outcome)
            if written is not None:
                written.note(change, outcome)
    return tally


def _noted(
    plan: OpenPlan,
    stored: StoredPlan,
    store: Store,
    tally: Tally,
    found: Counter[Result],
    started: float,
    *,
    complete: bool,
) -> Settled | LeftOpen:
    total = len(stored.plan.changes)
    outcome = ApplyResult(
        tally.statistics(), tally.outcomes, total, total - tally.answered, time.monotonic() - started, None
    )
    result = applied(stored.plan, stored.id, outcome, started)
    message = f"{BROKE_OFF} {found_text(found)}"
    if complete:
        message = f"{message} {result.message}"
    elif (stop := store.run_stops.of(plan.collection, plan.run_id)) is not None:
        result = replace(result, state=JobState.STOPPED)
        message = f"{stop.text} {message}"
    else:
        result = replace(result, state=JobState.FAILED)
        message = f"{message} Run the job again."
    if not store.leftovers.close_plan(
        plan, result.state.value, statistics=result.statistics, message=message
    ):
        return _too_late(plan)
    return Settled(plan, result.state, found, message)


def _too_late(plan: OpenPlan) -> LeftOpen:
    return LeftOpen(plan, Why.HELD, "Another process has settled it, or works on it again.")


def found_text(found: Counter[Result]) -> str:
    """What was found by looking, as a sentence."""
    done, not_done, uncertain = found[Result.FOUND_DONE], found[Result.NOT_DONE], found[Result.UNCERTAIN]
    if not done + not_done + uncertain:
        return "All of its changes were on record."
    return (
        f"Of {done + not_done + uncertain:,} changes that were not on record, {done:,} were found done"
        f" afterwards, {not_done:,} were not made, and of {uncertain:,} it cannot be told."
    )
