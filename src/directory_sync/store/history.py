"""All that was ever done to one object, and changes in which a text is found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, true

from directory_sync.endpoints.change import Change, Outcome, Result
from directory_sync.plan.canonical import read_canonical, searched
from directory_sync.store.database import Database
from directory_sync.store.plans import object_hash
from directory_sync.store.tables import ChangeRow, CollectionRunRow, JobRunRow, OutcomeRow, PlanRow

_OUTCOME_OF_CHANGE = (OutcomeRow.plan_id == ChangeRow.plan_id) & (OutcomeRow.sequence == ChangeRow.sequence)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One change that was applied, or tried, on an object.

    Attributes:
        collection: as it was called then; `current_name` as it is called now.
        destination: identity of the endpoint; the same id may exist at several.
        recorded: when the outcome was recorded.
    """

    collection: str
    current_name: str
    run_id: str
    job: str
    requester: str
    verified: bool
    destination: str
    plan_id: int
    change: Change
    outcome: Outcome
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Mention:
    """A change of a plan in which a text was found; `change` is the place in the plan."""

    collection: str
    run_id: str
    job: str
    plan_id: int
    sequence: int
    action: str
    name: str
    stored: datetime


LOOKED_THROUGH = 20_000
"""Changes that a text is looked for in, those of the newest plans."""
_PLANS = 200


class History:
    """Queries about objects."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_object(
        self,
        object: str,
        *,
        destination: str | None = None,
        collections: Collection[str] | None = None,
        limit: int = 100,
    ) -> tuple[HistoryEntry, ...]:
        """What was done to an object, newest first.

        Args:
            object: an id it has or had, in any case of letters. Changes under its other ids are found where
                the destination has lasting identities (entryUUID, objectGUID), or by the renames that led
                there.
            destination: only at this endpoint.
            collections: only by runs of collections that have these names now; None for all.
            limit: the most entries.
        """
        at_destination = true() if destination is None else PlanRow.destination == destination
        of_these = true() if collections is None else CollectionRunRow.current_name.in_(collections)
        with self._database.read() as connection:
            query = (
                select(
                    CollectionRunRow.collection,
                    CollectionRunRow.current_name,
                    CollectionRunRow.run_id,
                    CollectionRunRow.requester,
                    CollectionRunRow.requester_verified,
                    JobRunRow.job,
                    PlanRow.destination,
                    ChangeRow.plan_id,
                    ChangeRow.sequence,
                    ChangeRow.payload,
                    OutcomeRow.result,
                    OutcomeRow.message,
                    OutcomeRow.recorded,
                )
                .join(OutcomeRow, _OUTCOME_OF_CHANGE)
                .join(PlanRow, PlanRow.id == ChangeRow.plan_id)
                .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
                .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
                .where(_same_object(connection, object, at_destination), at_destination, of_these)
                .order_by(OutcomeRow.recorded.desc(), ChangeRow.plan_id.desc(), ChangeRow.sequence.desc())
                .limit(limit)
            )
            return tuple(
                HistoryEntry(
                    collection=row.collection,
                    current_name=row.current_name,
                    run_id=row.run_id,
                    job=row.job,
                    requester=row.requester,
                    verified=row.requester_verified,
                    destination=row.destination,
                    plan_id=row.plan_id,
                    change=read_canonical(row.payload),
                    outcome=Outcome(row.sequence, Result(row.result), row.message),
                    recorded=row.recorded,
                )
                for row in connection.execute(query)
            )

    def mentioning(self, text: str, *, collections: Collection[str], limit: int = 20) -> tuple[Mention, ...]:
        """Changes of the newest plans in whose names, keys or values a text is found, newest plan first.

        Args:
            text: in any case of letters.
            collections: only in their plans.
            limit: the most changes.
        """
        run = CollectionRunRow
        with self._database.read() as connection:
            # One look into the index for each plan: to count their changes would take long.
            last_of = select(func.max(ChangeRow.sequence)).where(ChangeRow.plan_id == PlanRow.id)
            plans = connection.execute(
                select(PlanRow.id, func.coalesce(last_of.scalar_subquery(), -1))
                .where(PlanRow.id.in_(_newest_plans(collections)))
                .order_by(PlanRow.id.desc())
            ).all()
            left, chosen = LOOKED_THROUGH, []
            for plan_id, last in plans:
                left -= last + 1
                if left < 0:
                    break
                chosen.append(plan_id)
            query = (
                select(
                    run.current_name.label("collection"),
                    run.run_id,
                    JobRunRow.job,
                    ChangeRow.plan_id,
                    ChangeRow.sequence,
                    ChangeRow.action,
                    func.coalesce(ChangeRow.name, "").label("name"),
                    PlanRow.stored,
                )
                .join(PlanRow, PlanRow.id == ChangeRow.plan_id)
                .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
                .join(run, run.id == JobRunRow.collection_run_id)
                .where(ChangeRow.plan_id.in_(chosen))
                .where(ChangeRow.search.contains(searched(text), autoescape=True))
                .order_by(ChangeRow.plan_id.desc(), ChangeRow.sequence)
                .limit(limit)
            )
            return tuple(Mention(**row) for row in connection.execute(query).mappings())


def _newest_plans(collections: Collection[str]) -> Select[Any]:
    return (
        select(PlanRow.id)
        .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .where(PlanRow.complete, CollectionRunRow.current_name.in_(collections))
        .order_by(PlanRow.id.desc())
        .limit(_PLANS)
    )


def _same_object(
    connection: Connection, object: str, at_destination: ColumnElement[bool]
) -> ColumnElement[bool]:
    """The condition for a change to be about the object, under whatever id it had then."""
    names, identities = {object_hash(object)}, set[bytes]()
    while True:
        # A rename names both ids; each pass follows the object one rename further.
        condition = or_(
            ChangeRow.object_hash.in_(names),
            ChangeRow.new_object_hash.in_(names),
            ChangeRow.identity_hash.in_(identities),
        )
        found = connection.execute(
            select(ChangeRow.object_hash, ChangeRow.new_object_hash, ChangeRow.identity_hash)
            .join(OutcomeRow, _OUTCOME_OF_CHANGE)
            .join(PlanRow, PlanRow.id == ChangeRow.plan_id)
            .where(condition, at_destination, OutcomeRow.result.in_([Result.DONE, Result.FOUND_DONE]))
            .distinct()
        ).all()
        more_names = {
            name for row in found for name in (row.object_hash, row.new_object_hash) if name is not None
        } - names
        more_identities = {row.identity_hash for row in found if row.identity_hash is not None} - identities
        if not more_names and not more_identities:
            return condition
        names |= more_names
        identities |= more_identities
