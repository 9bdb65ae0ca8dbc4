"""Reading entries from an LDIF file.

Values are compared exactly, because LDIF brings no schema; names are not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from directory_sync.definition.models import FileEndpoint, Job
from directory_sync.dn import naming_values
from directory_sync.endpoints.blanks import is_blank
from directory_sync.endpoints.contract import Batch, FieldRule, Record, Source, Surroundings
from directory_sync.endpoints.evidence import End, Ending, Evidence, witnessed
from directory_sync.endpoints.files.ldif_reading import Entry, read_entries
from directory_sync.endpoints.files.names import DN_FIELD, NAMES, LdifNames
from directory_sync.endpoints.files.paths import FileSource, FileVersion, open_file
from directory_sync.endpoints.files.selecting import Selection, as_text
from directory_sync.errors import SchemaError

BATCH_SIZE = 1000

OBJECT_CLASS = "objectclass"

_REFERENCES = frozenset(
    {
        *("member", "uniquemember", "owner", "roleoccupant", "seealso", "distinguishedname"),  # RFC 4519
        *("manager", "secretary", "documentauthor", "associatedname"),  # RFC 4524
        *("managedby", "memberof", "directreports"),  # [MS-ADA2]
    }
)
"""Attributes whose values name other entries, lower case.

LDIF brings no schema; these are what people and groups have.
"""


_ABOVE = {
    "person": ("top",),
    "organizationalperson": ("person", "top"),
    "residentialperson": ("person", "top"),
    "inetorgperson": ("organizationalPerson", "person", "top"),
    "user": ("organizationalPerson", "person", "top"),
    "computer": ("user", "organizationalPerson", "person", "top"),
    "contact": ("organizationalPerson", "person", "top"),
}
"""Classes above those that exports often name alone (RFC 4519, RFC 2798, [MS-ADSC]); of others only `top` is
known here.
"""


def open_source(job: Job, surroundings: Surroundings) -> Source:
    """The job's source."""
    assert isinstance(job.source, FileEndpoint)
    return LdifSource(job.source, surroundings.data_folder)


class LdifSource(FileSource):
    """Entries of an LDIF file. `dn` can be read like an attribute."""

    kind = "LDIF"

    def __init__(self, definition: FileEndpoint, data_folder: Path) -> None:
        super().__init__(definition, data_folder)
        self.names: LdifNames = LdifNames()
        self.complete = definition.complete
        self.selection = (
            None
            if definition.filter is None
            else Selection(definition.filter, self.label, columns=False, normalise=_filter_form)
        )

    def check(self) -> None:
        """See that the file is there and can be opened."""
        open_file(self.path, self.label).close()

    def fields(self) -> tuple[str, ...] | None:
        """Cannot be told without reading everything."""
        return None

    def rule(self, name: str) -> FieldRule | None:
        """Any attribute holds any values; the name is one text."""
        return attribute_rule(name)

    def no_field(self, name: str) -> SchemaError:
        """Never needed: any attribute may be asked for."""
        return SchemaError(
            f"no entry has the attribute {name}.", endpoint=self.label, remedy="Correct the name."
        )

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all entries that the filter selects, and all of which that cannot be told.

        An entry that cannot be read as a whole has a problem, and only what could be read. Raises
        EndpointError if the filter selects nothing and names an attribute that no entry has.
        """
        return witnessed(self._batches(fields), self.asked)

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        batch: list[Record] = []
        unseen = set(() if self.selection is None else self.selection.names) - {DN_FIELD}
        seen_any = selected_any = False
        entries = Ending(self._entries())
        for entry in entries:
            seen_any = True
            if self.selection is not None:
                unseen.difference_update(name.lower().partition(";")[0] for name in entry.attributes)
                if not self._is_selected(entry, self.selection):
                    continue
            selected_any = True
            batch.append(record_of(entry, fields))
            if len(batch) == BATCH_SIZE:
                yield batch
                batch = []
        if unseen and seen_any and not selected_any:
            raise SchemaError(
                f"the filter selects nothing, and no entry has the attribute {min(unseen)} that it names.",
                endpoint=self.label,
                remedy="Correct the filter.",
            )
        if batch:
            yield batch
        return entries.said

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (DN, values of field) of everything, or of a container and what is in it, whatever the filter
        selects.

        What cannot be read is left out: who names it, names something without a counterpart, so nothing is
        removed for that.
        """
        below = None if within is None else NAMES.normalise(within)
        for entry in self._entries():
            assert entry.dn is not None
            if not entry.named or entry.doubtful or field.lower() in entry.unreadable:
                continue
            if below is None or NAMES.is_within(entry.dn, below):
                yield entry.dn, record_of(entry, [field]).values.get(field, [])

    def selects(self, record: Record) -> bool:
        """Whether the filter selects a record, given all its fields."""
        if self.selection is None:
            return True
        attributes = {
            name: list(values) for name, values in record.values.items() if name.lower() != DN_FIELD
        }
        return self.selection.selects(
            _filter_values(Entry(0, dn=record.id, attributes=attributes, named=True))
        )

    @staticmethod
    def _is_selected(entry: Entry, selection: Selection) -> bool:
        """Whether an entry is in the listing: it is selected, or may be, as far as it could be read."""
        if entry.doubtful or (entry.problem and not entry.named):
            return True
        values = _filter_values(entry)
        return (
            selection.may_select(values, entry.unreadable) if entry.unreadable else selection.selects(values)
        )

    def _entries(self) -> Generator[Entry, None, End]:
        with self.blocks() as blocks:
            reading = Ending(blocks)
            for block in reading:
                if block.dn is not None:
                    yield block
            return reading.said

    @contextmanager
    def blocks(self) -> Iterator[Generator[Entry, None, End]]:
        """Open the file; leaving the block normally proves that no one wrote to it meanwhile."""
        with open_file(self.path, self.label) as stream:
            version = FileVersion.of(stream)
            yield read_entries(stream, self.label, complete=self.complete)
            version.must_still_be(self.path, self.label)


def attribute_rule(name: str) -> FieldRule:
    """What an LDIF file can hold in a field."""
    if name.lower() == DN_FIELD:
        return FieldRule(
            name,
            single=True,
            normalise=lambda value: NAMES.normalise(value.decode(errors="replace")).encode(),
        )
    if name.lower().partition(";")[0] in _REFERENCES:
        return FieldRule(name, reference=True, normalise=NAMES.normalise_value)
    if name.lower() == OBJECT_CLASS:
        return FieldRule(name, normalise=bytes.lower)
    return FieldRule(name)


def _filter_form(name: str, value: bytes) -> bytes:
    """The form in which a filter compares values: names as names, all else as texts."""
    base = name.partition(";")[0]
    if base == DN_FIELD or base in _REFERENCES:
        return NAMES.normalise_value(value).lower()
    return as_text(name, value)


def _filter_values(entry: Entry) -> dict[str, list[bytes]]:
    """The values of an entry as a filter looks at them: with those of its name, and the classes above its
    classes.
    """
    values: dict[str, list[bytes]] = {}
    for name, held in entry.attributes.items():
        values[name.lower()] = [value for value in held if not is_blank(value)]
    if entry.named and entry.dn is not None:
        values[DN_FIELD] = [entry.dn.encode()]
        for type_, value in naming_values(entry.dn):
            if type_.lower() not in entry.unreadable:
                values.setdefault(type_.lower(), [value])
    if classes := values.get(OBJECT_CLASS):
        above = (
            name for held in classes for name in _ABOVE.get(held.decode(errors="replace").lower(), ("top",))
        )
        values[OBJECT_CLASS] = [*classes, *(name.encode() for name in above)]
    return values


def record_of(entry: Entry, fields: Sequence[str]) -> Record:
    """An entry with the fields asked for, spelled as they were asked for."""
    assert entry.dn is not None
    held = {name.lower(): values for name, values in entry.attributes.items()}
    values: dict[str, list[bytes]] = {}
    for field in fields:
        lower = field.lower()
        if lower == DN_FIELD:
            found = [entry.dn.encode()] if entry.named else []
        else:
            found = held[lower] if lower in held else entry.named_values(lower)
        if found:
            values[field] = found
    return Record(entry.dn, values, entry.problem, entry.cut_off, entry.line)
