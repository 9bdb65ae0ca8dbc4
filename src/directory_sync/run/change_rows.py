"""The changes of a job as rows of a table, one for each field that changes: for CSV, by whichever way it is
asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from directory_sync.endpoints.change import Change, FieldChange, Values
from directory_sync.run.change_text import mark_text
from directory_sync.run.printable import printable, printable_values
from directory_sync.run.secrets import HIDDEN, IsSecret

COLUMNS = ("job", "action", "key", "object", "new_object", "field", "old", "new", "marks")


def change_rows(job: str, change: Change, is_secret: IsSecret) -> Iterator[tuple[str, ...]]:
    """The rows of one change, in the order of `COLUMNS`; a change without fields is one row.

    Secret values are hidden.
    """
    marks = printable("; ".join(map(mark_text, change.marks)))
    start = (
        job,
        change.action.value,
        printable(change.key),
        printable(change.object),
        printable(change.new_object or ""),
    )
    for field in change.fields:
        yield (*start, *_cells(field, is_secret), marks)
    if not change.fields:
        yield (*start, "", "", "", marks)


def _cells(field: FieldChange, is_secret: IsSecret) -> tuple[str, ...]:
    def shown(values: Values) -> str:
        return printable_values(values) if not is_secret(field.field) else HIDDEN if values else ""

    return printable(field.field), shown(field.old), shown(field.new)
