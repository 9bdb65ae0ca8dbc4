"""What each job knows, claims and has removed lately, as the store keeps it between runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.definition.models import LimitKind
from directory_sync.endpoints.change import Action, Result
from directory_sync.endpoints.places import may_be_one
from directory_sync.plan.canonical import removed_members
from directory_sync.plan.model import LimitCheck
from directory_sync.plan.past import NOTHING, Findings, Identities, Past
from directory_sync.store.collection_names import is_called
from directory_sync.store.database import Database
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRow,
    CollectionRunRow,
    JobRunRow,
    KnownObjectsRow,
    OutcomeRow,
    PlanRow,
    RequestRow,
)

CLAIMS_LAST = timedelta(days=30)
"""A job whose last complete run is longer ago claims nothing."""

_REMOVALS = {
    Action.DELETE.value: LimitKind.DELETE,
    Action.DISABLE.value: LimitKind.DISABLE,
    Action.MOVE.value: LimitKind.MOVE,
}
_WRITTEN = (Result.DONE.value, Result.FOUND_DONE.value)


@dataclass(frozen=True, slots=True)
class JobPlace:
    """A job, where it writes and where it reads: what it knows counts for exactly this.

    Attributes:
        collection, job: names.
        destination: identity of the place that is written to (`Destination.identity`).
        source: names the place that is read, as the definition does.
    """

    collection: str
    job: str
    destination: str
    source: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a job knows once a plan has been applied, or there was nothing to do.

    Attributes:
        findings: of the plan.
        planned: when the plan was made; None for now. An older plan says nothing about absence any more.
        created: identities of the objects that were created.
        created_names: hashed names of those created objects whose identity could not be seen: the job claims
            them, and knows them when it has met them.
        gone: identities of the objects that were deleted, or that have another one now.
        claims: whether the job may create objects.
        began: when the run began; None for now. If its collection has been deleted since, nothing is learnt.
    """

    findings: Findings
    planned: datetime | None = None
    began: datetime | None = None
    created: Collection[bytes] = ()
    created_names: Collection[bytes] = ()
    gone: Collection[bytes] = ()
    claims: bool = True


class KnownObjects:
    """Queries about what jobs know."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def past(self, place: JobPlace, *, window: timedelta) -> Past:
        """What is on record of a job: nothing, where its source or destination is another one than before.

        Args:
            place: the job, its source and its destination.
            window: how long ago removals count too; zero for none.
        """
        with self._database.read() as connection:
            row = connection.execute(_known_to(place)).one_or_none()
            recent = self._recent_removals(connection, place, window) if window else {}

        def claimed_by(identities: Collection[bytes]) -> Mapping[bytes, str]:
            return self.claimed_by(place, identities)

        if row is None:
            return Past(recent=recent, claimed_by=claimed_by)
        known, names, absent = Identities(row.known), Identities(row.created_names), Identities(row.absent)
        return Past(known, names, absent, recent, claimed_by)

    def claimed_by(
        self, place: JobPlace, asked: Collection[bytes], *, except_jobs: Collection[str] = ()
    ) -> dict[bytes, str]:
        """Which of these objects at a job's destination other jobs claim.

        Args:
            place: whose claims do not count, and where the objects are.
            asked: identities and hashed names.
            except_jobs: other jobs of the same collection whose claims do not count either.

        Returns identity or hash → `COLLECTION.JOB`.
        """
        if not asked:
            return {}
        row = KnownObjectsRow
        with self._database.read() as connection:
            since = self._database.now(connection) - CLAIMS_LAST
            # Another job's login may not be able to tell which server it is: what it claims counts wherever
            # it may be.
            places = connection.scalars(
                select(row.destination).where(row.claims, row.complete >= since).distinct()
            )
            here = [other for other in places if may_be_one(place.destination, other)]
            others = connection.execute(
                select(
                    CollectionRow.name,
                    row.job,
                    row.known,
                    row.absent,
                    row.held,
                    row.held_names,
                    row.created_names,
                )
                .join(CollectionRow, CollectionRow.id == row.collection_id)
                .where(row.destination.in_(here), row.claims, row.complete >= since)
                .where(CollectionRow.deleted.is_(None))
                .where(or_(CollectionRow.name != place.collection, row.job.not_in([place.job, *except_jobs])))
                .order_by(CollectionRow.name, row.job)
            )
            claimed: dict[bytes, str] = {}
            for other in others:
                held = Identities(other.known).members.intersection(asked) - Identities(other.absent).members
                for more in (other.held, other.held_names, other.created_names):
                    held |= Identities(more).members.intersection(asked)
                for known_by in held:
                    claimed.setdefault(known_by, f"{other.name}.{other.job}")
        return claimed

    def learn(self, place: JobPlace, learnt: Learnt) -> None:
        """Note what a job knows now. Nothing is known any more of another source or destination.

        What a plan says that is older than the last complete run adds to what is known, and changes nothing
        else.
        """
        findings = learnt.findings
        with self._database.write() as connection:
            now = self._database.now(connection)
            collection_id = self._collection(
                connection, place.collection, learnt.began or learnt.planned, now
            )
            if collection_id is None:
                return
            found = connection.execute(
                select(KnownObjectsRow.__table__)
                .where(KnownObjectsRow.collection_id == collection_id, KnownObjectsRow.job == place.job)
                .with_for_update()
            ).one_or_none()
            same = found is not None and (found.destination, found.source) == (
                place.destination,
                place.source,
            )
            before = found if same else None
            complete = None if before is None else before.complete
            newest = complete is None or learnt.planned is None or learnt.planned >= complete
            known = NOTHING if before is None else Identities(before.known)
            known = known.changed(added=(*findings.matched, *learnt.created), removed=learnt.gone)
            absent = NOTHING if before is None else Identities(before.absent)
            if newest and findings.absent is not None:
                absent = findings.absent
            values: dict[str, Any] = {
                "destination": place.destination,
                "source": place.source,
                "known": known.data,
                "absent": absent.changed(removed=learnt.gone).data,
            }
            if newest or before is None:
                values |= {
                    "held": findings.held.data,
                    "held_names": findings.held_names.changed(added=learnt.created_names).data,
                    # Those that an upgrade has filled in were met by this run, or are there no more.
                    "created_names": NOTHING.data,
                    "claims": learnt.claims,
                    "complete": now
                    if learnt.planned is None
                    else max(learnt.planned, complete or learnt.planned),
                }
            if before is not None:
                connection.execute(
                    update(KnownObjectsRow)
                    .where(KnownObjectsRow.collection_id == collection_id, KnownObjectsRow.job == place.job)
                    .values(**values)
                )
                return
            key = {"collection_id": collection_id, "job": place.job}
            statement = (sqlite if self._database.is_sqlite else postgresql).insert(KnownObjectsRow)
            connection.execute(
                statement.on_conflict_do_update(index_elements=list(key), set_=values), {**key, **values}
            )

    def forget(self, place: JobPlace, gone: Collection[bytes]) -> None:
        """Take these identities out of what a job knows: its plan has deleted them, though it was not applied
        to its end.
        """
        if not gone:
            return
        with self._database.write() as connection:
            row = connection.execute(_known_to(place).with_for_update()).one_or_none()
            if row is not None:
                connection.execute(
                    update(KnownObjectsRow)
                    .where(
                        KnownObjectsRow.collection_id == row.collection_id, KnownObjectsRow.job == place.job
                    )
                    .values(
                        known=Identities(row.known).changed(removed=gone).data,
                        absent=Identities(row.absent).changed(removed=gone).data,
                    )
                )

    def end_claims(
        self, collection: str, *, except_jobs: Collection[str], began: datetime | None = None
    ) -> None:
        """Let a collection's jobs claim nothing but these: the others are disabled, or no longer defined.

        `began`: when the run began that says so, as for `Learnt`.
        """
        with self._database.write() as connection:
            found = connection.execute(
                select(CollectionRow.id).where(is_called(collection))
            ).scalar_one_or_none()
            if found is not None and not _deleted_since(connection, collection, began):
                connection.execute(
                    update(KnownObjectsRow)
                    .where(KnownObjectsRow.collection_id == found, KnownObjectsRow.claims)
                    .where(KnownObjectsRow.job.not_in(list(except_jobs)))
                    .values(claims=False)
                )

    def _collection(
        self, connection: Connection, name: str, began: datetime | None, now: datetime
    ) -> int | None:
        """The id of a collection; it gets one with its first run that ends well.

        None if the collection that the run was of has been deleted meanwhile: the next one of its name, also
        if it is there already, knows nothing of what that run has learnt.
        """
        if _deleted_since(connection, name, began):
            return None
        found = connection.scalar(select(CollectionRow.id).where(is_called(name)))
        if found is not None:
            return found
        statement = (sqlite if self._database.is_sqlite else postgresql).insert(CollectionRow)
        connection.execute(statement.on_conflict_do_nothing(), {"name": name, "created": now})
        return connection.execute(select(CollectionRow.id).where(is_called(name))).scalar_one()

    # -- what was removed lately -----------------------------------------------------------------------------

    def _recent_removals(
        self, connection: Connection, place: JobPlace, window: timedelta
    ) -> dict[LimitKind, int]:
        since = self._database.now(connection) - window
        recent: dict[LimitKind, int] = {}
        plans = connection.execute(_applied_since(place, since)).all()
        for plan in plans:
            let_past = {
                kind
                for limit in map(LimitCheck.from_json, plan.waives or ())
                for kind in limit.kind.split("+")
            }
            done = select(OutcomeRow.sequence).where(
                OutcomeRow.plan_id == plan.id, OutcomeRow.recorded >= since, OutcomeRow.result.in_(_WRITTEN)
            )
            counted: ColumnElement[bool] = ChangeRow.sequence.in_(done)
            if plan.is_left and plan.request_id is None:
                # No one knows yet what it has written without a record: it may be all.
                told = select(OutcomeRow.sequence).where(OutcomeRow.plan_id == plan.id)
                counted = or_(counted, ChangeRow.sequence.not_in(told))
            changes = (
                select(ChangeRow.action, func.count())
                .where(ChangeRow.plan_id == plan.id, counted)
                .where(ChangeRow.action.in_(list(_REMOVALS)))
                .group_by(ChangeRow.action)
            )
            if plan.removals != 0:
                for action, count in connection.execute(changes):
                    kind = _REMOVALS[action]
                    if kind.value not in let_past:
                        recent[kind] = recent.get(kind, 0) + count
            if plan.memberships and LimitKind.MEMBERSHIPS.value not in let_past:
                updates = select(ChangeRow.payload).where(
                    ChangeRow.plan_id == plan.id, counted, ChangeRow.action.not_in(("create", "delete"))
                )
                removed = sum(removed_members(payload) for payload in connection.scalars(updates))
                recent[LimitKind.MEMBERSHIPS] = recent.get(LimitKind.MEMBERSHIPS, 0) + removed
        return recent


def _deleted_since(connection: Connection, name: str, began: datetime | None) -> bool:
    """Whether a collection of this name has been deleted since then."""
    deleted = select(func.max(CollectionRow.deleted)).where(CollectionRow.name == name)
    last: datetime | None = connection.scalar(deleted)
    return last is not None and began is not None and began <= last


def _applied_since(place: JobPlace, since: datetime) -> Select[Any]:
    """The job's plans with removals of which something may have been written since then."""
    return (
        select(
            PlanRow.id,
            PlanRow.removals,
            PlanRow.memberships,
            PlanRow.request_id,
            PlanRow.apply_finished.is_(None).label("is_left"),
            RequestRow.waives,
        )
        .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .outerjoin(RequestRow, RequestRow.id == PlanRow.request_id)
        .where(CollectionRunRow.current_name == place.collection, JobRunRow.job == place.job)
        .where(PlanRow.destination == place.destination, PlanRow.complete, PlanRow.apply_started.is_not(None))
        .where(or_(PlanRow.apply_finished.is_(None), PlanRow.apply_finished >= since))
        # Plans of versions that did not count are counted by their changes.
        .where(or_(PlanRow.removals.is_(None), PlanRow.removals > 0, PlanRow.memberships > 0))
    )


def _known_to(place: JobPlace) -> Select[Any]:
    """What a job knows of this destination by this source."""
    return (
        select(KnownObjectsRow.__table__)
        .join(CollectionRow, CollectionRow.id == KnownObjectsRow.collection_id)
        .where(is_called(place.collection), KnownObjectsRow.job == place.job)
        .where(KnownObjectsRow.destination == place.destination, KnownObjectsRow.source == place.source)
    )
