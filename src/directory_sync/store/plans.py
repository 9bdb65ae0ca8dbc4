"""Plans, their changes, and the result of each change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.definition.models import LimitKind
from directory_sync.endpoints.change import Change, Outcome, Result
from directory_sync.errors import PlanMismatch, StoreError
from directory_sync.plan.canonical import StoredForm, read_canonical, stored_forms
from directory_sync.plan.digest import VERSION, PlanDigest
from directory_sync.plan.model import (
    LeftAlone,
    LimitCheck,
    Plan,
    PlanEvidence,
    RecordProblem,
    Statistics,
)
from directory_sync.plan.past import Findings, name_hash
from directory_sync.printable import storable
from directory_sync.store.database import Database
from directory_sync.store.plan_integrity import altered, stored_plan, verify
from directory_sync.store.plan_patterns import SavedPatterns, insert_patterns, subject_of
from directory_sync.store.run_stops import refuse_if_stopped
from directory_sync.store.seals import PlanSeal, SearchSeal
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRunRow,
    JobRunRow,
    OutcomeRow,
    PlanPatternsRow,
    PlanRow,
)

WRITE_BATCH = 10_000
"""Changes stored in one transaction: other writers get in between."""
READ_BATCH = 1_000
"""Changes held in memory while reading a plan."""
ABANDONED_AFTER = timedelta(days=1)
"""Age at which a plan that was never completely stored is removed: its writer was killed."""

STORED, APPLYING = "stored", "applying"


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A complete plan, as it was saved; its digest has been verified.

    Attributes:
        id: of the plan in the store.
        plan: its changes are read from the store, page by page, whenever they are iterated.
        state: `stored`, `applying`, or what `finish` was told.
        request_id: the request that it was begun under; None if it needed no approval, or was not begun.
    """

    id: int
    plan: Plan
    state: str
    stored: datetime
    apply_started: datetime | None
    apply_finished: datetime | None
    request_id: int | None


class StoredChanges:
    """The changes of a stored plan, in order; never all in memory."""

    def __init__(self, database: Database, plan_id: int, count: int) -> None:
        self._database = database
        self._plan_id = plan_id
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Change]:
        for payload in self.payloads():
            yield read_canonical(payload)

    def payloads(self) -> Iterator[str]:
        """The canonical forms.

        Each page is a transaction of its own, so that a slow reader holds nothing up.
        """
        for first in range(0, self._count, READ_BATCH):
            last = min(first + READ_BATCH, self._count) - 1
            with self._database.read() as connection:
                page = connection.scalars(
                    select(ChangeRow.payload)
                    .where(ChangeRow.plan_id == self._plan_id, ChangeRow.sequence.between(first, last))
                    .order_by(ChangeRow.sequence)
                ).all()
            yield from page


class Plans:
    """Queries about plans."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save(self, job_run_id: int, plan: Plan) -> int:
        """Store a plan and return its id. No one sees it before all of it is there.

        Args:
            job_run_id: the attempt that made it.
            plan: its changes are read once, in batches.

        Raises PlanMismatch if the changes do not have the digest that the plan names; nothing is kept then.
        """
        digest = PlanDigest(plan.collection, plan.job, plan.destination)
        findings = plan.findings.pack()
        plan_id = self._begin_plan(job_run_id, plan, findings)
        # Of the head as it will be read.
        seal = PlanSeal(json.loads(json.dumps(plan.header())), findings)
        search_seal = SearchSeal()
        try:
            count = 0
            subject = subject_of(self._database, job_run_id, plan.job, plan.evidence)
            patterns = SavedPatterns(self._database, plan_id, subject)
            forms = patterns.passing(stored_forms(plan.changes, subject.is_secret))
            rows = _rows(plan_id, forms, digest, seal, search_seal)
            while batch := list(islice(rows, WRITE_BATCH)):
                count += len(batch)
                with self._database.write() as connection:
                    self._database.insert_many(connection, ChangeRow.__table__, batch)
            if count != len(plan.changes) or digest.hexdigest() != plan.digest:
                raise PlanMismatch(
                    f"The plan of job {plan.job} changed while it was being stored: digest"
                    f" {digest.hexdigest()} of {count} "
                    f"changes, expected {plan.digest} of {len(plan.changes)}. Run the job again."
                )
            summed_up = patterns.finish(plan.digest)
            with self._database.write() as connection:
                insert_patterns(connection, summed_up)
                connection.execute(
                    update(PlanRow)
                    .where(PlanRow.id == plan_id)
                    .values(
                        complete=True,
                        state=STORED,
                        stored=self._database.now(connection),
                        seal=seal.hexdigest(),
                        search_seal=search_seal.hexdigest(),
                    )
                )
        except BaseException:
            with suppress(StoreError):  # what is left is invisible, and removed later
                self._remove_incomplete(plan_id)
            raise
        return plan_id

    def load(self, plan_id: int) -> StoredPlan:
        """Read a plan.

        Raises PlanMismatch if there is none of that id, PlanAltered if it is not what was saved.
        """
        row = stored_plan(self._database, plan_id)
        verify(self._database, row)
        header: Mapping[str, Any] = row.header
        changes = StoredChanges(self._database, plan_id, header["changes"])
        return StoredPlan(
            id=plan_id,
            plan=Plan(
                collection=header["collection"],
                job=header["job"],
                destination=row.destination,
                changes=changes,
                digest=row.digest,
                statistics=Statistics(**header["statistics"]),
                managed=header["managed"],
                problems=tuple(RecordProblem(**problem) for problem in header["problems"]),
                warnings=tuple(header["warnings"]),
                limits=tuple(map(LimitCheck.from_json, header["limits"])),
                left_alone=tuple(map(LeftAlone.from_json, header.get("left_alone", ()))),
                findings=Findings.unpack(row.findings),
                evidence=PlanEvidence.from_json(header.get("evidence")),
            ),
            state=row.state,
            stored=row.stored,
            apply_started=row.apply_started,
            apply_finished=row.apply_finished,
            request_id=row.request_id,
        )

    def unfinished(self, collection: str, run_id: str, job: str, *, max_age: timedelta) -> int | None:
        """The plan that an earlier attempt at this job, in this run, began to apply and did not finish; None
        if there is none.

        Only the job's last plan counts. One that was stored but not begun is not returned: making a new one
        is as good. Neither is one after which another run has planned the job: what it says may no longer be
        so.
        """
        with self._database.read() as connection:
            row = connection.execute(
                select(PlanRow.id, PlanRow.stored, PlanRow.apply_started, PlanRow.apply_finished)
                .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
                .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
                .where(
                    CollectionRunRow.collection == collection,
                    CollectionRunRow.run_id == run_id,
                    JobRunRow.job == job,
                )
                .where(PlanRow.complete)
                .order_by(PlanRow.id.desc())
                .limit(1)
            ).one_or_none()
            if row is None or row.apply_started is None or row.apply_finished is not None:
                return None
            if (
                self._database.now(connection) - row.stored > max_age
                or _newer_plan(connection, row.id) is not None
            ):
                return None
            return row.id  # type: ignore[no-any-return]

    def newer(self, plan_id: int) -> str | None:
        """The run that has planned the same job for the same destination since a plan was made; None if there
        is none.
        """
        with self._database.read() as connection:
            return _newer_plan(connection, plan_id)

    def start_applying(self, plan_id: int) -> None:
        """Note that writing is about to begin; from now on a retry goes on with this plan.

        Raises RunStopped if a person has stopped its run.
        """
        with self._database.write() as connection:
            refuse_if_stopped(connection, run_of(connection, plan_id))
            connection.execute(
                update(PlanRow)
                .where(PlanRow.id == plan_id)
                .values(
                    state=APPLYING,
                    apply_started=func.coalesce(PlanRow.apply_started, self._database.now(connection)),
                )
            )

    def finish(self, plan_id: int, state: str) -> bool:
        """Note that nothing more of this plan will be applied, and why (a job state); False if someone has
        noted it before.
        """
        with self._database.write() as connection:
            done = connection.execute(
                update(PlanRow)
                .where(PlanRow.id == plan_id, PlanRow.apply_finished.is_(None))
                .values(state=state, apply_finished=self._database.now(connection))
            )
            return done.rowcount == 1

    def outcomes(self, plan_id: int) -> dict[int, Outcome]:
        """Every recorded outcome, by the change's place in the plan."""
        with self._database.read() as connection:
            rows = connection.execute(
                select(OutcomeRow.sequence, OutcomeRow.result, OutcomeRow.message)
                .where(OutcomeRow.plan_id == plan_id)
                .order_by(OutcomeRow.sequence)
            )
            return {
                sequence: Outcome(sequence, Result(result), message) for sequence, result, message in rows
            }

    def count_outcomes(self, plan_id: int) -> int:
        """How many changes of a plan have an outcome."""
        query = select(func.count()).where(OutcomeRow.plan_id == plan_id)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one()

    def record_outcomes(self, plan_id: int, outcomes: Sequence[Outcome]) -> None:
        """Record outcomes, all or none. Where one is recorded already, that one stands."""
        if not outcomes:
            return
        with self._database.write() as connection:
            now = self._database.now(connection)
            statement = (sqlite if self._database.is_sqlite else postgresql).insert(OutcomeRow)
            connection.execute(
                statement.on_conflict_do_nothing(),
                [
                    {
                        "plan_id": plan_id,
                        "sequence": outcome.sequence,
                        "result": outcome.result.value,
                        "message": outcome.message,
                        "recorded": now,
                    }
                    for outcome in outcomes
                ],
            )

    def verify(self, plan_id: int, *, digest: str, statistics: Mapping[str, int]) -> None:
        """Read all of a plan, and return if it is what someone is asked to agree to.

        Args:
            plan_id: the plan.
            digest: that they are asked about.
            statistics: the figures that they are shown: how many changes of each kind.

        Raises PlanMismatch if there is no such plan, PlanAltered if it is not what was saved.
        """
        row = stored_plan(self._database, plan_id)
        if row.digest != digest:
            raise altered(
                self._database, plan_id, f"it has the digest {row.digest}, and {digest} is asked about"
            )
        verify(self._database, row, statistics)

    def _begin_plan(self, job_run_id: int, plan: Plan, findings: bytes | None) -> int:
        with self._database.write() as connection:
            now = self._database.now(connection)
            abandoned = connection.scalars(
                select(PlanRow.id).where(~PlanRow.complete, PlanRow.stored < now - ABANDONED_AFTER)
            ).all()
            plan_id: int = connection.execute(
                insert(PlanRow).returning(PlanRow.id),
                {
                    "job_run_id": job_run_id,
                    "destination": plan.destination,
                    "digest": plan.digest,
                    "digest_version": VERSION,
                    "header": plan.header(),
                    "findings": findings,
                    "removals": plan.statistics.deleted + plan.statistics.disabled + plan.statistics.moved,
                    "memberships": sum(
                        check.planned for check in plan.limits if check.kind == LimitKind.MEMBERSHIPS.value
                    ),
                    "complete": False,
                    "state": "incomplete",
                    "stored": now,
                },
            ).scalar_one()
        for abandoned_id in abandoned:
            self._remove_incomplete(abandoned_id)
        return plan_id

    def _remove_incomplete(self, plan_id: int) -> None:
        incomplete = select(PlanRow.id).where(PlanRow.id == plan_id, ~PlanRow.complete).scalar_subquery()
        with self._database.write() as connection:
            for part in (PlanPatternsRow, ChangeRow):
                connection.execute(delete(part).where(part.plan_id == incomplete))
            connection.execute(delete(PlanRow).where(PlanRow.id == plan_id, ~PlanRow.complete))


def is_being_applied() -> ColumnElement[bool]:
    """Whether the writing of the plan of a query about `PlanRow` has begun, and was not finished."""
    return and_(PlanRow.complete, PlanRow.state == APPLYING, PlanRow.apply_finished.is_(None))


def run_of(connection: Connection, plan_id: int) -> int:
    """The run, by its number, that has made a plan."""
    query = select(JobRunRow.collection_run_id).join(PlanRow, PlanRow.job_run_id == JobRunRow.id)
    return connection.execute(query.where(PlanRow.id == plan_id)).scalar_one()


def _newer_plan(connection: Connection, plan_id: int) -> str | None:
    own = (
        select(PlanRow.destination, JobRunRow.job, JobRunRow.collection_run_id, CollectionRunRow.current_name)
        .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .where(PlanRow.id == plan_id)
        .subquery()
    )
    newer = (
        select(CollectionRunRow.run_id)
        .join(JobRunRow, JobRunRow.collection_run_id == CollectionRunRow.id)
        .join(PlanRow, PlanRow.job_run_id == JobRunRow.id)
        .join(own, and_(CollectionRunRow.current_name == own.c.current_name, JobRunRow.job == own.c.job))
        .where(PlanRow.id > plan_id, PlanRow.complete, PlanRow.destination == own.c.destination)
        .where(CollectionRunRow.id != own.c.collection_run_id, ~CollectionRunRow.preview_only)
        .order_by(PlanRow.id.desc())
        .limit(1)
    )
    return connection.execute(newer).scalar_one_or_none()


object_hash = name_hash
"""What an object is found by in the history: its id without regard to case."""


def identity_hash(identity: bytes) -> bytes:
    """What an object is found by after it was renamed."""
    return _hash(identity)


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _rows(
    plan_id: int, forms: Iterator[StoredForm], digest: PlanDigest, seal: PlanSeal, search_seal: SearchSeal
) -> Iterator[tuple[Any, ...]]:
    """The rows of `ChangeRow`, in the order of its columns."""
    for sequence, (action, object_, new_object, identity, canonical, name, search, _) in enumerate(forms):
        digest.add(canonical)
        shown = name and storable(name)
        seal.add(shown)
        search_seal.add(search)
        yield (
            plan_id,
            sequence,
            action,
            object_hash(object_),
            None if new_object is None else object_hash(new_object),
            None if identity is None else identity_hash(identity),
            canonical.decode(),
            shown,
            search,
        )
