"""Finds, for objects that a source field names, their counterparts at the destination: `members` and
`resolve`.

Each side is read once for each `match` field, both at the same time: (object → value of the field) at the
source, (value → object) at the destination.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from directory_sync.endpoints.change import FieldChange
from directory_sync.endpoints.contract import Destination, Source
from directory_sync.plan.listing import ReadSides, Side, Sink
from directory_sync.plan.spool import Spool

_SEVERAL = ""
_ANY_TEXT = "surrogatepass"


@dataclass(slots=True)
class Found:
    """The result of the values of one field of one record.

    Attributes:
        ids: the counterparts' ids.
        missing: source values without a counterpart.
        ambiguous: source values with several counterparts.
    """

    ids: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)


class _ByField:
    """Counterparts by one field.

    Attributes:
        match: the field.
        normalise: gives the form of its values in which equal ones are equal.
        keys_by_id: normalised source id → normalised values there; None where the source's values are those
            of the field itself.
    """

    def __init__(self, match: str, normalise: Callable[[bytes], bytes], *, by_id: bool) -> None:
        self.match = match
        self.normalise = normalise
        self.keys_by_id: dict[str, Sequence[bytes]] | None = {} if by_id else None
        self._ids_by_key: dict[bytes, str] = {}

    def add(self, key: bytes, identifier: str) -> None:
        """Let an object at the destination have a normalised value."""
        known = self._ids_by_key.get(key)
        if known is None:
            self._ids_by_key[key] = identifier
        elif known != identifier:
            self._ids_by_key[key] = _SEVERAL

    def change_values(
        self, changed: Sequence[tuple[str, FieldChange]], normalise_id: Callable[[str], str]
    ) -> None:
        """Let changes of the field count: each is the id of the object now, and what happens to the field."""
        # All old values go first, for another object may get what one gives up.
        for identifier, item in changed:
            for key in map(self.normalise, item.old):
                known = self._ids_by_key.get(key)
                if known and normalise_id(known) == normalise_id(identifier):
                    del self._ids_by_key[key]
        for identifier, item in changed:
            for key in map(self.normalise, item.new):
                self.add(key, identifier)

    def change_ids(
        self, moved: Mapping[str, str], deleted: set[str], normalise_id: Callable[[str], str]
    ) -> None:
        """Let objects have the ids that they will have. All are normalised but the new ones."""
        for key, identifier in list(self._ids_by_key.items()):
            known = normalise_id(identifier) if identifier else ""
            if known in deleted:
                del self._ids_by_key[key]
            elif known in moved:
                self._ids_by_key[key] = moved[known]

    def hits(self, value: bytes, id: str) -> set[str]:
        """The ids of a source value's counterparts; `_SEVERAL` stands for more than one.

        `id`: the value as normalised id.
        """
        keys = (self.normalise(value),) if self.keys_by_id is None else self.keys_by_id.get(id, ())
        if len(keys) == 1:
            hit = self._ids_by_key.get(keys[0])
            return set() if hit is None else {hit}
        return {hit for key in keys if (hit := self._ids_by_key.get(key)) is not None}


class ReferenceIndex:
    """Counterparts by fields that have the same value on both sides; of several fields the first counts under
    which there is one.

    Where the source field does not hold ids of objects (a CSV column with user names, say), its values are
    taken as the values of the match field themselves.
    """

    def __init__(
        self,
        source: Source,
        destination: Destination,
        source_field: str,
        matches: Sequence[str],
        within: str | None,
        read_sides: ReadSides,
    ) -> None:
        self._source_id = source.names.normalise
        self._destination = destination
        source_rule = source.rule(source_field)
        by_id = source_rule is not None and source_rule.reference
        self._fields = [_ByField(match, _normaliser(destination, match), by_id=by_id) for match in matches]
        sides = [Side(destination.label, partial(self._read_destination, within), Spool())]
        if by_id:
            sides.append(Side(source.label, partial(self._read_source, source), Spool()))
        for side, rows, *_ in read_sides(tuple(sides)):
            for keys, mark, _ in rows:
                by_field = self._fields[mark[0]]
                identifier = mark[1:].decode(errors=_ANY_TEXT)
                if side == 1:
                    assert by_field.keys_by_id is not None
                    by_field.keys_by_id[identifier] = keys
                else:
                    for key in keys:
                        by_field.add(key, identifier)
        for one in sides:
            one.spool.close()

    def _read_source(self, source: Source, sink: Sink) -> None:
        normalise_id = source.names.normalise
        for number, by_field in enumerate(self._fields):
            place, normalise_value = bytes([number]), by_field.normalise
            for identifier, values in source.index(by_field.match, None):
                sink.add(
                    tuple(map(normalise_value, values)),
                    place + normalise_id(identifier).encode(errors=_ANY_TEXT),
                    b"",
                )

    def _read_destination(self, within: str | None, sink: Sink) -> None:
        for number, by_field in enumerate(self._fields):
            place, normalise_value = bytes([number]), by_field.normalise
            for identifier, values in self._destination.index(by_field.match, within):
                sink.add(
                    tuple(map(normalise_value, values)), place + identifier.encode(errors=_ANY_TEXT), b""
                )

    def add_planned(
        self,
        changes_of: Callable[[str], Iterable[tuple[str, FieldChange]]],
        moved: Mapping[str, str],
        deleted: set[str],
        created: Callable[[str], Iterable[tuple[str, FieldChange]]],
    ) -> None:
        """Let the plan that is being made count: new values and ids of objects, without those it deletes,
        with those it creates.

        Args:
            changes_of: gives, for a match field, (id now, change of the field) of each object that is
                changed.
            moved: normalised id now → id afterwards.
            deleted: normalised ids.
            created: gives, for a match field, (id, the field) of each new object.
        """
        normalise_id = self._destination.names.normalise
        for by_field in self._fields:
            by_field.change_values(list(changes_of(by_field.match)), normalise_id)
            if moved or deleted:
                by_field.change_ids(moved, deleted, normalise_id)
            for identifier, item in created(by_field.match):
                for value in item.new:
                    by_field.add(by_field.normalise(value), identifier)

    def find(self, values: Sequence[bytes]) -> Found:
        """The counterparts of the objects that a source field's values name."""
        found = Found()
        for value in values:
            text = value.decode(errors="replace")
            id = self._source_id(text)
            hits: set[str] = set()
            for by_field in self._fields:
                # A value of the first field that no one has at the destination may belong to what is known
                # there by the next.
                if hits := by_field.hits(value, id):
                    break
            if not hits:
                found.missing.append(text)
            elif len(hits) > 1 or _SEVERAL in hits:
                found.ambiguous.append(text)
            else:
                found.ids.append(hits.pop())
        return found


def _normaliser(destination: Destination, match: str) -> Callable[[bytes], bytes]:
    rule = destination.rule(match)
    return rule.normalise if rule else bytes
