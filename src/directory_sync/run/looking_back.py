"""Finds out the results of those changes of a plan that no one could record, by looking at their objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from itertools import islice

from directory_sync.endpoints.change import Outcome, Result
from directory_sync.endpoints.contract import Destination
from directory_sync.store.plans import WRITE_BATCH, StoredPlan
from directory_sync.store.store import Store

_WRITTEN = (Result.DONE, Result.FOUND_DONE)


def record_what_was_found(
    store: Store, stored: StoredPlan, destination: Destination, *, only: Collection[Result] = tuple(Result)
) -> Counter[Result]:
    """Look at the objects of all changes without an outcome, and record what they tell; an outcome recorded
    meanwhile stands.

    `only`: which of the results are recorded; the other changes stay without an outcome.

    Returns how many of each. Raises EndpointError where nothing can be told now; what was recorded until then
    holds.
    """
    recorded = store.plans.outcomes(stored.id)
    renamed = {}
    for sequence, change in enumerate(stored.plan.changes):
        outcome = recorded.get(sequence)
        if change.new_object is not None and outcome is not None and outcome.result in _WRITTEN:
            renamed[change.object] = change.new_object
    rest = (
        (sequence, change) for sequence, change in enumerate(stored.plan.changes) if sequence not in recorded
    )
    counted: Counter[Result] = Counter()

    def found() -> Iterator[Outcome]:
        for outcome in destination.look(rest, renamed=renamed):
            if outcome.result in only:
                counted[outcome.result] += 1
                yield outcome

    outcomes = found()
    while batch := list(islice(outcomes, WRITE_BATCH)):
        store.plans.record_outcomes(stored.id, batch)
    return counted
