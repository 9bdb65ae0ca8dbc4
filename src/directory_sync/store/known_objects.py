"""What each job knows, claims and has removed lately, as the store keeps it between runs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.definition.models import LimitKind
from directory_sync.endpoints.change import Action, Change, Result
from directory_sync.plan.model import LimitCheck
from directory_sync.plan.past import NOTHING, Findings, Identities, Past
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
        created_names: hashed names of those created objects whose identity could not be seen.
        gone: identities of the objects that were deleted, or that have another one now.
        claims: whether the job may create objects.
        siblings: the jobs of the collection that runs have; the others claim nothing any more.
    """

    findings: Findings
    planned: datetime | None = None
    created: Collection[bytes] = ()
    created_names: Collection[bytes] = ()
    gone: Collection[bytes] = ()
    claims: bool = True
    siblings: Collection[str] = ()


class KnownObjects:
    """Queries about what jobs know; a part of `Store`."""

    _database: Database

    def past(self, place: JobPlace, *, window: timedelta) -> Past:
        """What is on record of a job: nothing, where its source or destination is another one than before.

        Args:
            place: the job, its source and its destination.
            window: how long ago removals count too; zero for none.
        """
        with self._database.read() as connection:
            row = connection.execute(
                select(KnownObjectsRow.__table__)
                .join(CollectionRow, CollectionRow.id == KnownObjectsRow.collection_id)
                .where(CollectionRow.name == place.collection, KnownObjectsRow.job == place.job)
                .where(KnownObjectsRow.destination == place.destination, KnownObjectsRow.source == place.source)
            ).one_or_none()
            recent = self._recent_removals(connection, place, window) if window else {}

        def claimed_by(identities: Collection[bytes]) -> Mapping[bytes, str]:
            return self.claimed_by(place, identities)

        if row is None:
            return Past(recent=recent, claimed_by=claimed_by)
        known, names, absent = Identities(row.known), Identities(row.created_names), Identities(row.absent)
        return Past(known, names, absent, recent, claimed_by)

    def claimed_by(self, place: JobPlace, identities: Collection[bytes]) -> dict[bytes, str]:
        """Which of these objects at a job's destination other jobs claim: identity → `COLLECTION.JOB`."""
        if not identities:
            return {}
        with self._database.read() as connection:
            since = self._database.now(connection) - CLAIMS_LAST
            others = connection.execute(
                select(CollectionRow.name, KnownObjectsRow.job, KnownObjectsRow.known, KnownObjectsRow.absent)
                .join(CollectionRow, CollectionRow.id == KnownObjectsRow.collection_id)
                .where(KnownObjectsRow.destination == place.destination, KnownObjectsRow.claims)
                .where(KnownObjectsRow.complete >= since)
                .where(or_(CollectionRow.name != place.collection, KnownObjectsRow.job != place.job))
                .order_by(CollectionRow.name, KnownObjectsRow.job)
            )
            claimed: dict[bytes, str] = {}
            for name, job, known, absent in others:
                held = Identities(known).members.intersection(identities) - Identities(absent).members
                for identity in held:
                    claimed.setdefault(identity, f"{name}.{job}")
        return claimed

    def learn(self, place: JobPlace, learnt: Learnt) -> None:
        """Note what a job knows now. Nothing is known any more of another source or destination."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            collection_id = self._collection(connection, place.collection, now)
            found = connection.execute(
                select(KnownObjectsRow.__table__)
                .where(KnownObjectsRow.collection_id == collection_id, KnownObjectsRow.job == place.job)
                .with_for_update()
            ).one_or_none()
            known, absent, complete = NOTHING, NOTHING, None
            if found is not None and (found.destination, found.source) == (place.destination, place.source):
                known, absent, complete = Identities(found.known), Identities(found.absent), found.complete
            known = known.changed(added=(*learnt.findings.matched, *learnt.created), removed=learnt.gone)
            if learnt.findings.absent is not None:
                if complete is None or learnt.planned is None or learnt.planned >= complete:
                    absent = learnt.findings.absent
                complete = now
            absent = absent.changed(removed=learnt.gone)
            values = {
                "destination": place.destination,
                "source": place.source,
                "known": known.data,
                "absent": absent.data,
                # Those of earlier runs were met by this one, or are there no more.
                "created_names": Identities.of(learnt.created_names).data,
                "claims": learnt.claims,
                "complete": complete,
            }
            key = {"collection_id": collection_id, "job": place.job}
            connection.execute(
                update(KnownObjectsRow)
                .where(KnownObjectsRow.collection_id == collection_id, KnownObjectsRow.claims)
                .where(KnownObjectsRow.job.not_in([place.job, *learnt.siblings]))
                .values(claims=False)
            )
            statement = (sqlite if self._database.is_sqlite else postgresql).insert(KnownObjectsRow)
            connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values), {**key, **values})

    def forget_collection(self, collection: str) -> None:
        """Delete what the jobs of a collection know; for a collection that is deleted."""
        with self._database.write() as connection:
            ids = select(CollectionRow.id).where(CollectionRow.name == collection).scalar_subquery()
            connection.execute(delete(KnownObjectsRow).where(KnownObjectsRow.collection_id == ids))
            connection.execute(delete(CollectionRow).where(CollectionRow.name == collection))

    def _collection(self, connection: Connection, name: str, now: datetime) -> int:
        """The id of a collection; it gets one with its first run that ends well."""
        statement = (sqlite if self._database.is_sqlite else postgresql).insert(CollectionRow)
        connection.execute(statement.on_conflict_do_nothing(), {"name": name, "created": now})
        found: int = connection.execute(select(CollectionRow.id).where(CollectionRow.name == name)).scalar_one()
        return found

    # -- what was removed lately ----------------------------------------------------------------------------------

    def _recent_removals(self, connection: Connection, place: JobPlace, window: timedelta) -> dict[LimitKind, int]:
        since = self._database.now(connection) - window
        recent: dict[LimitKind, int] = {}
        plans = connection.execute(_applied_since(place, since)).all()
        for plan in plans:
            let_past = {kind for limit in map(LimitCheck.from_json, plan.waives or ()) for kind in limit.kind.split("+")}
            done = select(OutcomeRow.sequence).where(
                OutcomeRow.plan_id == plan.id, OutcomeRow.recorded >= since, OutcomeRow.result.in_(_WRITTEN)
            )
            changes = (
                select(ChangeRow.action, func.count())
                .where(ChangeRow.plan_id == plan.id, ChangeRow.sequence.in_(done))
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
                    ChangeRow.plan_id == plan.id, ChangeRow.sequence.in_(done), ChangeRow.action.not_in(("create", "delete"))
                )
                removed = sum(_removed_members(payload) for payload in connection.scalars(updates))
                recent[LimitKind.MEMBERSHIPS] = recent.get(LimitKind.MEMBERSHIPS, 0) + removed
        return recent


def _applied_since(place: JobPlace, since: datetime) -> Select[tuple[int, int | None, int | None, list[dict[str, object]]]]:
    """The job's plans with removals of which something may have been written since then."""
    return (
        select(PlanRow.id, PlanRow.removals, PlanRow.memberships, RequestRow.waives)
        .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .outerjoin(RequestRow, RequestRow.id == PlanRow.request_id)
        .where(CollectionRunRow.collection == place.collection, JobRunRow.job == place.job)
        .where(PlanRow.destination == place.destination, PlanRow.complete, PlanRow.apply_started.is_not(None))
        .where(or_(PlanRow.apply_finished.is_(None), PlanRow.apply_finished >= since))
        # Plans of versions that did not count are counted by their changes.
        .where(or_(PlanRow.removals.is_(None), PlanRow.removals > 0, PlanRow.memberships > 0))
    )


def _removed_members(payload: str) -> int:
    if '"partial":true' not in payload:
        return 0
    change = Change.from_json(json.loads(payload))
    return sum(len(field.old) for field in change.fields if field.partial)
