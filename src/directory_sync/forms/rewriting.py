"""Changes values in a definition's text so that every other character stays: comments, order, quotes, blank
lines, line ends.

`rewrite` is given what the text shall hold and finds out itself what that changes. What it has written is
read again: it either holds exactly what was wanted, or is not returned.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence as AnySequence
from dataclasses import dataclass
from typing import Any

from directory_sync.definition.documents import parse_tree
from directory_sync.definition.export import as_yaml
from directory_sync.definition.nodes import Entries, Items, Node, Plain, Scalar
from directory_sync.errors import DefinitionError
from directory_sync.forms import moving
from directory_sync.forms.spans import (
    Leaf,
    Mapping,
    Pair,
    Sequence,
    Spanned,
    Unplaceable,
    content_end,
    line_end,
    line_start,
    next_line,
    spans_of,
)
from directory_sync.forms.values import (
    Bare,
    Value,
    after_key,
    as_json,
    inline,
    is_list,
    is_single,
    item,
    pair,
    plain,
    scalar,
)

ORIGIN = "definition"
"""How problems name a text that has no file."""
_MARK = "\ufeff"
"""The byte order mark: a definition that was pasted may begin with it."""


def data_of(text: str) -> dict[str, Any]:
    """What a definition's text holds, as texts, lists and mappings; templates are not filled in.

    An empty text holds nothing. Raises DefinitionError for a text that cannot be read.
    """
    if _holds_nothing(text):
        return {}
    root, problems = parse_tree(text, ORIGIN)
    if not isinstance(root, Entries):
        raise DefinitionError(problems)
    data = _data(root)
    assert isinstance(data, dict)
    return data


def _data(node: Node) -> Any:
    """As `nodes.to_data`; what is written without quotes stays so where it is written elsewhere."""
    if isinstance(node, Scalar):
        return Bare(node.text) if node.plain and node.text is not None else node.text
    if isinstance(node, Items):
        return [_data(item) for item in node.items]
    return {key: _data(entry.node) for key, entry in node.entries.items()}


def rewrite(text: str, wanted: AnyMapping[str, Value]) -> str:
    """The text with other values, so that it holds what is wanted.

    Keys that are new come after the key before them in `wanted`. Items of a list are known by what they hold,
    or by their `name`, so that they keep their comments when they move. Where values are shared by anchors,
    those of the changed text are written out.

    Raises DefinitionError for a text that cannot be read.
    """
    if text.startswith(_MARK):
        return _MARK + rewrite(text.removeprefix(_MARK), wanted)
    before = data_of(text)
    goal = plain(wanted)
    if before == goal:
        return text
    problems = _problems(text)
    for attempt in (text, _without_aliases(text, before)):
        if attempt is not None and (result := _attempt(attempt, wanted, goal, problems)) is not None:
            return result
    # Nothing typed may be lost: a text whose layout cannot be kept is written out.
    return as_yaml(goal)


def _attempt(text: str, wanted: AnyMapping[str, Value], goal: Plain, problems: int) -> str | None:
    try:
        moved = moving.in_order(text, data_of(text), wanted)
        root = spans_of(moved)
        if root is None:
            result = _appended(moved, wanted)
        else:
            splices = _Splices(moved)
            splices.value(root, data_of(moved), wanted, _Holder())
            result = splices.applied()
        found = data_of(result)
    except (Unplaceable, DefinitionError, RecursionError):
        return None
    return result if found == goal and _problems(result) <= problems else None


def _problems(text: str) -> int:
    return 0 if _holds_nothing(text) else len(parse_tree(text, ORIGIN)[1])


def _holds_nothing(text: str) -> bool:
    return all(
        not line.strip() or line.lstrip().startswith("#") for line in text.removeprefix(_MARK).splitlines()
    )


def _newline(text: str) -> str:
    first = line_end(text, 0)
    return "\r\n" if text.startswith("\r\n", first) else "\n"


def _appended(text: str, wanted: AnyMapping[str, Value]) -> str:
    newline = _newline(text)
    before = text if not text or text.endswith(("\n", "\r")) else text + newline
    return before + "".join(
        pair(key, value, indent=0, newline=newline) + newline for key, value in wanted.items()
    )


@dataclass(frozen=True, slots=True)
class _Holder:
    """What a value stands in.

    Attributes:
        pair: the key of a block mapping; None inside lists and flow mappings.
        flow: it is inside `[…]` or `{…}`.
        indent: of the key, or of the dash.
    """

    pair: Pair | None = None
    flow: bool = False
    indent: int = 0


_FLOW = _Holder(flow=True)


class _Splices:
    """Replacements of a text's characters; collected first, applied at once."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.newline = _newline(text)
        self.found: list[tuple[int, int, str]] = []

    def put(self, start: int, end: int, text: str) -> None:
        self.found.append((start, end, text))

    def applied(self) -> str:
        """The text with all replacements. Raises Unplaceable where two touch the same characters."""
        pieces, at = [], 0
        for start, end, text in sorted(self.found, key=lambda each: each[:2]):
            if start < at:
                raise Unplaceable("two changes touch the same place")
            pieces += [self.text[at:start], text]
            at = end
        return "".join((*pieces, self.text[at:]))

    # -- values

    def value(self, node: Spanned, old: Any, new: Value, at: _Holder) -> None:
        """Change one value: `node` and `old` are what is there."""
        if old == plain(new):
            return
        if isinstance(node, Mapping) and isinstance(old, dict) and isinstance(new, AnyMapping) and new:
            if (node.flow and not node.pairs) or any(each.key in new for each in node.pairs):
                self.mapping(node, old, new)
                return
        elif isinstance(node, Sequence) and isinstance(old, list) and is_list(new) and new:
            matched = moving.match(old, new)
            if (node.flow and not node.items) or any(place is not None for place in matched):
                self.sequence(node, old, new, matched)
                return
        self.replace(node, new, at)

    def replace(self, node: Spanned, new: Value, at: _Holder) -> None:
        """Put another value into the place of one."""
        start, end = node.start, content_end(node)
        quotes = node.style if isinstance(node, Leaf) and node.style in {"'", '"'} else ""
        if at.pair is not None:
            self.replace_after_key(start, end, new, at.pair, at.indent, quotes)
        elif at.flow:
            written = scalar(new, flow=True, style=quotes) if is_single(new) else inline(new, flow=True)
            before = " " if start == end and self.text[start - 1 : start] == ":" else ""
            self.put(start, end, before + written)
        else:
            written = item(new, indent=at.indent, newline=self.newline, style=quotes).removeprefix("- ")
            self.put(start, end, (" " if self.text[start - 1 : start] == "-" else "") + written)

    def replace_after_key(
        self, start: int, end: int, new: Value, holder: Pair, indent: int, quotes: str
    ) -> None:
        """Put another value behind a key; the comment in the key's line stays there."""
        colon = self.text.index(":", holder.end) + 1
        column = colon - line_start(self.text, colon)
        written = after_key(new, column=column, indent=indent, newline=self.newline, style=quotes)
        head, line_break, below = written.partition(self.newline)
        first_line = line_end(self.text, colon)
        if start <= first_line:
            if not line_break:
                new = written if start == colon else written.removeprefix(" ")
                self.put(start, end, new)
                self.align(start, end, len(new))
                return
            rest = self.text[end : line_end(self.text, end)]
            comment = rest if rest.strip().startswith("#") else ""
            self.put(colon, end + len(comment), head + comment + line_break + below)
            return
        rest = self.text[colon:first_line]
        self.put(colon, end, head + (rest if "#" in rest else "") + line_break + below)

    def align(self, start: int, end: int, length: int) -> None:
        """Keep the comment after a value in its column, if there is room."""
        rest = self.text[end : line_end(self.text, end)]
        blanks = len(rest) - len(rest.lstrip(" "))
        longer = length - (end - start)
        if rest.lstrip(" ").startswith("#") and blanks > 1 and "\n" not in self.text[start:end]:
            self.put(end, end + blanks, " " * max(1, blanks - longer))

    # -- mappings

    def mapping(self, node: Mapping, old: dict[str, Any], new: AnyMapping[str, Value]) -> None:
        own = node.own
        if gone := [key for key in old if key not in new]:
            if any(key not in own for key in gone):
                raise Unplaceable("a key that << gives cannot be taken away")
            self.without(node, [index for index, each in enumerate(node.pairs) if each.key in gone])
        anchor: Pair | None = None
        for key, value in new.items():
            if key in own:
                anchor = own[key]
                self.value(anchor.value, old[key], value, _of_key(node, anchor))
            elif key not in old or old[key] != plain(value):
                self.insert(node, anchor, key, value, [each for each in node.pairs if each.key in new])

    def insert(self, node: Mapping, anchor: Pair | None, key: str, value: Value, kept: list[Pair]) -> None:
        """Put a new key after another one, or before all."""
        if not node.flow:
            written = pair(key, value, indent=node.column, newline=self.newline)
            if anchor is None:
                self.put(kept[0].start, kept[0].start, written + self.newline + " " * node.column)
                return
            self.after_line(content_end(anchor.value), " " * node.column + written)
            return
        written = (
            f"{as_json(key)}: {as_json(value)}"
            if kept and kept[0].quoted
            else f"{scalar(key, flow=True)}: {inline(value, flow=True)}"
        )
        if anchor is not None:
            end = max(content_end(anchor.value), anchor.end)
            self.put(end, end, "," + self.gap(node.start, anchor.start) + written)
            return
        if kept:
            self.put(kept[0].start, kept[0].start, written + "," + self.gap(node.start, kept[0].start))
            return
        # Several go into an empty mapping one after the other, all at the same place.
        inside = node.end - 1
        already = any(start == inside for start, _, _ in self.found)
        self.put(inside, inside, (", " if already else "") + written)
        return

    def gap(self, opened: int, start: int) -> str:
        """What stands between two parts of a flow collection: a blank, or a line break with its indent."""
        begin = line_start(self.text, start)
        before = self.text[begin:start]
        return self.newline + before if begin > opened and not before.strip() else " "

    def without(self, node: Mapping | Sequence, gone: list[int]) -> None:
        """Take parts of a mapping or list away, at least one of which stays."""
        if isinstance(node, Mapping):
            starts = [pair.start for pair in node.pairs]
            ends = [max(content_end(pair.value), pair.end) for pair in node.pairs]
        else:
            starts = [
                moving.dash(self.text, node, index) if not node.flow else each.start
                for index, each in enumerate(node.items)
            ]
            ends = [content_end(each) for each in node.items]
        first_kept = next(index for index in range(len(starts)) if index not in gone)
        for index in gone:
            if node.flow:
                begin, end = (
                    (starts[index], starts[index + 1])
                    if index < first_kept
                    else (ends[index - 1], ends[index])
                )
                self.put(begin, end, "")
                continue
            begin = line_start(self.text, starts[index])
            if not self.text[begin : starts[index]].strip():
                self.put(begin, next_line(self.text, ends[index]), "")
            elif index < first_kept:  # in the line of a dash
                self.put(starts[index], starts[index + 1], "")
            else:
                raise Unplaceable("it begins in the middle of a line")

    def after_line(self, end: int, written: str) -> None:
        """Put whole lines below the line in which something ends."""
        at = line_end(self.text, end)
        if at == len(self.text):
            self.put(at, at, self.newline + written)
            return
        below = next_line(self.text, end)
        self.put(below, below, written + self.newline)
        return

    # -- lists

    def sequence(
        self, node: Sequence, old: list[Any], new: AnySequence[Value], matched: list[int | None]
    ) -> None:
        kept = {place for place in matched if place is not None}
        if not node.items:
            self.put(node.end - 1, node.end - 1, ", ".join(inline(each, flow=True) for each in new))
            return
        if gone := [index for index in range(len(old)) if index not in kept]:
            self.without(node, gone)
        first = min(kept)
        anchor: int | None = None
        for each, place in zip(new, matched, strict=True):
            if place is not None:
                anchor = place
                self.value(node.items[place], old[place], each, _of_item(node))
            elif node.flow:
                written = as_json(each) if _is_quoted(node.items[first]) else inline(each, flow=True)
                if anchor is None:
                    begin = node.items[first].start
                    self.put(begin, begin, written + "," + self.gap(node.start, begin))
                else:
                    end = content_end(node.items[anchor])
                    self.put(end, end, "," + self.gap(node.start, node.items[anchor].start) + written)
            else:
                written = item(each, indent=node.column, newline=self.newline)
                if anchor is None:
                    begin = moving.dash(self.text, node, first)
                    self.put(begin, begin, written + self.newline + " " * node.column)
                else:
                    self.after_line(content_end(node.items[anchor]), " " * node.column + written)


def _without_aliases(text: str, data: dict[str, Any]) -> str | None:
    """The text with aliases and `<<` written out; None if it has none or they cannot be."""
    try:
        root = spans_of(text)
        if root is None:
            return None
        splices = _Splices(text)
        _expand(splices, root, data, _Holder())
        result = splices.applied()
        return result if result != text and data_of(result) == data else None
    except (Unplaceable, DefinitionError, RecursionError):
        return None


def _of_key(node: Mapping, holder: Pair) -> _Holder:
    return _FLOW if node.flow else _Holder(pair=holder, indent=node.column)


def _is_quoted(node: Spanned) -> bool:
    return isinstance(node, Leaf) and node.style == '"'


def _of_item(node: Sequence) -> _Holder:
    return _FLOW if node.flow else _Holder(indent=node.column)


def _expand(splices: _Splices, node: Spanned, data: Any, at: _Holder) -> None:
    if isinstance(node, Leaf):
        if node.alias:
            splices.replace(node, data, at)
    elif isinstance(node, Sequence):
        for each, inner in zip(node.items, data, strict=True):
            _expand(splices, each, inner, _of_item(node))
    else:
        own = node.own
        merged = [index for index, pair in enumerate(node.pairs) if pair.key == "<<"]
        if merged and len(merged) == len(node.pairs):
            raise Unplaceable("nothing but <<")
        if merged:
            splices.without(node, merged)
            kept = [pair for pair in node.pairs if pair.key != "<<"]
            for key, value in data.items():
                if key not in own:
                    splices.insert(node, kept[-1], key, value, kept)
        for key, pair in own.items():
            if key != "<<":
                _expand(splices, pair.value, data[key], _of_key(node, pair))
