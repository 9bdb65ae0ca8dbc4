"""The new text of a CSV file: rows that nothing happens to are passed on letter by letter. Knows no files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from directory_sync.endpoints.change import Action
from directory_sync.endpoints.files.csv_format import BYTE_ORDER_MARK, CsvDialect, CsvReading
from directory_sync.endpoints.files.row_changes import RowChange

NEWLINE = "\r\n"
"""Line ending of a new file (RFC 4180, section 2); an existing file keeps its own."""


def row_id(key: Sequence[str]) -> str:
    """The id of a row: its key values with commas between, so that no two keys give one id; empty if a value is missing."""
    if not all(key):
        return ""
    if len(key) == 1:
        return key[0]
    return ",".join(value.replace("\\", "\\\\").replace(",", "\\,") for value in key)


def new_content(dialect: CsvDialect, columns: Sequence[str], changes: Mapping[str, RowChange]) -> Iterator[str]:
    """The text of a file that was not there: header, and the created rows in the order of their ids."""
    yield dialect.format_row(columns, NEWLINE)
    yield from _created_rows(dialect, columns, changes, NEWLINE)


def changed_content(
    rows: CsvReading, dialect: CsvDialect, columns: Sequence[str], key_places: Sequence[int], changes: Mapping[str, RowChange]
) -> Iterator[str]:
    """The text of an existing file after the changes; created rows come last, in the order of their ids.

    Args:
        rows: the file as it is.
        dialect: how it is written.
        columns: the header's columns and, behind them, those that are added.
        key_places: which columns form a row's id.
        changes: what is done, by id.
    """
    added = len(columns) - len(rows.columns)
    if added:
        mark = BYTE_ORDER_MARK if rows.header.startswith(BYTE_ORDER_MARK) else ""
        text = mark + dialect.format_row(columns, rows.newline)
    else:
        text = rows.header
    yield text
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
        yield text
    created = list(_created_rows(dialect, columns, changes, rows.newline))
    if created and not text.endswith(("\n", "\r")):
        yield rows.newline
    yield from created


def _created_rows(dialect: CsvDialect, columns: Sequence[str], changes: Mapping[str, RowChange], newline: str) -> Iterator[str]:
    for _, change in sorted(changes.items()):
        if change.action is Action.CREATE:
            yield _row_text(dialect, columns, [""] * len(columns), change, newline)


def _row_text(dialect: CsvDialect, columns: Sequence[str], cells: Sequence[str], change: RowChange, newline: str) -> str:
    padded = [*cells, *[""] * (len(columns) - len(cells))]
    return dialect.format_row(
        [change.cells.get(column.lower(), cell) for column, cell in zip(columns, padded, strict=True)], newline
    )
