"""Finds, for objects that a source field names, their counterparts at the destination: `members` and `resolve`.

Each side is read once, both at the same time: (object → value of the `match` field) at the source, (value → object) at the
destination.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from directory_sync.endpoints.change import FieldChange
from directory_sync.endpoints.protocol import Destination, Source
from directory_sync.plan.listing import Side, Sink, read_sides
from directory_sync.plan.spool import Spool

_SEVERAL = ""
_ANY_TEXT = "surrogatepass"


@dataclass(slots=True)
class Found:
    """What became of the values of one field of one record.

    Attributes:
        ids: the counterparts' ids.
        missing: source values without a counterpart.
        ambiguous: source values with several counterparts.
    """

    ids: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    ambiguous: list[str] = field(default_factory=list)


class ReferenceIndex:
    """Counterparts by a field that has the same value on both sides.

    Where the source field does not hold ids of objects (a CSV column with user names, say), its values are taken as the
    values of the match field themselves.
    """

    def __init__(self, source: Source, destination: Destination, source_field: str, match: str, within: str | None) -> None:
        rule = destination.rule(match)
        self._normalise_value = rule.normalise if rule else bytes
        self._source_id = source.normalise_id
        self._destination = destination
        source_rule = source.rule(source_field)
        self._keys_by_id: dict[str, Sequence[bytes]] | None = None
        self._ids_by_key: dict[bytes, str] = {}
        sides = [Side(destination.label, partial(self._read_destination, match, within), Spool())]
        if source_rule is not None and source_rule.reference:
            self._keys_by_id = {}
            sides.append(Side(source.label, partial(self._read_source, source, match), Spool()))
        for side, rows, _, _ in read_sides(tuple(sides)):
            for keys, mark, _ in rows:
                identifier = mark.decode(errors=_ANY_TEXT)
                if side == 1:
                    assert self._keys_by_id is not None
                    self._keys_by_id[identifier] = keys
                else:
                    for key in keys:
                        self._add(key, identifier)
        for one in sides:
            one.spool.close()

    def _read_source(self, source: Source, match: str, sink: Sink) -> None:
        normalise_value, normalise_id = self._normalise_value, source.normalise_id
        for identifier, values in source.index(match, None):
            sink.add(tuple(map(normalise_value, values)), normalise_id(identifier).encode(errors=_ANY_TEXT), b"")

    def _read_destination(self, match: str, within: str | None, sink: Sink) -> None:
        normalise_value = self._normalise_value
        for identifier, values in self._destination.index(match, within):
            sink.add(tuple(map(normalise_value, values)), identifier.encode(errors=_ANY_TEXT), b"")

    def _add(self, key: bytes, identifier: str) -> None:
        known = self._ids_by_key.get(key)
        if known is None:
            self._ids_by_key[key] = identifier
        elif known != identifier:
            self._ids_by_key[key] = _SEVERAL

    def change_values(self, changes: Iterable[tuple[str, FieldChange]]) -> None:
        """Let changes of the match field count: each is the id of the object now, and what becomes of the field."""
        normalise = self._destination.normalise_id
        changed = list(changes)
        # All old values go first, for another object may get what one gives up.
        for identifier, item in changed:
            for key in map(self._normalise_value, item.old):
                known = self._ids_by_key.get(key)
                if known and normalise(known) == normalise(identifier):
                    del self._ids_by_key[key]
        for identifier, item in changed:
            for key in map(self._normalise_value, item.new):
                self._add(key, identifier)

    def add_planned(self, moved: Mapping[str, str], deleted: set[str], created: Sequence[tuple[str, Sequence[bytes]]]) -> None:
        """Let the plan that is being made count: new ids of objects it moves, without those it deletes, with those it creates.

        Args:
            moved: normalised id now → id afterwards.
            deleted: normalised ids.
            created: (id, values of the match field).
        """
        normalise = self._destination.normalise_id
        if moved or deleted:
            for key, identifier in list(self._ids_by_key.items()):
                known = normalise(identifier) if identifier else ""
                if known in deleted:
                    del self._ids_by_key[key]
                elif known in moved:
                    self._ids_by_key[key] = moved[known]
        for identifier, values in created:
            for value in values:
                self._add(self._normalise_value(value), identifier)

    def find(self, values: Sequence[bytes]) -> Found:
        """The counterparts of the objects that a source field's values name."""
        found = Found()
        keys_by_id, ids_by_key = self._keys_by_id, self._ids_by_key
        for value in values:
            text = value.decode(errors="replace")
            keys = [self._normalise_value(value)] if keys_by_id is None else keys_by_id.get(self._source_id(text), ())
            if len(keys) == 1 and (only := ids_by_key.get(keys[0])):
                found.ids.append(only)
                continue
            hits = {hit for key in keys if (hit := ids_by_key.get(key)) is not None}
            if not hits:
                found.missing.append(text)
            elif len(hits) > 1 or _SEVERAL in hits:
                found.ambiguous.append(text)
            else:
                found.ids.append(hits.pop())
        return found
