"""Writing rows to a CSV or TSV file: only the mapped cells of changed rows, everything else stays as it
stands in the file.
"""

# ruff: noqa: ARG002 - the protocol's methods take what other endpoints need

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.change import Action, Change, Outcome, Result, value_to_json
from directory_sync.endpoints.contract import Batch, FieldRule, Record
from directory_sync.endpoints.evidence import End, Evidence, witnessed
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.files.csv_format import CsvReading, CsvRow
from directory_sync.endpoints.files.csv_rewriting import changed_content, new_content, row_id
from directory_sync.endpoints.files.csv_source import BATCH_SIZE, CsvSource, cell_rule
from directory_sync.endpoints.files.replacing import check_writable
from directory_sync.endpoints.files.rewriting import RewrittenFile, WriteContent
from directory_sync.endpoints.files.row_changes import RowChange, decide
from directory_sync.endpoints.files.wholeness import WHOLE
from directory_sync.errors import EndpointError, IncompleteListing, RecordError, SchemaError


class CsvDestination(CsvSource, RewrittenFile):
    """Rows of a CSV file, known by the values of the job's key fields.

    A file that is not there is an empty one.
    """

    def __init__(
        self, definition: FileEndpoint, data_folder: Path, *, keys: Sequence[str], fields: Sequence[str]
    ) -> None:
        super().__init__(definition, data_folder)
        self.keys = tuple(keys)
        self.mapped = tuple(dict.fromkeys(fields))

    # -- reading
    # ------------------------------------------------------------------------------------------------------

    @property
    def identity_field(self) -> str | None:
        """Rows have nothing but their key."""
        return None

    @property
    def is_identified(self) -> bool:
        """A file is known by its path."""
        return True

    def children(self, ids: Collection[str]) -> dict[str, list[str]]:
        """Nothing is moved in a file."""
        return {}

    def identities(self, ids: Collection[str], *, among: int) -> dict[str, bytes]:
        """None: a key is all that tells objects of a file apart."""
        return {}

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
        return super().rule(name) or cell_rule(name)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all rows.

        A row that cannot be told apart ends the listing, because the file could not be written again.
        """
        return witnessed(self._batches(fields), self._asked)

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
                batch.append(Record(key or f"line {row.line}", values, problem))
                if len(batch) == BATCH_SIZE:
                    yield batch
                    batch = []
        if batch:
            yield batch
        return rows.end

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (id, values of field) of all rows that have a key."""
        self._no_containers(within)
        for batch in self.read([field]):
            yield from ((record.id, record.values.get(field, [])) for record in batch if not record.problem)

    # -- names
    # --------------------------------------------------------------------------------------------------------

    def object_classes(self, kind: str) -> tuple[str, ...]:
        """Rows have no classes."""
        return ()

    def mandatory(self, object_classes: Sequence[str]) -> frozenset[str]:
        """The key fields: a row without them could not be found again."""
        return frozenset(self.keys)

    def new_id(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:
        """The id of a row with these values: its key.

        Raises RecordError if its key is not complete, or binary.
        """
        lower = {name.lower(): cell for name, cell in values.items()}
        key: list[str] = []
        for field in self.keys:
            value = b"".join(lower.get(field.lower(), ())[:1])
            try:
                key.append(value.decode())
            except UnicodeDecodeError:
                raise RecordError(
                    "the value is binary and cannot be a key in a CSV file.", field=field
                ) from None
            if not value:
                raise RecordError("the key has no value. Fill it at the source.", field=field)
        return row_id(key)

    def parent_id(self, id: str) -> str | None:
        """Rows are in no container."""
        return None

    def renamed_id(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:
        """Key fields are never changed, so neither are ids."""
        return id

    def naming_values(self, id: str) -> Sequence[tuple[str, bytes]]:
        """None: a row's key is its key fields."""
        return ()

    def moved_id(self, id: str, container: str) -> str:
        """Rows cannot be moved."""
        raise EndpointError(
            "rows of a CSV file cannot be moved.", endpoint=self.label, remedy="Use delete or skip."
        )

    def render(self, change: Change, part: Part = Part.WHOLE) -> str:
        """A comment, because CSV has no form for changes."""
        fields = "; ".join(
            f"{field.field}: {_shown(field.old)} -> {_shown(field.new)}" for field in change.fields
        )
        text = f"{self.label}: {change.action} row {change.object}" + (f": {fields}" if fields else "")
        return "# " + re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text) + "\n"

    # -- writing
    # ------------------------------------------------------------------------------------------------------

    def _decide(
        self, todo: Sequence[tuple[int, Change]], verify: Collection[int]
    ) -> tuple[Sequence[Outcome], WriteContent]:
        self._columns = None  # they are about to be other ones
        exists = self.path.exists()
        found = self._touched_rows({self._target(change) for _, change in todo}) if exists else {}
        decided: list[RowChange] = []
        taken: set[str] = set()
        for sequence, change in todo:
            target = self._target(change)
            if target in taken:
                message = (
                    f"row {target}: another change of this plan is about the same row. Run the job again."
                )
                decided.append(RowChange(target, change.action, Outcome(sequence, Result.FAILED, message)))
                continue
            taken.add(target)
            row = decide(
                sequence,
                change,
                id=target,
                rows=found.get(target, []),
                retried=sequence in verify,
                encoding=self.dialect.encoding,
            )
            decided.append(row)
        return [row.outcome for row in decided], lambda stream: self._write_content(stream, decided, exists)

    def _touched_rows(self, ids: Collection[str]) -> dict[str, list[dict[str, str]]]:
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

    def _target(self, change: Change) -> str:
        if change.action is not Action.CREATE:
            return change.object
        try:
            return self.new_id("", {field.field: field.new for field in change.fields}, "")
        except RecordError:
            return change.object

    def _write_content(self, stream: BinaryIO, decided: Sequence[RowChange], exists: bool) -> None:
        # The encodings that begin with a mark (utf-16, utf-8-sig) set it once, so one encoder writes
        # everything.
        encoder = codecs.getincrementalencoder(self.dialect.encoding)("strict")
        changes = {change.id: change for change in decided if change.outcome.result is Result.DONE}
        if not exists:
            stream.writelines(map(encoder.encode, new_content(self.dialect, self.mapped, changes)))
            return
        with self.reading() as rows:
            columns = [*rows.columns, *self._added_columns(rows.columns, changes.values())]
            texts = changed_content(rows, columns, self._key_places(rows.columns), changes)
            stream.writelines(map(encoder.encode, texts))

    # -- columns
    # ------------------------------------------------------------------------------------------------------

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


def _shown(values: Sequence[bytes]) -> str:
    texts = [value_to_json(value) for value in values]
    return ", ".join(repr(text) if isinstance(text, str) else str(text) for text in texts) or "nothing"
