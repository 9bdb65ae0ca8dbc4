"""What objects were like before they were deleted, disabled or moved.

Nothing deletes them yet, as nothing deletes plans; nothing but tests reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Row, select
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.endpoints.change import Values, value_from_json, value_to_json
from directory_sync.errors import PlanAltered
from directory_sync.printable import storable
from directory_sync.store.database import Database
from directory_sync.store.tables import BeforeImageRow

READ_BATCH = 200
"""Images held in memory while reading those of a plan."""


class BeforeImage(NamedTuple):
    """One object as it was read just before a change of it was sent.

    Attributes:
        sequence: the change's place in its plan, from 0.
        object: the object's id then.
        values: all fields that the login could read, without secrets.
        left_out: names of the fields that hold secrets.
        newest_counts: an earlier image of the same change is replaced: the object was still as it had been.
    """

    sequence: int
    object: str
    values: Mapping[str, Values]
    left_out: tuple[str, ...] = ()
    newest_counts: bool = True


class BeforeImages:
    """Objects as they were before changes of them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, plan_id: int, images: Sequence[BeforeImage]) -> None:
        """Keep images, all or none. Raises StoreError."""
        if not images:
            return
        insert = (sqlite if self._database.is_sqlite else postgresql).insert(BeforeImageRow)
        kept = insert.on_conflict_do_nothing()
        replaced = insert.on_conflict_do_update(
            index_elements=["plan_id", "sequence"],
            set_={
                name: getattr(insert.excluded, name)
                for name in ("object", "fields", "left_out", "taken", "seal")
            },
        )
        with self._database.write() as connection:
            now = self._database.now(connection)
            for statement, newest in ((kept, False), (replaced, True)):
                rows = [
                    {"plan_id": plan_id, "taken": now, **_columns(plan_id, image)}
                    for image in images
                    if image.newest_counts is newest
                ]
                if rows:
                    connection.execute(statement, rows)

    def of_plan(self, plan_id: int) -> Iterator[BeforeImage]:
        """All images of a plan, in its order; never all in memory.

        Raises PlanAltered at one that is not what was recorded.
        """
        last = -1
        while True:
            query = (
                select(BeforeImageRow.__table__)
                .where(BeforeImageRow.plan_id == plan_id, BeforeImageRow.sequence > last)
                .order_by(BeforeImageRow.sequence)
                .limit(READ_BATCH)
            )
            with self._database.read() as connection:
                rows = connection.execute(query).all()
            if not rows:
                return
            for row in rows:
                yield self._image(row)
            last = rows[-1].sequence

    def _image(self, row: Row[Any]) -> BeforeImage:
        if row.seal != _seal(row.plan_id, row.sequence, row.object, row.fields, row.left_out):
            raise PlanAltered(
                f"What the {self._database.label} holds of {row.object}, as it was before change"
                f" {row.sequence} of plan {row.plan_id}, is not what was recorded. Find out who changed it."
            )
        values = {name: tuple(map(value_from_json, held)) for name, held in row.fields.items()}
        return BeforeImage(row.sequence, row.object, values, tuple(row.left_out))


def _columns(plan_id: int, image: BeforeImage) -> dict[str, Any]:
    # As it is stored, so that the seal is over what is read back.
    object = storable(image.object)
    fields = {name: list(map(value_to_json, values)) for name, values in image.values.items()}
    left_out = list(image.left_out)
    return {
        "sequence": image.sequence,
        "object": object,
        "fields": fields,
        "left_out": left_out,
        "seal": _seal(plan_id, image.sequence, object, fields, left_out),
    }


def _seal(plan_id: int, sequence: int, object: str, fields: Mapping[str, Any], left_out: list[str]) -> str:
    """SHA-256 over an image, hexadecimal; like a plan's digest, it finds what was altered and is no
    signature.
    """
    told = json.dumps([plan_id, sequence, object, fields, left_out], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"directory-sync before-image 1\n" + told.encode()).hexdigest()
