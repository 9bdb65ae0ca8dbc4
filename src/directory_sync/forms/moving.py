"""Items of a list in another order, each with its comments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from typing import Any

from directory_sync.forms.spans import (
    Mapping,
    Sequence,
    Spanned,
    Unplaceable,
    content_end,
    line_end,
    line_start,
    spans_of,
)
from directory_sync.forms.values import Value, plain


def match(old: AnySequence[Any], new: AnySequence[Value]) -> list[int | None]:
    """Which old item each new one is: what is equal, else what has the same `name`, else what stands in the
    same place.
    """
    wanted = [plain(each) for each in new]
    found: list[int | None] = [None] * len(wanted)
    free = dict.fromkeys(range(len(old)))

    def take(fits: Callable[[int, Any], Iterable[int]]) -> None:
        for index, each in enumerate(wanted):
            place = next((place for place in fits(index, each) if place in free), None)
            if found[index] is None and place is not None:
                found[index] = place
                del free[place]

    take(lambda index, each: [index] if index < len(old) and old[index] == each else [])
    take(lambda _, each: [place for place in free if old[place] == each])
    take(lambda _, each: [place for place in free if _name(each) and _name(old[place]) == _name(each)])
    if len(old) == len(wanted):
        take(lambda index, each: [index] if type(old[index]) is type(each) else [])
    return found


def _name(item: Any) -> Any:
    return item.get("name") if isinstance(item, dict) else None


def in_order(text: str, data: dict[str, Any], wanted: AnyMapping[str, Value]) -> str:
    """The text with the items of its lists in the order in which they are wanted; nothing else is changed.

    Raises Unplaceable where they cannot be told apart.
    """
    root = spans_of(text)
    swaps: list[tuple[int, int, str]] = []
    if root is not None:
        _collect(text, root, data, wanted, swaps)
    pieces, at = [], 0
    for start, end, other in sorted(swaps):
        if start < at:
            raise Unplaceable("lists inside each other have another order")
        pieces += [text[at:start], other]
        at = end
    return "".join((*pieces, text[at:]))


def dash(text: str, node: Sequence, index: int) -> int:
    """Where the dash of an item stands in a block list. Raises Unplaceable if it cannot be told."""
    floor = content_end(node.items[index - 1]) if index else node.start
    begin = line_start(text, node.items[index].start)
    while begin >= line_start(text, floor):
        at = begin + node.column
        if at >= floor and text[at : at + 1] == "-" and text[at + 1 : at + 2] in ("", " ", "\t", "\n", "\r"):
            return at
        if begin == 0:
            break
        begin = line_start(text, begin - 1)
    raise Unplaceable("a dash that cannot be found")


def _collect(text: str, node: Spanned, old: Any, new: Any, swaps: list[tuple[int, int, str]]) -> None:
    if isinstance(node, Mapping) and isinstance(old, dict) and isinstance(new, AnyMapping):
        for pair in node.own.values():
            if pair.key in old and pair.key in new:
                _collect(text, pair.value, old[pair.key], new[pair.key], swaps)
    elif (
        isinstance(node, Sequence)
        and isinstance(old, list)
        and isinstance(new, AnySequence)
        and not isinstance(new, str)
    ):
        matched = match(old, new)
        order = [place for place in matched if place is not None]
        if order == sorted(order):
            for each, place in zip(new, matched, strict=True):
                if place is not None:
                    _collect(text, node.items[place], old[place], each, swaps)
            return
        chunks = {place: _chunk(text, node, place) for place in order}
        for position, place in zip(sorted(order), order, strict=True):
            if position != place:
                start, end = chunks[position]
                other_start, other_end = chunks[place]
                swaps.append((start, end, text[other_start:other_end]))


def _chunk(text: str, node: Sequence, index: int) -> tuple[int, int]:
    """An item with its dash, the comment on its last line and the comments directly above it."""
    if node.flow:
        return node.items[index].start, content_end(node.items[index])
    start = dash(text, node, index)
    end = line_end(text, content_end(node.items[index]))
    begin = line_start(text, start)
    if text[begin:start].strip():
        return start, end  # the first item of a list that begins in the line of another one
    while begin > 0:
        above = line_start(text, begin - 1)
        line = text[above:begin]
        if not line.lstrip(" ").startswith("#") or len(line) - len(line.lstrip(" ")) != node.column:
            break
        begin = above
    return begin + node.column, end
