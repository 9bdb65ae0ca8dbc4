"""Which collections people have pinned to their dashboard. A pin follows a collection that is renamed."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.approval.people import identity
from directory_sync.store.database import Database
from directory_sync.store.tables import PinRow

MOST_PINNED = 200
"""Of one person."""


class Pins:
    """Queries about pins."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, person: str) -> frozenset[str]:
        """The collections that a person has pinned; some may be gone."""
        query = select(PinRow.collection).where(PinRow.person == identity(person))
        with self._database.read() as connection:
            return frozenset(connection.scalars(query))

    def pin(self, person: str, collection: str) -> bool:
        """Pin a collection, or leave it pinned; False if the person has as many as there may be."""
        key = {"person": identity(person), "collection": collection}
        statement = (sqlite if self._database.is_sqlite else postgresql).insert(PinRow)
        with self._database.write() as connection:
            found = connection.scalars(select(PinRow.collection).where(PinRow.person == key["person"])).all()
            if collection not in found and len(found) >= MOST_PINNED:
                return False
            connection.execute(statement.on_conflict_do_nothing(), key)
        return True

    def unpin(self, person: str, collection: str) -> None:
        """Take a pin away; nothing if there is none."""
        with self._database.write() as connection:
            connection.execute(
                delete(PinRow).where(PinRow.person == identity(person), PinRow.collection == collection)
            )
