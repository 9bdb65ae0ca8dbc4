"""What was left open by processes that are gone: plans, attempts and runs; found here, and closed once."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, or_, select, update
from sqlalchemy.orm import aliased

from directory_sync.approval.request import EventKind, MessageCode
from directory_sync.approval.states import RequestState
from directory_sync.errors import RequestNotFound
from directory_sync.plan.model import Statistics
from directory_sync.store.database import Database
from directory_sync.store.leases import live_tokens
from directory_sync.store.plans import is_being_applied
from directory_sync.store.request_rows import add_event, find_request, settle_jobs
from directory_sync.store.run_identity import TERMINAL
from directory_sync.store.run_stops import STOPPED, was_stopped
from directory_sync.store.run_telling import tell_again
from directory_sync.store.runs import BROKE_OFF, RUNNING, Snapshot, read_snapshot, select_runs
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRunRow,
    JobRunRow,
    OutcomeRow,
    PlanRow,
    RequestRow,
)

UNHELD = timedelta(days=1)
"""Age at which an attempt or run counts as left that noted no lease: a preview, or one of an earlier version.
"""

_FAILED = "failed"


@dataclass(frozen=True, slots=True)
class OpenPlan:
    """A plan that someone has begun to apply and not finished.

    Attributes:
        id: of the plan.
        run: id of the run in the store; `collection`, `run_id` and `job` name it, `trigger` says what started
            it.
        destination: identity of the place that is written to.
        stored: when it was made; `begun`: when its writing began.
        held: the process that works on it is alive.
        overtaken: another run has planned the job since.
        request: the one that it was begun under; None if it needed no approval.
        stopped: a person has stopped its run, so that nothing goes on with it.
        host, pid: the process that last worked on it.
    """

    id: int
    run: int
    collection: str
    run_id: str
    job: str
    trigger: str
    destination: str
    stored: datetime
    begun: datetime
    held: bool
    overtaken: bool
    request: int | None
    stopped: bool
    host: str
    pid: int


@dataclass(frozen=True, slots=True)
class Closed:
    """An attempt, or a run (`job` is empty then), that was closed because its process is gone."""

    collection: str
    run_id: str
    job: str = ""


class Settling:
    """Queries about what was left open."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_plans(self, collection: str | None = None, job: str | None = None) -> tuple[OpenPlan, ...]:
        """The plans whose writing has begun and was not finished, oldest first: all, or those of one
        collection or job.
        """
        later, its_attempt, its_run = aliased(PlanRow), aliased(JobRunRow), aliased(CollectionRunRow)
        overtaken = exists(
            select(later.id)
            .join(its_attempt, its_attempt.id == later.job_run_id)
            .join(its_run, its_run.id == its_attempt.collection_run_id)
            .where(later.id > PlanRow.id, later.complete, later.destination == PlanRow.destination)
            .where(its_attempt.job == JobRunRow.job, its_run.current_name == CollectionRunRow.current_name)
            .where(its_run.id != CollectionRunRow.id, ~its_run.preview_only)
        )
        with self._database.read() as connection:
            now = self._database.now(connection)
            query = (
                select(
                    PlanRow.id,
                    CollectionRunRow.id.label("run"),
                    CollectionRunRow.collection,
                    CollectionRunRow.run_id,
                    JobRunRow.job,
                    CollectionRunRow.trigger,
                    PlanRow.destination,
                    PlanRow.stored,
                    PlanRow.apply_started.label("begun"),
                    _held(now).label("held"),
                    overtaken.label("overtaken"),
                    PlanRow.request_id.label("request"),
                    was_stopped().label("stopped"),
                )
                .join(JobRunRow, JobRunRow.id == PlanRow.job_run_id)
                .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
                .where(is_being_applied())
                .order_by(PlanRow.id)
            )
            if collection is not None:
                query = query.where(CollectionRunRow.current_name == collection)
            if job is not None:
                query = query.where(JobRunRow.job == job)
            return tuple(
                OpenPlan(**row._mapping, **_last_process(connection, row.run, row.job))  # noqa: SLF001 - SQLAlchemy's public name
                for row in connection.execute(query).all()
            )

    def run_of(self, plan: OpenPlan) -> Snapshot:
        """The run that a plan belongs to. Raises StoreError if this version cannot read its definition."""
        with self._database.read() as connection:
            row = connection.execute(select_runs().where(CollectionRunRow.id == plan.run)).one()
        return read_snapshot(self._database, row)

    def unrecorded(self, plan_id: int) -> list[int]:
        """The places of a plan's changes that have no outcome."""
        has_outcome = exists(
            select(OutcomeRow.plan_id).where(
                OutcomeRow.plan_id == ChangeRow.plan_id, OutcomeRow.sequence == ChangeRow.sequence
            )
        )
        query = (
            select(ChangeRow.sequence)
            .where(ChangeRow.plan_id == plan_id, ~has_outcome)
            .order_by(ChangeRow.sequence)
        )
        with self._database.read() as connection:
            return list(connection.scalars(query))

    def close_plan(self, plan: OpenPlan, state: str, *, statistics: Statistics, message: str) -> bool:
        """Note that nothing more of an open plan is written, on the plan, its attempts, its request, and its
        run from a terminal.

        Returns whether it was done; False if someone else was first, or works on it (again).

        Args:
            plan: whose outcomes have all been recorded.
            state: a job state.
            statistics: what was done.
            message: how it ended, for people.
        """
        with self._database.write() as connection:
            request_id = connection.scalar(select(PlanRow.request_id).where(PlanRow.id == plan.id))
            request = None
            if request_id is not None:
                # The request first, as everyone does who carries one out.
                with contextlib.suppress(RequestNotFound):
                    request = find_request(connection, request_id, lock=True)
            now = self._database.now(connection)
            still = select(PlanRow.id, _held(now).label("held")).join(
                JobRunRow, JobRunRow.id == PlanRow.job_run_id
            )
            row = connection.execute(
                still.where(PlanRow.id == plan.id, is_being_applied()).with_for_update(of=PlanRow)
            ).one_or_none()
            if row is None or row.held:
                return False
            connection.execute(
                update(PlanRow).where(PlanRow.id == plan.id).values(state=state, apply_finished=now)
            )
            if request is not None and request.state == RequestState.APPROVED:
                result = {
                    "state": state,
                    "message": message,
                    "statistics": statistics.to_json(),
                    "run_id": plan.run_id,
                }
                connection.execute(
                    update(RequestRow)
                    .where(RequestRow.id == request.id)
                    .values(
                        state=RequestState.APPLIED,
                        applied=now,
                        result=result,
                        result_code=MessageCode.OTHER.value,
                    )
                )
                settle_jobs(connection, find_request(connection, request.id))
                add_event(connection, request.id, EventKind.APPLIED, at=now, data=result)
            _close_attempts(
                connection,
                plan,
                now,
                {"state": state, "statistics": statistics.to_json(), "message": message},
            )
            if plan.trigger == TERMINAL and state in (_FAILED, STOPPED):
                # Also one that had ended, with its plan waiting for an approval.
                connection.execute(
                    update(CollectionRunRow)
                    .where(CollectionRunRow.id == plan.run, CollectionRunRow.finished.is_not(None))
                    .values(state=state)
                )
            tell_again(connection, plan.run, at=now)
        return True

    def left(self) -> tuple[Closed, ...]:
        """The attempts and runs that would be closed now; nothing is changed. Runs whose attempts are still
        open are not among them.
        """
        with self._database.read() as connection:
            now = self._database.now(connection)
            attempts = connection.execute(_left_attempts(now)).all()
            runs = connection.execute(_left_runs(now)).all()
        return (
            *(Closed(row.collection, row.run_id, row.job) for row in attempts),
            *(Closed(row.collection, row.run_id) for row in runs),
        )

    def close_left_attempts(self, collection: str | None = None) -> tuple[Closed, ...]:
        """Close the attempts whose process is gone; those with an open plan are closed with it."""
        with self._database.write() as connection:
            now = self._database.now(connection)
            query = _left_attempts(now).with_for_update(of=JobRunRow)
            if collection is not None:
                query = query.where(CollectionRunRow.current_name == collection)
            rows = connection.execute(query).all()
            for row in rows:
                connection.execute(
                    update(JobRunRow)
                    .where(JobRunRow.id == row.id)
                    .values(
                        state=STOPPED if row.stopped else _FAILED,
                        finished=now,
                        message=f"{BROKE_OFF} It had not begun to write. Run the job again.",
                    )
                )
            for run in sorted({row.collection_run_id for row in rows}):
                tell_again(connection, run, at=now)
        return tuple(Closed(row.collection, row.run_id, row.job) for row in rows)

    def close_left_runs(self, collection: str | None = None) -> tuple[Closed, ...]:
        """Close the runs from terminals that no one goes on with; those with an open attempt or plan are
        closed after it.
        """
        with self._database.write() as connection:
            now = self._database.now(connection)
            query = _left_runs(now).with_for_update()
            if collection is not None:
                query = query.where(CollectionRunRow.current_name == collection)
            rows = connection.execute(query).all()
            for row in rows:
                connection.execute(
                    update(CollectionRunRow)
                    .where(CollectionRunRow.id == row.id)
                    .values(state=STOPPED if row.stopped else _FAILED, finished=now)
                )
                tell_again(connection, row.id, at=now)
        return tuple(Closed(row.collection, row.run_id) for row in rows)


def _left_attempts(now: datetime) -> Select[int, str, int, str, str, bool]:
    """The attempts whose process is gone, without those that have an open plan."""
    others = aliased(JobRunRow)
    has_plan = exists(
        select(PlanRow.id)
        .join(others, others.id == PlanRow.job_run_id)
        .where(
            others.collection_run_id == JobRunRow.collection_run_id,
            others.job == JobRunRow.job,
            is_being_applied(),
        )
    )
    return (
        select(
            JobRunRow.id,
            JobRunRow.job,
            JobRunRow.collection_run_id,
            CollectionRunRow.collection,
            CollectionRunRow.run_id,
            was_stopped().label("stopped"),
        )
        .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
        .where(JobRunRow.state == RUNNING, _left(JobRunRow.lease, JobRunRow.started, now), ~has_plan)
        .order_by(JobRunRow.id)
    )


def _left_runs(now: datetime) -> Select[int, str, str, bool]:
    """The runs from terminals that nothing goes on with, without those that have an open attempt or plan."""
    own = JobRunRow.collection_run_id == CollectionRunRow.id
    has_attempt = exists(select(JobRunRow.id).where(own, JobRunRow.state == RUNNING))
    has_plan = exists(
        select(PlanRow.id).join(JobRunRow, JobRunRow.id == PlanRow.job_run_id).where(own, is_being_applied())
    )
    return (
        select(
            CollectionRunRow.id,
            CollectionRunRow.collection,
            CollectionRunRow.run_id,
            was_stopped().label("stopped"),
        )
        .where(
            CollectionRunRow.trigger == TERMINAL,
            CollectionRunRow.finished.is_(None),
            ~has_attempt,
            ~has_plan,
        )
        .where(_left(CollectionRunRow.lease, CollectionRunRow.started, now))
        .order_by(CollectionRunRow.id)
    )


def _held(now: datetime) -> ColumnElement[bool]:
    """Whether an attempt at the plan's job in the plan's run is alive; the plan's own attempt is joined."""
    other = aliased(JobRunRow)
    return exists(
        select(other.id)
        .where(other.collection_run_id == JobRunRow.collection_run_id, other.job == JobRunRow.job)
        .where(other.state == RUNNING, other.lease.in_(live_tokens(now)))
    )


def _left(lease: Any, started: Any, now: datetime) -> ColumnElement[bool]:
    return or_(
        and_(lease.is_not(None), lease.not_in(live_tokens(now))),
        and_(lease.is_(None), started < now - UNHELD),
    )


def _last_process(connection: Connection, run: int, job: str) -> dict[str, Any]:
    query = select(JobRunRow.host, JobRunRow.pid).where(
        JobRunRow.collection_run_id == run, JobRunRow.job == job
    )
    row = connection.execute(query.order_by(JobRunRow.attempt.desc()).limit(1)).one()
    return {"host": row.host, "pid": row.pid}


def _close_attempts(connection: Connection, plan: OpenPlan, now: datetime, values: Mapping[str, Any]) -> None:
    own = (JobRunRow.collection_run_id == plan.run, JobRunRow.job == plan.job)
    last = connection.execute(
        select(JobRunRow.id, JobRunRow.state, JobRunRow.message)
        .where(*own)
        .order_by(JobRunRow.attempt.desc())
        .limit(1)
    ).one()
    if last.state == RUNNING:
        connection.execute(update(JobRunRow).where(JobRunRow.id == last.id).values(**values, finished=now))
    elif last.state == _FAILED:
        # It could still say itself why it ended; what it has written is known only now.
        said = f"{last.message} {values['message']}".strip()
        connection.execute(
            update(JobRunRow).where(JobRunRow.id == last.id).values(**{**values, "message": said})
        )
    connection.execute(
        update(JobRunRow)
        .where(*own, JobRunRow.state == RUNNING)
        .values(state=_FAILED, finished=now, message=BROKE_OFF)
    )
