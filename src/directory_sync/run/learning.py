"""What a job learns from a run: which objects it knows from then on. Nothing is learnt from a plan that was not applied."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from directory_sync.definition.models import (
    Collection,
    DirectorySource,
    FileEndpoint,
    Job,
    SqlSource,
)
from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.protocol import Destination
from directory_sync.errors import EndpointError
from directory_sync.plan.model import Plan
from directory_sync.plan.past import Past, compact, identity_of_id, name_hash
from directory_sync.store.known_objects import JobPlace, Learnt
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


def place_of(collection: Collection, job: Job, destination: str) -> JobPlace:
    """What a job's knowledge is kept under. `destination`: identity of the place that is written to."""
    return JobPlace(collection.name, job.name, destination, _source(job))


def past_of(store: Store, collection: Collection, job: Job, destination: str, *, window: timedelta | None = None) -> Past:
    """What is on record of a job at a destination.

    `window`: how long ago removals count too; None for what the definition says.
    """
    return store.past(place_of(collection, job, destination), window=collection.window_of(job) if window is None else window)


def _source(job: Job) -> str:
    """Names the place that a job reads: connection and container, table, or file."""
    match job.source:
        case DirectorySource(connection=connection, container=container):
            return f"directory {connection} {container.casefold()}"
        case SqlSource(connection=connection, table=table):
            return f"database {connection} {table or 'query'}"
        case FileEndpoint(connection=connection, file=file):
            return f"file {connection or ''} {file}"


@dataclass(slots=True)
class Written:
    """What became of the objects that a plan creates, deletes and renames.

    Attributes:
        created: ids of the objects that are there now because of the plan.
        gone: identities that no object has any more.
        renamed: identities that objects have since, where an id is all that tells them apart.
    """

    destination: Destination
    created: list[str] = field(default_factory=list)
    gone: list[bytes] = field(default_factory=list)
    renamed: list[bytes] = field(default_factory=list)

    def note(self, change: Change, outcome: Outcome) -> None:
        """Take in what became of one change."""
        if outcome.result not in (Result.DONE, Result.FOUND_DONE):
            return
        if change.action is Action.CREATE:
            self.created.append(change.final_object)
        elif change.action is Action.DELETE:
            self.gone.append(self._identity(change, change.object))
        elif change.new_object is not None and self.destination.identity_field is None:
            self.gone.append(self._identity(change, change.object))
            self.renamed.append(self._identity(change, change.new_object))

    def _identity(self, change: Change, id: str) -> bytes:
        if change.identity is not None:
            return compact(change.identity)
        return identity_of_id(self.destination.normalise_id(id))


def learn(store: Store, collection: Collection, job: Job, plan: Plan, written: Written, *, planned: datetime | None) -> None:
    """Note what the job knows once its plan has been applied, or there was nothing to do.

    Args:
        store: keeps it.
        collection, job: the definition that counts.
        plan: that was applied.
        written: what became of its changes.
        planned: when the plan was made; None for just now.
    """
    identities, names = _created(written, managed=plan.managed)
    store.learn(
        place_of(collection, job, plan.destination),
        Learnt(
            findings=plan.findings,
            planned=planned,
            created={*identities, *written.renamed},
            created_names=names,
            gone=set(written.gone) - set(written.renamed),
            claims=job.enabled and job.missing_at_destination == "create",
            siblings=[each.name for each in collection.enabled_jobs],
        ),
    )


def _created(written: Written, *, managed: int) -> tuple[set[bytes], set[bytes]]:
    """Identities of the created objects, and hashed names of those that show none."""
    destination = written.destination
    if destination.identity_field is None:
        return {identity_of_id(destination.normalise_id(id)) for id in written.created}, set()
    found: dict[str, bytes] = {}
    if written.created:
        try:
            found = destination.identities(written.created, among=managed + len(written.created))
        except EndpointError as error:
            # They are known by their names, until the next run meets them.
            log.warning("The identities of new objects could not be read; the next run finds them. error=%s", error)
    missing = {name_hash(id) for id in written.created if id not in found}
    return set(map(compact, found.values())), missing
