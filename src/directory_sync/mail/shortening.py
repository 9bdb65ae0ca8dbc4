"""Texts from elsewhere as a mail shows them: on one line, harmless, and of bounded length."""

from __future__ import annotations

from datetime import datetime

from directory_sync.present.times import moment_text
from directory_sync.printable import printable

LONGEST_LINE = 300
"""Characters of a name or of one line of a person's words."""
MOST_LINES = 20
"""Lines of a person's words."""
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """A text on one line, cut where it is too long."""
    shown = printable(text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}{_CUT}"


def flowing(text: str, longest: int = LONGEST_LINE) -> str:
    """The same, of a text whose line breaks mean nothing."""
    return one_line(" ".join(text[: 2 * longest].split()), longest)


def some_lines(text: str) -> list[str]:
    """A person's words, line by line."""
    lines = text.strip().splitlines()
    shown = [one_line(line) for line in lines[:MOST_LINES]]
    return [*shown, _CUT] if len(lines) > MOST_LINES else shown


def time_text(at: datetime | None) -> str:
    """A time; empty for none."""
    return "" if at is None else moment_text(at)
