"""Reports as CSV and as workbooks of Excel: nothing in them is computed, however hostile a value is."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable, Iterator
from xml.etree import ElementTree as ET

import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.present.excel import LONGEST_CELL, excel_parts
from directory_sync.present.rows import REPORT_COLUMNS, csv_parts, report_rows
from directory_sync.present.shown import HIDDEN, visible

FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1+1", "\r=1"]
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(content: bytes) -> list[list[list[str]]]:
    """The texts of each sheet, row by row. A cell that is no text makes it fail."""
    found = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = sorted(name for name in archive.namelist() if name.startswith("xl/worksheets/sheet"))
        for name in names:
            root = ET.fromstring(archive.read(name))  # noqa: S314 - our own file
            assert not list(root.iter(f"{_MAIN}f")), "a formula"
            assert not list(root.iter(f"{_MAIN}hyperlink")), "a link"
            rows = []
            for row in root.iter(f"{_MAIN}row"):
                cells = list(row.iter(f"{_MAIN}c"))
                assert {cell.get("t") for cell in cells} <= {"inlineStr"}
                rows.append(["".join(text.text or "" for text in cell.iter(f"{_MAIN}t")) for cell in cells])
            found.append(rows)
    return found


def workbook(rows: list[tuple[str, ...]], **given: int) -> list[list[list[str]]]:
    """The sheets of a workbook with these rows."""
    return sheets(b"".join(excel_parts(("key", "value"), rows, name="Changes", **given)))


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_is_a_text_in_excel(formula: str) -> None:
    """As it is in the directory: text needs no apostrophe there."""
    (rows,) = workbook([("1", formula)])
    assert rows[0] == ["key", "value"]
    assert rows[1][0] == "1"  # no number either
    assert rows[1][1].replace("_x000D_", "\r") == formula


@pytest.mark.parametrize("formula", [each for each in FORMULAS if "\r" not in each])
def test_a_formula_is_none_in_csv(formula: str) -> None:
    """Whatever column it is in."""
    row = tuple(formula for _ in REPORT_COLUMNS)
    lines = list(csv.reader(io.StringIO("".join(csv_parts([row])), newline="")))
    assert lines[0] == list(REPORT_COLUMNS)
    assert lines[1] == [f"'{formula}" for _ in REPORT_COLUMNS]


@pytest.mark.parametrize("formula", [each for each in FORMULAS if "\r" not in each])
def test_a_formula_behind_a_semicolon_is_none_in_csv(formula: str) -> None:
    """Spreadsheets of many languages begin another cell there, whatever quotation marks say."""
    parts = csv_parts([("a", f"x;{formula}", f"{formula};y", "+31 6;-7;z")])
    lines = list(csv.reader(io.StringIO("".join(parts), newline="")))
    assert lines[1] == ["a", f"x;'{formula}", f"'{formula};y", "+31 6;-7;z"]


def test_texts_that_no_cell_can_hold() -> None:
    """What is too long is cut and says so; half characters and control characters break no file."""
    long = "x" * (LONGEST_CELL + 1)
    (rows,) = workbook([("a", long), ("b", "half \udcff"), ("c", "bell \x07 <b>&amp;")])
    assert len(rows[1][1]) == LONGEST_CELL
    assert rows[1][1].endswith(f"({len(long):,} characters in all)")
    assert rows[2][1] == "half ?"
    assert re.fullmatch("bell (_x0007_|) <b>&amp;", rows[3][1])


def test_more_rows_than_a_sheet_holds_go_on_in_the_next() -> None:
    """None is lost, and each sheet has its heading; without rows there is one sheet with a heading."""
    numbers = [(str(number), "x") for number in range(7)]
    found = workbook(numbers, most_rows=3)
    assert [len(rows) for rows in found] == [4, 4, 2]
    assert all(rows[0] == ["key", "value"] for rows in found)
    assert [row[0] for rows in found for row in rows[1:]] == [key for key, _ in numbers]
    assert workbook([], most_rows=3) == [[["key", "value"]]]
    assert [len(rows) for rows in workbook(numbers[:3], most_rows=3)] == [4]


def test_a_row_for_each_field_and_no_secret() -> None:
    """With what became of the change; the value of a secret field is in no format."""
    change = Change(
        Action.UPDATE,
        "4711",
        "uid=4711,dc=lab",
        fields=(FieldChange("l", (b"a",), (b"b",)), FieldChange("userPassword", (b"old!",), (b"new!",))),
    )
    outcome = Outcome(0, Result.FAILED, "The server refuses it.")
    shown = visible(change, lambda field: field == "userPassword", outcome=outcome)
    rows = list(report_rows("people", [shown]))
    assert [row[5:8] for row in rows] == [("l", "a", "b"), ("userPassword", HIDDEN, HIDDEN)]
    assert {row[-2:] for row in rows} == {("failed", "The server refuses it.")}
    content = repr(sheets(b"".join(excel_parts(REPORT_COLUMNS, rows, name="Changes"))))
    assert "old!" not in content + "".join(csv_parts(rows))
    assert HIDDEN in content


def peak_of(work: Callable[[], object]) -> int:
    """The most memory, in bytes, that work takes at a time."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_rows() -> None:
    """Neither format keeps rows: ten times as many take as much memory."""

    def rows(number: int) -> Iterator[tuple[str, ...]]:
        for place in range(number):
            yield tuple(f"{column} {place}" for column in REPORT_COLUMNS)

    def excel(number: int) -> int:
        return sum(map(len, excel_parts(REPORT_COLUMNS, rows(number), name="Changes")))

    def text(number: int) -> int:
        return sum(map(len, csv_parts(rows(number))))

    for make in (excel, text):
        make(10)
        few, many = peak_of(lambda: make(500)), peak_of(lambda: make(5_000))  # noqa: B023 - called at once
        assert many < few + 300_000, (few, many)
