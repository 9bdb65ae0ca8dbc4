"""The new text of a CSV file: rows that nothing happens to are passed on letter by letter. Knows no files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from directory_sync.endpoints.change import Action
from directory_sync.endpoints.files.csv_format import CsvDialect, CsvReading
from directory_sync.endpoints.rows import RowChange, row_id

NEWLINE = "\r\n"
"""Line ending of a new file (RFC 4180, section 2); an existing file keeps its own."""


def new_content(
    dialect: CsvDialect, columns: Sequence[str], changes: Mapping[str, RowChange]
) -> Iterator[str]:
    """The text of a file that was not there: header, and the created rows in the order of their ids."""
    yield dialect.format_row(columns, NEWLINE)
    yield from _created_rows(dialect, columns, changes, NEWLINE)


def changed_content(
    rows: CsvReading, columns: Sequence[str], key_places: Sequence[int], changes: Mapping[str, RowChange]
) -> Iterator[str]:
    """The text of an existing file after the changes; created rows come last, in the order of their ids.

    Args:
        rows: the file as it is.
        columns: the header's columns and, after them, those that are added.
        key_places: which columns form a row's id.
        changes: what is done, by id.
    """
    dialect = rows.dialect
    added = len(columns) - len(rows.columns)
    yield (
        rows.before_header + dialect.format_row(columns, rows.newline)
        if added
        else _ended(rows.header, rows.newline)
    )
    for row in rows:
        change = changes.get(row_id([row.cells[place] for place in key_places])) if row.cells else None
        if change is not None and change.action is Action.DELETE:
            continue
        if change is not None:
            text = _row_text(dialect, columns, row.cells, change, rows.newline)
        elif added and row.cells:
            text = re.sub(r"(\r\n|\n|\r)\Z", "", row.raw) + dialect.delimiter * added + rows.newline
        else:
            text = row.raw
        yield _ended(text, rows.newline)
    yield from _created_rows(dialect, columns, changes, rows.newline)


def _ended(text: str, newline: str) -> str:
    """The line with a line break, by which the next reader knows that the file is whole."""
    return text if text.endswith(("\n", "\r")) else text + newline


def _created_rows(
    dialect: CsvDialect, columns: Sequence[str], changes: Mapping[str, RowChange], newline: str
) -> Iterator[str]:
    for _, change in sorted(changes.items()):
        if change.action is Action.CREATE:
            yield _row_text(dialect, columns, [""] * len(columns), change, newline)


def _row_text(
    dialect: CsvDialect, columns: Sequence[str], cells: Sequence[str], change: RowChange, newline: str
) -> str:
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    return dialect.format_row(
        [change.cells.get(column.lower(), cell) for column, cell in zip(columns, padded, strict=True)],
        newline,
    )
