"""Definitions that people write in steps and have not finished: kept over a closed browser, an ended session
and a restart. Each belongs to one person.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from directory_sync.definition.documents import MAX_BYTES
from directory_sync.errors import DraftChanged, DraftError, DraftNotFound
from directory_sync.store.database import Database
from directory_sync.store.tables import DraftRow

KEPT = timedelta(days=90)
"""So long a draft is kept after it was last changed."""
MOST_DRAFTS = 100
"""Of one person."""
LONGEST_COMMENT = 10_000
_FORM = re.compile(r"[0-9a-f]{32}")
_LONGEST_TITLE = 200


class DraftKind(StrEnum):
    """What a draft is of."""

    COLLECTION = "collection"
    JOB = "job"
    """A job that stands alone: a collection with one job."""
    EDIT = "edit"
    """A saved collection."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition that is being written.

    Attributes:
        id: names it.
        kind: what it is of.
        collection: the saved collection that is edited; empty for what is new.
        version: number of the version that the edit was begun from; 0 for what is new.
        text: the definition, which may be incomplete or wrong.
        title: what lists call it; empty while it has no name.
        comment: why, for the version that is saved in the end.
        ticks: what the last step has ticked; one that was never seen is missing.
        number: grows with each write.
        begun, changed: when.
    """

    id: str
    kind: DraftKind
    collection: str
    version: int
    text: str
    title: str
    comment: str
    ticks: Mapping[str, bool]
    number: int
    begun: datetime
    changed: datetime


class Drafts:
    """Queries about drafts. `person` is who asks, as Airflow spells the name: they find no drafts of others,
    nor of people with nearly the same name.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        person: str,
        kind: DraftKind,
        text: str,
        *,
        title: str = "",
        collection: str = "",
        version: int = 0,
    ) -> Draft:
        """Begin a draft, or give back one of the same beginning that was never changed: opening the wizard
        again and again leaves nothing behind.

        Raises DraftError if the person has as many as there may be, or the text is too long.
        """
        _require_short(text, "")
        with self._database.write() as connection:
            same = select(DraftRow.__table__).where(
                DraftRow.person == person,
                DraftRow.kind == kind.value,
                DraftRow.collection == collection,
                DraftRow.version.is_(None) if not version else DraftRow.version == version,
                DraftRow.number == 1,
            )
            found = next((row for row in connection.execute(same).all() if row.text == text), None)
            if found is not None:
                # It is in use again, so it is not about to be forgotten.
                now = self._database.now(connection)
                connection.execute(update(DraftRow).where(DraftRow.id == found.id).values(changed=now))
                return _found(connection, found.id, person)
            mine = select(func.count()).where(DraftRow.person == person)
            if connection.execute(mine).scalar_one() >= MOST_DRAFTS:
                raise DraftError(
                    f"You have {MOST_DRAFTS} drafts, and no more are kept. Finish or discard one first: they"
                    " are listed on the page Collections."
                )
            now = self._database.now(connection)
            id = secrets.token_hex(16)
            connection.execute(
                insert(DraftRow),
                {
                    "id": id,
                    "person": person,
                    "kind": kind.value,
                    "collection": collection,
                    "version": version or None,
                    "text": text,
                    "title": title[:_LONGEST_TITLE],
                    "comment": "",
                    "ticks": {},
                    "number": 1,
                    "begun": now,
                    "changed": now,
                },
            )
            return _found(connection, id, person)

    def get(self, id: str, person: str) -> Draft:
        """A draft. Raises DraftNotFound if the person has none of this id."""
        with self._database.read() as connection:
            return _found(connection, id, person)

    def of(self, person: str) -> list[Draft]:
        """The drafts of a person, the one that was changed last first; without their texts, and without those
        that were never changed.
        """
        columns = [column for column in DraftRow.__table__.columns if column.name != "text"]
        query = (
            select(*columns)
            .where(DraftRow.person == person, DraftRow.number > 1)
            .order_by(DraftRow.changed.desc(), DraftRow.id)
        )
        with self._database.read() as connection:
            return [_draft(row, text="") for row in connection.execute(query)]

    def write(
        self,
        id: str,
        person: str,
        *,
        expected: int,
        text: str | None = None,
        title: str | None = None,
        comment: str | None = None,
        ticks: Mapping[str, bool] | None = None,
        version: int | None = None,
    ) -> Draft:
        """Change a draft; what is None stays.

        Args:
            id: which.
            person: whose.
            expected: the number that it had when it was read.
            text, title, comment, ticks: as in `Draft`.
            version: of the saved collection that the edit now goes on from.

        Raises DraftNotFound; DraftChanged if another window has written it meanwhile; DraftError for what is
        too long. Nothing was written then.
        """
        _require_short(text or "", comment or "")
        values: dict[str, Any] = {
            "text": text,
            "title": None if title is None else title[:_LONGEST_TITLE],
            "comment": comment,
            "ticks": None if ticks is None else dict(ticks),
            "version": version,
        }
        values = {name: value for name, value in values.items() if value is not None}
        with self._database.write() as connection:
            before = _found(connection, id, person)
            if before.number != expected:
                raise DraftChanged(
                    "This draft was changed in another window since this page was loaded.",
                    number=before.number,
                    at=before.changed,
                )
            values |= {"number": expected + 1, "changed": self._database.now(connection)}
            # The number again: PostgreSQL lets another transaction in between.
            mine = (DraftRow.id == id) & (DraftRow.person == person) & (DraftRow.number == expected)
            if connection.execute(update(DraftRow).where(mine).values(**values)).rowcount != 1:
                after = _found(connection, id, person)
                raise DraftChanged(
                    "This draft was changed in another window at the same moment.",
                    number=after.number,
                    at=after.changed,
                )
            return _found(connection, id, person)

    def discard(self, id: str, person: str, *, expected: int | None = None) -> bool:
        """Delete a draft; False if the person has none of this id, or if it has another number than expected:
        another window has written it meanwhile.
        """
        with self._database.write() as connection:
            mine = (DraftRow.id == id) & (DraftRow.person == person)
            if expected is not None:
                mine &= DraftRow.number == expected
            return connection.execute(delete(DraftRow).where(mine)).rowcount == 1

    def forget(self, *, older_than: timedelta = KEPT) -> int:
        """Delete the drafts that were changed longer ago than this; how many."""
        with self._database.write() as connection:
            old = DraftRow.changed < self._database.now(connection) - older_than
            return connection.execute(delete(DraftRow).where(old)).rowcount


def _require_short(text: str, comment: str) -> None:
    if len(text.encode("utf-8", errors="surrogatepass")) > MAX_BYTES:
        raise DraftError(
            f"A definition may have {MAX_BYTES // 1024 // 1024} MiB at most. Nothing was stored. Split it"
            " into several collections."
        )
    if len(comment) > LONGEST_COMMENT:
        raise DraftError(f"A comment may have {LONGEST_COMMENT:,} characters at most. Shorten it.")


def _found(connection: Connection, id: str, person: str) -> Draft:
    row = None
    if _FORM.fullmatch(id):
        mine = (DraftRow.id == id) & (DraftRow.person == person)
        row = connection.execute(select(DraftRow.__table__).where(mine)).one_or_none()
    if row is None:
        raise DraftNotFound(
            "You have no such draft. It may have been finished or discarded in another window, or it was"
            f" deleted because it was not changed for {KEPT.days} days."
        )
    return _draft(row)


def _draft(row: Row[Any], *, text: str | None = None) -> Draft:
    return Draft(
        id=row.id,
        kind=DraftKind(row.kind),
        collection=row.collection,
        version=row.version or 0,
        text=row.text if text is None else text,
        title=row.title,
        comment=row.comment,
        ticks=row.ticks,
        number=row.number,
        begun=row.begun,
        changed=row.changed,
    )
