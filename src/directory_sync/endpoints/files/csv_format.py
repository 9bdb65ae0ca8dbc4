"""CSV text (RFC 4180, with any delimiter and encoding) to rows and back, keeping the text of every row that
is not changed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.blanks import BLANKS
from directory_sync.endpoints.evidence import End
from directory_sync.endpoints.files.csv_advice import (
    advice_on_encoding,
    advice_on_header,
    advice_on_quotes,
    advice_on_row,
)
from directory_sync.endpoints.files.recognising import LOOKED_AT, has_one_octet_per_character, is_utf_8
from directory_sync.endpoints.files.wholeness import CUT_OFF, WHOLE
from directory_sync.errors import EndpointError, IncompleteListing, SchemaError

MAX_CELL = 16 * 1024 * 1024
"""Characters in one cell, and in one line of the file.

Beyond it a quote was never closed, or it is no CSV file.
"""

BYTE_ORDER_MARK = "\ufeff"

_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n])"?(\r\n|\n|\r)?\Z', re.IGNORECASE)
"""Excel's first line that names the delimiter; it is no part of the data."""
_TYPE_LINE = "#TYPE "
"""How PowerShell's `Export-Csv` begins a file unless it is told not to."""
_END_OF_FILE = "\x1a"
"""What DOS, and some exports to this day, put after the last line."""


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a file is written.

    Attributes:
        delimiter: between two values.
        encoding: of the file's text.
        given: the definition says which delimiter it is.
        complete: the file is whole although its last line has no line break.
    """

    delimiter: str
    encoding: str
    given: bool = False
    complete: bool = False

    @classmethod
    def of(cls, definition: FileEndpoint, label: str) -> CsvDialect:
        """From the definition; the ending decides about the delimiter where the definition does not."""
        delimiter = definition.delimiter or ("\t" if definition.file.lower().endswith(".tsv") else ",")
        if delimiter in '"\r\n\0' + BYTE_ORDER_MARK:
            raise EndpointError(
                f"{delimiter!r} cannot be a delimiter.",
                endpoint=label,
                remedy="Use , ; | or a tab, for example.",
            )
        try:
            "".encode(definition.encoding)
        except (LookupError, ValueError):
            raise EndpointError(
                f"there is no text encoding {definition.encoding!r}.",
                endpoint=label,
                remedy="Use utf-8, cp1252, latin-1 or another of Python's text encodings.",
            ) from None
        return cls(
            delimiter,
            definition.encoding,
            given=definition.delimiter is not None,
            complete=definition.complete,
        )

    def format_row(self, cells: Sequence[str], newline: str) -> str:
        """One row as text. Cells are quoted only where a reader needs it (RFC 4180, section 2)."""
        special = re.compile(f'[{re.escape(self.delimiter)}"\r\n]|^[ \t]|[ \t]$')
        text = self.delimiter.join(
            '"' + cell.replace('"', '""') + '"' if special.search(cell) else cell for cell in cells
        )
        return (text or '""') + newline


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a file.

    Attributes:
        line: number of its first line, from 1.
        cells: what it holds; as many as there are columns, unless there is a problem.
        raw: its text as it stands in the file, with the line ending.
        problem: why the row cannot be used; empty if it can.
        cut_off: the file may have been cut off here: the last cell may go on, and further rows may follow.
    """

    line: int
    cells: list[str]
    raw: str
    problem: str = ""
    cut_off: bool = False


class CsvReading:
    """One pass through a CSV file: the header at once, the rows by iterating.

    Attributes:
        dialect: how the file is written; its first line may have said so.
        columns: the header's names, as they are written.
        header: the header's text with line ending, byte order mark and whatever stands before it.
        before_header: the byte order mark, and a line that names the delimiter.
        newline: the header's line ending.
        end: once all rows were read, how the file ended.

    Raises IncompleteListing wherever it cannot be told how the file goes on.
    """

    def __init__(self, stream: BinaryIO, dialect: CsvDialect, label: str) -> None:
        self._stream = stream
        self.dialect = dialect
        self._label = label
        self._pending: list[str] = []
        self.before_header = ""
        self._ended_in_line = False
        self.end = End.CUT_OFF
        self._may_be_utf_8 = has_one_octet_per_character(dialect.encoding)
        self._non_ascii = 0
        # Process-wide and 128 KiB by default, which a photo in base64 passes easily; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
        self._text = io.TextIOWrapper(stream, encoding=dialect.encoding, errors="strict", newline="")
        self._lines = 0
        try:
            first = self._first_line()
        except (UnicodeError, OSError) as error:
            raise self._explained(error, 1) from None
        self._reader = csv.reader(self._next_lines(first), delimiter=self.dialect.delimiter, strict=True)
        self.columns, self.header = self._read_header()
        self.newline = re.search(r"(\r\n|\n|\r)?\Z", self.header)[0] or "\r\n"  # type: ignore[index]

    def __iter__(self) -> Iterator[CsvRow]:
        """Yield all rows; lines of blanks are rows without cells and without a problem."""
        width = len(self.columns)
        cut_off = False
        while (row := self._next_row()) is not None:
            if len(row.cells) < 2 and not row.raw.strip(BLANKS):
                # Whatever these are, the row before them has ended.
                self._ended_in_line = False
                yield replace(row, cells=[])
            elif self._may_be_cut_off(row):
                if len(row.cells) < width:
                    remedy = "Get the whole file; this one was cut off."
                    raise self._broken(row.line, "the file ends in the middle of a row.", remedy)
                problem = (
                    f"{self._label}, line {row.line}: the file ends here without a line break, {CUT_OFF}"
                )
                cut_off = True
                yield replace(row, problem=problem, cut_off=True)
            elif len(row.cells) == width:
                yield row
            else:
                advice = advice_on_row(row.cells, width, self.dialect.delimiter)
                problem = (
                    f"{self._label}, line {row.line}: {len(row.cells)} columns where the header has {width}."
                    f" {advice}"
                )
                yield replace(row, problem=problem)
        if self._may_be_utf_8 and self._non_ascii:
            message = (
                f"line {self._non_ascii}: the definition says {self.dialect.encoding}, but all that is not"
                " ASCII is UTF-8."
            )
            raise EndpointError(message, endpoint=self._label, remedy="Write encoding: utf-8.")
        if not cut_off:
            self.end = self._proven_end()

    def _proven_end(self) -> End:
        if not self._ended_in_line:
            return End.LINE_BREAK
        return End.DECLARED_WHOLE if self.dialect.complete else End.QUOTED_CELL

    def _may_be_cut_off(self, row: CsvRow) -> bool:
        """Whether the file ends with this row in a way that does not prove that the row is whole."""
        if not self._ended_in_line or self.dialect.complete:
            return False
        quoted = '"' + row.cells[-1].replace('"', '""') + '"' if row.cells else ""
        before = row.raw.removesuffix(quoted)
        return not (row.raw.endswith(quoted) and (not before or before.endswith(self.dialect.delimiter)))

    def _read_header(self) -> tuple[list[str], str]:
        row = self._next_row()
        if row is None:
            raise IncompleteListing(
                "the file is empty.",
                endpoint=self._label,
                remedy="A file without records still needs its header line.",
            )
        names = [name.strip(BLANKS) for name in row.cells]
        if not any(names):
            raise self._bad_header(
                row.line, "the header is missing.", "The first line must name the columns."
            )
        if self._may_be_cut_off(row):
            raise self._broken(row.line, "the file ends within its header, or was cut off there.", WHOLE)
        advice = advice_on_header(row.raw.rstrip("\r\n"), names, self.dialect.delimiter)
        seen: dict[str, str] = {}
        for place, name in enumerate(names, 1):
            if not name:
                raise self._bad_header(
                    row.line,
                    f"column {place} has no name in the header.",
                    advice or "Name it, or take the column out.",
                )
            if name.lower() in seen:
                raise self._bad_header(
                    row.line,
                    f"the header has {seen[name.lower()]!r} and {name!r}; names are compared without regard"
                    " to case.",
                    "Rename one of the columns.",
                )
            seen[name.lower()] = name
        if advice:
            raise self._bad_header(row.line, "the header cannot be read.", advice)
        return names, self.before_header + row.raw

    def _next_row(self) -> CsvRow | None:
        line = self._lines + 1
        try:
            cells = next(self._reader, None)
        except (UnicodeError, csv.Error, OSError) as error:
            raise self._explained(error, line) from None
        if cells is None:
            return None
        raw = self._pending[0] if len(self._pending) == 1 else "".join(self._pending)
        self._pending.clear()
        return CsvRow(line, cells, raw)

    def _explained(self, error: Exception, line: int) -> EndpointError:
        """What stopped the reading: where, and what to do. `line`: where the row begins."""
        if isinstance(error, UnicodeError):
            # Not UnicodeDecodeError alone: the decoder of UTF-16 raises its parent where the byte order mark
            # is missing.
            return self._wrong_encoding()
        if isinstance(error, OSError):
            return IncompleteListing(
                f"the file could not be read to its end ({error.strerror}).",
                endpoint=self._label,
                remedy="See that disk or network drive is in order.",
            )
        if "unexpected end of data" in str(error):
            what = "a quote is opened here and never closed, or the file was cut off."
            return self._broken(line, what, "Get the whole file, or close the quote.")
        if "field limit" in str(error):
            return self._too_long(line)
        advice = advice_on_quotes("".join(self._pending), self.dialect.delimiter)
        return self._broken(line, f"quotes are not as they should be ({error}).", advice)

    # -- lines -----------------------------------------------------------------------------------------------

    def _first_line(self) -> str:
        """The header's first line, without what stands before it: a byte order mark, `#TYPE …`, and Excel's
        line `sep=;`.
        """
        line = self._read_line()
        if line.startswith(BYTE_ORDER_MARK):
            self.before_header, line = BYTE_ORDER_MARK, line.removeprefix(BYTE_ORDER_MARK)
        if line.startswith(_TYPE_LINE):
            self.before_header += line
            self._lines += 1
            line = self._read_line()
        if (said := _SEPARATOR_LINE.match(line)) is None:
            return line
        delimiter = said[1]
        if self.dialect.given and self.dialect.delimiter != delimiter:
            raise self._bad_header(
                self._lines + 1,
                f"this line says that the delimiter is {delimiter!r}, the definition says"
                f" {self.dialect.delimiter!r}.",
                "Take delimiter: out of the definition, or correct the line.",
            )
        self.dialect = replace(self.dialect, delimiter=delimiter)
        self.before_header += line
        self._lines += 1
        return ""

    def _next_lines(self, first: str) -> Iterator[str]:
        # A generator of our own: it remembers the text of a row, and no line can fill the memory.
        line = first or self._read_line()
        while line:
            following = ""
            if (
                line[0] == _END_OF_FILE
                and not line[1:].strip("\r\n")
                and not (following := self._read_line())
            ):
                self._ended_in_line = False
                return
            self._ended_in_line = line[-1] not in "\n\r"
            self._pending.append(line)
            self._lines += 1
            yield line
            line = following or self._read_line()

    def _read_line(self) -> str:
        line = self._text.readline(MAX_CELL)
        if "\0" in line:
            raise self._broken(self._lines + 1, "the line holds a NUL character.", self._advice_on_encoding())
        if len(line) >= MAX_CELL and line[-1] not in "\n\r":
            raise self._too_long(self._lines + 1)
        if self._may_be_utf_8 and not line.isascii():
            # Every octet is a character of such an encoding, so names would be garbled without an error.
            self._non_ascii = self._non_ascii or self._lines + 1
            self._may_be_utf_8 = is_utf_8(line, self.dialect.encoding)
        return line

    # -- messages --------------------------------------------------------------------------------------------

    def _advice_on_encoding(self) -> str:
        # Not through the text: its decoder may have failed. Nothing is read after this.
        self._stream.seek(0)
        return advice_on_encoding(self._stream.read(LOOKED_AT), self.dialect.encoding)

    def _wrong_encoding(self) -> EndpointError:
        self._stream.seek(0)
        decoder = codecs.getincrementaldecoder(self.dialect.encoding)()
        place, kept = 0, 0
        while True:
            block = self._stream.read(65536)
            try:
                decoder.decode(block, final=not block)
            except UnicodeError as error:
                if isinstance(error, UnicodeDecodeError):
                    # The decoder puts what it kept of the block before in front of this one.
                    place += error.start - kept
                break
            if not block:
                break
            place += len(block)
            kept = len(decoder.getstate()[0])
        self._stream.seek(0)
        line = self._lines + 1
        if place < MAX_CELL:
            line = self._stream.read(place).count(b"\n") + 1
        return self._broken(
            line,
            f"byte {place} of the file (counted from 0) is not {self.dialect.encoding}.",
            self._advice_on_encoding(),
        )

    def _broken(self, line: int, message: str, remedy: str) -> IncompleteListing:
        return IncompleteListing(f"line {line}: {message}", endpoint=self._label, remedy=remedy)

    def _too_long(self, line: int) -> IncompleteListing:
        return self._broken(
            line, f"a value is longer than {MAX_CELL} characters.", "See whether a quote was never closed."
        )

    def _bad_header(self, line: int, message: str, remedy: str) -> SchemaError:
        return SchemaError(f"line {line}: {message}", endpoint=self._label, remedy=remedy)
