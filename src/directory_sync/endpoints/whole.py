"""What files and tables have in common: they are read as a whole, and have no containers.

Bases of their endpoints. What a directory has beyond that is answered here once: there is no such thing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Generator, Iterator, Sequence

from directory_sync.definition.problems import nearest
from directory_sync.endpoints.contract import Batch, Can, FieldRule, Image, Names, ObjectModel, Record
from directory_sync.endpoints.evidence import Evidence
from directory_sync.errors import EndpointError, SchemaError


class WholeSource(ABC):
    """A source that is read as a whole. One without a filter has to say only what is abstract here."""

    label: str
    kind: str
    """What it is, in messages: `CSV`."""
    names: Names
    can: frozenset[Can] = frozenset()
    warnings: tuple[str, ...] = ()

    @property
    @abstractmethod
    def identity(self) -> str:
        """The same for two endpoints exactly if they reach the same data."""

    @abstractmethod
    def check(self) -> None:
        """See that it is there and can be read. Raises EndpointError."""

    @abstractmethod
    def fields(self) -> Collection[str] | None:
        """The fields that records can have, or None if that cannot be told."""

    @abstractmethod
    def rule(self, name: str) -> FieldRule | None:
        """What is known of a field; None if there is no such field."""

    @abstractmethod
    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield all selected records, and return how their end was proven (`evidence.witnessed`).

        Raises where there may be more.
        """

    def no_field(self, name: str) -> SchemaError:
        """Names the field that is nearest."""
        known = tuple(self.fields() or ())
        near = nearest(name, known)
        remedy = f"Did you mean {near!r}?" if near else f"There are: {', '.join(known)}."
        return SchemaError(f"there is no field {name!r}.", endpoint=self.label, remedy=remedy)

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """Yield (id, values of field) of all records.

        Raises EndpointError for `within`, and for a record that cannot be read.
        """
        self.refuse_containers(within)
        for batch in self.read([field]):
            for record in batch:
                if record.problem:
                    raise EndpointError(record.problem)
                yield record.id, record.values.get(field, [])

    def selects(self, record: Record) -> bool:  # noqa: ARG002 - without a filter, everything
        """Whether a record would be in the listing."""
        return True

    def refuse_containers(self, within: str | None) -> None:
        """Raise EndpointError if only a container is asked for."""
        if within is not None:
            raise EndpointError(
                f"a {self.kind} file has no containers.", endpoint=self.label, remedy="Leave out within:."
            )

    def containers(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def reached(self) -> frozenset[str]:
        """Itself."""
        return frozenset({self.identity})

    @property
    def region(self) -> None:
        """It is read as a whole."""
        return

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """Nothing is kept open."""


class WholeDestination(WholeSource):
    """A destination of which everything is managed, and objects are told apart by their keys.

    Combine it with the source of the same kind.
    """

    objects: ObjectModel | None = None
    identity_field: str | None = None
    is_identified = True

    @property
    def areas(self) -> tuple[str, ...]:
        """Itself, as a whole."""
        return (self.identity,)

    def children(self, ids: Collection[str]) -> dict[str, list[str]]:  # noqa: ARG002 - no containers
        """None: nothing is in anything else."""
        return {}

    def identities(self, ids: Collection[str], *, among: int) -> dict[str, bytes]:  # noqa: ARG002 - no identities
        """None: keys are all that tells objects apart."""
        return {}

    def find(self, field: str, values: Sequence[bytes], fields: Sequence[str]) -> Iterator[Record]:
        """Yield every record in whose field one of the values is."""
        wanted = set(values)
        for batch in self.read(list(dict.fromkeys([*fields, field]))):
            for record in batch:
                if not wanted.isdisjoint(record.values.get(field, ())):
                    yield record

    def exists(self, id: str) -> bool:
        """Everything is managed, so nothing exists that `read` does not yield."""
        return any(record.id == id for batch in self.read(()) for record in batch)

    images_at_once = 50_000
    """It is read as a whole for them."""

    def images(self, ids: Collection[str]) -> Iterator[Image]:
        """The records of these ids, with all their fields.

        Raises EndpointError where `fields` is None: who does not list fields has to override this.
        """
        left, fields = set(ids), self.fields() if ids else ()
        if fields is None:
            raise EndpointError(
                "it is not known which fields its records have, so they cannot be kept as they are before"
                " they are removed.",
                endpoint=self.label,
                remedy=f"{type(self).__name__} has to override images().",
            )
        for batch in self.read(tuple(fields)) if left else ():
            for record in batch:
                if record.id in left:
                    left.discard(record.id)
                    yield Image(record.id, record.values, problem=record.problem)

    def stored(self, id: str, field: str, values: Sequence[bytes]) -> Collection[bytes]:  # noqa: ARG002 - nothing is computed
        """All of them."""
        return values
