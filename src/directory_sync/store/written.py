"""Which runs have written something: what tells *succeeded* from *nothing to do*."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    cast,
    exists,
    func,
    select,
    type_coerce,
)

from directory_sync.plan.model import COUNTED_AS
from directory_sync.store.database import Database
from directory_sync.store.tables import CollectionRunRow, JobRunRow


def has_written(database: Database) -> ColumnElement[bool]:
    """The condition that any attempt of a run in a query on runs has written something."""
    text = type_coerce(JobRunRow.statistics, Text)

    def figure(name: str) -> ColumnElement[int]:
        if database.is_sqlite:
            found: ColumnElement[int] = func.json_extract(text, f"$.{name}", type_=Integer)
        else:
            found = cast(cast(text, JSON)[name].as_string(), Integer)
        return func.coalesce(found, 0)

    written = reduce(add, map(figure, COUNTED_AS.values()))
    return ~CollectionRunRow.preview_only & exists().where(
        JobRunRow.collection_run_id == CollectionRunRow.id, JobRunRow.statistics.is_not(None), written > 0
    )


def runs_that_wrote(
    database: Database, connection: Connection, runs: Sequence[int] | Select[tuple[int]]
) -> frozenset[int]:
    """Those of the runs, by their numbers in the store, that have written something."""
    query = select(CollectionRunRow.id).where(CollectionRunRow.id.in_(runs), has_written(database))
    return frozenset(connection.scalars(query))
