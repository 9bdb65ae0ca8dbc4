"""Runs of collections and the attempts at their jobs."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Select, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.approval.request import MessageCode
from directory_sync.definition.export import complete, digest_of
from directory_sync.definition.models import Collection
from directory_sync.errors import CollectionNotFound
from directory_sync.plan.model import RecordProblem, Statistics, counts_a_change
from directory_sync.store import run_identity
from directory_sync.store.collection_names import SAVED, Origin, is_called
from directory_sync.store.column_types import json_text
from directory_sync.store.database import Database
from directory_sync.store.leases import Lease, live_tokens
from directory_sync.store.run_identity import RunIdentity, require_same_run
from directory_sync.store.run_model import StoredJobResult, StoredRun
from directory_sync.store.run_progress import JobProgress
from directory_sync.store.run_telling import RunNewsKind, tell
from directory_sync.store.tables import CollectionRow, CollectionRunRow, DefinitionRow, JobRunRow, PlanRow
from directory_sync.store.written import runs_that_wrote

RUNNING = "running"
TERMINAL = run_identity.TERMINAL
"""The trigger of runs that a command line has started."""
BROKE_OFF = "It broke off: the process that worked on it is gone."
"""What is said of an attempt whose process ended without a word."""
WAITING = "waiting"
"""State of a job whose plan waits for approval."""
NOT_RUN = "not_run"
"""State of a job that never began."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run, with the definition that counts for all of it, whatever happens to the file.

    Attributes:
        id: of the run in the store.
        collection: the definition, as the first caller of `start` gave it.
        digest: SHA-256 of the definition, hexadecimal.
        origin, version: of the document that it was read from; empty where that was not noted.
        run_id: unique within the collection; Airflow's, or made up by the command line.
        trigger: what started it (`manual`, `scheduled`, `terminal`, …).
        requester: who started it; `verified` says whether someone has checked that.
        reason: why, in the requester's words.
        preview_only: nothing is to be written.
        finished: when it was closed; None as long as it goes on.
        current_name: what the collection is called now; the definition has the name that it had.
    """

    id: int
    collection: Collection
    digest: str
    run_id: str
    trigger: str
    requester: str
    verified: bool
    reason: str
    preview_only: bool
    started: datetime
    finished: datetime | None = None
    origin: str = ""
    version: str = ""
    current_name: str = ""

    @property
    def came_from(self) -> Origin | None:
        """Where the definition comes from; None where that was not noted."""
        return Origin.of_document(self.collection.name, self.origin) if self.origin else None


@dataclass(frozen=True, slots=True)
class JobRun:
    """One attempt at one job, from 1."""

    id: int
    attempt: int


def definition_key(definition: Mapping[str, Any]) -> str:
    """What names a definition, as `complete` gives it, in the store: unlike its digest, another one for
    another order of fields.
    """
    return hashlib.sha256(json_text(definition).encode()).hexdigest()


class Runs:
    """Runs and attempts as those note them who do them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def start(
        self,
        collection: Collection,
        run_id: str,
        *,
        trigger: str,
        requester: str,
        verified: bool,
        reason: str = "",
        preview_only: bool = False,
        triggering_user: str | None = None,
        logical_date: datetime | None = None,
        run_after: datetime | None = None,
        origin: str = "",
        version: str = "",
    ) -> Snapshot:
        """Begin a run, or join it if it has begun. All callers, also at the same moment, get what the first
        one gave.

        Args:
            collection: the definition that counts for the run, if this call begins it.
            run_id, trigger, requester, triggering_user, logical_date, run_after: see `RunIdentity`.
            verified: whether anyone has checked who the requester is.
            reason: why, in the requester's words.
            preview_only: nothing is to be written.
            origin, version: of the document that the definition was read from, as far as they are known.

        Raises RunIdUsed if the store knows another run by this id; a terminal's run is never joined.
        CollectionNotFound if a saved collection has been deleted or renamed since its definition was read.
        """
        identity = RunIdentity(run_id, trigger, requester, triggering_user, logical_date, run_after)
        definition = complete(collection)
        key = definition_key(definition)
        insert_new = (sqlite if self._database.is_sqlite else postgresql).insert
        is_saved = Origin.of_document(collection.name, origin) == SAVED
        with self._database.write() as connection:
            # Held until the run can be seen: a deletion or another name waits for it (`hold_back_filing`).
            bearer = select(CollectionRow.id).where(is_called(collection.name)).with_for_update(read=True)
            is_gone = is_saved and connection.scalar(bearer) is None
            begun = connection.execute(
                insert_new(CollectionRunRow).on_conflict_do_nothing(),
                {
                    "collection": collection.name,
                    "run_id": run_id,
                    "definition_digest": digest_of(definition),
                    "definition_key": key,
                    "definition_origin": origin or None,
                    "definition_version": version or None,
                    "trigger": trigger,
                    "requester": requester,
                    "requester_verified": verified,
                    "reason": reason,
                    "preview_only": preview_only,
                    "started": self._database.now(connection),
                    "state": RUNNING,
                    "triggering_user": triggering_user,
                    "logical_date": logical_date,
                    "run_after": run_after,
                },
            ).rowcount
            if begun and is_gone:
                raise CollectionNotFound(
                    f"The collection {collection.name} was deleted or renamed while this run of it began."
                    " Nothing was read or written.",
                    name=collection.name,
                )
            if begun:
                connection.execute(
                    insert_new(DefinitionRow).on_conflict_do_nothing(),
                    {"key": key, "definition": definition},
                )
            named = (CollectionRunRow.collection == collection.name, CollectionRunRow.run_id == run_id)
            row = connection.execute(select_runs().where(*named)).one()
            if not begun:
                require_same_run(row, identity)
            if row.run_after is None and run_after is not None:
                # Begun by a version that did not note it: from now on only this very run is joined.
                dates = {
                    "triggering_user": triggering_user,
                    "logical_date": logical_date,
                    "run_after": run_after,
                }
                connection.execute(update(CollectionRunRow).where(*named).values(**dates))
        return read_snapshot(self._database, row)

    def join(self, collection: str, identity: RunIdentity) -> Snapshot | None:
        """The run that a task of Airflow belongs to; None if the store knows of none.

        Raises RunIdUsed as `start`.
        """
        row = self._find_run(collection, identity.run_id)
        if row is None:
            return None
        require_same_run(row, identity)
        return read_snapshot(self._database, row)

    def find(self, collection: str, run_id: str) -> Snapshot | None:
        """A run that has begun, by its id alone, to be shown; None if the store knows of none.

        Tasks use `join`.
        """
        row = self._find_run(collection, run_id)
        return None if row is None else read_snapshot(self._database, row)

    def _find_run(self, collection: str, run_id: str) -> Row[Any] | None:
        with self._database.read() as connection:
            return connection.execute(
                select_runs().where(
                    CollectionRunRow.collection == collection, CollectionRunRow.run_id == run_id
                )
            ).one_or_none()

    def finish(
        self, collection: str, run_id: str, state: str, *, jobs: Mapping[str, str] | None = None
    ) -> None:
        """Close a run, and let people hear of it. When it is run again in part, the last call counts.

        Args:
            collection, run_id: which run.
            state: a job state.
            jobs: job → how it ended, where that is known better than its attempts say.
        """
        named = (CollectionRunRow.collection == collection, CollectionRunRow.run_id == run_id)
        with self._database.write() as connection:
            now = self._database.now(connection)
            values = {"state": state, "finished": now, "job_states": None if jobs is None else dict(jobs)}
            run = connection.execute(
                update(CollectionRunRow).where(*named).values(**values).returning(CollectionRunRow.id)
            ).scalar_one_or_none()
            if run is not None:
                tell(connection, run, RunNewsKind.ENDED, at=now)

    def start_job(
        self, run: int, job: str, *, request: int | None = None, lease: Lease | None = None
    ) -> JobRun:
        """Begin an attempt at a job, by this process, in the run that a `Snapshot` names.

        Earlier attempts at the same job in the same run whose processes are gone are closed: this one goes on
        in their place.

        Args:
            run, job: which job.
            request: the one that is to be applied.
            lease: held as long as the attempt goes on.
        """
        with self._database.write() as connection:
            # Attempts of one run are numbered one after another, also when two start at the same moment.
            connection.execute(
                select(CollectionRunRow.id).where(CollectionRunRow.id == run).with_for_update()
            )
            last = connection.execute(
                select(func.max(JobRunRow.attempt)).where(
                    JobRunRow.collection_run_id == run, JobRunRow.job == job
                )
            ).scalar_one()
            attempt = (last or 0) + 1
            now = self._database.now(connection)
            connection.execute(
                update(JobRunRow)
                .where(JobRunRow.collection_run_id == run, JobRunRow.job == job, JobRunRow.state == RUNNING)
                .where(JobRunRow.lease.is_not(None), JobRunRow.lease.not_in(live_tokens(now)))
                .values(
                    state="failed",
                    finished=now,
                    message=f"{BROKE_OFF} Attempt {attempt} went on in its place.",
                )
            )
            job_run_id = connection.execute(
                insert(JobRunRow).returning(JobRunRow.id),
                {
                    "collection_run_id": run,
                    "job": job,
                    "attempt": attempt,
                    "state": RUNNING,
                    "message": "",
                    "warnings": [],
                    "problems": [],
                    "started": now,
                    "host": socket.gethostname(),
                    "pid": os.getpid(),
                    "request_id": request,
                    "lease": None if lease is None else lease.token,
                },
            ).scalar_one()
        return JobRun(job_run_id, attempt)

    def finish_job(
        self,
        job_run_id: int,
        state: str,
        *,
        statistics: Statistics | None = None,
        planned: Statistics | None = None,
        message: str = "",
        warnings: Sequence[str] = (),
        problems: Sequence[RecordProblem] = (),
        request: int | None = None,
        code: MessageCode = MessageCode.OTHER,
    ) -> None:
        """Record how an attempt ended.

        Args:
            job_run_id: the attempt.
            state: a job state.
            statistics: what was counted; None if nothing was.
            planned: what the plan would do, where nothing of it was written.
            message, warnings, problems: for people.
            request: the one that it waits for, or has applied.
            code: what the message says.
        """
        with self._database.write() as connection:
            connection.execute(
                update(JobRunRow)
                .where(JobRunRow.id == job_run_id)
                .values(
                    state=state,
                    statistics=None if statistics is None else statistics.to_json(),
                    planned=None if planned is None else planned.to_json(),
                    message=message,
                    code=code.value,
                    warnings=list(warnings),
                    problems=[problem.to_json() for problem in problems],
                    finished=self._database.now(connection),
                    **({} if request is None else {"request_id": request}),
                )
            )

    def still_open(self, *, older_than: timedelta) -> tuple[tuple[str, str], ...]:
        """Runs of schedulers, by collection and run id, that have begun longer ago than this and were never
        closed.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                select(CollectionRunRow.collection, CollectionRunRow.run_id)
                .where(CollectionRunRow.finished.is_(None), CollectionRunRow.trigger != TERMINAL)
                .where(CollectionRunRow.started < self._database.now(connection) - older_than)
                .order_by(CollectionRunRow.id)
            )
            return tuple((row.collection, row.run_id) for row in rows)

    def recent(self, collection: str | None = None, *, limit: int = 20) -> tuple[StoredRun, ...]:
        """The latest runs, of one collection or of all, newest first."""
        query = (
            select(CollectionRunRow.__table__)
            .order_by(CollectionRunRow.started.desc(), CollectionRunRow.id.desc())
            .limit(limit)
        )
        if collection is not None:
            query = query.where(CollectionRunRow.current_name == collection)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            wrote = runs_that_wrote(self._database, connection, [row.id for row in rows])
            return tuple(
                StoredRun(
                    id=row.id,
                    collection=row.collection,
                    run_id=row.run_id,
                    trigger=row.trigger,
                    requester=row.requester,
                    verified=row.requester_verified,
                    reason=row.reason,
                    preview_only=row.preview_only,
                    started=row.started,
                    finished=row.finished,
                    state=row.state,
                    wrote=row.id in wrote,
                )
                for row in rows
            )

    def job_results(self, collection: str, run_id: str) -> tuple[StoredJobResult, ...]:
        """The latest attempt at each job of a run, in the order in which the jobs were first begun."""
        with self._database.read() as connection:
            attempts = connection.execute(
                select(JobRunRow.__table__)
                .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
                .where(CollectionRunRow.collection == collection, CollectionRunRow.run_id == run_id)
                .order_by(JobRunRow.id)
            ).all()
            plans = _latest_plans(connection, collection, run_id)
        latest = {row.job: row for row in attempts}
        wrote = {row.job for row in attempts if counts_a_change(row.statistics)}
        return tuple(
            StoredJobResult(
                job_run_id=row.id,
                job=row.job,
                attempt=row.attempt,
                state=row.state,
                statistics=None if row.statistics is None else Statistics(**row.statistics),
                message=row.message,
                code=MessageCode(row.code),
                warnings=tuple(row.warnings),
                problems=tuple(RecordProblem(**problem) for problem in row.problems),
                started=row.started,
                finished=row.finished,
                host=row.host,
                pid=row.pid,
                plan_id=plans.get(row.job),
                request_id=row.request_id,
                planned=None if row.planned is None else Statistics(**row.planned),
                wrote=row.job in wrote,
                progress=_progress(row),
            )
            for row in latest.values()
        )


def select_runs() -> Select[Any]:
    """Runs with their definitions, for `read_snapshot`."""
    # A run whose definition is not there must not look like one that has not begun.
    return select(CollectionRunRow.__table__, DefinitionRow.definition).outerjoin(
        DefinitionRow, DefinitionRow.key == CollectionRunRow.definition_key
    )


def read_snapshot(database: Database, row: Row[Any]) -> Snapshot:
    """A row of `select_runs`. Raises StoreError if this version cannot read the definition."""
    try:
        stored = Collection.model_validate(row.definition)
    except ValidationError as error:
        raise database.error(
            f"The definition that run {row.run_id} of {row.collection} began with cannot be read by this"
            f" version ({error.error_count()} problems).",
            "Start a new run.",
        ) from None
    return Snapshot(
        id=row.id,
        collection=stored,
        digest=row.definition_digest,
        run_id=row.run_id,
        trigger=row.trigger,
        requester=row.requester,
        verified=row.requester_verified,
        reason=row.reason,
        preview_only=row.preview_only,
        started=row.started,
        finished=row.finished,
        origin=row.definition_origin or "",
        version=row.definition_version or "",
        current_name=row.current_name,
    )


def _progress(row: Row[Any]) -> JobProgress | None:
    return None if row.progress is None else JobProgress.from_json(row.progress, row.progressed)


def _latest_plans(connection: Connection, collection: str, run_id: str) -> dict[str, int]:
    """Job → its last complete plan."""
    rows = connection.execute(
        select(JobRunRow.job, func.max(PlanRow.id).label("plan_id"))
        .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .where(CollectionRunRow.collection == collection, CollectionRunRow.run_id == run_id, PlanRow.complete)
        .group_by(JobRunRow.job)
    )
    return {row.job: row.plan_id for row in rows}
