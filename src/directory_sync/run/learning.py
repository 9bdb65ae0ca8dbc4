"""What a job learns from a run: which objects it knows from then on.

Nothing is learnt from a plan that was not applied.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from directory_sync.definition.models import Collection, Job
from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.contract import Destination, FieldRule
from directory_sync.errors import EndpointError
from directory_sync.plan.layout import key_combinations
from directory_sync.plan.model import Plan
from directory_sync.plan.past import UNIDENTIFIED, Past, compact, key_identity, name_hash
from directory_sync.store.known_objects import JobPlace, Learnt
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store

log = logging.getLogger(__name__)

_REMOVALS = (Action.DELETE, Action.DISABLE, Action.MOVE)


def place_of(collection: Collection, job: Job, destination: str) -> JobPlace:
    """What a job's knowledge is kept under. `destination`: identity of the place that is written to."""
    return JobPlace(collection.name, job.name, destination, job.source.known_as)


def past_of(
    store: Store, collection: Collection, job: Job, destination: str, *, window: timedelta | None = None
) -> Past:
    """What is on record of a job at a destination.

    `window`: how long ago removals count too; None for what the definition says.
    """
    place = place_of(collection, job, destination)
    return store.known.past(place, window=collection.window_of(job) if window is None else window)


def claims(job: Job) -> bool:
    """Whether a job claims the objects that it has records for: one that creates none may go by a part of
    them only.
    """
    return job.enabled and job.missing_at_destination == "create"


@dataclass(slots=True)
class Written:
    """The results of the objects that a plan creates and deletes.

    Attributes:
        destination: where they are.
        keys: the job's key fields.
        created: ids of the objects that the plan has created. What was found there already may be someone
            else's.
        created_keys: the same for a file, by what tells its objects apart.
        gone: identities that no object has any more.
    """

    destination: Destination
    keys: Sequence[str]
    created: list[str] = field(default_factory=list)
    created_keys: list[bytes] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)

    def note(self, change: Change, outcome: Outcome) -> None:
        """Take in the result of one change."""
        if outcome.result not in (Result.DONE, Result.FOUND_DONE):
            return
        in_file = self.destination.region is None
        if change.action is Action.CREATE and not in_file and outcome.result is not Result.DONE:
            return
        if change.action is Action.CREATE and in_file:
            self.created_keys.append(self._key_identity(change))
        elif change.action is Action.CREATE:
            self.created.append(change.final_object)
        elif change.action is Action.DELETE and in_file:
            self.gone.append(self._key_identity(change))
        elif change.action is Action.DELETE and change.identity is not None:
            self.gone.append(compact(change.identity))

    def _key_identity(self, change: Change) -> bytes:
        """What tells a row apart, from the values that a change creates or deletes."""
        held = {item.field.lower(): item.new or item.old for item in change.fields}
        rules = [self.destination.rule(name) or FieldRule(name) for name in self.keys]
        return key_identity(key_combinations(rules, [held.get(name.lower(), ()) for name in self.keys]))


def learn(
    store: Store, snapshot: Snapshot, job: Job, plan: Plan, written: Written, *, planned: datetime | None
) -> None:
    """Note what the job knows once its plan has been applied, or there was nothing to do.

    Args:
        store: keeps it.
        snapshot: the run, whose definition counts.
        job: out of it.
        plan: that was applied.
        written: the result of its changes.
        planned: when the plan was made, if that was in an earlier run or attempt; None for just now.
    """
    identities, names = _created(written, managed=plan.managed)
    store.known.learn(
        place_of(snapshot.collection, job, plan.destination),
        Learnt(
            findings=plan.findings,
            planned=planned,
            began=snapshot.started,
            created={*identities, *written.created_keys} - {UNIDENTIFIED},
            created_names=names,
            gone=set(written.gone) - {UNIDENTIFIED},
            claims=claims(job),
        ),
    )


def claimed_meanwhile(store: Store, collection: Collection, job: Job, plan: Plan) -> dict[int, str]:
    """The removals of a plan, by their places in it, that another job has come to claim since the plan was
    made.

    Those whose plan says so already were agreed to with it.
    """
    if not (plan.statistics.deleted or plan.statistics.disabled or plan.statistics.moved):
        return {}
    places: dict[bytes, int] = {}
    for number, change in enumerate(plan.changes):
        if change.action in _REMOVALS and not change.marks:
            places[name_hash(change.object)] = number
            if change.identity is not None:
                places[compact(change.identity)] = number
    claimed = store.known.claimed_by(place_of(collection, job, plan.destination), places.keys())
    return {places[known_by]: other for known_by, other in claimed.items()}


def _created(written: Written, *, managed: int) -> tuple[set[bytes], set[bytes]]:
    """Identities of the objects that were created in a directory, and hashed names of those that show
    none.
    """
    found: dict[str, bytes] = {}
    if written.created:
        try:
            found = written.destination.identities(written.created, among=managed + len(written.created))
        except EndpointError as error:
            log.warning(
                "The identities of new objects could not be read; the next run finds them. error=%s", error
            )
    # By its name alone none is known, for the next run may meet someone else's object under it; it is
    # claimed, though.
    return set(map(compact, found.values())), {name_hash(id) for id in written.created if id not in found}
