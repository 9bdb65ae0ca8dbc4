"""Reading entries from an LDIF file. Values are compared exactly, because LDIF brings no schema; names are not."""

# ruff: noqa: ARG002 - the protocol's methods take what other endpoints need

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from directory_sync.definition.models import FileEndpoint
from directory_sync.endpoints.files import names
from directory_sync.endpoints.files.ldif_reading import Entry, read_entries
from directory_sync.endpoints.files.paths import FileVersion, open_file, resolve_path
from directory_sync.endpoints.protocol import Batch, FieldRule, Record
from directory_sync.errors import EndpointError

BATCH_SIZE = 1000

DN_FIELD = "dn"
"""A field that is no attribute: the entry's name."""

_REFERENCES = frozenset(
    {
        *("member", "uniquemember", "owner", "roleoccupant", "seealso", "distinguishedname"),  # RFC 4519
        *("manager", "secretary", "documentauthor", "associatedname"),  # RFC 4524
        *("managedby", "memberof", "directreports"),  # [MS-ADA2]
    }
)
"""Attributes whose values name other entries, lower case. LDIF brings no schema; these are what people and groups have."""


class LdifSource:
    """Entries of an LDIF file. `dn` can be read like an attribute."""

    def __init__(self, definition: FileEndpoint, data_folder: Path) -> None:
        self.label = f"file {definition.file}"
        self.path = resolve_path(definition.file, data_folder)

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
        """See that the file is there and can be opened."""
        open_file(self.path, self.label).close()

    def fields(self) -> tuple[str, ...] | None:
        """Cannot be told without reading everything."""
        return None

    def rule(self, name: str) -> FieldRule | None:
        """Any attribute holds any values; the name is one text."""
        return attribute_rule(name)

    def read(self, fields: Sequence[str]) -> Iterator[Batch]:
        """Yield all entries. One that cannot be read as a whole has a problem, and only what could be read."""
        batch: list[Record] = []
        for entry in self._entries():
            batch.append(record_of(entry, fields))
            if len(batch) == BATCH_SIZE:
                yield batch
                batch = []
        if batch:
            yield batch

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (DN, values of field) of everything, or of a container and what is in it. Raises for an unreadable entry."""
        below = None if within is None else names.normalise(within)
        for entry in self._entries():
            if entry.problem:
                raise EndpointError(entry.problem)
            assert entry.dn is not None
            if below is None or names.is_within(names.normalise(entry.dn), below):
                yield entry.dn, record_of(entry, [field]).values.get(field, [])

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
        """Names are compared without regard to case and runs of spaces."""
        return names.normalise(id)

    def close(self) -> None:
        """Nothing is kept open."""

    def _entries(self) -> Iterator[Entry]:
        with self.blocks() as blocks:
            yield from (block for block in blocks if block.dn is not None)

    @contextmanager
    def blocks(self) -> Iterator[Iterator[Entry]]:
        """Open the file; leaving the block normally proves that nobody wrote to it meanwhile."""
        with open_file(self.path, self.label) as stream:
            version = FileVersion.of(stream)
            yield read_entries(stream, self.label)
            version.must_still_be(self.path, self.label)


def attribute_rule(name: str) -> FieldRule:
    """What an LDIF file can hold in a field."""
    if name.lower() == DN_FIELD:
        return FieldRule(name, single=True, normalise=lambda value: names.normalise(value.decode(errors="replace")).encode())
    if name.lower().partition(";")[0] in _REFERENCES:
        return FieldRule(name, reference=True, normalise=_normalised_name)
    return FieldRule(name)


def _normalised_name(value: bytes) -> bytes:
    return names.normalise(value.decode(errors="surrogateescape")).encode(errors="surrogateescape")


def record_of(entry: Entry, fields: Sequence[str]) -> Record:
    """An entry with the fields asked for, spelled as they were asked for."""
    assert entry.dn is not None
    held = {name.lower(): values for name, values in entry.attributes.items()}
    values = {field: held[field.lower()] for field in fields if field.lower() in held}
    for field in fields:
        if field.lower() == DN_FIELD and entry.named:
            values[field] = [entry.dn.encode()]
    return Record(entry.dn, values, entry.problem)
