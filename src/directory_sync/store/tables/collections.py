"""Tables of collections: their names, saved versions, what their jobs know, and who has pinned them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from directory_sync.store.column_types import JsonText, SafeText, UtcDateTime
from directory_sync.store.tables.base import PREFIX, Base


class CollectionRow(Base):
    """A collection by the id that stays when it is renamed: what its jobs know and claim hangs on it, and its
    saved versions do.
    """

    __tablename__ = f"{PREFIX}collection"
    __table_args__ = (
        # A name belongs to one collection at a time.
        Index(
            None,
            "name",
            unique=True,
            sqlite_where=text("deleted IS NULL"),
            postgresql_where=text("deleted IS NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(SafeText)
    # `saved`, or `file:` and the file's name; empty where only terminals have run it.
    origin: Mapped[str | None] = mapped_column(SafeText)
    created: Mapped[datetime] = mapped_column(UtcDateTime)
    deleted: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CollectionVersionRow(Base):
    """What a saved collection was from one moment on; its deletion is a version, too."""

    __tablename__ = f"{PREFIX}collection_version"
    __table_args__ = (UniqueConstraint("collection_id", "number"),)

    # Ascends over all collections, in the order in which versions can be seen; see `saved_collections`.
    revision: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    collection_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}collection.id"))
    number: Mapped[int]
    # The collection may have another name later.
    name: Mapped[str] = mapped_column(SafeText)
    text: Mapped[str] = mapped_column(Text)
    saved: Mapped[datetime] = mapped_column(UtcDateTime)
    saved_by: Mapped[str] = mapped_column(SafeText)
    verified: Mapped[bool]
    # Of the person, when saving.
    roles: Mapped[list[str]] = mapped_column(JsonText)
    comment: Mapped[str] = mapped_column(SafeText)
    # Codes and facts of what is different from the version before.
    change: Mapped[list[dict[str, Any]]] = mapped_column(JsonText)
    deleted: Mapped[bool]


class CollectionRevisionRow(Base):
    """One row with the newest revision of saved collections: the lock under which the next one is made."""

    __tablename__ = f"{PREFIX}collection_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int]


class PinRow(Base):
    """A collection that a person has pinned to their dashboard."""

    __tablename__ = f"{PREFIX}pin"

    # As people are told apart (`approval.people.identity`).
    person: Mapped[str] = mapped_column(SafeText, primary_key=True)
    # What it is called now.
    collection: Mapped[str] = mapped_column(SafeText, primary_key=True)


class KnownObjectsRow(Base):
    """What one job knows at its destination: the objects that it has created or matched. One row per job.

    `known`, `absent` and `created_names` are sorted 16-byte entries one after the other; see `known_objects`.
    """

    __tablename__ = f"{PREFIX}known_objects"

    collection_id: Mapped[int] = mapped_column(ForeignKey(f"{PREFIX}collection.id"), primary_key=True)
    job: Mapped[str] = mapped_column(SafeText, primary_key=True)
    # Where it knows them, and from where: if one of the two changes, nothing is known any more.
    destination: Mapped[str] = mapped_column(SafeText, index=True)
    source: Mapped[str] = mapped_column(SafeText)
    known: Mapped[bytes] = mapped_column(LargeBinary)
    # Those of the known objects that had no record at the last complete run: the job does not claim them.
    absent: Mapped[bytes] = mapped_column(LargeBinary)
    # Objects that have a record though the job does not know them (16 bytes each): by identity, and by hashed
    # name.
    held: Mapped[bytes] = mapped_column(LargeBinary)
    held_names: Mapped[bytes] = mapped_column(LargeBinary)
    # Created objects whose identity no one has seen yet, by a hash of their name.
    created_names: Mapped[bytes] = mapped_column(LargeBinary)
    # Whether the job may create objects, and is enabled: else it claims nothing.
    claims: Mapped[bool]
    complete: Mapped[datetime | None] = mapped_column(UtcDateTime)
