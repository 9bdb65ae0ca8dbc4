"""A change in lines for people: what happens to which object, with old and new values; nothing is wrapped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

from directory_sync.endpoints.change import WORST_FIRST, Action
from directory_sync.present.line import mark_text
from directory_sync.present.shown import ShownChange, ShownField
from directory_sync.printable import printable, printable_values


class Colour(StrEnum):
    """Colours by what they mean (ECMA-48 SGR parameters)."""

    BOLD = "1"
    FAINT = "2"
    DANGER = "31"
    GOOD = "32"
    WARNING = "33"
    MOVE = "35"
    CHANGE = "36"


def is_terminal(stream: TextIO) -> bool:
    """Whether people look at this stream right now."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def has_colour(stream: TextIO) -> bool:
    """Whether colour is wanted: in a terminal that can, unless NO_COLOR is set (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def coloured(text: str, colour: Colour, *, use: bool) -> str:
    """The text in a colour, or as it is."""
    return f"\x1b[{colour}m{text}\x1b[0m" if use else text


_COLOURS = {
    Action.DELETE: Colour.DANGER,
    Action.DISABLE: Colour.DANGER,
    Action.MOVE: Colour.MOVE,
    Action.UPDATE: Colour.CHANGE,
    Action.CREATE: Colour.GOOD,
}
_WIDTH = max(map(len, WORST_FIRST))


@dataclass(frozen=True, slots=True)
class ChangeStyle:
    """How changes are written to one stream: `arrow` stands between old and new."""

    colour: bool
    arrow: str

    @classmethod
    def of(cls, stream: TextIO) -> ChangeStyle:
        """The style for a stream."""
        arrow = "→" if (stream.encoding or "utf-8").lower().startswith("utf") else "->"
        return cls(has_colour(stream), arrow)

    def bold(self, text: str) -> str:
        """The text of a heading."""
        return coloured(text, Colour.BOLD, use=self.colour)


def change_text(shown: ShownChange, style: ChangeStyle) -> str:
    """A change's lines: what happens to which object, then each field with old and new values."""
    change, name = shown.told, shown.name
    action = coloured(
        printable(change.action).ljust(_WIDTH), _COLOURS.get(change.action, Colour.BOLD), use=style.colour
    )
    called = f"  ({printable(name)})" if name else ""
    lines = [f"  {action}  {printable(change.key)}  {printable(change.object)}{called}\n"]
    if change.marks:
        marks = printable("; ".join(map(mark_text, change.marks)))
        lines.append(f"      {coloured(marks, Colour.DANGER, use=style.colour)}\n")
    names = (name for name in (change.via, change.new_object) if name is not None)
    lines += [f"      {style.arrow} {printable(name)}\n" for name in names]
    for field in shown.fields:
        name = printable(field.field)
        lines += [f"      {name}: {text}\n" for text in _values(change.action, field, style)]
    return "".join(lines)


def _values(action: Action, field: ShownField, style: ChangeStyle) -> Iterator[str]:
    shown = printable_values
    if field.partial:
        if field.old:
            yield f"- {shown(field.old)}"
        if field.new:
            yield f"+ {shown(field.new)}"
    elif action in {Action.CREATE, Action.DELETE}:
        yield shown(field.new or field.old)
    else:
        yield f"{shown(field.old)} {style.arrow} {shown(field.new)}".strip()
