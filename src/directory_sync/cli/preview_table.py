"""A preview for people: each job's changes, the most serious ones first, with old and new values; nothing is wrapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TextIO

from directory_sync.cli.outcome_text import count, error_lines, indented, message_line, tally, warning_lines
from directory_sync.cli.terminal import Colour, coloured, has_colour
from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action, Change, FieldChange, Values
from directory_sync.plan.model import ChangeSequence
from directory_sync.run.job import JobResult, JobState
from directory_sync.run.printable import printable, printable_values
from directory_sync.run.secrets import HIDDEN, IsSecret, secret_fields

MOST_SERIOUS_FIRST = (Action.DELETE, Action.DISABLE, Action.MOVE, Action.UPDATE, Action.CREATE)
_COLOURS = {
    Action.DELETE: Colour.DANGER,
    Action.DISABLE: Colour.DANGER,
    Action.MOVE: Colour.MOVE,
    Action.UPDATE: Colour.CHANGE,
    Action.CREATE: Colour.GOOD,
}
_WIDTH = max(map(len, MOST_SERIOUS_FIRST))


def write_table(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write all previews, each as soon as its result is there."""
    totals: Counter[Action] = Counter()
    jobs = 0
    for result in results:
        jobs += 1
        style = _Style.of(stream, secret_fields(collection.job(result.job)))
        stream.write(f"{style.bold(result.job)}: {_heading(result)}\n")
        stream.writelines(_changes(result.changes, style, totals))
        notes = [*warning_lines(result), *error_lines(result)]
        if result.state.failed:
            notes.append(coloured(message_line(result), Colour.DANGER, use=style.colour))
        stream.write(indented(notes))
        stream.flush()
    if jobs > 1:
        kinds = ", ".join(f"{totals[action]} {action}" for action in MOST_SERIOUS_FIRST if totals[action])
        stream.write(f"{jobs} jobs: {count(totals.total(), 'change')}{f' ({kinds})' if kinds else ''}\n")


def _heading(result: JobResult) -> str:
    if result.state.failed and result.state is not JobState.STOPPED_BY_LIMIT:
        return result.state.value.replace("_", " ")
    return f"{count(len(result.changes), 'change')}; {tally(result.statistics)}"


@dataclass(frozen=True, slots=True)
class _Style:
    """How changes are written to one stream: `arrow` stands between old and new, values of secret fields are hidden."""

    colour: bool
    arrow: str
    is_secret: IsSecret

    @classmethod
    def of(cls, stream: TextIO, is_secret: IsSecret) -> _Style:
        arrow = "→" if (stream.encoding or "utf-8").lower().startswith("utf") else "->"
        return cls(has_colour(stream), arrow, is_secret)

    def bold(self, text: str) -> str:
        return coloured(text, Colour.BOLD, use=self.colour)


def _changes(changes: ChangeSequence, style: _Style, totals: Counter[Action]) -> Iterator[str]:
    """Yield each change's lines, grouped by kind; within a kind in the plan's order.

    The plan may be larger than memory, so it is walked once for each kind that it has instead of being sorted.
    """
    found: Counter[Action] = Counter()
    for change in changes:
        found[change.action] += 1
        if change.action is MOST_SERIOUS_FIRST[0]:
            yield _lines(change, style)
    totals.update(found)
    for action in MOST_SERIOUS_FIRST[1:]:
        if found[action]:
            yield from (_lines(change, style) for change in changes if change.action is action)


def _lines(change: Change, style: _Style) -> str:
    action = coloured(change.action.ljust(_WIDTH), _COLOURS[change.action], use=style.colour)
    lines = [f"  {action}  {printable(change.key)}  {printable(change.object)}\n"]
    if change.new_object is not None:
        lines.append(f"      {style.arrow} {printable(change.new_object)}\n")
    for field in change.fields:
        name = printable(field.field)
        lines += [f"      {name}: {text}\n" for text in _values(change.action, field, style)]
    return "".join(lines)


def _values(action: Action, field: FieldChange, style: _Style) -> Iterator[str]:
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
