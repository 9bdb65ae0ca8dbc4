"""Collections that are saved in the store: saving, renaming and deleting them, and what their versions say.

Each save, and each deletion, is a version with a revision that ascends over all collections. Revisions become
visible in their order, so what existed at one of them never changes afterwards: Airflow's bundle builds on
that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from directory_sync.approval.people import Person
from directory_sync.definition.basics import LONGEST_NAME, NAME_PATTERN
from directory_sync.errors import CollectionChanged, CollectionError, CollectionNotFound
from directory_sync.printable import storable
from directory_sync.store.collection_names import (
    SAVED,
    Origin,
    claim,
    is_called,
    require_saved,
    saved_by_another,
)
from directory_sync.store.collection_renaming import rename, renamed_to
from directory_sync.store.collection_use import require_nothing_under_way
from directory_sync.store.collection_versions import (
    ALL,
    FACTS,
    SavedVersion,
    VersionFacts,
    bearer_of,
    find_version,
    newest_versions,
    read_facts,
    read_one,
    read_version,
)
from directory_sync.store.database import Database
from directory_sync.store.policy_changes import end_undecided, hold_back_filing
from directory_sync.store.tables import (
    CollectionRevisionRow,
    CollectionRow,
    CollectionVersionRow,
    DraftRow,
    KnownObjectsRow,
    PinRow,
)

LONGEST_COMMENT = 10_000
"""Characters that the comment on a version may have."""
_V = CollectionVersionRow


class SavedCollections:
    """Queries about saved collections."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def newest(self) -> list[SavedVersion]:
        """The newest version of each collection that exists, in order of their names."""
        with self._database.read() as connection:
            return [
                read_version(row)
                for row in connection.execute(newest_versions().order_by(_V.name)).mappings()
            ]

    def get(self, name: str) -> SavedVersion | None:
        """The newest version of a collection; None if it does not exist."""
        with self._database.read() as connection:
            return find_version(connection, name)

    def versions(self, name: str) -> list[VersionFacts]:
        """All versions of a collection, newest first; of one that is deleted too, as long as none has its
        name.
        """
        with self._database.read() as connection:
            collection_id = bearer_of(connection, name)
            query = select(*FACTS).where(_V.collection_id == collection_id).order_by(_V.number.desc())
            return [read_facts(row) for row in connection.execute(query).mappings()]

    def version(self, name: str, number: int) -> SavedVersion | None:
        """One version of a collection, as `versions` lists them; None if there is no such version."""
        if not 0 < number <= _HIGHEST_NUMBER:
            return None
        with self._database.read() as connection:
            bearer = bearer_of(connection, name)
            return read_one(connection, select(*ALL).where(_V.collection_id == bearer, _V.number == number))

    def save(
        self,
        name: str,
        text: str,
        *,
        expected: int,
        by: Person,
        comment: str = "",
        change: Sequence[Mapping[str, Any]] = (),
        other_policy: Collection[str] | None = (),
        judged: int | None = None,
    ) -> SavedVersion:
        """Save a new collection, or a new version of one; the newest version afterwards.

        A text that equals the newest makes no version, whatever is expected: what is asked for is there.

        Args:
            name: of the collection, as the text gives it.
            text: the definition as YAML.
            expected: number of the newest version that the person has seen; 0 for a new collection.
            by: who saves it.
            comment: why, in the person's words.
            change: codes and facts of what is different from the version before.
            other_policy: jobs whose approval policy is not that of the version before, None for all: their
                undecided requests become stale in the same step.
            judged: revision of the version by which it was found that the person may do this, 0 for none: a
                number says too little, as the collection may have been deleted and made again. None where
                nothing was judged.

        Raises CollectionChanged if another version is the newest; CollectionNotFound if a version is expected
        of a collection that has never been; NameTaken if the name belongs to a file; CollectionError if
        something cannot be stored as it is.
        """
        require_storable(name, text, comment, by)
        with self._numbering() as (connection, now):
            newest = find_version(connection, name)
            _require_judged(name, newest, judged)
            if newest is not None and newest.text == text:
                return newest
            _require_seen(connection, name, newest, expected)
            collection_id = _id_for(connection, name, now) if newest is None else newest.collection_id
            hold_back_filing(connection, name)
            end_undecided(
                connection,
                name,
                other_policy,
                version=expected + 1,
                text=f"Version {expected + 1}, saved by {by.name}, has another approval policy. Plan again.",
                at=now,
            )
            return self._add(
                connection,
                {
                    "collection_id": collection_id,
                    "name": name,
                    "number": expected + 1,
                    "text": text,
                    "saved": now,
                    "comment": comment,
                    "change": list(change),
                    "deleted": False,
                },
                by,
            )

    def delete(
        self,
        name: str,
        *,
        expected: int,
        by: Person,
        comment: str = "",
        judged: int | None = None,
        running: Sequence[str] = (),
    ) -> SavedVersion:
        """Delete a collection and what its jobs know; the version that is the deletion. Its versions stay.

        The name is free then: a new collection of this name has another id and begins with version 1.

        Args:
            name, expected, by, comment, judged: as for `save`.
            running: ids of its runs that have not ended, as Airflow tells.

        Raises CollectionChanged, CollectionNotFound and CollectionError as `save`; CollectionInUse while a
        run or a request of it is under way.
        """
        require_storable(name, "", comment, by)
        with self._numbering() as (connection, now):
            newest = find_version(connection, name)
            _require_judged(name, newest, judged)
            _require_seen(connection, name, newest, expected)
            if newest is None:
                raise _not_found(name)
            hold_back_filing(connection, name)
            require_nothing_under_way(connection, name, running)
            connection.execute(
                delete(KnownObjectsRow).where(KnownObjectsRow.collection_id == newest.collection_id)
            )
            connection.execute(delete(PinRow).where(PinRow.collection == name))
            # A later collection of this name begins with version 1 again: no draft has seen that one.
            connection.execute(update(DraftRow).where(DraftRow.collection == name).values(version=None))
            connection.execute(
                update(CollectionRow).where(CollectionRow.id == newest.collection_id).values(deleted=now)
            )
            return self._add(
                connection,
                {
                    "collection_id": newest.collection_id,
                    "name": name,
                    "number": expected + 1,
                    "text": newest.text,
                    "saved": now,
                    "comment": comment,
                    "change": [],
                    "deleted": True,
                },
                by,
            )

    def rename(
        self,
        name: str,
        to: str,
        text: str,
        *,
        expected: int,
        by: Person,
        comment: str = "",
        change: Sequence[Mapping[str, Any]] = (),
        judged: int | None = None,
        running: Sequence[str] = (),
    ) -> SavedVersion:
        """Give a collection another name; the version that says so. Versions, runs, requests and what its
        jobs know follow it.

        Args:
            name, to: the old name and the new one.
            text: the definition by the new name.
            expected, by, comment, change, judged: as for `save`.
            running: ids of its runs that have not ended, as Airflow tells.

        Raises CollectionChanged, CollectionNotFound and CollectionError as `save`; NameTaken and
        CollectionInUse as `collection_renaming.rename`.
        """
        require_storable(to, text, comment, by)
        with self._numbering() as (connection, now):
            newest = find_version(connection, name)
            _require_judged(name, newest, judged)
            _require_seen(connection, name, newest, expected)
            if newest is None:
                raise _not_found(name)
            hold_back_filing(connection, name)
            rename(connection, newest.collection_id, name, to, running=running, now=now)
            return self._add(
                connection,
                {
                    "collection_id": newest.collection_id,
                    "name": to,
                    "number": expected + 1,
                    "text": text,
                    "saved": now,
                    "comment": comment,
                    "change": list(change),
                    "deleted": False,
                },
                by,
            )

    def renamed_to(self, name: str) -> str | None:
        """What the collection is called now that last had a name; None if no collection was renamed from it,
        or another one has it.
        """
        with self._database.read() as connection:
            return renamed_to(connection, name)

    def history(self, name: str) -> list[VersionFacts]:
        """All versions that belong to a name, newest first: those of the collection that has it, by whatever
        name, and those of all that had it before, until they got another one, also where they were deleted.
        """
        with self._database.read() as connection:
            bearer = bearer_of(connection, name)
            had = (
                select(_V.collection_id, func.max(_V.revision).label("last"))
                .where(_V.name == name)
                .group_by(_V.collection_id)
                .subquery()
            )
            earlier = exists(
                select(had.c.last).where(had.c.collection_id == _V.collection_id, had.c.last >= _V.revision)
            )
            query = select(*FACTS).where(or_(_V.collection_id == bearer, earlier))
            found = connection.execute(query.order_by(_V.revision.desc())).mappings()
            return [read_facts(row) for row in found]

    def names(self, ids: Iterable[int]) -> dict[int, str]:
        """Id of a collection → what it is called now; of one that is deleted, what it was called last."""
        query = select(CollectionRow.id, CollectionRow.name).where(CollectionRow.id.in_(list(ids)))
        with self._database.read() as connection:
            return {row.id: row.name for row in connection.execute(query)}

    def of_revision(self, revision: int) -> SavedVersion | None:
        """The version that has this revision; None if there is none."""
        with self._database.read() as connection:
            return read_one(connection, select(*ALL).where(_V.revision == revision))

    def newest_revision(self) -> int:
        """The revision of the version that was saved last; 0 if there is none."""
        # By the versions themselves: Airflow's bundle may read no other table.
        with self._database.read() as connection:
            return connection.scalar(select(func.max(_V.revision))) or 0

    def moment(self, revision: int) -> datetime | None:
        """When the version of a revision was saved; None if there is no such revision.

        A store that was restored from a backup may give a revision a second time; this tells them apart.
        """
        with self._database.read() as connection:
            return connection.scalar(select(_V.saved).where(_V.revision == revision))

    def at(self, revision: int) -> list[SavedVersion]:
        """The collections that existed when a version got this revision, in order of their names."""
        with self._database.read() as connection:
            query = newest_versions(revision).where(~_V.deleted).order_by(_V.name)
            return [read_version(row) for row in connection.execute(query).mappings()]

    def origin(self, name: str) -> Origin | None:
        """Where the collection of this name comes from; None if that is not noted."""
        with self._database.read() as connection:
            found = connection.scalar(select(CollectionRow.origin).where(is_called(name)))
        return None if found is None else Origin.read(found)

    def claim_origin(self, name: str, origin: Origin) -> None:
        """Note where a collection comes from when it is run; nothing if that is noted already.

        Raises OriginDiffers if something else is noted; CollectionNotFound if it was saved here, and has been
        deleted.
        """
        if self.origin(name) == origin:
            return  # as nearly always: no run waits for another one then
        with self._numbering() as (connection, now):
            noted = connection.scalar(select(CollectionRow.origin).where(is_called(name)))
            if origin == SAVED and noted is None:
                raise _not_found(name)
            claim(connection, name, origin, now)

    def release_name(self, name: str) -> Origin | None:
        """Let the name of a collection from a file go: what runs or is saved under it next gets it, with what
        its jobs know. Where it came from; None if that was not noted.

        Raises CollectionError if it is a saved collection.
        """
        with self._numbering() as (connection, _now):
            noted = connection.scalar(select(CollectionRow.origin).where(is_called(name)))
            if noted is None:
                return None
            if Origin.read(noted) == SAVED:
                raise CollectionError(
                    f"The collection {name} is saved in the store. Delete it there instead.", name=name
                )
            connection.execute(update(CollectionRow).where(is_called(name)).values(origin=None))
        return Origin.read(noted)

    @contextmanager
    def _numbering(self) -> Iterator[tuple[Connection, datetime]]:
        """A transaction in which no one else gives a revision or a name, and the time."""
        with self._database.write() as connection:
            locked = connection.execute(select(CollectionRevisionRow.id).with_for_update()).one_or_none()
            if locked is None:
                raise self._database.error(
                    "The row with the newest revision of saved collections is missing.",
                    "Restore the table directory_sync_collection_revision from a backup.",
                )
            yield connection, self._database.now(connection)

    def _add(self, connection: Connection, values: dict[str, Any], by: Person) -> SavedVersion:
        # No sequence: that gives numbers before it is known in which order they become visible.
        connection.execute(update(CollectionRevisionRow).values(revision=CollectionRevisionRow.revision + 1))
        values |= {
            "revision": connection.execute(select(CollectionRevisionRow.revision)).scalar_one(),
            "saved_by": by.name,
            "verified": by.verified,
            "roles": sorted(by.roles),
        }
        connection.execute(insert(CollectionVersionRow), values)
        return read_version(
            connection.execute(select(*ALL).where(_V.revision == values["revision"])).mappings().one()
        )


_HIGHEST_NUMBER = 2**31 - 1
"""That both databases can be asked for."""


def _id_for(connection: Connection, name: str, now: datetime) -> int:
    """The id of a collection that is saved for the first time; raises NameTaken."""
    row = connection.execute(
        select(CollectionRow.id, CollectionRow.origin).where(is_called(name))
    ).one_or_none()
    if row is not None:
        require_saved(name, row.origin)
        connection.execute(update(CollectionRow).where(CollectionRow.id == row.id).values(origin=SAVED.text))
        return int(row.id)
    values = {"name": name, "origin": SAVED.text, "created": now}
    return connection.execute(insert(CollectionRow).returning(CollectionRow.id), values).scalar_one()


def _require_seen(connection: Connection, name: str, newest: SavedVersion | None, expected: int) -> None:
    """Raise CollectionChanged or CollectionNotFound unless the newest version is the one that was seen."""
    if expected == (0 if newest is None else newest.number):
        return
    if newest is None:
        of_deleted = select(*ALL).where(_V.collection_id == bearer_of(connection, name))
        newest = read_one(connection, of_deleted.order_by(_V.number.desc()).limit(1))
    if newest is None:
        raise _not_found(name)
    raise _changed(name, newest)


def _require_judged(name: str, newest: SavedVersion | None, judged: int | None) -> None:
    """Raise CollectionChanged or CollectionNotFound unless the newest version is the one by which the person
    may do what they ask for.
    """
    if judged is None or judged == (0 if newest is None else newest.revision):
        return
    raise _not_found(name) if newest is None else _changed(name, newest)


def _changed(name: str, newest: SavedVersion) -> CollectionChanged:
    return saved_by_another(name, newest, ". Nothing was changed; look at that version first.")


def _not_found(name: str) -> CollectionNotFound:
    return CollectionNotFound(
        f"The store has no collection {name}. See directory-sync collections list.", name=name
    )


def require_storable(name: str, text: str, comment: str, by: Person) -> None:
    """Raise CollectionError where something could only be stored altered, or is no name of a collection."""
    if len(name) > LONGEST_NAME or not re.fullmatch(NAME_PATTERN, name):
        raise CollectionError(
            f"{name[:LONGEST_NAME]!r} is no name of a collection: lower-case letters, digits and underscores,"
            f" a letter first, at most {LONGEST_NAME} characters.",
            name=name,
        )
    for what, value in (("definition", text), ("name of the person", by.name)):
        if storable(value) != value:
            raise CollectionError(
                f"The {what} holds characters that cannot be stored (NUL or half of a pair). Remove them.",
                name=name,
            )
    if len(comment) > LONGEST_COMMENT:
        raise CollectionError(
            f"The comment has {len(comment):,} characters; at most {LONGEST_COMMENT:,} can be stored. Shorten"
            " it.",
            name=name,
        )
