"""Reading records from a CSV or TSV file with a header line."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from directory_sync.definition.models import FileEndpoint, Job
from directory_sync.endpoints.blanks import is_blank
from directory_sync.endpoints.contract import Batch, FieldRule, Record, Source, Surroundings
from directory_sync.endpoints.evidence import End, Evidence, witnessed
from directory_sync.endpoints.files.csv_advice import advice_on_column
from directory_sync.endpoints.files.csv_format import CsvDialect, CsvReading, CsvRow
from directory_sync.endpoints.files.paths import FileSource, FileVersion, open_file
from directory_sync.endpoints.files.selecting import Selection
from directory_sync.endpoints.rows import RowNames, cell_rule
from directory_sync.errors import EndpointError, SchemaError

BATCH_SIZE = 1000

_TEXT_FORMULA = re.compile(r'="([^"]*)"')
"""How exports keep Excel from taking a text such as 00123 for a number; the text is what is meant."""


_BLANK_BEFORE_QUOTES = re.compile(r'[ \t]+".*"[ \t]*', re.DOTALL)


def open_source(job: Job, surroundings: Surroundings) -> Source:
    """The job's source."""
    assert isinstance(job.source, FileEndpoint)
    return CsvSource(job.source, surroundings.data_folder)


class CsvSource(FileSource):
    """Rows of a CSV file. An empty cell is an absent value; ids are places such as `line 12`."""

    kind = "CSV"

    def __init__(self, definition: FileEndpoint, data_folder: Path) -> None:
        super().__init__(definition, data_folder)
        self.names: RowNames = RowNames(self.label, self.kind)
        self.dialect = CsvDialect.of(definition, self.label)
        self.selection = (
            None if definition.filter is None else Selection(definition.filter, self.label, columns=True)
        )
        self._columns: list[str] | None = None

    def check(self) -> None:
        """See that the file is there and has a usable header, with the columns that the filter names."""
        with self.reading() as rows:
            self._check_filter(rows)

    def fields(self) -> tuple[str, ...]:
        """The header's names."""
        if self._columns is None:
            with self.reading() as rows:
                self._columns = rows.columns
        return tuple(self._columns)

    def rule(self, name: str) -> FieldRule | None:
        """Every column holds one text."""
        spelled = next((column for column in self.fields() if column.lower() == name.lower()), None)
        return None if spelled is None else cell_rule(spelled, self.kind)

    def no_field(self, name: str) -> SchemaError:
        """Names the columns that there are, and what was probably meant."""
        with self.reading() as rows:
            return self._no_column(name, rows)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all rows that the filter selects.

        A row with too few or too many cells comes without values, but with a problem, and so does the last
        row of a file that may have been cut off there; both are in the listing whatever the filter would say
        of them.
        """
        return witnessed(self._batches(fields), self.asked)

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        batch: list[Record] = []
        with self.reading() as rows:
            self._check_filter(rows)
            names = [column.lower() for column in rows.columns]
            selection = self.selection
            for record, cells in self._records(rows, fields):
                if selection is None or cells is None or selection.selects(_named(names, cells)):
                    batch.append(record)
                if len(batch) == BATCH_SIZE:
                    yield batch
                    batch = []
        if batch:
            yield batch
        return rows.end

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (place, values of field) of all rows, whether the filter selects them or not.

        Raises EndpointError for `within`, and for a row that cannot be read.
        """
        self.refuse_containers(within)
        with self.reading() as rows:
            for record, _ in self._records(rows, [field]):
                if record.problem:
                    raise EndpointError(record.problem)
                yield record.id, record.values.get(field, [])

    def selects(self, record: Record) -> bool:
        """Whether the filter selects a record, given all its fields."""
        return self.selection is None or self.selection.selects(
            {name.lower(): held for name, held in record.values.items()}
        )

    @contextmanager
    def reading(self) -> Iterator[CsvReading]:
        """Open the file; leaving the block normally proves that no one wrote to it meanwhile."""
        with open_file(self.path, self.label) as stream:
            version = FileVersion.of(stream)
            yield CsvReading(stream, self.dialect, self.label)
            version.must_still_be(self.path, self.label)

    def _records(self, rows: CsvReading, fields: Sequence[str]) -> Iterator[tuple[Record, list[str] | None]]:
        """Each row as a record, with its cells; None for a row that cannot be used."""
        places = self._places(rows, fields)
        for row in rows:
            cells = row.cells
            if not cells:
                continue
            problem = row.problem or (self._quotes_wrong(row) if ' "' in row.raw else "")
            place = f"line {row.line}"
            if not problem:
                yield Record(place, self._values(cells, places), problem, row.cut_off, row.line), cells
            elif row.cut_off:
                # What its last cell holds as a whole is not known.
                whole = [(field, place) for field, place in places if place < len(cells) - 1]
                yield Record(place, self._values(cells, whole), problem, cut_off=True, line=row.line), None
            else:
                yield Record(place, {}, problem, line=row.line), None

    def _quotes_wrong(self, row: CsvRow) -> str:
        """What is wrong if the quotes of a row would become a part of its values; empty if they do not."""
        # A blank before a quote makes it an ordinary character (RFC 4180), which no one means.
        if not any(map(_BLANK_BEFORE_QUOTES.fullmatch, row.cells)):
            return ""
        remedy = "Take it out of all rows, or export the file again."
        return f"{self.label}, line {row.line}: a blank stands before a quoted value. {remedy}"

    def _values(self, cells: Sequence[str], places: Sequence[tuple[str, int]]) -> dict[str, list[bytes]]:
        return {
            field: [(cell if cell[0] != "=" else _plain(cell)).encode()]
            for field, place in places
            if (cell := cells[place])
        }

    def _places(self, rows: CsvReading, fields: Sequence[str]) -> list[tuple[str, int]]:
        known = {column.lower(): place for place, column in enumerate(rows.columns)}
        for field in fields:
            if field.lower() not in known:
                raise self._no_column(field, rows)
        return [(field, known[field.lower()]) for field in fields]

    def _check_filter(self, rows: CsvReading) -> None:
        known = {column.lower() for column in rows.columns}
        for name in sorted(self.selection.names if self.selection is not None else ()):
            if name not in known:
                error = self._no_column(name, rows)
                raise SchemaError(
                    f"the filter: {error.message}", endpoint=error.endpoint, remedy=error.remedy
                )

    def _no_column(self, name: str, rows: CsvReading) -> SchemaError:
        advice = advice_on_column(name, rows.header, rows.columns, rows.dialect.delimiter)
        return SchemaError(f"there is no column {name!r}.", endpoint=self.label, remedy=advice)


def _plain(cell: str) -> str:
    """The text of a cell that a spreadsheet would compute as nothing but that text."""
    formula = _TEXT_FORMULA.fullmatch(cell)
    return formula[1] if formula else cell


def _named(names: Sequence[str], cells: Sequence[str]) -> dict[str, list[bytes]]:
    """The cells of a row by column, as a filter looks at them: a blank one is absent."""
    values = ((name, _plain(cell).encode()) for name, cell in zip(names, cells, strict=True))
    return {name: [value] for name, value in values if not is_blank(value)}
