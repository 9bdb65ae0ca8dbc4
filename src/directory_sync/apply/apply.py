"""Applies a plan: the one place that lets a destination write.

Every outcome is recorded, so that a run that was killed can be taken up again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from directory_sync.apply.before_images import ImageKeeper, ImageStore
from directory_sync.apply.dependants import dependants_of_failures
from directory_sync.apply.failure_rule import FailureCount, FailureRule
from directory_sync.apply.outcome_log import OutcomeRecorder, OutcomeStore, Tally
from directory_sync.endpoints.change import Change, Outcome, Result
from directory_sync.endpoints.contract import Destination
from directory_sync.endpoints.unwritten import why_needless
from directory_sync.errors import (
    DirectorySyncError,
    EndpointError,
    EndpointUnavailable,
    LeaseError,
    RunStopped,
    StoreError,
)
from directory_sync.garbage import rare_collection
from directory_sync.plan.model import ChangeSequence, Statistics

PROGRESS_SECONDS = 0.1
LOGGED_SINGLY = 50
"""So many conflicts and failures get a log line each; all are in the report."""

_NONE: Mapping[int, str] = MappingProxyType({})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ApplyResult:
    """How far a plan was applied.

    Attributes:
        statistics: created, updated, moved, disabled, deleted count what is done, also what an earlier
            attempt did; conflicts and errors count changes. All else is 0.
        outcomes: place in the plan → outcome, of those that are not `done`.
        total: number of changes in the plan.
        left: number of changes without an outcome. Those that were being written when it stopped may have
            been applied; applying again with `resumed=True` finds out.
        in_doubt: number of those that may have been, for the destination was given them.
        seconds: how long it took.
        error: why it stopped before the end, or None.
    """

    statistics: Statistics
    outcomes: Mapping[int, Outcome]
    total: int
    left: int
    seconds: float
    error: DirectorySyncError | None
    in_doubt: int = 0

    @property
    def conflicts(self) -> int:
        """Number of changes not made because the object is not as it was seen."""
        return self.statistics.conflicts

    @property
    def failures(self) -> int:
        """Number of changes that the destination refused."""
        return self.statistics.errors


@rare_collection()
def apply_plan(
    changes: ChangeSequence,
    destination: Destination,
    *,
    plan_id: int,
    store: OutcomeStore,
    images: ImageStore,
    secrets: Collection[str],
    check: Callable[[], None],
    resumed: bool,
    refused: Mapping[int, str] = _NONE,
    failure_rule: FailureRule = FailureRule(),  # noqa: B008 - frozen
    stopping: Callable[[], RunStopped | None] = lambda: None,
    progress: Callable[[int, int], None] | None = None,
    note: Callable[[Change, Outcome], None] = lambda change, outcome: None,
    log: logging.Logger = _log,
) -> ApplyResult:
    """Apply changes at the destination and record what happens to each.

    A change that is refused or in conflict is recorded, and the others go on. Whatever ends the work early,
    what was answered until then is recorded.

    Args:
        changes: the plan's.
        destination: writes; nothing else here does.
        plan_id: under which the store keeps outcomes.
        store: records outcomes; when it cannot, writing stops.
        images: keeps what objects were like before they are deleted, disabled or moved. What cannot be kept
            is not written: it could not be undone.
        secrets: fields of which no value is kept, as definitions spell them, besides password attributes.
        check: called before each single send; raises LeaseLost when nothing more may be written.
        resumed: an earlier attempt may have applied some of them: recorded ones are not repeated, the
            others looked at first.
        refused: places of changes that must not be made any more, and why: those are conflicts.
        failure_rule: when to stop because too much fails.
        stopping: asked before each change; says that a person has stopped the run. What is under way is
            answered then, and nothing else begins.
        progress: called with the number of changes answered and their total, at most ten times a second and
            at the end.
        note: called with each change that has an outcome, those of an earlier attempt included.
        log: gets a line per conflict and failure, and a closing tally.

    Returns what was done, also when it stopped early: then `error` says why (EndpointError, LeaseLost,
    RunStopped, StoreError).

    Raises nothing of this package; KeyboardInterrupt and the like pass through when outcomes have been
    recorded.
    """
    attempt = _Attempt(
        changes,
        destination,
        recorder=OutcomeRecorder(store, plan_id),
        images=ImageKeeper(destination, images, plan_id, secrets),
        failures=FailureCount(failure_rule),
        stopping=stopping,
        progress=progress,
        note=note,
        log=log,
    )
    error: DirectorySyncError | None = None
    try:
        recorded = store.outcomes(plan_id) if resumed else {}
        attempt.run(recorded, check, refused, verify=range(len(changes)) if resumed else frozenset())
    except DirectorySyncError as stopped:
        error = attempt.describe(stopped)
    finally:
        flush_error = attempt.flush()
    if flush_error is not None and (error is None or isinstance(error, StoreError)):
        error = flush_error
    result = ApplyResult(
        statistics=attempt.tally.statistics(),
        outcomes=attempt.tally.outcomes,
        total=len(changes),
        left=attempt.left,
        seconds=time.monotonic() - attempt.started,
        error=error,
        in_doubt=attempt.in_doubt,
    )
    _log_tally(log, plan_id, result)
    return result


class _Attempt:
    """One attempt at applying a plan: what is under way, and the tally."""

    def __init__(
        self,
        changes: ChangeSequence,
        destination: Destination,
        *,
        recorder: OutcomeRecorder,
        images: ImageKeeper,
        failures: FailureCount,
        stopping: Callable[[], RunStopped | None],
        progress: Callable[[int, int], None] | None,
        note: Callable[[Change, Outcome], None],
        log: logging.Logger,
    ) -> None:
        self.started = time.monotonic()
        self.tally = Tally()
        self._changes = changes
        self._destination = destination
        self._recorder = recorder
        self._images = images
        self._withheld: dict[int, str] = {}
        self._absent: set[int] = set()
        self._stopped: DirectorySyncError | None = None
        self._failures = failures
        self._stopping = stopping
        self._exchanging = False
        self._progress = progress
        self._progressed = 0.0
        self._note = note
        self._log = log
        self._under_way: dict[int, Change] = {}

    def run(
        self,
        recorded: Mapping[int, Outcome],
        check: Callable[[], None],
        refused: Mapping[int, str],
        verify: Collection[int],
    ) -> None:
        """Write what has no outcome yet. Raises what ends it early."""
        if recorded:
            for sequence, change in enumerate(self._changes):
                if sequence in recorded:
                    self.tally.add(change.action, recorded[sequence])
                    self._note(change, recorded[sequence])
            recorded = self._give_up_dependants(recorded)
        if refused:
            recorded = self._give_up_dependants(self._refuse(recorded, refused))

        def before_send() -> None:
            check()
            if (stop := self._stopping()) is not None:
                self._stopped = stop
                raise stop

        outcomes = self._destination.write(
            self._feed(recorded),
            before_send=before_send,
            verify=verify,
            withheld=self._withheld,
            absent=self._absent,
        )
        try:
            for outcome in outcomes:
                self._take(outcome)
            # A stop that only met changes which had begun came too late.
            if self._stopped is not None and (self.left or self.tally.not_done):
                raise self._stopped
        finally:
            # Whatever ends it, the writer must not go on sending, nor wait for the garbage collector to find
            # out.
            if isinstance(outcomes, Generator):
                outcomes.close()
        self._show_progress(now=True)
        if self.left and self._failures.exceeded:
            raise EndpointError(
                f"{self._failures.failed} of the last {self._failures.tried} changes failed, so the rest was"
                " not attempted.",
                endpoint=self._destination.label,
                remedy=(
                    "See what they have in common, and run the job again. The last one:"
                    f" {self._last_failure()}"
                ),
            )
        if self.left:
            raise EndpointError(
                "The destination did not say the result of some changes.",
                endpoint=self._destination.label,
                remedy="Run the job again: it looks at them first.",
            )

    def _refuse(self, recorded: Mapping[int, Outcome], refused: Mapping[int, str]) -> Mapping[int, Outcome]:
        conflicts = {}
        for sequence, change in enumerate(self._changes):
            if sequence in refused and sequence not in recorded:
                message = f"{self._destination.label}: {change.object}: {refused[sequence]}"
                conflicts[sequence] = Outcome(sequence, Result.CONFLICT, message)
                self._under_way[sequence] = change
                self._take(conflicts[sequence])
        return {**recorded, **conflicts}

    def _give_up_dependants(self, recorded: Mapping[int, Outcome]) -> Mapping[int, Outcome]:
        given_up = {}
        for sequence, change, needed in dependants_of_failures(self._changes, recorded):
            message = f"{self._destination.label}: {change.object}: {why_needless(needed)}"
            outcome = Outcome(sequence, Result.FAILED, message)
            given_up[sequence] = outcome
            self._under_way[sequence] = change
            self._take(outcome)
        return {**recorded, **given_up}

    @property
    def left(self) -> int:
        """Number of changes without an outcome."""
        return len(self._changes) - self.tally.answered

    @property
    def in_doubt(self) -> int:
        """Number of changes that the destination was given and has not answered."""
        return len(self._under_way)

    def flush(self) -> StoreError | None:
        """Record what is not recorded yet, also while something else is going wrong."""
        try:
            self._recorder.flush()
        except StoreError as error:
            described = error.extended(
                f"{self._recorder.unrecorded:,} outcomes could not be recorded, so nothing more was written;"
                f" {self._extent()} Running the job again finds out about those."
            )
            self._log.error("Outcomes could not be recorded. error=%s", described)
            return described
        return None

    def describe(self, error: DirectorySyncError) -> DirectorySyncError:
        """The same kind of error, saying how far the plan got."""
        if isinstance(error, EndpointUnavailable):
            return error.extended(self._extent(), remedy="A retry of this run goes on with the same plan.")
        if isinstance(error, EndpointError | LeaseError | RunStopped | StoreError):
            return error.extended(self._extent())
        return error

    def _extent(self) -> str:
        return (
            f"{self.tally.answered:,} of {len(self._changes):,} changes have been answered, {self.left:,} are"
            " left."
        )

    def _take(self, outcome: Outcome) -> None:
        change = self._under_way.pop(outcome.sequence)
        self.tally.add(change.action, outcome)
        self._note(change, outcome)
        self._failures.add(failed=outcome.result is Result.FAILED)
        self._log_trouble(change, outcome)
        self._show_progress()
        self._recorder.add(outcome)

    def _feed(self, recorded: Mapping[int, Outcome]) -> Iterator[tuple[int, Change]]:
        """The changes that have no outcome yet, each after its object was kept as it is; ends early when too
        many fail or nothing can be kept, so that what is under way is still answered.

        Those whose object cannot be read are given too, as withheld: the destination finds out what needs
        them.
        """
        left = (each for each in enumerate(self._changes) if each[0] not in recorded)
        while changes := list(islice(left, self._images.at_once)):
            if self._is_to_end():
                return
            try:
                kept = self._images.keep(changes)
            except DirectorySyncError as error:
                self._stopped = error
                return
            self._withheld.update(kept.unreadable)
            self._absent.update(kept.absent)
            for sequence, change in changes:
                if self._failures.exceeded:
                    return
                if self._is_to_end():
                    return
                self._exchanging |= change.via is not None
                self._under_way[sequence] = change
                yield sequence, change

    def _is_to_end(self) -> bool:
        """Whether nothing more is to be given because of a stop.

        Objects that exchange their names may need changes that come later, so then the destination decides.
        """
        if self._exchanging or (stop := self._stopping()) is None:
            return False
        self._stopped = stop
        return True

    def _last_failure(self) -> str:
        return next(
            outcome.message
            for outcome in reversed(self.tally.outcomes.values())
            if outcome.result is Result.FAILED
        )

    def _log_trouble(self, change: Change, outcome: Outcome) -> None:
        if outcome.result in (Result.DONE, Result.FOUND_DONE, Result.NOT_DONE):
            return
        if self.tally.troubles > LOGGED_SINGLY:
            if self.tally.troubles == LOGGED_SINGLY + 1:
                self._log.warning(
                    "Further conflicts and failures are in the report only. logged=%d", LOGGED_SINGLY
                )
            return
        what = (
            "is not as it was when the plan was made"
            if outcome.result is Result.CONFLICT
            else "could not be changed"
        )
        self._log.warning(
            "An object %s. action=%s object=%r key=%r reason=%r",
            what,
            change.action,
            change.object,
            change.key,
            outcome.message,
        )

    def _show_progress(self, *, now: bool = False) -> None:
        moment = time.monotonic()
        if self._progress is not None and (now or moment - self._progressed >= PROGRESS_SECONDS):
            self._progressed = moment
            self._progress(self.tally.answered, len(self._changes))


def _log_tally(log: logging.Logger, plan_id: int, result: ApplyResult) -> None:
    done = result.total - result.left
    facts = {
        "plan": plan_id,
        **{
            name: getattr(result.statistics, name)
            for name in ("created", "updated", "moved", "disabled", "deleted", "conflicts", "errors")
        },
        "left": result.left,
        "seconds": f"{result.seconds:.2f}",
        "changes_per_second": f"{done / result.seconds:.0f}" if result.seconds else done,
    }
    level = logging.WARNING if result.error else logging.INFO
    what = "Stopped applying the plan" if result.error else "Applied the plan"
    log.log(level, "%s. %s", what, " ".join(f"{name}={value}" for name, value in facts.items()))
