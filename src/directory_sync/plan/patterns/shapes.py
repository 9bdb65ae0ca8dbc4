"""The shape of one change as a few small numbers, and the hashes of what many changes may share.

A plan may hold a million changes, so this is written for speed: what is known of a field is looked up once,
and of a value only its hash is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from directory_sync.dn import parent_of
from directory_sync.endpoints.change import Action, MarkKind
from directory_sync.plan.patterns.model import FieldKind
from directory_sync.plan.patterns.subject import Subject

Fields = Sequence[tuple[str, Sequence[bytes], Sequence[bytes], bool, bool, bool]]
"""The members of `FieldChange`, of each field of a change."""
Marks = Sequence[tuple[str, str]]
"""Kind and subject of each mark."""

SET, CLEARED, VALUES, REPLACED, SPELLING = range(5)
PREFIX_ADDED, PREFIX_REMOVED, SUFFIX_ADDED, SUFFIX_REMOVED = range(5, 9)
MOVED, SECRET, CHANGED = range(9, 12)
KINDS = {
    SET: FieldKind.SET,
    CLEARED: FieldKind.CLEARED,
    VALUES: FieldKind.VALUES,
    REPLACED: FieldKind.REPLACED,
    SPELLING: FieldKind.SPELLING,
    PREFIX_ADDED: FieldKind.PREFIX_ADDED,
    PREFIX_REMOVED: FieldKind.PREFIX_REMOVED,
    SUFFIX_ADDED: FieldKind.SUFFIX_ADDED,
    SUFFIX_REMOVED: FieldKind.SUFFIX_REMOVED,
    SECRET: FieldKind.REPLACED,
    CHANGED: FieldKind.CHANGED,
}
"""Kind of a shape's part → what it means; `MOVED` is no field's."""
_AFFIXES = (PREFIX_ADDED, PREFIX_REMOVED, SUFFIX_ADDED, SUFFIX_REMOVED)

HASHES: Mapping[int, int] = {REPLACED: 1, SPELLING: 1, MOVED: 1, **dict.fromkeys(_AFFIXES, 2)}
"""Kind → how many hashes a change has for it: of old and new value, and of an affix; of a container."""

COARSEST = 2
"""The last level of `Shapes.coarser`."""

_BLANK = ord(" ")
"""As a number: to look for a byte in bytes takes a tenth of the time that other bytes take."""
KIND_BITS = 4
_KIND = (1 << KIND_BITS) - 1
_MARK_BITS = {kind.value: 1 << number for number, kind in enumerate(MarkKind)}
_ACTIONS = tuple(Action)
_ACTION_BITS = {action.value: number for number, action in enumerate(_ACTIONS)}
_REMOVAL = 8
_MARKS = 16

Shape = tuple[int, ...]
"""First what happens to the object, then one number for each field."""

_CREATE, _DELETE, _DISABLE = Action.CREATE.value, Action.DELETE.value, Action.DISABLE.value


class Head(NamedTuple):
    """What a shape says of the object.

    Attributes:
        removal: it is taken away.
        marks: what sets a removal apart.
    """

    action: Action
    removal: bool
    marks: tuple[MarkKind, ...]


def head_of(shape: Shape) -> Head:
    """What a shape says of the object."""
    head = shape[0]
    marks = tuple(kind for kind in MarkKind if head & _MARK_BITS[kind.value] * _MARKS)
    return Head(_ACTIONS[head % _REMOVAL], bool(head & _REMOVAL), marks)


def part(place: int, kind: int) -> int:
    """A field and what happens to it, as one number."""
    return place << KIND_BITS | kind


def taken_apart(number: int) -> tuple[int, int]:
    """The inverse of `part`."""
    return number >> KIND_BITS, number & _KIND


class Shapes:
    """Gives each change its shape.

    Attributes:
        names: the fields met so far; their places in this list stand in shapes. The first one stands for the
            object's container, and for any field that says who a person is.
    """

    def __init__(self, subject: Subject) -> None:
        """Take what is known of the job."""
        self.names = [""]
        self._subject = subject
        self._parts: dict[str, int] = {}
        self._secret: set[int] = set()

    def of(
        self,
        action: str,
        object: str,
        new_object: str | None,
        fields: Fields,
        marks: Marks,
        hashes: list[int],
        numbers: list[int],
    ) -> Shape:
        """The shape of a change; the hashes of what it may share with others, and its numbers of values, are
        added to the two lists.
        """
        head = _ACTION_BITS[action]
        for kind, _ in marks:
            head |= _MARK_BITS[kind] * _MARKS
        if action == _DELETE:
            return (head | _REMOVAL,)
        known = self._parts
        if action == _CREATE:
            try:
                return (head, *[known[each[0]] for each in fields])
            except KeyError:
                return (head, *[self._part(each[0]) for each in fields])
        if action == _DISABLE or marks:
            head |= _REMOVAL
        shape = [head]
        if new_object is not None:
            self._add_name(shape, action, object, new_object, fields, hashes)
        self._add_fields(shape, fields, hashes, numbers)
        return tuple(shape)

    def _add_fields(self, shape: list[int], fields: Fields, hashes: list[int], numbers: list[int]) -> None:
        known, secret, add, note = self._parts, self._secret, shape.append, hashes.append
        for name, old, new, _, _, partial in fields:
            try:
                number = known[name]
            except KeyError:
                number = self._part(name)
            if partial or len(old) != 1 or len(new) != 1 or number in secret:
                add(number | self._several(number, old, new, numbers, partial=partial))
                continue
            # What happens to the one value of a field. Not in a function of its own, for the time it takes.
            (before,), (after,) = old, new
            note(hash((name, before, after)))
            have, want = len(before), len(after)
            if have == want:
                if before.lower() == after.lower():
                    add(number | SPELLING)
                    continue
            elif have and want:
                kind, affix = _affixed(before, after, have, want)
                if kind != REPLACED:
                    if affix.isspace():
                        kind = SPELLING
                    else:
                        note(hash((name, kind, affix)))
                    add(number | kind)
                    continue
            if (_BLANK in before or _BLANK in after or not before.isascii()) and _spelled(before) == _spelled(
                after
            ):
                add(number | SPELLING)
            else:
                add(number | REPLACED)

    def _several(
        self, number: int, old: Sequence[bytes], new: Sequence[bytes], numbers: list[int], *, partial: bool
    ) -> int:
        """What happens to a field that is secret, empty before or afterwards, or has several values."""
        if not partial and not old:
            return SET
        if not partial and not new:
            return CLEARED
        if number in self._secret:
            return SECRET
        if partial:
            numbers += (len(new), len(old))
        else:
            before, after = {*old}, {*new}
            numbers += (len(after - before), len(before - after))
        return VALUES

    def is_identifying(self, place: int) -> bool:
        """Whether the field says who a person is."""
        return place != 0 and self._subject.is_identifying(self.names[place])

    def coarser(self, shape: Shape, level: int) -> Shape:
        """The shape without what a level leaves out: from 1 on, how a field changes and where objects go;
        from 2 on, the fields, all but whether they say who a person is.
        """
        if level == 0:
            return shape
        parts = []
        for number in shape[1:]:
            place, kind = taken_apart(number)
            if kind != MOVED:
                parts.append(part(place, kind if kind == SET else CHANGED))
        if level == 1:
            return (shape[0], *parts)
        identifying = any(
            kind == CHANGED and (place == 0 or self.is_identifying(place))
            for place, kind in map(taken_apart, parts)
        )
        return (shape[0], part(0, CHANGED)) if identifying else (shape[0],)

    def _part(self, name: str) -> int:
        number = self._parts.get(name)
        if number is None:
            number = self._parts[name] = len(self.names) << KIND_BITS
            self.names.append(name)
            if self._subject.is_secret(name):
                self._secret.add(number)
        return number

    def _add_name(
        self,
        shape: list[int],
        action: str,
        object: str,
        new_object: str,
        fields: Fields,
        hashes: list[int],
    ) -> None:
        """A new container, or a new name of which no field tells."""
        if action == Action.MOVE:
            if self._subject.is_departure(new_object):
                shape[0] |= _REMOVAL
            shape.append(MOVED)
            hashes.append(hash((0, (parent_of(new_object) or "").casefold())))
            return
        before, after = object.partition(","), new_object.partition(",")
        attribute = after[0].partition("=")[0] if "=" in after[0] else ""
        if attribute and any(each[0].lower() == attribute.lower() for each in fields):
            return
        spelled = object.casefold() == new_object.casefold()
        number = self._part(attribute or "dn")
        if number in self._secret:
            shape.append(number | SECRET)
            return
        hashes.append(hash((attribute, before[0], after[0])))
        shape.append(number | (SPELLING if spelled else REPLACED))


def _affixed(before: bytes, after: bytes, have: int, want: int) -> tuple[int, bytes]:
    """What comes before or after a value, or goes from there; `REPLACED` if that is not all that changes."""
    if want > have:
        if after.startswith(before):
            return SUFFIX_ADDED, after[have:]
        if after.endswith(before):
            return PREFIX_ADDED, after[: want - have]
    elif before.startswith(after):
        return SUFFIX_REMOVED, before[want:]
    elif before.endswith(after):
        return PREFIX_REMOVED, before[: have - want]
    return REPLACED, b""


def _spelled(value: bytes) -> str | bytes:
    try:
        return "".join(value.decode().casefold().split())
    except UnicodeDecodeError:
        return value


def affix_of(kind: int, before: bytes, after: bytes) -> bytes | None:
    """The text that a value gets or loses; None if it is no such kind."""
    match kind:
        case _ if kind == SUFFIX_ADDED:
            return after[len(before) :]
        case _ if kind == PREFIX_ADDED:
            return after[: len(after) - len(before)]
        case _ if kind == SUFFIX_REMOVED:
            return before[len(after) :]
        case _ if kind == PREFIX_REMOVED:
            return before[: len(before) - len(after)]
        case _:
            return None
