"""Runs that people hear of without asking for them: what failed lately and what is worked on, across
collections; and how one job did across its runs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from directory_sync.plan.model import Statistics
from directory_sync.store.database import Database
from directory_sync.store.runs import RUNNING
from directory_sync.store.tables import CollectionRunRow, JobRunRow


@dataclass(frozen=True, slots=True)
class NotedRun:
    """A run as Airflow's Home names it.

    Attributes:
        collection: what it is called now; `dag_id` what it was called when the run began.
        at: when it ended, or began if it has not ended.
    """

    collection: str
    dag_id: str
    run_id: str
    trigger: str
    state: str
    preview_only: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class JobInRun:
    """How one job did in one run, by its latest attempt.

    Attributes:
        dag_id: what the collection was called when the run began.
        statistics: what was counted, None if nothing.
    """

    dag_id: str
    run_id: str
    trigger: str
    state: str
    started: datetime
    finished: datetime | None
    statistics: Statistics | None
    request_id: int | None


class RunHighlights:
    """Queries whose answers are a few runs, however many the store has."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ended(self, states: Collection[str], *, within: timedelta, limit: int) -> tuple[NotedRun, ...]:
        """Runs that have ended in one of these states this lately, newest first."""
        with self._database.read() as connection:
            since = self._database.now(connection) - within
        return self._noted(
            CollectionRunRow.finished,
            CollectionRunRow.finished >= since,
            CollectionRunRow.state.in_(states),
            limit=limit,
        )

    def worked_on(self, *, limit: int) -> tuple[NotedRun, ...]:
        """Runs in which a process works on a job, newest first; those that only wait are left out."""
        running = select(JobRunRow.collection_run_id).where(JobRunRow.state == RUNNING)
        return self._noted(
            CollectionRunRow.started,
            CollectionRunRow.id.in_(running),
            CollectionRunRow.finished.is_(None),
            limit=limit,
        )

    def of_job(self, collection: str, job: str, *, limit: int) -> tuple[JobInRun, ...]:
        """The latest runs in which a job of a collection has begun, newest first; also those that were made
        when the collection had another name.
        """
        latest = (
            select(func.max(JobRunRow.id))
            .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
            .where(CollectionRunRow.current_name == collection, JobRunRow.job == job)
            .group_by(JobRunRow.collection_run_id)
            .order_by(JobRunRow.collection_run_id.desc())
            .limit(limit)
        )
        query = (
            select(
                CollectionRunRow.collection.label("dag_id"),
                CollectionRunRow.run_id,
                CollectionRunRow.trigger,
                JobRunRow.state,
                JobRunRow.started,
                JobRunRow.finished,
                JobRunRow.statistics,
                JobRunRow.request_id,
            )
            .join(CollectionRunRow, CollectionRunRow.id == JobRunRow.collection_run_id)
            .where(JobRunRow.id.in_(latest))
            .order_by(JobRunRow.id.desc())
        )
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return tuple(
            JobInRun(**{**row, "statistics": row["statistics"] and Statistics(**row["statistics"])})
            for row in rows
        )

    def _noted(self, at: Any, *conditions: ColumnElement[bool], limit: int) -> tuple[NotedRun, ...]:
        query = (
            select(
                CollectionRunRow.current_name.label("collection"),
                CollectionRunRow.collection.label("dag_id"),
                CollectionRunRow.run_id,
                CollectionRunRow.trigger,
                CollectionRunRow.state,
                CollectionRunRow.preview_only,
                at.label("at"),
            )
            .where(*conditions)
            .order_by(at.desc(), CollectionRunRow.id.desc())
            .limit(limit)
        )
        with self._database.read() as connection:
            return tuple(NotedRun(**row) for row in connection.execute(query).mappings())
