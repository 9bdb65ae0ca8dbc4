"""Field values as a page shows them: what goes, what comes, what differs within; binary values as size,
secrets not at all.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from directory_sync.present.pieces import Piece, visible
from directory_sync.present.shown import ShownField
from directory_sync.present.word_marks import Marking, Part

_CONTEXT = 200
"""Characters shown before the first difference, where a value is too long to be shown from its beginning."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of long things is shown: characters of one value, values of one field."""

    characters: int
    values: int


ON_A_PAGE = Extent(characters=1_000, values=25)
"""Among others; the page of a single change shows more."""
ALONE = Extent(characters=100_000, values=5_000)


@dataclass(frozen=True, slots=True)
class ValueShown:
    """One value.

    Attributes:
        pieces: its text; empty where it is no text.
        note: what is shown instead of a text: `binary, 12 bytes`, `secret`.
        before, after: characters that are left out on either side.
    """

    pieces: tuple[Piece, ...] = ()
    note: str = ""
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class FieldShown:
    """One field of one change.

    Attributes:
        name: the destination's.
        several: the values are a list of what goes and what comes; else there is at most one on each side.
        old, new: values that go and that come.
        old_more, new_more: how many more there are.
        kept: how many values stay as they are; None where that is not known.
        note: what else there is to say.
    """

    name: tuple[Piece, ...]
    several: bool
    old: tuple[ValueShown, ...]
    new: tuple[ValueShown, ...]
    old_more: int = 0
    new_more: int = 0
    kept: int | None = None
    note: str = ""

    @property
    def cut(self) -> bool:
        """Whether something is left out."""
        return bool(
            self.old_more
            or self.new_more
            or any(value.before or value.after for value in (*self.old, *self.new))
        )


def show_field(field: ShownField, marking: Marking, extent: Extent = ON_A_PAGE) -> FieldShown:
    """One field's old and new values.

    Args:
        field: the values.
        marking: marks differing words, as long as it has words left.
        extent: how much is shown.
    """
    name = visible(field.field)
    if field.secret:
        hidden = (ValueShown(note="secret, not shown"),)
        return FieldShown(
            name, several=False, old=hidden if field.old else (), new=hidden if field.new else ()
        )
    if len(field.old) <= 1 and len(field.new) <= 1 and not field.partial:
        old, new = _pair(field.old, field.new, marking, extent)
        return FieldShown(name, several=False, old=old, new=new)
    return _several(name, field, marking, extent)


def show_value(value: bytes, extent: Extent = ON_A_PAGE) -> ValueShown:
    """One value by itself."""
    text = text_of(value)
    if text is None:
        return _binary(value)
    return _window((Part(text, marked=False),), 0, len(text), extent)


def text_of(value: bytes) -> str | None:
    """The value as text; None where it is none."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def _several(name: tuple[Piece, ...], field: ShownField, marking: Marking, extent: Extent) -> FieldShown:
    before, after = set(field.old), set(field.new)
    removed = tuple(value for value in field.old if value not in after)
    added = tuple(value for value in field.new if value not in before)
    if not removed and not added:
        return FieldShown(
            name,
            several=True,
            old=_some(field.old, extent),
            new=_some(field.new, extent),
            old_more=max(0, len(field.old) - extent.values),
            new_more=max(0, len(field.new) - extent.values),
            note="The same values, written in another way (order or repetition).",
        )
    if len(removed) == len(added) == 1:
        old, new = _pair(removed, added, marking, extent)
    else:
        old, new = _some(removed, extent), _some(added, extent)
    return FieldShown(
        name,
        several=True,
        old=old,
        new=new,
        old_more=max(0, len(removed) - extent.values),
        new_more=max(0, len(added) - extent.values),
        kept=None if field.partial else len(before & after),
        note="Values that are not named here stay." if field.partial else "",
    )


def _some(values: Sequence[bytes], extent: Extent) -> tuple[ValueShown, ...]:
    return tuple(show_value(value, extent) for value in islice(values, extent.values))


def _pair(
    old: Sequence[bytes], new: Sequence[bytes], marking: Marking, extent: Extent
) -> tuple[tuple[ValueShown, ...], tuple[ValueShown, ...]]:
    """At most one value on each side; what differs is marked if both are texts."""
    texts = [text_of(values[0]) if values else None for values in (old, new)]
    if texts[0] is None or texts[1] is None:
        return _some(old, extent), _some(new, extent)
    before, after = texts[0], texts[1]
    start = _start_of_window(before, after, extent)
    end = start + extent.characters
    marked = marking.compare(before[start:end], after[start:end])
    return (
        (_window(marked[0], start, len(before), extent),),
        (_window(marked[1], start, len(after), extent),),
    )


def _start_of_window(before: str, after: str, extent: Extent) -> int:
    """Where to begin, so that the first difference of two long texts is seen."""
    if max(len(before), len(after)) <= extent.characters:
        return 0
    low, high = 0, min(len(before), len(after))
    while low < high:  # the length of the common beginning, by halves: much faster than letter by letter
        middle = (low + high + 1) // 2
        low, high = (middle, high) if before[:middle] == after[:middle] else (low, middle - 1)
    return 0 if low < extent.characters // 2 else low - _CONTEXT


def _window(parts: Sequence[Part], start: int, length: int, extent: Extent) -> ValueShown:
    """Parts of a text, from `start` on, cut to the extent."""
    room = extent.characters
    pieces: list[Piece] = []
    for part in parts:
        pieces.extend(visible(part.text[:room], marked=part.marked))
        room -= len(part.text[:room])
    shown = extent.characters - room
    return ValueShown(tuple(pieces), before=min(start, length), after=max(0, length - start - shown))


def _binary(value: bytes) -> ValueShown:
    size = "1 byte" if len(value) == 1 else f"{len(value):,} bytes"
    return ValueShown(note=f"binary, {size} (SHA-256 {hashlib.sha256(value).hexdigest()[:12]}…)")
