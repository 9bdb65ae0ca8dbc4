"""Changes as rows of a table, one for each field that changes, and as CSV for spreadsheets."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator

from directory_sync.present.line import mark_text
from directory_sync.present.shown import ShownChange, ShownField
from directory_sync.printable import printable, printable_values

COLUMNS = ("job", "action", "key", "object", "new_object", "field", "old", "new", "marks")
REPORT_COLUMNS = (*COLUMNS, "result", "message")

_BATCH = 500
# What makes a spreadsheet compute: the first character of a cell. A sign before a number, as in +31 6 1234,
# is none of that.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d\s().,/–-]*$)")


def change_rows(job: str, shown: ShownChange) -> Iterator[tuple[str, ...]]:
    """The rows of one change, in the order of `COLUMNS`; a change without fields is one row."""
    change = shown.told
    marks = printable("; ".join(map(mark_text, change.marks)))
    start = (
        job,
        change.action.value,
        printable(change.key),
        printable(change.object),
        printable(change.new_object or ""),
    )
    for field in shown.fields:
        yield (*start, *_cells(field), marks)
    if not shown.fields:
        yield (*start, "", "", "", marks)


def report_rows(job: str, changes: Iterable[ShownChange]) -> Iterator[tuple[str, ...]]:
    """The rows of changes with the result of each, in the order of `REPORT_COLUMNS`."""
    for shown in changes:
        outcome = shown.outcome
        end = ("", "") if outcome is None else (outcome.result.value, printable(outcome.message))
        for row in change_rows(job, shown):
            yield (*row, *end)


def csv_parts(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Rows of `report_rows` as CSV, in parts.

    A cell that a spreadsheet would take for a formula begins with an apostrophe; so does what follows a
    semicolon, where spreadsheets of many languages begin another cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(REPORT_COLUMNS)
    for number, row in enumerate(rows, 1):
        writer.writerow(map(_inert, row))
        if number % _BATCH == 0:
            yield _taken(text)
    yield _taken(text)


def _cells(field: ShownField) -> tuple[str, ...]:
    return printable(field.field), printable_values(field.old), printable_values(field.new)


def _inert(cell: str) -> str:
    return ";".join(f"'{part}" if _FORMULA.match(part) else part for part in cell.split(";"))


def _taken(text: io.StringIO) -> str:
    taken = text.getvalue()
    text.seek(0)
    text.truncate()
    return taken
