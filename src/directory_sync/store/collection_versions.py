"""Versions of saved collections: what they are, and the queries that find them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, and_, func, select

from directory_sync.definition.documents import Document
from directory_sync.definition.saved_documents import saved_document
from directory_sync.store.collection_names import SAVED, is_called
from directory_sync.store.tables import CollectionRow, CollectionVersionRow


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionFacts:
    """A version of a saved collection, without its text.

    Attributes:
        collection_id: stays when the collection is renamed, and is never given to another one.
        name: of the collection in this version.
        number: 1, 2, … within the collection.
        revision: ascends over all collections.
        saved, saved_by, verified, roles: when, by whom, whether Airflow had checked who that is, and the
            person's roles at that time.
        comment: why, in the person's words.
        change: codes and facts of what is different from the version before.
        deleted: this version is the deletion.
    """

    collection_id: int
    name: str
    number: int
    revision: int
    saved: datetime
    saved_by: str
    verified: bool
    roles: tuple[str, ...]
    comment: str
    change: tuple[Mapping[str, Any], ...]
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedVersion(VersionFacts):
    """A version of a saved collection.

    Attributes:
        text: the definition as YAML, exactly as it was saved; of a deletion, what was deleted.
    """

    text: str = field(repr=False)

    @property
    def document(self) -> Document:
        """As what it is read from."""
        return saved_document(self.name, self.number, self.text)


_V = CollectionVersionRow
ALL = _V.__table__.columns
"""What `read_version` reads."""
FACTS = tuple(column for column in ALL if column.name != "text")
"""What `read_facts` reads."""


def newest_versions(revision: int | None = None) -> Select[Any]:
    """The newest version of each collection that exists, or of each that there was at a revision."""
    newest = select(_V.collection_id, func.max(_V.number).label("number")).group_by(_V.collection_id)
    if revision is None:
        newest = newest.join(CollectionRow, CollectionRow.id == _V.collection_id)
        newest = newest.where(CollectionRow.deleted.is_(None))
    else:
        newest = newest.where(_V.revision <= revision)
    chosen = newest.subquery()
    return select(*ALL).join(
        chosen, and_(_V.collection_id == chosen.c.collection_id, _V.number == chosen.c.number)
    )


def find_version(connection: Connection, name: str) -> SavedVersion | None:
    """The newest version of the collection that has this name."""
    return read_one(
        connection,
        select(*ALL)
        .join(CollectionRow, CollectionRow.id == _V.collection_id)
        .where(is_called(name))
        .order_by(_V.number.desc())
        .limit(1),
    )


def bearer_of(connection: Connection, name: str) -> int | None:
    """The id of the saved collection of this name; else of the one that had it last."""
    return connection.scalar(
        select(CollectionRow.id)
        .where(CollectionRow.name == name, CollectionRow.origin == SAVED.text)
        .order_by(CollectionRow.deleted.is_(None).desc(), CollectionRow.id.desc())
        .limit(1)
    )


def read_one(connection: Connection, query: Select[Any]) -> SavedVersion | None:
    """The version that a query finds; None if it finds none."""
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else read_version(row)


def read_version(row: RowMapping) -> SavedVersion:
    """A row of all columns."""
    return SavedVersion(**_values(row))


def read_facts(row: RowMapping) -> VersionFacts:
    """A row of all columns but the text."""
    return VersionFacts(**_values(row))


def _values(row: RowMapping) -> dict[str, Any]:
    values = dict(row)
    return values | {"roles": tuple(values["roles"]), "change": tuple(values["change"])}
