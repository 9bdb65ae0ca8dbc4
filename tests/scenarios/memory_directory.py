"""A directory in memory that honours the endpoint protocol: what unit tests plan and apply against."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from directory_sync.definition.addresses import Scope
from directory_sync.definition.regions import Region
from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.contract import NONE_WITHHELD, Batch, Can, FieldRule, Image, Record
from directory_sync.endpoints.evidence import Asked, End, Evidence, witnessed
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.unwritten import APPEARED
from directory_sync.errors import IncompleteListing, RecordError, SchemaError


def fold(value: bytes) -> bytes:
    """Values that differ in case only are the same, as caseIgnoreMatch has it."""
    return value.decode(errors="surrogateescape").casefold().encode(errors="surrogateescape")


@dataclass
class MemoryDirectory:
    """Objects by id (`cn=value,container`); everything below `base` is managed.

    Attributes:
        entries: id → field → values.
        rules: rules of fields that are not ordinary text.
        hidden: ids of objects that the filter does not select.
        cut_after: the listing ends after so many objects without being complete.
        log: every change that was written, in order.
    """

    entries: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    base: str = "dc=x"
    rules: dict[str, FieldRule] = field(default_factory=dict)
    known: tuple[str, ...] | None = None
    mandatory_fields: frozenset[str] = frozenset()
    cut_after: int | None = None
    hidden: set[str] = field(default_factory=set)
    log: list[Change] = field(default_factory=list)
    name: str = "memory"

    label = property(lambda self: f"connection {self.name}")
    identity = property(lambda self: self.name)
    areas = property(lambda self: (self.normalise(self.base),))
    identity_field: str | None = None
    is_identified: bool = True
    is_file: bool = False
    warnings: tuple[str, ...] = ()

    names = property(lambda self: self)
    objects = property(lambda self: self)
    can = frozenset({Can.BE_FORESEEN, Can.HOLD_OTHERS, Can.RENAME})

    def check(self) -> None: ...

    def made_of(self, naming: str) -> tuple[str, ...]:
        return (naming.lower(),)

    def containers(self) -> tuple[str, ...]:
        return (self.normalise(self.base),)

    def fields(self) -> Collection[str] | None:
        return self.known

    def no_field(self, name: str) -> SchemaError:
        return SchemaError(
            f"there is no field {name}.",
            endpoint=self.label,
            remedy=f"There are: {', '.join(self.known or ())}.",
        )

    def rule(self, name: str) -> FieldRule | None:
        if name.lower() in self.rules:
            return self.rules[name.lower()]
        return None if name == "nosuchfield" else FieldRule(name, normalise=fold)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        return witnessed(self._batches(fields), Asked(self.base, self.name, "subtree"))

    def _batches(self, fields: Sequence[str]) -> Generator[Batch, None, End]:
        seen = 0
        for id, values in list(self.entries.items()):
            if id in self.hidden or not self.normalise(id).endswith(self.normalise("," + self.base)):
                continue
            if seen == self.cut_after:
                raise IncompleteListing("the listing was cut.", endpoint=self.label)
            seen += 1
            yield [self._record(id, values, fields)]
        return End.WHOLE_ANSWER

    def _record(self, id: str, values: Mapping[str, list[bytes]], fields: Sequence[str]) -> Record:
        found = {name.lower(): held for name, held in values.items()}
        return Record(id, {name: list(found[name.lower()]) for name in fields if found.get(name.lower())})

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        for id, values in self.entries.items():
            record = self._record(id, values, (field,))
            if record.values and (within is None or id.endswith(within)):
                yield id, record.values[field]

    def selects(self, record: Record) -> bool:
        return self.normalise(record.id).endswith(self.normalise("," + self.base))

    @property
    def region(self) -> Region | None:
        return None if self.is_file else Region(self.path(self.base), Scope.SUBTREE)

    @property
    def reached(self) -> frozenset[str]:
        return frozenset({self.identity})

    def children(self, ids: Collection[str]) -> dict[str, list[str]]:
        found = {id: [other for other in self.entries if self.parent(other) == id] for id in ids}
        return {id: below for id, below in found.items() if below}

    def path(self, id: str) -> tuple[str, ...]:
        parts = self.normalise(id).split(",")
        return tuple(",".join(parts[place:]) for place in reversed(range(len(parts))))

    def normalise(self, id: str) -> str:
        return id.casefold()

    def close(self) -> None: ...

    def identities(self, ids: Collection[str], *, among: int) -> dict[str, bytes]:
        return {}

    def classes(self, kind: str) -> tuple[str, ...]:
        return ("top", kind)

    def mandatory(self, classes: Sequence[str]) -> frozenset[str]:
        return self.mandatory_fields

    def allowed(self, classes: Sequence[str]) -> frozenset[str] | None:
        return None

    def exists(self, id: str) -> bool:
        return self.normalise(id) in map(self.normalise, (*self.entries, self.base))

    def new(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:
        found = next((held for name, held in values.items() if name.lower() == naming.lower() and held), None)
        if found is None:
            raise RecordError("names the new object, but has no value.", field=naming)
        return f"{naming}={quote(found[0], safe='')},{container}"

    def parent(self, id: str) -> str | None:
        return id.partition(",")[2] or None

    def renamed(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:
        name, _, value = id.partition(",")[0].partition("=")
        new = {key.lower(): held for key, held in values.items()}.get(name.lower())
        if new is None or fold(unquote_to_bytes(value)) in map(fold, new):
            return id
        if not new:
            raise RecordError("names the object and would lose its value.", field=name)
        return self.new(name, {name: sorted(new)}, self.parent(id) or "")

    def fixed_values(self, id: str) -> Sequence[tuple[str, bytes]]:
        return ()

    def moved(self, id: str, container: str) -> str:
        return f"{id.partition(',')[0]},{container}"

    def find(self, field: str, values: Sequence[bytes], fields: Sequence[str]) -> Iterator[Record]:
        wanted = set(map(fold, values))
        for id, held in list(self.entries.items()):
            found = self._record(id, held, (field,)).values.get(field, [])
            if any(fold(value) in wanted for value in found):
                yield self._record(id, held, fields)

    def is_made_of(self, id: str, field: str, value: bytes) -> bool:
        name, _, held = id.partition(",")[0].partition("=")
        return name.lower() == field.lower() and fold(unquote_to_bytes(held)) == value

    def temporary(self, id: str, identity: bytes, number: int) -> str | None:
        name = id.partition("=")[0]
        return f"{name}=exchange-{identity.hex()}-{number},{self.parent(id)}"

    def stored(self, id: str, field: str, values: Sequence[bytes]) -> Collection[bytes]:
        return values

    def render(self, change: Change, part: Part = Part.WHOLE) -> str:
        return f"# {change.action} {change.object}\n"

    images_at_once = 200

    def images(self, ids: Collection[str]) -> Iterator[Image]:
        """Objects with all their values."""
        there = {self.normalise(id): values for id, values in self.entries.items()}
        for id in ids:
            if (values := there.get(self.normalise(id))) is not None:
                yield Image(id, {name: list(held) for name, held in values.items()})

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:
        for sequence, change in changes:
            there = self.exists(change.final_object)
            yield Outcome(
                sequence,
                Result.FOUND_DONE if there is not (change.action is Action.DELETE) else Result.NOT_DONE,
            )

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
        withheld: Mapping[int, str] = NONE_WITHHELD,
        absent: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        for sequence, change in changes:
            if sequence in withheld:
                yield Outcome(sequence, Result.FAILED, withheld[sequence])
                continue
            if sequence in absent and self.exists(change.object):
                yield Outcome(sequence, Result.FAILED, APPEARED)
                continue
            before_send()
            problem = self._carry_out(change)
            self.log.append(change)
            yield Outcome(sequence, Result.CONFLICT if problem else Result.DONE, problem)

    def _carry_out(self, change: Change) -> str:  # noqa: C901, PLR0912 - the rules of a directory, one after another
        ids = {self.normalise(id): id for id in self.entries}
        now = ids.get(self.normalise(change.object))
        if change.action is Action.CREATE:
            if now is not None:
                return "exists"
            if not self.exists(self.parent(change.object) or ""):
                return "no container"
            created = self.entries[change.object] = {}
            for item in change.fields:
                created.setdefault(item.field, []).extend(item.new)
            return ""
        if now is None:
            return "gone"
        if change.action is Action.DELETE:
            if any(self.normalise(id).endswith("," + self.normalise(now)) for id in self.entries):
                return "not a leaf"
            del self.entries[now]
            return ""
        if change.new_object is not None:
            taken = self.normalise(change.new_object)
            if taken in ids and ids[taken] != now:
                return "taken"
            self.entries = {
                change.new_object if id == now else id: values for id, values in self.entries.items()
            }
            now = change.new_object
        for item in change.fields:
            values = self.entries[now]
            name = next((key for key in values if key.lower() == item.field.lower()), item.field)
            if item.partial:
                values[name] = [value for value in values.get(name, []) if value not in item.old] + list(
                    item.new
                )
            elif sorted(values.get(name, [])) != sorted(item.old):
                return f"{item.field} is not as it was"
            else:
                values[name] = list(item.new)
            if not values[name]:
                del values[name]
        return ""
