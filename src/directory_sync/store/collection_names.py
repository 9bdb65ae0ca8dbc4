"""Which collection a name means, and where the collections of these names come from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, select, update

from directory_sync.definition.saved_documents import origin_of
from directory_sync.errors import CollectionChanged, NameTaken, OriginDiffers
from directory_sync.store.tables import CollectionRow, CollectionVersionRow

if TYPE_CHECKING:
    from directory_sync.store.collection_versions import VersionFacts

_SAVED, _FILE = "saved", "file:"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a collection comes from.

    Attributes:
        file: the file's path within the folder of collections; empty where it is not known, as for runs of
            versions that did not note it. None for a collection that is saved in the store.
    """

    file: str | None

    @property
    def text(self) -> str:
        """As it is stored and told: `saved`, or `file:` and the path."""
        return _SAVED if self.file is None else f"{_FILE}{self.file}"

    @property
    def words(self) -> str:
        """As messages name it."""
        if self.file is None:
            return "the collection saved in the store"
        return f"the file {self.file}" if self.file else "a file"

    @classmethod
    def of_document(cls, name: str, origin: str) -> Self:
        """Where a collection's document comes from; a folder's path is not part of it, because it differs
        from machine to machine, and from version to version of a git bundle.
        """
        return cls(None if origin == origin_of(name) else PurePath(origin).name)

    @classmethod
    def read(cls, text: str) -> Self:
        """Read what `text` gives."""
        return cls(None if text == _SAVED else text[len(_FILE) :])


SAVED = Origin(None)
"""Origin of a collection that is saved in the store."""


def is_called(name: str) -> ColumnElement[bool]:
    """The collection that has this name now; there is one at most."""
    return and_(CollectionRow.name == name, CollectionRow.deleted.is_(None))


def require_saved(name: str, origin: str | None) -> None:
    """Raise NameTaken if a name belongs to a collection from a file."""
    if origin is None or Origin.read(origin) == SAVED:
        return
    raise NameTaken(
        f"The name {name} belongs to {Origin.read(origin).words}, by which Airflow has run it. Choose another"
        f" name; or, if that file is gone, let the name go with directory-sync db release-name {name}.",
        name=name,
        origin=origin,
    )


def require_newest(connection: Connection, name: str, revision: int | None) -> None:
    """Raise CollectionChanged unless this is the revision of a saved collection's newest version; None for a
    name that no saved collection has.

    No one saves another one before the transaction ends.
    """
    query = select(CollectionRow.id).where(is_called(name)).with_for_update(read=True)
    bearer = connection.scalar(query)
    versions = select(CollectionVersionRow.__table__).order_by(CollectionVersionRow.revision.desc()).limit(1)
    newest = None
    if bearer is not None:
        newest = connection.execute(
            versions.where(CollectionVersionRow.collection_id == bearer)
        ).one_or_none()
    if revision == (None if newest is None else newest.revision):
        return
    # It may have been deleted: that is a version, too.
    newest = newest or connection.execute(versions.where(CollectionVersionRow.name == name)).one()
    what_now = ", while this was being done. Nothing was asked for or written. Try again."
    raise saved_by_another(name, newest, what_now)


def saved_by_another(name: str, newest: Row[Any] | VersionFacts, what_now: str) -> CollectionChanged:
    """What is said where another version than expected is the newest one; `what_now` ends the sentence."""
    did = "deleted" if newest.deleted else "saved"
    return CollectionChanged(
        f"{newest.saved_by} has {did} the collection {name} at {newest.saved:%Y-%m-%d %H:%M:%S} UTC (version"
        f" {newest.number}){what_now}",
        name=name,
        by=newest.saved_by,
        at=newest.saved,
        number=newest.number,
        deleted=newest.deleted,
    )


def claim(connection: Connection, name: str, origin: Origin, now: datetime) -> None:
    """Note where a collection comes from, or raise OriginDiffers if something else is noted.

    The caller holds the lock under which names are given.
    """
    row = connection.execute(
        select(CollectionRow.id, CollectionRow.origin).where(is_called(name))
    ).one_or_none()
    if row is None:
        connection.execute(insert(CollectionRow), {"name": name, "origin": origin.text, "created": now})
        return
    noted = None if row.origin is None else Origin.read(row.origin)
    if noted == origin:
        return
    if noted is None or (noted.file == "" and origin.file is not None):
        connection.execute(update(CollectionRow).where(CollectionRow.id == row.id).values(origin=origin.text))
        return
    raise OriginDiffers(
        f"The collection {name} comes from {noted.words}, and this definition from {origin.words}. Nothing"
        f" was read or written. {_remedy(name, noted, origin)}",
        name=name,
        noted=noted.text,
        found=origin.text,
    )


def _remedy(name: str, noted: Origin, found: Origin) -> str:
    release = f"run directory-sync db release-name {name}"
    if noted == SAVED:
        return f"Give the one in {found.words} another name, or delete the saved one first."
    if found == SAVED:
        return f"Delete one of the two; if the file is gone, {release}."
    return f"If the file was renamed, {release}; else give one of the two another name."
