"""What Airflow knows of a run that the store knows: whether it is that very run, goes on, or is held up.

A run can be deleted in Airflow, and its id used again by another person. Tasks refuse such a run; pages say
what they show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from directory_sync.errors import RunIdUsed
from directory_sync.store.run_identity import RunIdentity
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class RunInAirflow:
    """A run of Airflow, found by its id.

    Attributes:
        told: Airflow has answered; nothing else counts if not.
        identity: what tells it from others with the same id; None if there is no such run.
        begun: when it was made.
        over: it has ended.
        paused: its DAG is switched off, so that none of its tasks begins.
    """

    told: bool
    identity: RunIdentity | None = None
    begun: datetime | None = None
    over: bool = False
    paused: bool = False


UNTOLD = RunInAirflow(told=False)
"""Where Airflow does not answer."""


@dataclass(frozen=True, slots=True)
class OtherRun:
    """A run of Airflow that has the id of a stored run, and is another one; the person who started it, and
    when.
    """

    requester: str
    begun: datetime | None


def other_run(store: Store, collection: str, found: RunInAirflow) -> OtherRun | None:
    """The run that Airflow has by the id of a stored run, if it is not that run."""
    if found.identity is None:
        return None
    try:
        store.runs.join(collection, found.identity)
    except RunIdUsed:
        return OtherRun(found.identity.requester, found.begun)
    return None


def is_left_behind(store: Store, collection: str, found: RunInAirflow) -> bool:
    """Whether Airflow goes on with nothing of a stored run: it has ended, was deleted, or its id is another
    run's.
    """
    if not found.told:
        return False
    return found.identity is None or found.over or other_run(store, collection, found) is not None
