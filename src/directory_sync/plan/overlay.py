"""What earlier jobs plan to do, laid over an endpoint, so that a later job is planned as if they had been
applied.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.contract import Batch, Destination, Record, Source
from directory_sync.endpoints.evidence import Asked, End, Ending, Evidence, witnessed
from directory_sync.endpoints.exchanges import Exchanges
from directory_sync.errors import MissingObjectError


@dataclass(slots=True)
class PlannedEffects:
    """What plans leave behind at one endpoint. All ids are normalised.

    Attributes:
        created: id → the new object.
        changed: id now → the changes to that object, in order.
        deleted: ids that are gone.
    """

    created: dict[str, Record] = field(default_factory=dict)
    changed: dict[str, list[Change]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    _now: dict[str, str] = field(default_factory=dict)
    _exchanges: Exchanges[tuple[str, str]] = field(default_factory=Exchanges)

    def add(self, changes: Iterable[Change], endpoint: Source) -> None:
        """Add the effects of one plan for the place that this endpoint reads or writes."""
        for change in changes:
            identifier = endpoint.names.normalise(change.object)
            then = endpoint.names.normalise(change.final_object)
            before, after = self._exchanges.due(identifier, then, (identifier, then))
            self._now.update(before)
            if change.action is Action.CREATE:
                values = {fields.field: list(fields.new) for fields in change.fields}
                self.created[identifier] = Record(change.object, values)
                self.deleted.discard(identifier)
            elif change.action is Action.DELETE:
                if self.created.pop(identifier, None) is None:
                    now = self._now.pop(identifier, identifier)
                    self.changed.pop(now, None)
                    self.deleted.add(now)
            elif identifier in self.created:
                record = self.created.pop(identifier)
                self.created[then] = _patched(record, change)
            else:
                now = self._now.get(identifier, identifier)
                self.changed.setdefault(now, []).append(change)
                if change.via is None:
                    self._now[then] = now
                else:
                    self._exchanges.add(then, (then, now), (), is_simple=True)
            self._now.update(after)
        self._now.update(self._exchanges.rest())

    def creates_any(self, containers: Iterable[str]) -> bool:
        """Whether one of these containers will be created."""
        return not self.created.keys().isdisjoint(containers)

    def patched(self, identifier: str, record: Record) -> Record:
        """The record as it will be; itself if nothing is planned for it."""
        for change in self.changed.get(identifier, ()):
            record = _patched(record, change)
        return record

    def changed_as_well(self, seen: Collection[str]) -> Iterator[Record]:
        """The other changed objects, as far as the changes say what they hold.

        `seen`: ids now of those that are known.
        """
        for identifier, changes in self.changed.items():
            if identifier not in seen:
                yield self.patched(identifier, Record(changes[0].object, {}))

    def __bool__(self) -> bool:
        return bool(self.created or self.changed or self.deleted)


def _patched(record: Record, change: Change) -> Record:
    values = {name: list(found) for name, found in record.values.items()}
    spelled = {name.lower(): name for name in values}
    for fields in change.fields:
        name = spelled.get(fields.field.lower(), fields.field)
        if fields.partial:
            gone = set(fields.old)
            values[name] = [value for value in values.get(name, ()) if value not in gone] + list(fields.new)
        else:
            values[name] = list(fields.new)
    return Record(change.final_object, values)


class _Overlaid:
    """An endpoint with planned effects on top. Everything that is not about records is the endpoint's own."""

    def __init__(self, endpoint: Any, effects: PlannedEffects) -> None:
        self._endpoint = endpoint
        self._effects = effects

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    def _gone(self, identifier: str) -> bool:
        # A created object replaces the listed one of its id, unless that one is there under another id.
        effects = self._effects
        return identifier in effects.deleted or (
            identifier in effects.created and identifier not in effects.changed
        )

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """The endpoint's listing as it will be."""
        effects = self._effects
        normalise = self._endpoint.names.normalise
        references = [
            name for name in fields if (rule := self._endpoint.rule(name)) is not None and rule.reference
        ]
        moved = self._moved() if references else {}
        listing = Ending(self._listed(fields))
        for batch in listing:
            patched = []
            for listed in batch:
                record = self._following(listed, references, moved)
                identifier = normalise(record.id)
                if not self._gone(identifier):
                    known = identifier in effects.changed
                    patched.append(_only(effects.patched(identifier, record), fields) if known else record)
            yield patched
        planned = [
            _only(record, fields) for record in effects.created.values() if self._endpoint.selects(record)
        ]
        if planned:
            yield planned
        return listing.said

    def _moved(self) -> dict[str, str]:
        """Normalised ids of the objects that will have another one → that one as it is written."""
        last = {identifier: changes[-1].final_object for identifier, changes in self._effects.changed.items()}
        return {
            identifier: then
            for identifier, then in last.items()
            if self._endpoint.names.normalise(then) != identifier
        }

    def _following(self, record: Record, references: Sequence[str], moved: Mapping[str, str]) -> Record:
        """The record with references that follow what they name, as servers with referential integrity let
        them.
        """
        if not (moved or self._effects.deleted) or not any(record.values.get(name) for name in references):
            return record
        values = dict(record.values)
        for name in references:
            followed = []
            for value in values.get(name, ()):
                identifier = self._endpoint.names.normalise(value.decode(errors="replace"))
                if identifier not in self._effects.deleted:
                    followed.append(moved[identifier].encode() if identifier in moved else value)
            if name in values:
                values[name] = followed
        return record._replace(values=values)

    def _listed(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """What is there now: nothing, where the container itself is only planned."""
        try:
            return (yield from cast(Source, self._endpoint).read(fields))
        except MissingObjectError:
            if not self._effects.creates_any(self._endpoint.containers()):
                raise
        return (yield from witnessed(_nothing(), Asked(self._endpoint.containers()[0])))

    def index(self, field: str, within: str | None) -> Iterator[tuple[str, list[bytes]]]:
        """The endpoint's index as it will be."""
        effects = self._effects
        normalise = self._endpoint.names.normalise
        seen: set[str] = set()
        for identifier, values in self._endpoint.index(field, within):
            known = normalise(identifier)
            seen.add(known)
            if not self._gone(known):
                patched = effects.patched(known, Record(identifier, {field: values}))
                yield patched.id, list(_only(patched, (field,)).values.get(field, ()))
        for record in (*effects.changed_as_well(seen), *effects.created.values()):
            found = _only(record, (field,)).values.get(field)
            if found:
                yield record.id, list(found)

    def find(self, field: str, values: Sequence[bytes], fields: Sequence[str]) -> Iterator[Record]:
        """What the endpoint finds now, and what it will find among the planned objects."""
        effects = self._effects
        rule = self._endpoint.rule(field)
        normalise = rule.normalise if rule else bytes
        wanted = {normalise(value) for value in values}
        asked = list(dict.fromkeys((*fields, field)))

        def patched() -> Iterator[Record]:
            seen: set[str] = set()
            for record in self._endpoint.find(field, values, asked):
                identifier = self._endpoint.names.normalise(record.id)
                seen.add(identifier)
                if not self._gone(identifier):
                    yield effects.patched(identifier, record)
            yield from (*effects.changed_as_well(seen), *effects.created.values())

        for record in patched():
            found = _only(record, (field,)).values.get(field, [])
            if any(normalise(value) in wanted for value in found):
                yield _only(record, fields)

    def exists(self, id: str) -> bool:
        """Whether an object has the id, or will have it."""
        identifier = self._endpoint.names.normalise(id)
        if identifier in self._effects.created:
            return True
        moved_here = any(
            self._endpoint.names.normalise(changes[-1].final_object) == identifier
            for changes in self._effects.changed.values()
        )
        if moved_here:
            return True
        moved_away = identifier in self._effects.changed
        return not moved_away and identifier not in self._effects.deleted and self._endpoint.exists(id)


def _nothing() -> Generator[Batch, None, End]:
    yield from ()
    return End.PLANNED_CONTAINER


def _only(record: Record, fields: Sequence[str]) -> Record:
    values = {name.lower(): found for name, found in record.values.items()}
    return record._replace(values={name: values[name.lower()] for name in fields if values.get(name.lower())})


def overlaid_source(source: Source, effects: PlannedEffects | None) -> Source:
    """The source as it will be when the planned effects have happened."""
    return cast(Source, _Overlaid(source, effects)) if effects else source


def overlaid_destination(destination: Destination, effects: PlannedEffects | None) -> Destination:
    """The destination as it will be when the planned effects have happened."""
    return cast(Destination, _Overlaid(destination, effects)) if effects else destination
