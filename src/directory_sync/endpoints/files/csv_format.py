"""CSV text (RFC 4180, with any delimiter and encoding) to rows and back, keeping the text of every row that is not changed."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from directory_sync.definition.models import FileEndpoint
from directory_sync.errors import EndpointError, IncompleteListing, SchemaError

MAX_CELL = 16 * 1024 * 1024
"""Characters in one cell, and in one line of the file. Beyond it a quote was never closed, or it is no CSV file."""

BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """How a file is written."""

    delimiter: str
    encoding: str

    @classmethod
    def of(cls, definition: FileEndpoint, label: str) -> CsvDialect:
        """From the definition; the ending decides about the delimiter where the definition does not."""
        delimiter = definition.delimiter or ("\t" if definition.file.lower().endswith(".tsv") else ",")
        if delimiter in '"\r\n\0' + BYTE_ORDER_MARK:
            raise EndpointError(
                f"{delimiter!r} cannot be a delimiter.", endpoint=label, remedy="Use , ; | or a tab, for example."
            )
        try:
            "".encode(definition.encoding)
        except (LookupError, ValueError):
            raise EndpointError(
                f"there is no text encoding {definition.encoding!r}.",
                endpoint=label,
                remedy="Use utf-8, cp1252, latin-1 or another of Python's text encodings.",
            ) from None
        return cls(delimiter, definition.encoding)

    def format_row(self, cells: Sequence[str], newline: str) -> str:
        """One row as text. Cells are quoted only where a reader needs it (RFC 4180, section 2)."""
        special = re.compile(f'[{re.escape(self.delimiter)}"\r\n]|^[ \t]|[ \t]$')
        text = self.delimiter.join('"' + cell.replace('"', '""') + '"' if special.search(cell) else cell for cell in cells)
        return (text or '""') + newline


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a file.

    Attributes:
        line: number of its first line, from 1.
        cells: what it holds; as many as there are columns, unless there is a problem.
        raw: its text as it stands in the file, with the line ending.
        problem: why the cells cannot be told apart; empty if they can.
    """

    line: int
    cells: list[str]
    raw: str
    problem: str = ""


class CsvReading:
    """One pass through a CSV file: the header at once, the rows by iterating.

    Attributes:
        columns: the header's names, as they are written.
        header: the header's text with line ending and byte order mark.
        newline: the header's line ending.

    Raises IncompleteListing wherever it cannot be told how the file goes on.
    """

    def __init__(self, stream: BinaryIO, dialect: CsvDialect, label: str) -> None:
        self._stream = stream
        self._dialect = dialect
        self._label = label
        self._pending: list[str] = []
        self._mark = ""
        self._ended_in_line = False
        # Process-wide and 128 KiB by default, which a photo in base64 passes easily; it is only ever raised.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_CELL))
        self._text = io.TextIOWrapper(stream, encoding=dialect.encoding, errors="strict", newline="")
        self._lines = 0
        self._reader = csv.reader(self._next_lines(), delimiter=dialect.delimiter, strict=True)
        self.columns, self.header = self._read_header()
        self.newline = re.search(r"(\r\n|\n|\r)?\Z", self.header)[0] or "\r\n"  # type: ignore[index]

    def __iter__(self) -> Iterator[CsvRow]:
        """Yield all rows; blank lines are rows without cells and without a problem."""
        width = len(self.columns)
        while (row := self._next_row()) is not None:
            if len(row.cells) in (0, width):
                yield row
            elif self._ended_in_line and len(row.cells) < width:
                raise self._broken(row.line, "the file ends in the middle of a row.", "Get the whole file; this one was cut off.")
            else:
                yield CsvRow(
                    row.line,
                    row.cells,
                    row.raw,
                    f"{self._label}, line {row.line}: {len(row.cells)} columns where the header has {width}. "
                    f"Quote values that hold the delimiter {self._dialect.delimiter!r}.",
                )

    def _read_header(self) -> tuple[list[str], str]:
        row = self._next_row()
        if row is None:
            raise IncompleteListing(
                "the file is empty.", endpoint=self._label, remedy="A file without records still needs its header line."
            )
        names = [name.strip() for name in row.cells]
        if not any(names):
            raise self._bad_header("the header is missing.", "The first line must name the columns.")
        seen: dict[str, str] = {}
        for place, name in enumerate(names, 1):
            if not name:
                raise self._bad_header(f"column {place} has no name in the header.", "Name it, or take the column out.")
            if name.lower() in seen:
                raise self._bad_header(
                    f"the header has {seen[name.lower()]!r} and {name!r}; names are compared without regard to case.",
                    "Rename one of the columns.",
                )
            seen[name.lower()] = name
        return names, self._mark + row.raw

    def _next_row(self) -> CsvRow | None:
        line = self._lines + 1
        try:
            cells = next(self._reader)
        except StopIteration:
            return None
        except UnicodeError:
            # Not UnicodeDecodeError alone: the decoder of UTF-16 raises its parent where the byte order mark is missing.
            raise self._wrong_encoding() from None
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise self._broken(
                    line,
                    "a quote is opened here and never closed, or the file was cut off.",
                    "Get the whole file, or close the quote.",
                ) from None
            if "field limit" in str(error):
                raise self._too_long(line) from None
            raise self._broken(
                line, f"quotes are not as they should be ({error}).", "Write a quote inside a quoted value twice."
            ) from None
        except OSError as error:
            raise IncompleteListing(
                f"the file could not be read to its end ({error.strerror}).",
                endpoint=self._label,
                remedy="See that disk or network drive is in order.",
            ) from None
        raw = "".join(self._pending)
        self._pending.clear()
        return CsvRow(line, cells, raw)

    def _next_lines(self) -> Iterator[str]:
        # A generator of our own: it remembers the text of a row, and no line can fill the memory.
        while line := self._text.readline(MAX_CELL):
            self._lines += 1
            if self._lines == 1 and line.startswith(BYTE_ORDER_MARK):
                self._mark, line = BYTE_ORDER_MARK, line.removeprefix(BYTE_ORDER_MARK)
            if "\0" in line:
                raise self._broken(
                    self._lines, "the line holds a NUL character.", "The encoding is another one, or the file is damaged."
                )
            self._ended_in_line = line[-1:] not in ("\n", "\r")
            if self._ended_in_line and len(line) >= MAX_CELL:
                raise self._too_long(self._lines)
            self._pending.append(line)
            yield line

    def _wrong_encoding(self) -> EndpointError:
        self._stream.seek(0)
        decoder = codecs.getincrementaldecoder(self._dialect.encoding)()
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
            f"byte {place} of the file (counted from 0) is not {self._dialect.encoding}.",
            "Give the file's encoding in the definition, for example encoding: cp1252, or get the whole file.",
        )

    def _broken(self, line: int, message: str, remedy: str) -> IncompleteListing:
        return IncompleteListing(f"line {line}: {message}", endpoint=self._label, remedy=remedy)

    def _too_long(self, line: int) -> IncompleteListing:
        return self._broken(line, f"a value is longer than {MAX_CELL} characters.", "See whether a quote was never closed.")

    def _bad_header(self, message: str, remedy: str) -> SchemaError:
        return SchemaError(f"line 1: {message}", endpoint=self._label, remedy=remedy)
