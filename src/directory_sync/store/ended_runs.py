"""Runs that Airflow has called ended before they were closed here: what is made of those later is not their
starter's.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, exists, insert, select
from sqlalchemy.exc import IntegrityError

from directory_sync.store.database import Database
from directory_sync.store.tables import CollectionRunRow, EndedRunRow


class EndedRuns:
    """Queries about them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, collection: str, run_id: str) -> None:
        """Note that Airflow calls a run ended; nothing if the run is closed here too, as nearly every one
        is.
        """
        closed = exists(
            select(CollectionRunRow.id).where(
                CollectionRunRow.collection == collection,
                CollectionRunRow.run_id == run_id,
                CollectionRunRow.finished.is_not(None),
            )
        )
        noted = exists(_noted(collection, run_id))
        try:
            with self._database.write() as connection:
                if connection.scalar(select(closed | noted)):
                    return
                values = {"collection": collection, "run_id": run_id, "ended": self._database.now(connection)}
                connection.execute(insert(EndedRunRow), values)
        except IntegrityError:
            return  # another process was faster

    def has(self, collection: str, run_id: str) -> bool:
        """Whether Airflow has called a run ended before it was closed here."""
        with self._database.read() as connection:
            return connection.execute(_noted(collection, run_id)).first() is not None


def ended_in_airflow() -> ColumnElement[bool]:
    """Whether Airflow has called the run of a query about `CollectionRunRow` ended."""
    return exists(
        select(EndedRunRow.run_id).where(
            EndedRunRow.collection == CollectionRunRow.collection,
            EndedRunRow.run_id == CollectionRunRow.run_id,
        )
    )


def _noted(collection: str, run_id: str) -> Select[str]:
    return select(EndedRunRow.run_id).where(
        EndedRunRow.collection == collection, EndedRunRow.run_id == run_id
    )
