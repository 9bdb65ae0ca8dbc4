"""A preview as CSV, for spreadsheets: one row for each field that changes."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Change, FieldChange, Values
from directory_sync.run.job import JobResult
from directory_sync.run.printable import printable, printable_values
from directory_sync.run.secrets import HIDDEN, IsSecret, secret_fields

COLUMNS = ("job", "action", "key", "object", "new_object", "field", "old", "new")


def write_csv(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write all changes as they come, in the plan's order; a change without fields is one row."""
    # Line ends as in everything else that is written to a pipe.
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        is_secret = secret_fields(collection.job(result.job))
        for change in result.changes:
            start = (result.job, *_texts(change))
            writer.writerows((*start, *_cells(field, is_secret)) for field in change.fields)
            if not change.fields:
                writer.writerow((*start, "", "", ""))
        stream.flush()


def _texts(change: Change) -> tuple[str, ...]:
    return change.action.value, printable(change.key), printable(change.object), printable(change.new_object or "")


def _cells(field: FieldChange, is_secret: IsSecret) -> tuple[str, ...]:
    def shown(values: Values) -> str:
        return printable_values(values) if not is_secret(field.field) else HIDDEN if values else ""

    return printable(field.field), shown(field.old), shown(field.new)
