"""The latest run of each collection and of each job, how often they have run, and which runs go on: what
lists show.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, exists, func, or_, select

from directory_sync.plan.model import counts_a_change
from directory_sync.store.database import Database
from directory_sync.store.ended_runs import ended_in_airflow
from directory_sync.store.runs import RUNNING, WAITING
from directory_sync.store.tables import CollectionRunRow, JobRunRow
from directory_sync.store.written import has_written, runs_that_wrote


@dataclass(frozen=True, slots=True)
class LatestRun:
    """The run of a collection that began last, among those that the store still has.

    Attributes:
        state: a job state, `running` while it goes on; `waiting` while all that goes on is waiting for
            approval.
        dag_id: what the collection was called then.
        origin: of the document that its definition was read from; empty where that was not noted.
        times: how many runs of the collection the store has.
        wrote: any attempt at any of its jobs has written something.
    """

    collection: str
    dag_id: str
    run_id: str
    trigger: str
    requester: str
    preview_only: bool
    started: datetime
    finished: datetime | None
    state: str
    origin: str
    times: int
    wrote: bool


@dataclass(frozen=True, slots=True)
class LatestJob:
    """The latest attempt at a job in any run of its collection.

    Attributes:
        state: a job state, or `running`; `wrote` whether it has written something.
        times: in how many runs of the collection it was begun.
    """

    run_id: str
    started: datetime
    state: str
    times: int
    wrote: bool


@dataclass(frozen=True, slots=True)
class RunUnderWay:
    """A run that has not ended.

    Attributes:
        dag_id: what the collection was called when it began.
        waits: nothing of it goes on but waiting for approval.
        job: what is worked on; empty where that is nothing.
    """

    collection: str
    dag_id: str
    run_id: str
    trigger: str
    requester: str
    preview_only: bool
    started: datetime
    waits: bool
    job: str


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list shows.

    Attributes:
        collections: only of these.
        state: a job state, or `running`; None for any. `wrote`: only those that have written something, or
            only those that have not; None for both.
        requester: who started it.
        triggers: what started it; none for anything. `other_than`: anything but these.
        previews: only previews, or only others; None for both.
        search: part of the run's id, of who started it or of the reason, in letters of any case.
        started_from, started_before: when it began; UTC.
    """

    collections: Collection[str]
    state: str | None = None
    wrote: bool | None = None
    requester: str | None = None
    triggers: Collection[str] = ()
    other_than: Collection[str] = ()
    previews: bool | None = None
    search: str = ""
    started_from: datetime | None = None
    started_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunPage:
    """A part of a list of runs, newest first.

    Attributes:
        next: what to give as `before` to see what follows; None at the end.
        total: how many the filter lets through.
    """

    runs: tuple[ListedRun, ...]
    next: int | None
    total: int


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """The latest attempt at a job of a run: its state, whether it has written something, and its figures."""

    state: str
    wrote: bool
    statistics: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ListedRun:
    """A run; `jobs` holds the latest attempt at each job that was begun.

    `dag_id`, `state` and `wrote` are as in `LatestRun`.
    """

    id: int
    collection: str
    dag_id: str
    run_id: str
    trigger: str
    requester: str
    reason: str
    preview_only: bool
    started: datetime
    finished: datetime | None
    state: str
    origin: str
    version: str
    wrote: bool
    jobs: dict[str, JobAttempt]


MOST_UNDER_WAY = 500
"""Runs that are looked at, the newest first."""
_HEAD = (
    CollectionRunRow.id,
    CollectionRunRow.current_name.label("collection"),
    CollectionRunRow.collection.label("dag_id"),
    CollectionRunRow.run_id,
    CollectionRunRow.trigger,
    CollectionRunRow.requester,
    CollectionRunRow.preview_only,
    CollectionRunRow.started,
)
"""What all lists of runs say of one."""
_END = (
    CollectionRunRow.finished,
    CollectionRunRow.state,
    func.coalesce(CollectionRunRow.definition_origin, "").label("origin"),
)


class RunOverview:
    """Queries about the runs of all collections at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self) -> dict[str, LatestRun]:
        """Collection → its latest run."""
        newest = (
            select(func.max(CollectionRunRow.id).label("id"), func.count().label("times"))
            .group_by(CollectionRunRow.current_name)
            .subquery()
        )
        query = select(*_HEAD, *_END, newest.c.times).join(newest, newest.c.id == CollectionRunRow.id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            jobs = _jobs_of(connection, [row["id"] for row in rows if row["finished"] is None])
            wrote = runs_that_wrote(self._database, connection, select(newest.c.id))
        return {
            row["collection"]: _latest(row, jobs.get(row["id"], {}), wrote=row["id"] in wrote) for row in rows
        }

    def latest_jobs(self) -> dict[tuple[str, str], LatestJob]:
        """Collection and job → its latest attempt."""
        attempt, run = JobRunRow, CollectionRunRow
        newest = (
            select(
                run.current_name.label("collection"),
                attempt.job,
                func.max(attempt.id).label("id"),
                func.count(attempt.collection_run_id.distinct()).label("times"),
            )
            .join(run, run.id == attempt.collection_run_id)
            .group_by(run.current_name, attempt.job)
            .subquery()
        )
        query = (
            select(
                newest.c.collection,
                newest.c.job,
                run.run_id,
                attempt.started,
                attempt.state,
                newest.c.times,
                attempt.statistics,
            )
            .join(attempt, attempt.id == newest.c.id)
            .join(run, run.id == attempt.collection_run_id)
        )
        with self._database.read() as connection:
            return {
                (row.collection, row.job): LatestJob(
                    row.run_id, row.started, row.state, row.times, counts_a_change(row.statistics)
                )
                for row in connection.execute(query)
            }

    def collections(self) -> tuple[str, ...]:
        """The names of all collections that have run, sorted."""
        query = select(CollectionRunRow.current_name).distinct().order_by(CollectionRunRow.current_name)
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def page(self, filter: RunFilter, *, before: int | None = None, limit: int = 50) -> RunPage:
        """Runs of all collections that the filter names, newest first."""
        run = CollectionRunRow
        conditions = _conditions(self._database, filter)
        version = func.coalesce(run.definition_version, "").label("version")
        query = select(*_HEAD, *_END, run.reason, version)
        query = query.where(*conditions).order_by(run.id.desc()).limit(limit + 1)
        if before is not None:
            query = query.where(run.id < before)
        with self._database.read() as connection:
            total = connection.scalar(select(func.count()).select_from(run).where(*conditions)) or 0
            rows = connection.execute(query).mappings().all()
            ids = [row["id"] for row in rows[:limit]]
            jobs, wrote = _jobs_of(connection, ids), runs_that_wrote(self._database, connection, ids)
        runs = tuple(_listed(row, jobs.get(row["id"], {}), wrote=row["id"] in wrote) for row in rows[:limit])
        return RunPage(runs, runs[-1].id if len(rows) > limit else None, total)

    def before(self, collection: str, run: int) -> tuple[str, str] | None:
        """The last run of a collection before the one of that number in the store, by the name of its DAG and
        its id; previews do not count. None if there is none.
        """
        query = (
            select(CollectionRunRow.collection, CollectionRunRow.run_id)
            .where(CollectionRunRow.current_name == collection, CollectionRunRow.id < run)
            .where(~CollectionRunRow.preview_only)
            .order_by(CollectionRunRow.id.desc())
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else (row.collection, row.run_id)

    def under_way(self) -> tuple[RunUnderWay, ...]:
        """The runs that have not ended, newest first; those that Airflow has called ended are not among
        them.
        """
        run = CollectionRunRow
        query = (
            select(*_HEAD)
            .where(run.finished.is_(None), ~ended_in_airflow())
            .order_by(run.id.desc())
            .limit(MOST_UNDER_WAY)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            jobs = _jobs_of(connection, [row["id"] for row in rows])
        found = []
        for row in rows:
            values = {name: value for name, value in row.items() if name != "id"}
            states = jobs.get(row["id"], {})
            at_work = next((job for job, each in states.items() if each.state == RUNNING), "")
            found.append(RunUnderWay(**values, waits=_waits(states), job=at_work))
        return tuple(found)


def _conditions(database: Database, filter: RunFilter) -> list[ColumnElement[bool]]:
    run = CollectionRunRow
    conditions: list[ColumnElement[bool]] = [run.current_name.in_(filter.collections)]
    waiting = exists(
        select(JobRunRow.id).where(JobRunRow.collection_run_id == run.id, JobRunRow.state == WAITING)
    )
    if filter.state == WAITING:
        conditions += [run.state.in_([WAITING, RUNNING]), waiting]
    elif filter.state is not None:
        conditions.append(run.state == filter.state)
        if filter.state == RUNNING:
            conditions.append(run.finished.is_(None))
    if filter.wrote is not None:
        wrote = has_written(database)
        conditions.append(wrote if filter.wrote else ~wrote)
    if filter.requester is not None:
        conditions.append(run.requester == filter.requester)
    if filter.triggers:
        conditions.append(run.trigger.in_(filter.triggers))
    if filter.other_than:
        conditions.append(run.trigger.not_in(filter.other_than))
    if filter.previews is not None:
        conditions.append(run.preview_only.is_(filter.previews))
    if filter.search:
        texts = (run.run_id, run.requester, run.reason)
        conditions.append(or_(*(text.icontains(filter.search, autoescape=True) for text in texts)))
    if filter.started_from is not None:
        conditions.append(run.started >= filter.started_from)
    if filter.started_before is not None:
        conditions.append(run.started < filter.started_before)
    return conditions


def _listed(row: RowMapping, jobs: dict[str, JobAttempt], *, wrote: bool) -> ListedRun:
    found = ListedRun(**row, jobs=jobs, wrote=wrote)
    return replace(found, state=WAITING) if found.finished is None and _waits(jobs) else found


def _jobs_of(connection: Connection, runs: Collection[int]) -> dict[int, dict[str, JobAttempt]]:
    """Run → job → its latest attempt."""
    found: dict[int, dict[str, JobAttempt]] = {}
    if runs:
        query = select(JobRunRow.collection_run_id, JobRunRow.job, JobRunRow.state, JobRunRow.statistics)
        query = query.where(JobRunRow.collection_run_id.in_(runs)).order_by(JobRunRow.id)
        for run, job, state, statistics in connection.execute(query):
            attempt = JobAttempt(state, counts_a_change(statistics), statistics or {})
            found.setdefault(run, {})[job] = attempt
    return found


def _waits(jobs: dict[str, JobAttempt]) -> bool:
    """Whether a run waits for approval only: a job waits, and none is worked on."""
    states = {each.state for each in jobs.values()}
    return WAITING in states and RUNNING not in states


def _latest(row: RowMapping, jobs: dict[str, JobAttempt], *, wrote: bool) -> LatestRun:
    values: dict[str, Any] = {name: value for name, value in row.items() if name != "id"}
    found = LatestRun(**values, wrote=wrote)
    return replace(found, state=WAITING) if found.finished is None and _waits(jobs) else found
