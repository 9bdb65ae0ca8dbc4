"""The lines that a plan's changes are summed up in, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from directory_sync.endpoints.change import Action, MarkKind, value_from_json, value_to_json

MOST_LINES = 50
"""Lines of a plan, *other* left out."""
OTHER = MOST_LINES
"""Stands in `Patterns.places` for a change that no line of its own counts."""
EXAMPLES = 3
"""Objects that a line names."""
SHARED_BY = 5
"""Objects that have to share an old and a new value, so that a pattern names the two."""


class FieldKind(StrEnum):
    """What happens to a field, values left out."""

    SET = "set"
    CLEARED = "cleared"
    PAIR = "pair"
    PREFIX_ADDED = "prefix_added"
    PREFIX_REMOVED = "prefix_removed"
    SUFFIX_ADDED = "suffix_added"
    SUFFIX_REMOVED = "suffix_removed"
    SPELLING = "spelling"
    VALUES = "values"
    REPLACED = "replaced"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldPattern:
    """What a line's changes have in common in one field.

    Attributes:
        field: the destination's name for it.
        kind: what happens to it; `changed` where a line holds several kinds.
        old, new: of a `pair`, the value that goes and the value that comes; long ones are cut.
        affix: of a prefix or suffix, the text, where all of the line's changes have the same.
        added, removed: of `values`, how many come and go in all of the line's changes.
    """

    field: str
    kind: FieldKind
    old: bytes | None = None
    new: bytes | None = None
    affix: bytes | None = None
    added: int = 0
    removed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        found: dict[str, Any] = {"field": self.field, "kind": self.kind.value}
        for name in ("old", "new", "affix"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value_to_json(value)
        if self.kind is FieldKind.VALUES:
            found |= {"added": self.added, "removed": self.removed}
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FieldPattern:
        """Read what `to_json` wrote."""
        values = {name: value_from_json(data[name]) for name in ("old", "new", "affix") if name in data}
        return cls(
            data["field"],
            FieldKind(data["kind"]),
            added=data.get("added", 0),
            removed=data.get("removed", 0),
            **values,
        )


class InCommon(StrEnum):
    """What the objects of a line of removals have in common."""

    PLACE = "place"
    CONTAINER = "container"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Common:
    """Something that all or most objects of a line of removals have in common.

    Attributes:
        kind: their keys come after that of the source's last record; they lie in one container; they have a
            value.
        subject: the source's container or file; the container's id; the field.
        value: of a field, the value, cut if it is long.
        count, of: so many of so many objects that were looked at, which are all of a line's objects or, of a
            very long line, an even choice. Of a place they are always all.
        line, number: of a place, where the source's last record is: the line of the file, 0 where there are
            no lines, and the number of the record.
    """

    kind: InCommon
    subject: str
    count: int
    of: int
    value: bytes | None = None
    line: int = 0
    number: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        found: dict[str, Any] = {
            "kind": self.kind.value,
            "subject": self.subject,
            "count": self.count,
            "of": self.of,
        }
        if self.value is not None:
            found["value"] = value_to_json(self.value)
        if self.kind is InCommon.PLACE:
            found |= {"line": self.line, "number": self.number}
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Common:
        """Read what `to_json` wrote."""
        value = value_from_json(data["value"]) if "value" in data else None
        return cls(
            InCommon(data["kind"]),
            data["subject"],
            data["count"],
            data["of"],
            value,
            data.get("line", 0),
            data.get("number", 0),
        )


@dataclass(frozen=True, slots=True)
class Example:
    """One of a line's objects.

    Attributes:
        sequence: the change's place in the plan, from 0.
        name: what people call it; empty where nothing but the key is known.
        key, object: as in `Change`.
    """

    sequence: int
    name: str
    key: str
    object: str

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        return {"sequence": self.sequence, "name": self.name, "key": self.key, "object": self.object}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Example:
        """Read what `to_json` wrote."""
        return cls(data["sequence"], data["name"], data["key"], data["object"])


@dataclass(frozen=True, slots=True)
class PatternLine:
    """Changes of one shape.

    Attributes:
        number: of the line, as `Patterns.places` names it.
        action: the kind of change.
        fields: what happens to the fields, in the order of their names; of deletions nothing.
        count: how many changes.
        examples: the first of them.
        removal: they take objects away: deletions, disables, and moves of what has no record any more.
        identifying: they replace what identifies a person, otherwise than by values that many share.
        moved_to: of moves, the container that all of them go to; None if it is not one.
        marks: what sets removals apart.
        patterns: so many patterns are in this line, for there would be too many lines.
        common: of removals, what the objects have in common.
    """

    number: int
    action: Action
    fields: tuple[FieldPattern, ...]
    count: int
    examples: tuple[Example, ...]
    removal: bool = False
    identifying: bool = False
    moved_to: str | None = None
    marks: tuple[MarkKind, ...] = ()
    patterns: int = 1
    common: tuple[Common, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        return {
            "number": self.number,
            "action": self.action.value,
            "fields": [each.to_json() for each in self.fields],
            "count": self.count,
            "examples": [each.to_json() for each in self.examples],
            "removal": self.removal,
            "identifying": self.identifying,
            "moved_to": self.moved_to,
            "marks": [mark.value for mark in self.marks],
            "patterns": self.patterns,
            "common": [each.to_json() for each in self.common],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PatternLine:
        """Read what `to_json` wrote."""
        return cls(
            number=data["number"],
            action=Action(data["action"]),
            fields=tuple(map(FieldPattern.from_json, data["fields"])),
            count=data["count"],
            examples=tuple(map(Example.from_json, data["examples"])),
            removal=data["removal"],
            identifying=data["identifying"],
            moved_to=data["moved_to"],
            marks=tuple(map(MarkKind, data["marks"])),
            patterns=data["patterns"],
            common=tuple(map(Common.from_json, data["common"])),
        )


@dataclass(frozen=True, slots=True)
class OtherChanges:
    """Changes without a line of their own; none of them is a removal.

    Attributes:
        count: how many.
        patterns: of how many patterns.
        examples: the first of them.
    """

    count: int
    patterns: int
    examples: tuple[Example, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        return {
            "count": self.count,
            "patterns": self.patterns,
            "examples": [each.to_json() for each in self.examples],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> OtherChanges:
        """Read what `to_json` wrote."""
        return cls(data["count"], data["patterns"], tuple(map(Example.from_json, data["examples"])))


@dataclass(frozen=True, slots=True)
class Patterns:
    """A plan's changes, summed up.

    Attributes:
        lines: at most `MOST_LINES`, in the order to read them.
        other: the changes that no line counts; None if there are none.
        places: for each change, in the plan's order, the number of its line, or `OTHER`: one byte each.
    """

    lines: tuple[PatternLine, ...] = ()
    other: OtherChanges | None = None
    places: bytes = field(default=b"", repr=False)

    @property
    def total(self) -> int:
        """How many changes are summed up."""
        return sum(line.count for line in self.lines) + (self.other.count if self.other else 0)

    def among(self, number: int) -> bytes:
        """For each change 1 if it belongs to a line, or to *other*; else 0."""
        return self.places.translate(bytes(each == number for each in range(256)))

    def to_json(self) -> dict[str, Any]:
        """Lines and *other*, as they are stored; `from_json` reads them back."""
        return {
            "lines": [line.to_json() for line in self.lines],
            "other": self.other and self.other.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], places: bytes = b"") -> Patterns:
        """Read what `to_json` wrote."""
        other = data["other"]
        lines = tuple(map(PatternLine.from_json, data["lines"]))
        return cls(lines, None if other is None else OtherChanges.from_json(other), places)
