"""What differs between two texts, line by line, for people."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal

from directory_sync.present.word_marks import common

CONTEXT = 3
"""Lines around each difference."""
_MOST_COMPARED = 2_000
"""Lines of one side that are compared with each other; larger differences are shown as a whole."""
_MOST_SHOWN = 1_000
_LONGEST_LINE = 400


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line.

    Attributes:
        kind: `same`, `removed`, `added`; `gap` stands for lines that are left out.
        old, new: its number on each side; None where it is not.
        text: the line; of a gap, what is said of it.
    """

    kind: Literal["same", "removed", "added", "gap"]
    old: int | None
    new: int | None
    text: str


def text_diff(old: str, new: str) -> tuple[DiffLine, ...]:
    """The differences with the lines around them; nothing if the texts are equal.

    Time and size are bounded, whatever the texts are: of very long ones the whole of what differs is shown as
    replaced, and at most 1,000 lines are shown.
    """
    before, after = old.splitlines(), new.splitlines()
    head = common(before, after)
    tail = min(common(before[::-1], after[::-1]), len(before) - head, len(after) - head)
    first, last = before[head : len(before) - tail], after[head : len(after) - tail]
    if not first and not last:
        return ()
    start = max(0, head - CONTEXT)
    lines = [_same(number, number, before) for number in range(start, head)]
    if start:
        lines.insert(0, _gap(start))
    lines += _between(first, last, head)
    end = len(before) - tail
    lines += [_same(end + n, len(after) - tail + n, before) for n in range(min(tail, CONTEXT))]
    if tail > CONTEXT:
        lines.append(_gap(tail - CONTEXT))
    if len(lines) > _MOST_SHOWN:
        lines = [*lines[:_MOST_SHOWN], _gap(len(lines) - _MOST_SHOWN)]
    return tuple(lines)


def _between(first: list[str], last: list[str], offset: int) -> list[DiffLine]:
    if len(first) > _MOST_COMPARED or len(last) > _MOST_COMPARED:
        return [
            *(_line("removed", offset + n, None, text) for n, text in enumerate(first)),
            *(_line("added", None, offset + n, text) for n, text in enumerate(last)),
        ]
    lines: list[DiffLine] = []
    matcher = difflib.SequenceMatcher(None, first, last, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            lines += [_line("removed", offset + n, None, first[n]) for n in range(a, b)]
            lines += [_line("added", None, offset + n, last[n]) for n in range(c, d)]
            continue
        same = [_line("same", offset + a + n, offset + c + n, first[a + n]) for n in range(b - a)]
        if len(same) > 2 * CONTEXT + 1:
            same[CONTEXT:-CONTEXT] = [_gap(len(same) - 2 * CONTEXT)]
        lines += same
    return lines


def _same(old: int, new: int, lines: list[str]) -> DiffLine:
    return _line("same", old, new, lines[old])


def _line(kind: Literal["same", "removed", "added"], old: int | None, new: int | None, text: str) -> DiffLine:
    cut = text if len(text) <= _LONGEST_LINE else f"{text[:_LONGEST_LINE]}…"
    return DiffLine(kind, None if old is None else old + 1, None if new is None else new + 1, cut)


def _gap(number: int) -> DiffLine:
    return DiffLine("gap", None, None, f"{number:,} line{'' if number == 1 else 's'} left out")
