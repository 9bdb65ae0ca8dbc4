"""What every endpoint offers, whatever it is: a directory, a file, a table. docs/adding-an-endpoint.md tells
how to add one.

Values are bytes and fields hold lists of them, because that is what the fastest path compares; text is UTF-8.
Field names are matched without regard to case.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from directory_sync.definition.regions import Region
from directory_sync.endpoints.change import Change, Outcome
from directory_sync.endpoints.evidence import Evidence
from directory_sync.endpoints.exchanges import Part
from directory_sync.errors import SchemaError


class Record(NamedTuple):
    """One record as an endpoint returns it.

    Attributes:
        id: the DN, or for a file the place of the row (`line 12`) as a source and the key as a destination;
            empty where such a row has no key.
        values: field name as the endpoint writes it → values. Absent fields are absent.
        problem: why the record cannot be used (a row with too few columns, say); then `values` holds only
            what is certain. Of a source, it counts as present and failed, never as missing. Of a destination,
            it is never matched or removed, and nothing is created that has its key; what must not be passed
            over raises instead.
        cut_off: the listing may end here although there was more: nothing is to be concluded from absence.
        line: of a file, where the record begins, from 1; 0 where there are no lines.
    """

    id: str
    values: Mapping[str, list[bytes]]
    problem: str = ""
    cut_off: bool = False
    line: int = 0


Batch = Sequence[Record]


@dataclass(frozen=True, slots=True)
class ConnectionInfo:
    """An Airflow connection, without Airflow. `repr` shows no password and no extra."""

    id: str
    type: str
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Connections(Protocol):
    """Finds connections by id; raises EndpointError with a remedy when there is none."""

    def get(self, connection_id: str) -> ConnectionInfo:
        """The connection of that id."""


class Surroundings(Protocol):
    """What an endpoint may need that a job does not say."""

    @property
    def connections(self) -> Connections:
        """Finds connections by id."""

    @property
    def data_folder(self) -> Path:
        """Files are relative to it and may not leave it."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """What the endpoint's schema says of one field.

    Attributes:
        name: as the endpoint writes it.
        described: one name for the field, whichever of its names is given; empty: it has no other names.
        single: holds at most one value.
        equality: values can be deleted one by one (RFC 4517, section 4.2).
        reference: values are DNs of other objects.
        binary: values are not text.
        writable: can be set by us.
        password: holds passwords, whichever of its names is given.
        normalise: two values are the same exactly if their normalised forms are.
        spelled: two values are the same to the letter exactly if these forms are; how the endpoint itself
            writes does not count.
        canonical: the form in which a value is written, where the endpoint knows only one (`200` for
            `00200`).
        check: says what is wrong with a value's syntax, or None.
    """

    name: str
    described: str = ""
    single: bool = False
    equality: bool = True
    reference: bool = False
    binary: bool = False
    writable: bool = True
    password: bool = False
    normalise: Callable[[bytes], bytes] = bytes
    spelled: Callable[[bytes], bytes] = bytes
    canonical: Callable[[bytes], bytes] = bytes
    check: Callable[[bytes], str | None] = lambda value: None


NONE_WITHHELD: Mapping[int, str] = MappingProxyType({})
"""All changes may be sent; see `Destination.write`."""


class Can(Enum):
    """What endpoints differ in. Planning asks for these, never for the kind of an endpoint."""

    RENAME = auto()
    """New objects are named by an attribute, and an object gets another name when that gets another value."""
    HOLD_OTHERS = auto()
    """Objects may be there that `read` does not yield: they can be looked up, and their names are taken."""
    WRITE_AT_ONCE = auto()
    """All changes of a plan take effect in one step, so that none has to make room for another."""
    BE_FORESEEN = auto()
    """A preview can show it as it will be after what an earlier job plans."""


class Names(Protocol):
    """How the objects of an endpoint are named: DNs (`DnNames`), or the keys of rows (`rows.RowNames`)."""

    def normalise(self, id: str) -> str:
        """Two ids name the same object exactly if their normalised forms are equal."""

    def path(self, id: str) -> tuple[str, ...]:
        """An object's place: the normalised ids of the containers above it from the top downwards, and its
        own.
        """

    def parent(self, id: str) -> str | None:
        """The id of the container that holds the object; None where there are no containers."""

    def made_of(self, naming: str) -> tuple[str, ...]:
        """The fields, lower case, that ids are made of besides keys, if `naming` names objects in a
        directory.
        """

    def new(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:
        """The id of a new object with these values.

        Args:
            naming: the field that names it in a directory; a file has rules of its own (the key of a row, a
                mapped `dn`).
            values: of all its fields.
            container: where it goes; the empty text where there are no containers.

        Raises RecordError if a value that names the object is missing or cannot be used.
        """

    def renamed(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:
        """The id that the object must have so that its name agrees with new field values; the same id if it
        does already.

        `exact`: fields, lower case, with whose spelling the name has to agree too.

        Raises RecordError if a field that names the object would lose its value.
        """

    def moved(self, id: str, container: str) -> str:
        """The id of the object after moving it to another container."""

    def fixed_values(self, id: str) -> Sequence[tuple[str, bytes]]:
        """Fields and values that an object of this id has by its name alone, whatever a record says: they
        cannot be removed.

        None where the values of the fields decide about the name, and where there are no names.
        """

    def is_made_of(self, id: str, field: str, value: bytes) -> bool:
        """Whether a normalised value of a field is a part of the id and must be unique there."""

    def temporary(self, id: str, identity: bytes, number: int) -> str | None:
        """An id that the object can have while it exchanges its own with others; None if there is none.

        The same for the same object, so that a plan is the same each time it is made; `number` tells several
        apart.
        """


class ObjectModel(Protocol):
    """The classes of objects, and which fields they must and may have."""

    def classes(self, kind: str) -> tuple[str, ...]:
        """The classes of a new object of this kind (`user`, `group`, …); empty where there is no such
        thing.
        """

    def mandatory(self, classes: Sequence[str]) -> frozenset[str]:
        """Fields that objects of these classes must have.

        Raises SchemaError for a class that the endpoint lacks.
        """

    def allowed(self, classes: Sequence[str]) -> frozenset[str] | None:
        """Fields that objects of these classes may have, lower case; None if there is no such restriction."""


class LdifForm(NamedTuple):
    """How changes to one kind of endpoint are written as LDIF where it cannot be asked.

    Attributes:
        render: a part of a change as change records (RFC 2849).
        names: how objects are named, as far as that is known without a schema.
    """

    render: Callable[[Change, Part], str]
    names: Names


class Image(NamedTuple):
    """One object as it is.

    Attributes:
        id: by which it was asked for.
        values: everything that may be read of it, by field.
        identity: what stays the same when it is renamed, if it shows such a thing.
        problem: why it cannot be read; then there are no values.
    """

    id: str
    values: Mapping[str, Sequence[bytes]]
    identity: bytes | None = None
    problem: str = ""


class Source(Protocol):
    """A place that records are read from."""

    @property
    def label(self) -> str:
        """How messages name it: connection and place, no secret."""

    @property
    def identity(self) -> str:
        """The same for two endpoints exactly if they reach the same data (server or file), for overlays and
        leases.
        """

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is unsafe about it (TLS switched off, say), one sentence each."""

    @property
    def can(self) -> frozenset[Can]:
        """What sets it apart from other endpoints."""

    @property
    def names(self) -> Names:
        """How its objects are named."""

    def check(self) -> None:
        """Connect, log in and see that the container or file is there. Raises EndpointError."""

    def containers(self) -> tuple[str, ...]:
        """Normalised ids of the containers that `check` looks for; none for a file."""

    @property
    def reached(self) -> frozenset[str]:
        """Names of all places that reading may reach: if two endpoints have one in common, they read the same
        data there.
        """

    @property
    def region(self) -> Region | None:
        """Where it looks for records, in the terms of `Names.path`; None for a file, which is read as a
        whole.
        """

    def fields(self) -> Collection[str] | None:
        """The fields that records can have, or None if that cannot be told."""

    def rule(self, name: str) -> FieldRule | None:
        """What is known of a field; None if the endpoint has no such field."""

    def no_field(self, name: str) -> SchemaError:
        """What to raise where a field is asked for that records cannot have; its remedy says which there
        are.
        """

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all selected records with these fields, and return how the listing ended.

        Returns only if the listing is provably complete, else raises IncompleteListing; a source may return
        evidence that says that more may be lacking, and then nothing is concluded from absence. Field names
        in the records are spelled as in `fields`. May be called in a forked child: it opens connections of
        its own.
        """

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (id, values of field) of everything in the naming context, or within a container.

        Complete, or raises.
        """

    def selects(self, record: Record) -> bool:
        """Whether a record, given all its fields, would be in the listing that `read` yields."""

    def close(self) -> None:
        """Give all connections back. May be called twice."""


class Destination(Source, Protocol):
    """A place that records are written to. `read` yields the managed objects."""

    @property
    def areas(self) -> tuple[str, ...]:
        """Normalised ids of the containers that writing here touches, for leases."""

    @property
    def objects(self) -> ObjectModel | None:
        """Classes of objects; None for rows, which have none."""

    @property
    def identity_field(self) -> str | None:
        """The field that names an object permanently (entryUUID, objectGUID), or None."""

    @property
    def is_identified(self) -> bool:
        """Whether `identity` is certain: the same through every connection, and no other place has it."""

    def children(self, ids: Collection[str]) -> dict[str, list[str]]:
        """For those of these objects that hold others: the ids of what is directly below them.

        Raises EndpointError.
        """

    def identities(self, ids: Collection[str], *, among: int) -> dict[str, bytes]:
        """The identities of objects that are there, by their ids; without those that show none.

        `among`: about how many objects the destination holds, so that it can choose between asking for each
        and listing all. Raises EndpointError.
        """

    def exists(self, id: str) -> bool:
        """Whether an object has this id, managed or not."""

    def find(self, field: str, values: Sequence[bytes], fields: Sequence[str]) -> Iterator[Record]:
        """Yield every object, managed or not, in whose field one of the values is.

        Complete, or raises IncompleteListing.
        """

    def stored(self, id: str, field: str, values: Sequence[bytes]) -> Collection[bytes]:
        """Those of an object's values that are stored, and can be taken away: a directory may show values
        that it computes.
        """

    @property
    def images_at_once(self) -> int:
        """Of about how many objects `images` is best asked."""

    def images(self, ids: Collection[str]) -> Iterable[Image]:
        """Those of these objects that are there as they are now, with everything that may be read of them.

        An id without an image says that no object has it. What may be there and cannot be read has an image
        with a `problem`.

        Raises EndpointError if it cannot be told of any what there is.
        """

    def render(self, change: Change, part: Part = Part.WHOLE) -> str:
        """The change, or a part of it, as LDIF change records (RFC 2849), or as a comment where there is no
        such form.
        """

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:
        """Tell of changes that may have been written whether they were, by looking at their objects. Writes
        nothing.

        An outcome is found done, not done, or uncertain where the object does not tell; then its message says
        what was found.

        Args:
            changes: place in the plan, and the change.
            renamed: ids before → ids after, of the objects that the same plan has certainly renamed.

        Raises EndpointError where nothing can be told now.
        """

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
        withheld: Mapping[int, str] = NONE_WITHHELD,
        absent: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Apply changes, in an order that respects `after`, and yield an outcome for each.

        Args:
            changes: place in the plan, and the change.
            before_send: called before each single send; raises (LeaseLost) when nothing more may be written,
                or RunStopped when nothing more may begin: a change of which a part was sent is finished then,
                and changes of which nothing was sent are `not_done`, or have no outcome.
            verify: places of changes that an earlier attempt may have applied already: looked at first.
            withheld: places of changes that must not be sent, and why. They fail when their turn comes, and
                so does what needs an object that they would have created or renamed. A place is added no
                later than its change is given, so look when that comes.
            absent: places, added likewise, of changes for whose objects there was no image. They are looked
                at first, and fail if the object is there after all, by the id that it has before the change:
                nothing has kept what it is like.

        Raises EndpointUnavailable when it gives up after repeated connection errors; what was answered has
        been yielded.
        """
