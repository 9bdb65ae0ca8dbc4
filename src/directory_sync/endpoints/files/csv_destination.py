"""Writing rows to a CSV or TSV file: only the mapped cells of changed rows, everything else stays as it
stands in the file.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from directory_sync.definition.models import FileEndpoint, Job
from directory_sync.endpoints.contract import Batch, Destination, FieldRule, Record, Surroundings
from directory_sync.endpoints.evidence import End, Evidence, witnessed
from directory_sync.endpoints.files.csv_format import CsvReading, CsvRow
from directory_sync.endpoints.files.csv_rewriting import changed_content, new_content
from directory_sync.endpoints.files.csv_source import BATCH_SIZE, CsvSource
from directory_sync.endpoints.files.replacing import check_writable
from directory_sync.endpoints.files.rewriting import RowFile
from directory_sync.endpoints.files.wholeness import WHOLE
from directory_sync.endpoints.rows import RowChange, RowNames, cell_rule, row_id
from directory_sync.errors import IncompleteListing, SchemaError


def open_destination(job: Job, surroundings: Surroundings) -> Destination:
    """The job's destination."""
    assert isinstance(job.destination, FileEndpoint)
    return CsvDestination(
        job.destination,
        surroundings.data_folder,
        keys=job.keys,
        fields=tuple(job.fields),
    )


class CsvDestination(CsvSource, RowFile):
    """Rows of a CSV file, known by the values of the job's key fields.

    A file that is not there is an empty one.
    """

    def __init__(
        self, definition: FileEndpoint, data_folder: Path, *, keys: Sequence[str], fields: Sequence[str]
    ) -> None:
        super().__init__(definition, data_folder)
        self.keys = tuple(keys)
        self.names = RowNames(self.label, self.kind, self.keys)
        self.encoding = self.dialect.encoding
        self.mapped = tuple(dict.fromkeys(fields))

    # -- reading ---------------------------------------------------------------------------------------------

    def check(self) -> None:
        """See that the file, or else its folder, can be written, and that an existing file has a usable
        header.
        """
        check_writable(self.path, self.label)
        if self.path.exists():
            with self.reading() as rows:
                self._check_header(rows)

    def fields(self) -> tuple[str, ...]:
        """The header's names, and those that the job adds."""
        columns = self._header() if self.path.exists() else []
        return (*columns, *self._new_columns(columns))

    def rule(self, name: str) -> FieldRule:
        """Every column holds one text; a column that is not there is added when it gets a value."""
        return super().rule(name) or cell_rule(name, self.kind)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all rows.

        A row that cannot be told apart ends the listing, because the file could not be written again.
        """
        return witnessed(self._batches(fields), self.asked)

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        if not self.path.exists():
            return End.NO_FILE
        with self.reading() as rows:
            self._check_header(rows)
            column = {name.lower(): place for place, name in enumerate(rows.columns)}
            places = [(field, column[field.lower()]) for field in fields if field.lower() in column]
            key_places = self._key_places(rows.columns)
            batch: list[Record] = []
            for row in self._usable(rows):
                key = row_id([row.cells[place] for place in key_places])
                problem = (
                    ""
                    if key
                    else f"{self.label}, line {row.line}: the row has no {' and '.join(self.keys)}. Fill in its key."  # noqa: E501
                )
                # As it stands there, for that is what is looked for when it is written.
                values = {field: [row.cells[place].encode()] for field, place in places if row.cells[place]}
                batch.append(Record(key, values, problem))
                if len(batch) == BATCH_SIZE:
                    yield batch
                    batch = []
        if batch:
            yield batch
        return rows.end

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (id, values of field) of all rows that have a key."""
        self.refuse_containers(within)
        for batch in self.read([field]):
            yield from ((record.id, record.values.get(field, [])) for record in batch if not record.problem)

    # -- writing ---------------------------------------------------------------------------------------------

    def rows_by_id(self, ids: Collection[str]) -> dict[str, list[dict[str, str]]]:
        """The cells of each row that has one of the ids, by column in lower case."""
        found: dict[str, list[dict[str, str]]] = {}
        with self.reading() as rows:
            self._check_header(rows)
            key_places = self._key_places(rows.columns)
            names = [name.lower() for name in rows.columns]
            for row in self._usable(rows):
                key = row_id([row.cells[place] for place in key_places])
                if key in ids:
                    found.setdefault(key, []).append(dict(zip(names, row.cells, strict=True)))
        return found

    def write_rows(self, stream: BinaryIO, changes: Mapping[str, RowChange], *, exists: bool) -> None:
        """Write the file again, or for the first time."""
        # The encodings that begin with a mark (utf-16, utf-8-sig) set it once, so one encoder writes
        # everything.
        encoder = codecs.getincrementalencoder(self.dialect.encoding)("strict")
        self._columns = None  # they are about to be other ones
        if not exists:
            stream.writelines(map(encoder.encode, new_content(self.dialect, self.mapped, changes)))
            return
        with self.reading() as rows:
            columns = [*rows.columns, *self._added_columns(rows.columns, changes.values())]
            texts = changed_content(rows, columns, self._key_places(rows.columns), changes)
            stream.writelines(map(encoder.encode, texts))

    # -- columns ---------------------------------------------------------------------------------------------

    def _header(self) -> list[str]:
        if self._columns is None:
            with self.reading() as rows:
                self._columns = rows.columns
        return self._columns

    def _new_columns(self, columns: Sequence[str]) -> list[str]:
        present = {column.lower() for column in columns}
        return [field for field in self.mapped if field.lower() not in present]

    def _added_columns(self, columns: Sequence[str], changes: Iterable[RowChange]) -> list[str]:
        filled = {name for change in changes for name, cell in change.cells.items() if cell}
        return [column for column in self._new_columns(columns) if column.lower() in filled]

    def _check_header(self, rows: CsvReading) -> None:
        present = {column.lower() for column in rows.columns}
        missing = [key for key in self.keys if key.lower() not in present]
        if missing:
            raise SchemaError(
                f"the existing file has no column {missing[0]!r}, which is a key of the job.",
                endpoint=self.label,
                remedy=(
                    f"{self._no_column(missing[0], rows).remedy} Correct the mapping, or move the file away."
                ),
            )

    def _key_places(self, columns: Sequence[str]) -> list[int]:
        lower = [column.lower() for column in columns]
        return [lower.index(key.lower()) for key in self.keys]

    def _usable(self, rows: CsvReading) -> Iterator[CsvRow]:
        for row in rows:
            if row.cut_off:
                message = (
                    f"line {row.line}: the file ends here without a line break, so it may have been cut off."
                )
                raise IncompleteListing(message, endpoint=self.label, remedy=WHOLE)
            if row.problem:
                raise IncompleteListing(row.problem, remedy="Correct the row, or move the file away.")
            if row.cells:
                yield row
