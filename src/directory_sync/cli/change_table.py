"""A change in lines for people: what happens to which object, with old and new values; nothing is wrapped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TextIO

from directory_sync.cli.terminal import Colour, coloured, has_colour
from directory_sync.endpoints.change import Action, Change, FieldChange, Values
from directory_sync.plan.display_names import name_of_change
from directory_sync.run.change_text import mark_text
from directory_sync.run.printable import printable, printable_values
from directory_sync.run.secrets import HIDDEN, IsSecret

MOST_SERIOUS_FIRST = (Action.DELETE, Action.DISABLE, Action.MOVE, Action.UPDATE, Action.CREATE)
_COLOURS = {
    Action.DELETE: Colour.DANGER,
    Action.DISABLE: Colour.DANGER,
    Action.MOVE: Colour.MOVE,
    Action.UPDATE: Colour.CHANGE,
    Action.CREATE: Colour.GOOD,
}
_WIDTH = max(map(len, MOST_SERIOUS_FIRST))


@dataclass(frozen=True, slots=True)
class ChangeStyle:
    """How changes are written to one stream: `arrow` stands between old and new, values of secret fields are
    hidden.
    """

    colour: bool
    arrow: str
    is_secret: IsSecret

    @classmethod
    def of(cls, stream: TextIO, is_secret: IsSecret) -> ChangeStyle:
        """The style for a stream. `is_secret`: of which fields the values are not shown."""
        arrow = "→" if (stream.encoding or "utf-8").lower().startswith("utf") else "->"
        return cls(has_colour(stream), arrow, is_secret)

    def bold(self, text: str) -> str:
        """The text of a heading."""
        return coloured(text, Colour.BOLD, use=self.colour)


def change_text(change: Change, style: ChangeStyle) -> str:
    """A change's lines: what happens to which object, then each field with old and new values."""
    action = coloured(change.action.ljust(_WIDTH), _COLOURS[change.action], use=style.colour)
    name = name_of_change(change, style.is_secret)
    called = f"  ({printable(name)})" if name else ""
    lines = [f"  {action}  {printable(change.key)}  {printable(change.object)}{called}\n"]
    if change.marks:
        marks = printable("; ".join(map(mark_text, change.marks)))
        lines.append(f"      {coloured(marks, Colour.DANGER, use=style.colour)}\n")
    names = (name for name in (change.via, change.new_object) if name is not None)
    lines += [f"      {style.arrow} {printable(name)}\n" for name in names]
    for field in change.fields:
        name = printable(field.field)
        lines += [f"      {name}: {text}\n" for text in _values(change.action, field, style)]
    return "".join(lines)


def _values(action: Action, field: FieldChange, style: ChangeStyle) -> Iterator[str]:
    def shown(values: Values) -> str:
        return printable_values(values) if not style.is_secret(field.field) else HIDDEN if values else ""

    if field.partial:
        if field.old:
            yield f"- {shown(field.old)}"
        if field.new:
            yield f"+ {shown(field.new)}"
    elif action in {Action.CREATE, Action.DELETE}:
        yield shown(field.new or field.old)
    else:
        yield f"{shown(field.old)} {style.arrow} {shown(field.new)}".strip()
