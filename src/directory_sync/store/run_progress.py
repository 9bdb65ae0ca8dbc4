"""How far the jobs of a run are, as their processes tell every few seconds, and what those hear in return."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from sqlalchemy import update

from directory_sync.store.database import Database
from directory_sync.store.run_stops import RunStop, stop_of
from directory_sync.store.tables import JobRunRow, RunStopRow


@dataclass(frozen=True, slots=True)
class JobProgress:
    """How far a job is.

    Attributes:
        stage: what it is at, by `plan.planning.Stage`.
        read: records read at the source; `listed`: objects read at the destination.
        planned: records that were compared, or whose references were looked up.
        applied: changes that have been answered, of `total`; None before that is known.
        at: when its process said so; None for one that was not stored.
    """

    stage: str
    read: int = 0
    listed: int = 0
    planned: int = 0
    applied: int = 0
    total: int | None = None
    at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored, without `at`."""
        return {
            "stage": self.stage,
            "read": self.read,
            "listed": self.listed,
            "planned": self.planned,
            "applied": self.applied,
            "total": self.total,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], at: datetime | None) -> Self:
        """The inverse of `to_json`; what this version does not know is left out."""
        known = {name: data[name] for name in cls("").to_json() if name in data}
        return cls(**{"stage": "", **known}, at=at)


class RunProgress:
    """What a process at work tells, and hears."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def beat(
        self, job_run: int, progress: JobProgress | None, *, collection: str, run_id: str
    ) -> RunStop | None:
        """Note how far an attempt is, and hear whether its run was stopped.

        A short transaction, which only reads where there is nothing new to note.

        Args:
            job_run: the attempt.
            progress: None if it is as it was noted last.
            collection, run_id: the attempt's run.
        """
        if progress is None:
            with self._database.read() as connection:
                if (stop := stop_of(connection, collection, run_id)) is None:
                    return None
        with self._database.write() as connection:
            now = self._database.now(connection)
            if progress is not None:
                connection.execute(
                    update(JobRunRow)
                    .where(JobRunRow.id == job_run)
                    .values(progress=progress.to_json(), progressed=now)
                )
            stop = stop_of(connection, collection, run_id)
            if stop is not None:
                connection.execute(
                    update(RunStopRow)
                    .where(RunStopRow.collection == collection, RunStopRow.run_id == run_id)
                    .values(seen=now)
                )
            return stop
