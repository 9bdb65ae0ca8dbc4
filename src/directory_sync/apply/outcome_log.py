"""Where outcomes go while a plan is applied: in batches to the store, and into the tally."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from directory_sync.endpoints.change import Action, Outcome, Result
from directory_sync.plan.model import COUNTED_AS, Statistics

BATCH_SIZE = 500
BATCH_SECONDS = 0.5


class OutcomeStore(Protocol):
    """What applying needs of the store."""

    def outcomes(self, plan_id: int) -> dict[int, Outcome]:
        """Every recorded outcome, by the change's place in the plan."""

    def record_outcomes(self, plan_id: int, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, all or none. Raises StoreError."""


class OutcomeRecorder:
    """Hands outcomes to the store, at most `BATCH_SIZE` of them and at most `BATCH_SECONDS` late."""

    def __init__(self, store: OutcomeStore, plan_id: int) -> None:
        self._store = store
        self._plan_id = plan_id
        self._batch: list[Outcome] = []
        self._flushed = time.monotonic()

    @property
    def unrecorded(self) -> int:
        """Number of outcomes that the store does not have yet."""
        return len(self._batch)

    def add(self, outcome: Outcome) -> None:
        """Take in an outcome.

        Raises StoreError if a batch was due and could not be recorded; it is kept then.
        """
        self._batch.append(outcome)
        if len(self._batch) >= BATCH_SIZE or time.monotonic() - self._flushed >= BATCH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record what has not been recorded. Raises StoreError; then it is kept."""
        if self._batch:
            self._store.record_outcomes(self._plan_id, self._batch)
            self._batch = []
        self._flushed = time.monotonic()


class Tally:
    """Counts the results of changes, and keeps those that were not simply done.

    Attributes:
        outcomes: place in the plan → outcome, of those that are not `done`.
        answered: how many have an outcome.
        not_done: how many of them were found not to be written; these count as nothing else.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self.outcomes: dict[int, Outcome] = {}
        self.answered = 0
        self.not_done = 0

    @property
    def troubles(self) -> int:
        """Number of conflicts and failures."""
        return self._counts["conflicts"] + self._counts["errors"]

    def add(self, action: Action, outcome: Outcome) -> None:
        """Count one outcome."""
        self.answered += 1
        if outcome.result is not Result.DONE:
            self.outcomes[outcome.sequence] = outcome
        if outcome.result is Result.CONFLICT:
            self._counts["conflicts"] += 1
        elif outcome.result is Result.FAILED or outcome.result is Result.UNCERTAIN:
            self._counts["errors"] += 1
        elif outcome.result is Result.NOT_DONE:
            self.not_done += 1
        else:
            self._counts[COUNTED_AS[action]] += 1

    def statistics(self) -> Statistics:
        """What was done; records read, unchanged and skipped are the plan's business and are 0 here."""
        return Statistics(**self._counts)
