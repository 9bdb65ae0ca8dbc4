"""Reading records from a CSV or TSV file with a header line."""

# ruff: noqa: ARG002 - the protocol's methods take what other endpoints need

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.files.csv_format import CsvDialect, CsvReading, CsvRow
from directory_sync.endpoints.files.paths import FileVersion, open_file, resolve_path
from directory_sync.endpoints.protocol import Batch, FieldRule, Record
from directory_sync.errors import EndpointError, SchemaError

BATCH_SIZE = 1000


class CsvSource:
    """Rows of a CSV file. An empty cell is an absent value; ids are places such as `line 12`."""

    def __init__(self, definition: FileEndpoint, data_folder: Path) -> None:
        self.label = f"file {definition.file}"
        self.path = resolve_path(definition.file, data_folder)
        self.dialect = CsvDialect.of(definition, self.label)
        self._columns: list[str] | None = None

    @property
    def identity(self) -> str:
        """The resolved path."""
        return str(self.path)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A file in the data folder is never unsafe."""
        return ()

    def containers(self) -> tuple[str, ...]:
        """A file needs no container."""
        return ()

    def check(self) -> None:
        """See that the file is there and has a usable header."""
        with self.reading():
            pass

    def fields(self) -> tuple[str, ...]:
        """The header's names."""
        if self._columns is None:
            with self.reading() as rows:
                self._columns = rows.columns
        return tuple(self._columns)

    def rule(self, name: str) -> FieldRule | None:
        """Every column holds one text."""
        spelled = next((column for column in self.fields() if column.lower() == name.lower()), None)
        return None if spelled is None else cell_rule(spelled)

    def read(self, fields: Sequence[str]) -> Iterator[Batch]:
        """Yield all rows. A row with too few or too many cells comes without values, but with a problem."""
        with self.reading() as rows:
            places = self._places(rows.columns, fields)
            batch: list[Record] = []
            for row in rows:
                if not row.cells:
                    continue
                batch.append(self._record(row, places))
                if len(batch) == BATCH_SIZE:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (place, values of field) of all rows. Raises EndpointError for `within`, and for a row that cannot be read."""
        self._no_containers(within)
        for batch in self.read([field]):
            for record in batch:
                if record.problem:
                    raise EndpointError(record.problem)
                yield record.id, record.values.get(field, [])

    def selects(self, record: Record) -> bool:
        """A file has no filter."""
        return True

    @property
    def region(self) -> None:
        """A file is read as a whole."""
        return

    def place_of(self, id: str) -> tuple[str, ...]:
        """A file has no containers."""
        return (self.normalise_id(id),)

    def normalise_id(self, id: str) -> str:
        """Ids are exact."""
        return id

    def close(self) -> None:
        """Nothing is kept open."""

    @contextmanager
    def reading(self) -> Iterator[CsvReading]:
        """Open the file; leaving the block normally proves that nobody wrote to it meanwhile."""
        with open_file(self.path, self.label) as stream:
            version = FileVersion.of(stream)
            yield CsvReading(stream, self.dialect, self.label)
            version.must_still_be(self.path, self.label)

    def _record(self, row: CsvRow, places: Sequence[tuple[str, int]]) -> Record:
        if row.problem:
            return Record(f"line {row.line}", {}, row.problem)
        cells = row.cells
        return Record(f"line {row.line}", {field: [cells[place].encode()] for field, place in places if cells[place]})

    def _places(self, columns: Sequence[str], fields: Sequence[str]) -> list[tuple[str, int]]:
        known = {column.lower(): place for place, column in enumerate(columns)}
        for field in fields:
            if field.lower() not in known:
                near = get_close_matches(field.lower(), known, n=1)
                raise SchemaError(
                    f"there is no column {field!r}.",
                    endpoint=self.label,
                    remedy=f"Did you mean {columns[known[near[0]]]!r}?" if near else f"Its columns are: {', '.join(columns)}.",
                )
        return [(field, known[field.lower()]) for field in fields]

    def _no_containers(self, within: str | None) -> None:
        if within is not None:
            raise EndpointError("a CSV file has no containers.", endpoint=self.label, remedy="Leave out within:.")


def cell_rule(name: str) -> FieldRule:
    """What a cell can hold: one text that is not empty."""
    return FieldRule(name, single=True, check=_check_cell)


def _check_cell(value: bytes) -> str | None:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "the value is binary, and a CSV cell holds text only"
    if not text:
        return "the value is empty, which a CSV cell cannot tell from an absent one"
    if "\0" in text:
        return "the value holds a NUL character, which a CSV file cannot hold"
    return None
