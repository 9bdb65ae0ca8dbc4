"""Patterns of changes in words: the one place where a line of them is given its text.

The texts hold values as they are; the caller makes them harmless.
"""

from __future__ import annotations

from collections.abc import Iterable

from directory_sync.definition.models import Job, ObjectKind
from directory_sync.endpoints.change import Action, MarkKind, value_to_json
from directory_sync.plan.patterns.model import (
    Common,
    Example,
    FieldKind,
    FieldPattern,
    InCommon,
    OtherChanges,
    PatternLine,
    Patterns,
)

_PEOPLE = ("person", "people")
_NOUNS = {
    ObjectKind.GROUP: ("group", "groups"),
    ObjectKind.ORGANIZATIONAL_UNIT: ("organizational unit", "organizational units"),
    ObjectKind.ROW: ("row", "rows"),
}
_OBJECTS = ("object", "objects")
_ACTIONS = {
    Action.DELETE: "deleted",
    Action.DISABLE: "disabled",
    Action.MOVE: "moved",
    Action.CREATE: "created",
}
_AFFIXES = {
    FieldKind.PREFIX_ADDED: ("prefix", "added"),
    FieldKind.PREFIX_REMOVED: ("prefix", "removed"),
    FieldKind.SUFFIX_ADDED: ("suffix", "added"),
    FieldKind.SUFFIX_REMOVED: ("suffix", "removed"),
}
_ENDINGS = {
    FieldKind.SET: "set",
    FieldKind.CLEARED: "cleared",
    FieldKind.SPELLING: "spelling only",
    FieldKind.REPLACED: "replaced",
    FieldKind.CHANGED: "changed",
}
_MARKS = {MarkKind.NEVER_MATCHED: "never matched before", MarkKind.CLAIMED_BY: "claimed by another job"}
OTHER_TEXT = "other changes, none of them a removal"
"""What is said of the changes without a line of their own."""
_FIELDS = 6
"""Fields of a line that are named."""
_LONGEST = 60
"""Characters of a value."""


def noun_of(job: Job | None, count: int) -> str:
    """What a job's objects are called, in the number."""
    one, many = _OBJECTS if job is None else _NOUNS.get(job.object, _PEOPLE)
    return one if count == 1 else many


def line_text(line: PatternLine, *, with_values: bool = True) -> str:
    """What happens to a line's objects. `with_values`: values, prefixes and containers are told."""
    parts = []
    if line.action is not Action.UPDATE:
        to = f" to {line.moved_to}" if line.moved_to and with_values else ""
        parts.append(f"{_ACTIONS[line.action]}{to}")
    if line.action is Action.CREATE:
        named = [field.field for field in line.fields if field.kind is FieldKind.SET]
        parts = [f"created with {_listed(named)}" if named else "created"]
    elif line.fields:
        texts = [_field_text(field, with_values=with_values) for field in line.fields]
        parts += _some(texts)
    elif line.action is Action.UPDATE:
        parts.append("several fields changed")
    parts += [_MARKS[mark] for mark in line.marks]
    return "; ".join(parts)


def counted_text(count: int, job: Job | None) -> str:
    """So many objects: `492 people`."""
    return f"{count:,} {noun_of(job, count)}"


def common_text(common: Common, count: int) -> str:
    """What objects that are removed have in common; `count`: so many are in the line."""
    some = "all" if common.count == count else f"{common.count:,} of {common.of:,}"
    if common.of < count:
        some += " looked at"
    match common.kind:
        case InCommon.PLACE if common.line:
            return f"{some} after line {common.line:,} of the file, its last record"
        case InCommon.PLACE:
            return f"{some} after record {common.number:,} of the source, its last"
        case InCommon.CONTAINER:
            return f"{some} in {common.subject}"
        case InCommon.VALUE:
            return f"{some} with {common.subject} {_value(common.value or b'')}"


def example_text(example: Example) -> str:
    """What people call one of the objects: its name, else its key, else its id."""
    return example.name or example.key or example.object


def examples_text(line: PatternLine | OtherChanges) -> str:
    """The first objects of a line; three points where there are more."""
    more = ", …" if line.count > len(line.examples) else ""
    return ", ".join(map(example_text, line.examples)) + more


def patterns_text(line: PatternLine | OtherChanges) -> str:
    """How many patterns are in a line, where it is not one; else empty."""
    return f"{line.patterns:,} patterns" if line.patterns > 1 else ""


def pattern_lines(patterns: Patterns, job: Job | None, *, most: int, with_values: bool = True) -> list[str]:
    """The first lines as texts, and how many follow."""
    texts = [_whole(line, job, with_values=with_values) for line in patterns.lines[:most]]
    more = len(patterns.lines) - len(texts) + (patterns.other is not None)
    if patterns.other is not None and len(texts) < most:
        texts.append(f"{OTHER_TEXT}, {counted_text(patterns.other.count, job)}")
        more -= 1
    return [*texts, f"… and {more} more {'line' if more == 1 else 'lines'}"] if more else texts


def _whole(line: PatternLine, job: Job | None, *, with_values: bool) -> str:
    text = f"{line_text(line, with_values=with_values)}, {counted_text(line.count, job)}"
    told = [each for each in line.common if with_values or each.kind is InCommon.PLACE]
    text += "".join(f"; {common_text(each, line.count)}" for each in told)
    return f"{text} ({examples_text(line)})" if with_values else text


def _field_text(field: FieldPattern, *, with_values: bool) -> str:
    match field.kind:
        case FieldKind.PAIR if with_values:
            return f"{field.field}: {_value(field.old or b'')} → {_value(field.new or b'')}"
        case FieldKind.PAIR:
            return f"{field.field}: one value becomes another"
        case FieldKind.VALUES:
            came = "value" if field.added == 1 else "values"
            return f"{field.field}: {field.added:,} {came} added, {field.removed:,} removed"
        case FieldKind.SPELLING:
            return f"{field.field}: spelling only"
        case kind if kind in _AFFIXES:
            what, done = _AFFIXES[kind]
            text = f" {_value(field.affix)}" if field.affix is not None and with_values else ""
            return f"{field.field}: {what}{text} {done}"
        case kind:
            return f"{field.field} {_ENDINGS[kind]}"


def _value(value: bytes) -> str:
    told = value_to_json(value)
    if not isinstance(told, str):
        return f"<{len(value)} bytes>"
    text = " ".join(told.split()) if told.strip() else f"“{told}”"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _listed(names: list[str]) -> str:
    return ", ".join(_some(names))


def _some(texts: Iterable[str]) -> list[str]:
    found = list(texts)
    more = len(found) - _FIELDS
    return found if more <= 1 else [*found[:_FIELDS], f"{more} more fields"]
