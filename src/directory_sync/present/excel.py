"""Rows as a workbook of Excel. Every cell is text: nothing is computed, linked or taken for a number."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

LONGEST_CELL = 32_767
"""Characters that Excel lets a cell hold; what is longer is cut, and says so."""
MOST_ROWS = 1_048_575
"""Rows of a sheet below its heading; what follows stands on a further sheet."""
_PART = 1 << 16
_WIDTHS = {"object": 48, "new_object": 36, "old": 36, "new": 36, "message": 48, "marks": 24, "field": 18}
_TEXT = "@"


def excel_parts(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, name: str, most_rows: int = MOST_ROWS
) -> Iterator[bytes]:
    """A workbook, in parts. It is made in a temporary file, row by row, and sent when it is complete.

    Args:
        columns: what stands above the rows.
        rows: never all in memory.
        name: of the sheet; of further ones with a number.
        most_rows: of one sheet.

    Raises OSError if the temporary file cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="directory-sync-report-") as folder:
        file = Path(folder, "report.xlsx")
        _write(file, columns, iter(rows), name, most_rows)
        with file.open("rb") as stream:
            while part := stream.read(_PART):
                yield part


def _write(file: Path, columns: Sequence[str], rows: Iterator[Sequence[str]], name: str, most: int) -> None:
    # Imported where it is needed: most processes that import this package never make a workbook.
    from xlsxwriter import Workbook
    from xlsxwriter.exceptions import FileCreateError

    book = Workbook(
        str(file),
        {
            "constant_memory": True,
            "tmpdir": str(file.parent),
            "strings_to_formulas": False,
            "strings_to_numbers": False,
            "strings_to_urls": False,
        },
    )
    text = book.add_format({"num_format": _TEXT})
    heading = book.add_format({"num_format": _TEXT, "bold": True})
    number = 1
    row = next(rows, None)
    while number == 1 or row is not None:
        sheet = book.add_worksheet(name if number == 1 else f"{name} {number}")
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(columns):
            sheet.set_column(place, place, _WIDTHS.get(column, 14), text)
        _write_row(sheet, 0, columns, heading)
        if row is not None:
            _write_row(sheet, 1, row, text)
        last = 1
        for last, each in enumerate(islice(rows, most - 1), 2):
            _write_row(sheet, last, each, text)
        sheet.autofilter(0, 0, last, len(columns) - 1)
        row = next(rows, None)
        number += 1
    try:
        book.close()
    except FileCreateError as error:
        raise OSError(*error.args) from None


def _write_row(sheet: Any, number: int, cells: Sequence[str], form: Any) -> None:
    for place, cell in enumerate(cells):
        if cell:
            # Not `write`, which looks at what a text might be.
            sheet.write_string(number, place, _cell(cell), form)


def _cell(text: str) -> str:
    # Half characters, which no file can hold, are replaced.
    text = text.encode(errors="replace").decode()
    if len(text) <= LONGEST_CELL:
        return text
    note = f" … ({len(text):,} characters in all)"
    return text[: LONGEST_CELL - len(note)] + note
