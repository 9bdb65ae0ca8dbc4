"""What the card on Airflow's Home tells one person: requests that they may decide, runs that failed lately,
and what runs now.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from directory_sync.approval.request import Request
from directory_sync.portal.access import Visitor
from directory_sync.run.result import JobState
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.run_highlights import NotedRun
from directory_sync.store.store import Store

NAMED = 5
"""Requests and runs that are named; of the rest only the number is told."""

LATELY = timedelta(days=1)
"""So long a failed run is told of."""

MOST_RUNS = 200
"""Runs that are looked at for each number, so that a card costs little however many there are."""

_FAILED = (
    # Who has stopped a run knows of it.
    *(state.value for state in JobState if state.failed and state is not JobState.STOPPED),
    JobState.CONFLICTS.value,
    JobState.SUCCESS_WITH_ERRORS.value,
)


@dataclass(frozen=True, slots=True)
class Some:
    """Runs of which the first are named; `total` counts at most `MOST_RUNS`."""

    named: tuple[NotedRun, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Home:
    """What is told.

    Attributes:
        requests: the newest of those that wait for the person.
        waiting: how many wait in all.
        failed, running: runs of collections that the person may see.
    """

    requests: tuple[Request, ...]
    waiting: int
    failed: Some
    running: Some

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell; so it is for people who may see no collection."""
        return not (self.waiting or self.failed.total or self.running.total)


def read_home(store: Store, visitor: Visitor) -> Home:
    """What the card tells this person. Raises StoreError."""
    visible = visitor.visible(store.requests.collections(pending_only=True))
    requests: tuple[Request, ...] = ()
    waiting = 0
    if visible:
        name, roles = visitor.person.name, visitor.person.roles
        filter = RequestFilter(collections=visible)
        requests = store.requests.inbox(name, roles, filter, limit=NAMED).requests
        waiting = store.requests.count_inbox(name, roles, filter)
    failed = store.run_highlights.ended(_FAILED, within=LATELY, limit=MOST_RUNS)
    return Home(
        requests=requests,
        waiting=waiting,
        failed=_visible(visitor, failed),
        running=_visible(visitor, store.run_highlights.worked_on(limit=MOST_RUNS)),
    )


def _visible(visitor: Visitor, runs: Sequence[NotedRun]) -> Some:
    seen = frozenset(visitor.visible(tuple(dict.fromkeys(run.collection for run in runs))))
    found = tuple(run for run in runs if run.collection in seen)
    return Some(found[:NAMED], len(found))
