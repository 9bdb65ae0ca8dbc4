"""Where each value of a definition's text begins and ends, so that one of them can be replaced and every
other character stays.

The text has been read by `definition.documents.parse_tree` before, which bounds its size and depth; aliases
are not followed here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BREAKS = "\n\r\x85\u2028\u2029"
"""What ends a line in YAML 1.1, by which PyYAML reads."""


class Unplaceable(Exception):
    """The text is written in a way in which a single value of it cannot be replaced."""


@dataclass(slots=True)
class Leaf:
    """A text, nothing, or an alias of something else.

    Attributes:
        start, end: its characters, with an anchor and a tag.
        style: of a text: empty for a plain one, a quote, `|` or `>`.
        alias: it stands for an anchor's value.
    """

    start: int
    end: int
    style: str = ""
    alias: bool = False


@dataclass(slots=True)
class Pair:
    """A key of a mapping, and its value. `start` and `end` are the key's."""

    key: str
    start: int
    end: int
    quoted: bool
    value: Spanned


@dataclass(slots=True)
class Mapping:
    """A mapping. `column` is where its keys stand, counted from 0; `end` counts for a flow mapping only."""

    start: int
    end: int
    flow: bool
    column: int
    pairs: list[Pair] = field(default_factory=list)

    @property
    def own(self) -> dict[str, Pair]:
        """The pairs by their keys. Of a key that is given twice the first one counts, as when it is read."""
        return {pair.key: pair for pair in reversed(self.pairs)}


@dataclass(slots=True)
class Sequence:
    """A list. `column` is where its dashes stand, counted from 0; `end` counts for a flow list only."""

    start: int
    end: int
    flow: bool
    column: int
    items: list[Spanned] = field(default_factory=list)


Spanned = Leaf | Mapping | Sequence


def spans_of(text: str) -> Spanned | None:
    """The places of a text that can be read; None if it holds nothing but comments.

    Raises Unplaceable for keys that are no texts.
    """
    for event in (events := yaml.parse(text, Loader=_LOADER)):
        if isinstance(event, yaml.NodeEvent):
            return _node(event, events, text)
    return None


def content_end(node: Spanned) -> int:
    """After the last character of a value, without comments and blank lines that follow it."""
    if isinstance(node, Leaf) or node.flow:
        return node.end
    if isinstance(node, Mapping):
        return max((content_end(pair.value) for pair in node.pairs), default=node.start)
    return max((content_end(item) for item in node.items), default=node.start)


def line_start(text: str, at: int) -> int:
    """The first character of the line."""
    while at > 0 and text[at - 1] not in BREAKS:
        at -= 1
    return at


def line_end(text: str, at: int) -> int:
    """The end of the line, before its line break."""
    while at < len(text) and text[at] not in BREAKS:
        at += 1
    return at


def next_line(text: str, at: int) -> int:
    """The first character of the next line, or the end of the text."""
    at = line_end(text, at)
    return min(len(text), at + (2 if text.startswith("\r\n", at) else 1))


def _node(event: Any, events: Iterator[Any], text: str) -> Spanned:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        return Leaf(start, end, alias=True)
    if isinstance(event, yaml.ScalarEvent):
        style = event.style or ""
        if style in {"|", ">"}:
            end = start + len(text[start:end].rstrip())
        return Leaf(start, end, style)
    flow, column = bool(event.flow_style), event.start_mark.column
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(Sequence(start, end, flow, column), events, text)
    return _mapping(Mapping(start, end, flow, column), events, text)


def _sequence(found: Sequence, events: Iterator[Any], text: str) -> Sequence:
    event = next(events)
    while not isinstance(event, yaml.SequenceEndEvent):
        found.items.append(_node(event, events, text))
        event = next(events)
    found.end = _end(event)
    return found


def _mapping(found: Mapping, events: Iterator[Any], text: str) -> Mapping:
    event = next(events)
    while not isinstance(event, yaml.MappingEndEvent):
        if not isinstance(event, yaml.ScalarEvent):
            raise Unplaceable("a key is no text")
        start, column = _start(event)
        if not found.pairs and not found.flow:
            found.start, found.column = start, column
        value = _node(next(events), events, text)
        found.pairs.append(Pair(event.value, start, _end(event), bool(event.style), value))
        event = next(events)
    found.end = _end(event)
    return found


def _start(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.start_mark.column


def _end(event: Any) -> int:
    return int(event.end_mark.index)
