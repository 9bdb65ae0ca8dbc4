"""JSON lines as an endpoint: one object a line, field → text or list of texts.

The product does not ship it. It shows that docs/adding-an-endpoint.md says all that an endpoint takes;
`tests/endpoints/test_contract_jsonl.py` registers it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from directory_sync.definition.addresses import FileEndpoint, FileKind
from directory_sync.definition.models import Job
from directory_sync.endpoints.change import Action, Values
from directory_sync.endpoints.contract import (
    Batch,
    Destination,
    FieldRule,
    Image,
    Record,
    Source,
    Surroundings,
)
from directory_sync.endpoints.evidence import End, Ending, Evidence, witnessed
from directory_sync.endpoints.files.paths import FileSource, FileVersion, open_file
from directory_sync.endpoints.files.replacing import check_writable
from directory_sync.endpoints.files.rewriting import RowFile
from directory_sync.endpoints.files.selecting import Selection
from directory_sync.endpoints.files.wholeness import CUT_OFF, WHOLE
from directory_sync.endpoints.rows import RowChange, RowNames, row_id
from directory_sync.errors import EndpointError, IncompleteListing, SchemaError

JSON_LINES = FileKind(
    "JSON lines",
    (".jsonl",),
    frozenset({"complete"}),
    source=f"{__name__}:open_source",
    destination=f"{__name__}:open_destination",
)

LONGEST = 1 << 20
"""Octets of a line that are read; a longer one is an error."""

_BATCH_SIZE = 1000


class Member(NamedTuple):
    """A field of a line: its name, and the text of name and value as they stand there.

    `values` is None where the value is neither a text nor a list of texts.
    """

    name: str
    raw_name: str
    raw_value: str
    values: list[bytes] | None

    @property
    def is_list(self) -> bool:
        """Whether the values stand in a list."""
        return self.raw_value.startswith("[")


class Line(NamedTuple):
    """A line as it stands there; `members` by lower-case name, empty where there is a problem or nothing."""

    number: int
    raw: bytes
    members: Mapping[str, Member]
    problem: str = ""
    cut_off: bool = False


class JsonLinesSource(FileSource):
    """Lines of the file; ids are places such as `line 12`."""

    kind = "JSON lines"

    def __init__(self, definition: FileEndpoint, data_folder: Path) -> None:
        super().__init__(definition, data_folder)
        self.names: RowNames = RowNames(self.label, self.kind)
        self.complete = definition.complete
        self.selection = (
            None if definition.filter is None else Selection(definition.filter, self.label, columns=True)
        )

    def check(self) -> None:
        """See that the file is there and can be opened."""
        open_file(self.path, self.label).close()

    def fields(self) -> None:
        """Each line has fields of its own."""
        return

    def rule(self, name: str) -> FieldRule:
        """Any field holds any texts."""
        return FieldRule(name, check=_wrong_with)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield a record for each line that the filter selects, and for each that cannot be read."""
        return witnessed(self._batches(fields), self.asked)

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (place, values of field) of all lines, whether the filter selects them or not."""
        self.refuse_containers(within)
        for line in self._lines():
            record = self._record(line, [field])
            if record.problem:
                raise EndpointError(record.problem)
            yield record.id, record.values.get(field, [])

    def selects(self, record: Record) -> bool:
        """Whether the filter selects a record, given all its fields."""
        return self.selection is None or self.selection.selects(
            {name.lower(): values for name, values in record.values.items()}
        )

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        batch: list[Record] = []
        unseen = set(() if self.selection is None else self.selection.names)
        seen_any = selected_any = False
        lines = Ending(self._lines())
        for line in lines:
            seen_any = True
            unseen.difference_update(line.members)
            if not self._is_selected(line):
                continue
            selected_any = True
            batch.append(self._record(line, fields))
            if len(batch) == _BATCH_SIZE:
                yield batch
                batch = []
        if not seen_any:
            raise IncompleteListing(
                "the file is empty.", endpoint=self.label, remedy="An export may have failed: repeat it."
            )
        if unseen and not selected_any:
            raise SchemaError(
                f"the filter selects nothing, and no line has the field {min(unseen)} that it names.",
                endpoint=self.label,
                remedy="Correct the filter.",
            )
        if batch:
            yield batch
        return lines.said

    def _is_selected(self, line: Line) -> bool:
        if self.selection is None or line.problem:
            return True
        unknown = {name for name, member in line.members.items() if member.values is None}
        values = {name: member.values for name, member in line.members.items() if member.values}
        return self.selection.may_select(values, unknown)

    def _record(self, line: Line, fields: Sequence[str]) -> Record:
        values: dict[str, list[bytes]] = {}
        problem = line.problem
        for field in fields:
            member = line.members.get(field.lower())
            if member is None:
                continue
            if member.values is None:
                what = f"{member.name} is neither a text nor a list of texts. Correct it, or leave it out."
                problem = problem or self._message(line.number, what)
            elif member.values:
                values[field] = member.values
        return Record(f"line {line.number}", values, problem, line.cut_off, line.number)

    def _message(self, number: int, what: str) -> str:
        return f"{self.label}, line {number}: {what}"

    def _lines(self) -> Generator[Line, None, End]:
        """Every line that is not blank; what it returns is how the file ends."""
        lines = Ending(self._all_lines())
        yield from (line for line in lines if line.members or line.problem or line.raw.strip())
        return lines.said

    def _all_lines(self) -> Generator[Line, None, End]:
        end = End.LINE_BREAK
        with open_file(self.path, self.label) as stream:
            version = FileVersion.of(stream)
            number = 0
            while raw := stream.readline(LONGEST + 1):
                number += 1
                is_long = len(raw) > LONGEST
                if is_long:
                    raw = _last_of_line(stream, raw)
                line = self._line(number, raw, is_long=is_long)
                if raw.strip() and not raw.endswith(b"\n"):
                    end = End.DECLARED_WHOLE if self.complete else End.CUT_OFF
                if end is End.CUT_OFF:
                    problem = self._message(number, f"the file ends here without a line break, {CUT_OFF}")
                    line = line._replace(problem=problem, cut_off=True)
                yield line
            version.must_still_be(self.path, self.label)
        return end

    def _line(self, number: int, raw: bytes, *, is_long: bool) -> Line:
        if is_long:
            what = f"the line is longer than {LONGEST} octets. Shorten it."
            return Line(number, raw, {}, self._message(number, what))
        if not raw.strip():
            return Line(number, raw, {})
        try:
            return Line(number, raw, _members(raw.decode()))
        except (ValueError, RecursionError) as error:
            what = f"this is not one JSON object in UTF-8 ({_reason(error)}). Correct the line."
            return Line(number, raw, {}, self._message(number, what))


class JsonLinesDestination(JsonLinesSource, RowFile):
    """Lines known by the values of the job's key fields. A file that is not there is an empty one."""

    def __init__(
        self, definition: FileEndpoint, data_folder: Path, *, keys: Sequence[str], fields: Sequence[str]
    ) -> None:
        super().__init__(definition, data_folder)
        self.keys = tuple(keys)
        self.names = RowNames(self.label, self.kind, self.keys)
        self.selection = None
        self.spelled = {field.lower(): field for field in fields}

    def check(self) -> None:
        """See that the file, or else its folder, can be written, and that an existing file can be opened."""
        check_writable(self.path, self.label)
        if self.path.exists():
            super().check()

    def rule(self, name: str) -> FieldRule:
        """A key is one text; any other field holds any texts."""
        is_key = name.lower() in map(str.lower, self.keys)
        return FieldRule(name, single=is_key, check=_wrong_with)

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (key, values of field) of all lines that have a key."""
        self.refuse_containers(within)
        for line in self._lines() if self.path.exists() else ():
            if key := self._key(line):
                yield key, self._object(line, [field]).values.get(field, [])

    def images(self, ids: Collection[str]) -> Iterator[Image]:
        """The lines of these keys; a value that is no text as it stands there."""
        left = set(ids)
        for line in self._lines() if self.path.exists() else ():
            key = self._key(line)
            if key in left:
                left.discard(key)
                members = line.members.values()
                yield Image(
                    key,
                    {
                        each.name: [each.raw_value.encode()] if each.values is None else each.values
                        for each in members
                    },
                )

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        if not self.path.exists():
            return End.NO_FILE
        lines = Ending(self._lines())
        yield [self._object(line, fields) for line in lines]
        return lines.said

    def _object(self, line: Line, fields: Sequence[str]) -> Record:
        record = self._record(line, fields)
        problem = record.problem
        for key in self.keys:
            member = line.members.get(key.lower())
            if member is not None and member.values is not None and len(member.values) > 1:
                problem = self._message(line.number, f"the key {member.name} has several values. Leave one.")
        if problem:
            raise IncompleteListing(problem, remedy="Or move the file away.")
        key = self._key(line)
        return record._replace(
            id=key, problem="" if key else self._message(line.number, "it has no key. Fill it in.")
        )

    def _all_lines(self) -> Generator[Line, None, End]:
        """As of a source, but the file has to be one that can be written back."""
        lines = Ending(super()._all_lines())
        for line in lines:
            if line.cut_off:
                what = "the file ends here without a line break, so it may have been cut off."
                raise IncompleteListing(self._message(line.number, what), remedy=WHOLE)
            if line.problem:
                raise IncompleteListing(line.problem, remedy="Or move the file away.")
            yield line
        return lines.said

    def _key(self, line: Line) -> str:
        """The id of a line; empty if it has none."""
        held = [line.members.get(key.lower()) for key in self.keys]
        return row_id([member.values[0].decode() if member and member.values else "" for member in held])

    # -- writing ---------------------------------------------------------------------------------------------

    def cell(self, field: str, values: Values) -> str:
        """A JSON list, in an order that does not depend on that of the values."""
        try:
            texts = sorted({value.decode() for value in values})
        except UnicodeDecodeError:
            raise ValueError(f"{field} is binary, and {self.kind} hold text only.") from None
        return json.dumps(texts, ensure_ascii=False) if texts else ""

    def rows_by_id(self, ids: Collection[str]) -> dict[str, list[dict[str, str]]]:
        """The cells of each line that has one of the ids."""
        found: dict[str, list[dict[str, str]]] = {}
        for line in self._lines():
            if (key := self._key(line)) in ids:
                found.setdefault(key, []).append(
                    {
                        # What is not understood is equal to nothing that a plan has seen.
                        name: member.raw_value
                        if member.values is None
                        else self.cell(name, tuple(member.values))
                        for name, member in line.members.items()
                    }
                )
        return found

    def write_rows(self, stream: BinaryIO, changes: Mapping[str, RowChange], *, exists: bool) -> None:
        """Pass every line on as it stands, but for those that change; new ones come last, by their ids."""
        for line in self._all_lines() if exists else ():
            change = changes.get(self._key(line))
            if change is None:
                stream.write(line.raw if line.raw.endswith(b"\n") else line.raw + b"\n")
            elif change.action is not Action.DELETE:
                newline = "\r\n" if line.raw.endswith(b"\r\n") else "\n"
                stream.write(self._written(change, line.members.values(), newline))
        for _, change in sorted(changes.items()):
            if change.action is Action.CREATE:
                stream.write(self._written(change, (), "\n"))

    def _written(self, change: RowChange, members: Iterable[Member], newline: str) -> bytes:
        raw = (self._text(members, change.cells) + newline).encode()
        if len(raw) > LONGEST:
            raise EndpointError(
                f"row {change.id} would be longer than {LONGEST} octets, so it could not be read again.",
                endpoint=self.label,
                remedy="Map fewer fields, or correct its record. The file is as it was before.",
            )
        return raw

    def _text(self, members: Iterable[Member], cells: Mapping[str, str]) -> str:
        """An object with new cells; all its other fields are as they stand there."""
        left = dict(cells)
        parts: list[str] = []
        for member in members:
            cell = left.pop(member.name.lower(), None)
            if cell is None:
                parts.append(f"{member.raw_name}: {member.raw_value}")
            elif cell:
                parts.append(f"{member.raw_name}: {_plain(cell, is_list=member.is_list)}")
        for name, cell in left.items():
            if cell:
                spelled = json.dumps(self.spelled.get(name, name), ensure_ascii=False)
                parts.append(f"{spelled}: {_plain(cell, is_list=False)}")
        return "{" + ", ".join(parts) + "}"


# -- one line ------------------------------------------------------------------------------------------------


def _not_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


# Numbers are not read: they may be longer than any that Python would read, and stay as they stand there.
_DECODER = json.JSONDecoder(
    parse_int=lambda text: None, parse_float=lambda text: None, parse_constant=_not_json
)
_BLANKS = re.compile(r"[ \t\r\n]*")


def _members(text: str) -> dict[str, Member]:
    """The members of the object that the text is, by lower-case name. Raises ValueError, RecursionError."""
    if not isinstance(_DECODER.decode(text), dict):
        raise ValueError("it is something else")  # noqa: TRY004 - of the text
    # Now that the text is known to be an object, where its members stand.
    members: dict[str, Member] = {}
    at = _after_blanks(text, text.index("{") + 1)
    while text[at] != "}":
        name, end = _DECODER.raw_decode(text, at)
        raw_name = text[at:end]
        at = _after_blanks(text, _after_blanks(text, end) + 1)
        value, end = _DECODER.raw_decode(text, at)
        if other := members.get(name.lower()):
            raise ValueError(f"it has {json.dumps(other.name)} and {json.dumps(name)}, which are one field")
        members[name.lower()] = Member(name, raw_name, text[at:end], _values(value))
        at = _after_blanks(text, end)
        if text[at] == ",":
            at = _after_blanks(text, at + 1)
    return members


def _after_blanks(text: str, at: int) -> int:
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _values(value: object) -> list[bytes] | None:
    """The texts of a value without empty ones; None if it is no text and no list of texts."""
    texts: list[Any] = value if isinstance(value, list) else [value]
    try:
        return [text.encode() for text in texts if text != ""]
    except (AttributeError, UnicodeEncodeError):  # no text, or half a character (\ud800)
        return None


def _plain(cell: str, *, is_list: bool) -> str:
    """A cell as it is written: one value stands without a list, unless it stood in one before."""
    texts = json.loads(cell)
    return json.dumps(texts[0] if len(texts) == 1 and not is_list else texts, ensure_ascii=False)


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg}, column {error.colno}"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return "an octet is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _last_of_line(stream: BinaryIO, raw: bytes) -> bytes:
    """Skip the rest of a long line; the last part of it."""
    while not raw.endswith(b"\n") and (more := stream.readline(LONGEST)):
        raw = more
    return raw


def _wrong_with(value: bytes) -> str | None:
    try:
        return None if value.decode() else "the value is empty, which is the same as an absent one"
    except UnicodeDecodeError:
        return "the value is binary, and JSON lines hold text only"


# -- what the registry names ---------------------------------------------------------------------------------


def open_source(job: Job, surroundings: Surroundings) -> Source:
    """The job's source."""
    assert isinstance(job.source, FileEndpoint)
    return JsonLinesSource(job.source, surroundings.data_folder)


def open_destination(job: Job, surroundings: Surroundings) -> Destination:
    """The job's destination."""
    assert isinstance(job.destination, FileEndpoint)
    return JsonLinesDestination(
        job.destination, surroundings.data_folder, keys=job.keys, fields=tuple(job.fields)
    )
