"""Sums a plan's changes up in at most 50 lines: takes them one after another, and gives the lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress
from typing import Any

from directory_sync.dn import parent_of
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.canonical import KeepsStoredForms, StoredForm, key_in
from directory_sync.plan.display_names import name_of_change
from directory_sync.plan.packed_values import read_packed
from directory_sync.plan.patterns.choosing import Choice, Piece, pieces
from directory_sync.plan.patterns.counting import MOST_SHAPES, Counting, Group
from directory_sync.plan.patterns.model import (
    EXAMPLES,
    OTHER,
    Example,
    FieldKind,
    FieldPattern,
    OtherChanges,
    PatternLine,
    Patterns,
)
from directory_sync.plan.patterns.removals import chosen, in_common, place_in_source
from directory_sync.plan.patterns.shapes import KINDS, MOVED, affix_of, head_of
from directory_sync.plan.patterns.subject import Subject

LONGEST = 300
"""Bytes of a value, or characters of a text, that are kept of it."""
_REMOVING = frozenset({Action.DELETE.value, Action.DISABLE.value, Action.MOVE.value})
"""Kinds of changes that may take an object away."""

ChangesAt = Callable[[Sequence[int]], Mapping[int, Change]]
"""Gives the changes at some places of a plan, with what people call their objects."""


class Summing:
    """Takes the changes of one plan, in its order."""

    def __init__(self, subject: Subject, *, most_shapes: int = MOST_SHAPES) -> None:
        """Begin with none. `most_shapes`: as `Counting` has it."""
        self._subject = subject
        self._counting = Counting(subject, most_shapes=most_shapes)
        self._last = None if subject.source is None else subject.source.last
        # For each change 1 if its object would stand after the end of the source; empty if that is not known.
        self._after = bytearray()

    def add_form(self, form: StoredForm) -> None:
        """Take the next change as the store takes it."""
        fields, _, marks, _ = read_packed(form.values)
        self._counting.add(form.action, form.object, form.new_object, fields, marks)
        if self._last is not None:
            self._after.append(form.action in _REMOVING and self._last.is_before(key_in(form.canonical)))

    def add_change(self, change: Change) -> None:
        """Take the next change."""
        marks = [(mark.kind.value, mark.subject) for mark in change.marks]
        self._counting.add(change.action.value, change.object, change.new_object, change.fields, marks)
        if self._last is not None:
            self._after.append(change.action in _REMOVING and self._last.is_before(change.key))

    def finish_with(self, changes: Iterable[Change]) -> Patterns:
        """The lines; the changes are iterated again if there are any."""

        def changes_at(places: Sequence[int]) -> dict[int, Change]:
            wanted = {*places}
            return {place: each for place, each in enumerate(changes) if place in wanted} if wanted else {}

        return self.finish(changes_at)

    def finish(self, changes_at: ChangesAt) -> Patterns:
        """The lines. `changes_at` is asked once, for examples and for removals."""
        counted = self._counting.finish()
        shapes = self._counting.shapes
        choice = Choice(shapes, len(counted.assigned))
        found = choice.choose(counted.groups)
        numbers = bytearray([OTHER]) * len(counted.groups)
        for number, group in enumerate(found.lines):
            for member in group.members:
                numbers[member] = number
        places = bytes([numbers[each] for each in counted.assigned])
        wanted: dict[int, list[int]] = {
            number: _first(places, number, group.count) for number, group in enumerate(found.lines)
        }
        others = sum(group.count for group in found.other)
        wanted[OTHER] = _first(places, OTHER, others)
        removed = {
            number: chosen([place for place, each in enumerate(places) if each == number])
            for number, group in enumerate(found.lines)
            if head_of(group.shape).removal
        }
        changes = changes_at(
            sorted({place for some in (*wanted.values(), *removed.values()) for place in some})
        )
        after = Counter(compress(places, self._after))
        lines = tuple(
            self._line(
                number,
                group,
                [changes[place] for place in wanted[number]],
                wanted[number],
                [changes[place] for place in removed.get(number, ())],
                after[number],
                identifying=choice.is_identifying(group),
            )
            for number, group in enumerate(found.lines)
        )
        other = None
        if others:
            patterns = sum(group.patterns for group in found.other)
            other = OtherChanges(others, patterns, self._examples(wanted[OTHER], changes))
        return Patterns(lines, other, places)

    def _line(
        self,
        number: int,
        group: Group,
        examples: Sequence[Change],
        places: Sequence[int],
        removed: Sequence[Change],
        after: int,
        *,
        identifying: bool,
    ) -> PatternLine:
        head, first = head_of(group.shape), examples[0]
        found = pieces(group)
        moved = any(piece.kind == MOVED and piece.pair for piece in found)
        common = place_in_source(after, group.count, self._subject) if head.removal else ()
        return PatternLine(
            number=number,
            action=head.action,
            fields=tuple(self._field(piece, first) for piece in found if piece.place and piece.kind != MOVED),
            count=group.count,
            examples=self._examples(places, dict(zip(places, examples, strict=True))),
            removal=head.removal,
            identifying=identifying and not head.removal,
            moved_to=parent_of(first.final_object) if moved else None,
            marks=head.marks,
            patterns=group.patterns,
            common=(*common, *in_common(removed, self._subject)),
        )

    def _field(self, piece: Piece, example: Change) -> FieldPattern:
        name = self._counting.shapes.names[piece.place]
        kind = KINDS[piece.kind]
        if not (piece.pair or piece.affix):
            return FieldPattern(name, kind, added=piece.added, removed=piece.removed)
        before, after = _values(example, name)
        if piece.pair:
            return FieldPattern(name, FieldKind.PAIR, _cut(before), _cut(after))
        affix = affix_of(piece.kind, before, after)
        return FieldPattern(name, kind, affix=None if affix is None else _cut(affix))

    def _examples(self, places: Iterable[int], changes: Mapping[int, Change]) -> tuple[Example, ...]:
        return tuple(
            Example(
                place,
                name_of_change(changes[place], self._subject.is_secret),
                _short(changes[place].key),
                _short(changes[place].object),
            )
            for place in places
        )


def patterns_of(changes: Iterable[Change], subject: Subject, **given: Any) -> Patterns:
    """The patterns of changes that can be iterated again and again."""
    summing = Summing(subject, **given)
    if isinstance(changes, KeepsStoredForms):
        for form in changes.stored_forms():
            summing.add_form(form)
    else:
        for change in changes:
            summing.add_change(change)
    return summing.finish_with(changes)


def _first(places: bytes, number: int, count: int) -> list[int]:
    found: list[int] = []
    place = -1
    for _ in range(min(count, EXAMPLES)):
        place = places.index(number, place + 1)
        found.append(place)
    return found


def _values(change: Change, name: str) -> tuple[bytes, bytes]:
    """The one value of a field, before and after; where no field tells it, of the object's name."""
    for field in change.fields:
        if field.field == name and len(field.old) == 1 and len(field.new) == 1 and not field.partial:
            return field.old[0], field.new[0]
    before, after = (
        each.partition(",")[0].partition("=")[2] for each in (change.object, change.final_object)
    )
    return before.encode(), after.encode()


def _cut(value: bytes) -> bytes:
    if len(value) <= LONGEST:
        return value
    try:
        return f"{value.decode()[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}".encode()
    except UnicodeDecodeError:
        return value[:LONGEST]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
