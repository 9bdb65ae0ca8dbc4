"""How runs have ended, as they are told of: the run, and how each of its jobs did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from directory_sync.store.database import Database
from directory_sync.store.run_model import StoredJobResult
from directory_sync.store.run_telling import RunNewsKind, tell
from directory_sync.store.runs import (
    NOT_RUN,
    WAITING,
    Runs,
    Snapshot,
    read_snapshot,
    select_runs,
)
from directory_sync.store.tables import CollectionRunRow, JobRunRow


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run as it is told of.

    Attributes:
        snapshot: the run.
        state: as it was closed, or `running`.
        told: number of the news that counts; earlier ones are overtaken.
        states: enabled job → how it ended, in the definition's order: as the run's end has noted it, or as
            its latest attempt has where that is newer. A job that never began is `not_run`.
        results: job → its latest attempt.
    """

    snapshot: Snapshot
    state: str
    told: int
    states: Mapping[str, str]
    results: Mapping[str, StoredJobResult]

    @property
    def waits(self) -> bool:
        """Whether a job waits for approval."""
        return WAITING in self.states.values()


class RunEnds:
    """Queries of those who tell of runs."""

    def __init__(self, database: Database, runs: Runs) -> None:
        self._database = database
        self._runs = runs

    def get(self, run: int) -> RunEnd | None:
        """The run of that number in the store; None if there is none (any more)."""
        with self._database.read() as connection:
            row = connection.execute(select_runs().where(CollectionRunRow.id == run)).one_or_none()
        if row is None:
            return None
        snapshot = read_snapshot(self._database, row)
        found = {each.job: each for each in self._runs.job_results(row.collection, row.run_id)}
        noted: Mapping[str, str] = row.job_states or {}
        states = {
            job.name: _state(noted.get(job.name), found.get(job.name), row.finished)
            for job in snapshot.collection.enabled_jobs
        }
        return RunEnd(snapshot, row.state, row.told, states, found)

    def tell_waiting(self, run: int) -> bool:
        """Let people hear that all is done but for what waits for approval, if anything does; whether they
        will.
        """
        with self._database.write() as connection:
            query = select(JobRunRow.job, JobRunRow.state).where(JobRunRow.collection_run_id == run)
            rows = connection.execute(query.order_by(JobRunRow.id))
            latest = {row.job: row.state for row in rows}
            closed = connection.scalar(select(CollectionRunRow.finished).where(CollectionRunRow.id == run))
            if WAITING not in latest.values() or closed is not None:
                return False
            return tell(connection, run, RunNewsKind.WAITS, at=self._database.now(connection))


def _state(noted: str | None, result: StoredJobResult | None, finished: datetime | None) -> str:
    if result is None:
        return noted or NOT_RUN
    newer = finished is None or result.started > finished or noted == WAITING
    return result.state if noted is None or newer else noted
