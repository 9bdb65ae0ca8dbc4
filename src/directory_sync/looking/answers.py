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


Answer = ServerFacts | Level | Counted | SchemaFacts | FileList | Records | Fields
ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
