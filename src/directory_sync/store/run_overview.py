"""The latest run of each collection, and how often it has run: what lists of collections show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from directory_sync.store.database import Database
from directory_sync.store.tables import CollectionRunRow
from directory_sync.store.written import runs_that_wrote


@dataclass(frozen=True, slots=True)
class LatestRun:
    """The run of a collection that began last, among those that the store still has.

    Attributes:
        state: a job state, `running` while it goes on.
        origin: of the document that its definition was read from; empty where that was not noted.
        times: how many runs of the collection the store has.
        wrote: any attempt at any of its jobs has written something.
    """

    collection: str
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


class RunOverview:
    """Queries about the runs of all collections at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self) -> dict[str, LatestRun]:
        """Collection → its latest run."""
        newest = (
            select(func.max(CollectionRunRow.id).label("id"), func.count().label("times"))
            .group_by(CollectionRunRow.collection)
            .subquery()
        )
        query = select(
            CollectionRunRow.id,
            CollectionRunRow.collection,
            CollectionRunRow.run_id,
            CollectionRunRow.trigger,
            CollectionRunRow.requester,
            CollectionRunRow.preview_only,
            CollectionRunRow.started,
            CollectionRunRow.finished,
            CollectionRunRow.state,
            func.coalesce(CollectionRunRow.definition_origin, "").label("origin"),
            newest.c.times,
        ).join(newest, newest.c.id == CollectionRunRow.id)
        with self._database.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
            wrote = runs_that_wrote(self._database, connection, select(newest.c.id))
            return {row["collection"]: LatestRun(wrote=row.pop("id") in wrote, **row) for row in rows}
