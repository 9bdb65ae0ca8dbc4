"""What looks answer: plain data, of which nothing is secret."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import TypeAdapter

from directory_sync.looking.bounds import Cut


class Holds(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    NUMBER = "number"
    TIME = "time"
    TRUTH = "truth"
    """True or false."""
    REFERENCE = "reference"
    """DNs of other objects."""
    BINARY = "binary"


@dataclass(frozen=True, slots=True)
class Value:
    """One value.

    Attributes:
        text: the value, or its beginning; empty for what is no text.
        size: in bytes.
        binary: it is no text.
        cut: `text` is not all of it.
    """

    text: str
    size: int
    binary: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """The server answers and has accepted the login.

    Attributes:
        server: its address.
        login: as whom; empty for an anonymous session.
        flavour: `active_directory`, `openldap`, `generic`.
        vendor: name and version, as far as it tells.
        contexts: naming contexts.
        warnings: what is unsafe, one sentence each.
    """

    server: str
    login: str
    flavour: str
    vendor: str
    contexts: tuple[str, ...]
    warnings: tuple[str, ...]
    look: Literal["test"] = "test"


@dataclass(frozen=True, slots=True)
class Container:
    """One container: its DN, and what it is called below its parent."""

    dn: str
    name: str


@dataclass(frozen=True, slots=True)
class Level:
    """Containers directly below one.

    Attributes:
        cut: why there may be more.
    """

    under: str
    containers: tuple[Container, ...]
    cut: Cut
    look: Literal["containers"] = "containers"


@dataclass(frozen=True, slots=True)
class Counted:
    """Objects under each container directly below one, the container itself not counted.

    Attributes:
        counts: DN of a container → objects; without those under which none was seen.
        total: objects below `under`.
        cut: why all of these numbers are only the least that there are.
    """

    under: str
    counts: dict[str, int]
    total: int
    cut: Cut
    look: Literal["counts"] = "counts"


@dataclass(frozen=True, slots=True)
class AttributeFacts:
    """What the schema says of an attribute.

    Attributes:
        single: at most one value; None where that is not known.
        mandatory: objects of the classes that were asked about must have it.
        writable: can be set.
        secret: holds passwords; its values are never shown.
    """

    name: str
    holds: Holds
    single: bool | None
    mandatory: bool = False
    writable: bool = True
    secret: bool = False


@dataclass(frozen=True, slots=True)
class SchemaFacts:
    """Classes and attributes of a server.

    Attributes:
        any_attribute: objects of the classes that were asked about may have any attribute.
    """

    classes: tuple[str, ...]
    attributes: tuple[AttributeFacts, ...]
    any_attribute: bool
    cut: Cut
    look: Literal["schema"] = "schema"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file: path in the data folder, bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class FileList:
    """Files of the data folder."""

    files: tuple[FileFacts, ...]
    cut: Cut
    look: Literal["files"] = "files"


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """One record.

    Attributes:
        id: DN, or place in the file.
        values: field → its first values; secret fields are absent.
        more: fields of which there are more values than are shown.
        problem: why it cannot be used.
    """

    id: str
    values: dict[str, tuple[Value, ...]]
    more: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Records:
    """The first records of a place.

    Attributes:
        filter: by which they are selected, as it takes effect; empty for none.
        count: how many there are; at least so many if `cut` says why.
        hidden: fields that records have and that are not shown, as they hold secrets.
    """

    filter: str
    records: tuple[ShownRecord, ...]
    count: int
    cut: Cut
    hidden: tuple[str, ...] = ()
    look: Literal["records"] = "records"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """One field of a place.

    Attributes:
        facts: what the schema says.
        filled: how many of the records that were looked at have a value.
        samples: up to three values; none of a secret field.
    """

    facts: AttributeFacts
    filled: int
    samples: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a place, those that are filled most first.

    Attributes:
        sampled: records that were looked at.
        cut: why not all were.
    """

    fields: tuple[FieldFacts, ...]
    sampled: int
    cut: Cut
    look: Literal["fields"] = "fields"


class Treatment(StrEnum):
    """What is done with a field of one record."""

    COMPUTED = "computed"
    LEFT_ALONE = "left_alone"
    """The source has no value, and the destination keeps its own."""
    LOOKED_UP = "looked_up"
    """At the destination, for all records together."""
    GENERATED = "generated"
    HIDDEN = "hidden"
    """It holds secrets."""
    SKIPS = "skips"
    """The whole record is left out."""
    FAILS = "fails"
    """The whole record fails."""


@dataclass(frozen=True, slots=True)
class MappedField:
    """A destination field of one record.

    Attributes:
        expression: as the definition writes it, shortened.
        inputs: source field → its values.
        result: values; none for what is not computed, or has none.
        problem: why the record is left out, or fails.
    """

    name: str
    expression: str
    inputs: dict[str, tuple[Value, ...]]
    result: tuple[Value, ...]
    treatment: Treatment
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Examples:
    """One field of some records: id of the record, and the field. Without an id: one that lacks the input."""

    rows: tuple[tuple[str, MappedField], ...]
    look: Literal["example"] = "example"


class Outcome(StrEnum):
    """What a job would do with a record."""

    NOT_FOUND = "not_found"
    OUT_OF_SCOPE = "out_of_scope"
    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DISABLE = "disable"
    DELETE = "delete"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Condition:
    """A part of the filter, and whether the record meets it."""

    text: str
    met: bool


@dataclass(frozen=True, slots=True)
class TriedRecord:
    """A record on its way through a job; later parts are empty where it does not get so far.

    Attributes:
        found: records with this value; the first one is told of.
        id: of the record.
        outcome: what would happen.
        conditions: of the source's filter.
        mapped: the fields.
        matched: managed objects with its key.
        changes: lines as in the log.
        problems: why it is not applied.
    """

    found: int
    id: str
    outcome: Outcome
    conditions: tuple[Condition, ...] = ()
    mapped: tuple[MappedField, ...] = ()
    matched: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    look: Literal["record"] = "record"


Answer = ServerFacts | Level | Counted | SchemaFacts | FileList | Records | Fields | TriedRecord | Examples
ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
