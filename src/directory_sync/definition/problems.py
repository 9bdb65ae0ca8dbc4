"""A problem in a definition: where it is, what is wrong, what would be right; as one line, as JSON, with a
caret for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning"]

_CONTEXT_LINES = 2
_CONTEXT_WIDTH = 120
_READ_AT_MOST = 4 * 1024 * 1024


class Code(StrEnum):
    """What kind of problem it is, where another part of the program depends on that."""

    MISSING = "missing"
    """A key that must be given is not."""
    BROKEN_DN = "broken_dn"
    """A DN inside `{…}` that is not quoted fell into pieces."""
    NO_KEY = "no_key"
    """No field of a job's mapping is a key."""
    LIMIT = "limit"
    """It cannot be read as a limit."""
    SCHEDULE = "schedule"
    """It is no schedule."""
    NOT_A_MAPPING = "not_a_mapping"
    """Something else stands where keys and values belong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or worth knowing, in a definition.

    Attributes:
        file: as the user named it; `collection NAME` for a collection that did not come from a file.
        line, column: from 1; line 0 where there is no file.
        key: path of the key, for example `jobs[0].fields.cn`; empty for the file as a whole.
        message: what is wrong.
        hint: what would be right; may be empty.
        severity: an error makes the definition unusable, a warning does not.
        code: what kind of problem it is, if that matters to the program; no part of the JSON.
        missing: of a key that must be given, its name below `key`; no part of the JSON either.
        given: the text that stands there, where the code needs it; no part of the JSON either.
    """

    file: str
    line: int
    column: int
    key: str
    message: str
    hint: str = ""
    severity: Severity = "error"
    code: Code | None = None
    missing: str = ""
    given: str = ""

    @property
    def text(self) -> str:
        """What is wrong and what would be right, without the place."""
        return f"{self.message}, {self.hint}" if self.hint else self.message

    def __str__(self) -> str:
        """`FILE:LINE: key: what is wrong, what would be right`, on one line whatever the definition holds."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        warning = "warning: " if self.severity == "warning" else ""
        return printable(f"{place}: {f'{self.key}: ' if self.key else ''}{warning}{self.text}")

    def to_json(self) -> dict[str, Any]:
        """All attributes that people read, as a mapping."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "key": self.key,
            "message": self.message,
            "hint": self.hint,
            "severity": self.severity,
        }


def has_errors(problems: Iterable[Problem]) -> bool:
    """Whether any of them makes the definition unusable."""
    return any(problem.severity == "error" for problem in problems)


def explain(problem: Problem, text: str | None = None) -> str:
    """The problem for people: its line, then up to two lines before it, the line itself and a caret below the
    place.

    `text` is what the file holds; it is read from the file if not given. A file that cannot be read gives the
    one line only.
    """
    if text is None:
        text = _read(problem.file)
    lines = text.splitlines()
    if not 1 <= problem.line <= len(lines):
        return str(problem)
    first = max(1, problem.line - _CONTEXT_LINES)
    # A long line is shown from shortly before the place that is meant.
    skip = max(0, problem.column - _CONTEXT_WIDTH * 3 // 4)
    margin = len(str(problem.line))
    shown = [str(problem)]
    for number in range(first, problem.line + 1):
        line = printable(lines[number - 1][skip : skip + _CONTEXT_WIDTH]).rstrip()
        shown.append(f"  {number:>{margin}} | {line}".rstrip())
    shown.append(f"  {'':>{margin}} | {' ' * (problem.column - 1 - skip)}^")
    return "\n".join(shown)


def printable(text: str) -> str:
    """The text on one line, harmless in a terminal: blanks for tabs and line ends, `?` for what else cannot
    be printed.
    """
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in text)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that someone may have meant, whatever its case; None if none is near."""
    by_case = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word[:200].lower(), by_case, n=1, cutoff=0.6)
    return by_case[near[0]] if near else None


def suggest(word: str, known: Iterable[str], rest: str = "") -> str:
    """A hint: `did you mean …?`, if one of the known words is near, and then the rest."""
    near = nearest(word, known)
    if near is None:
        return rest
    return f"did you mean {near}?" + (f" {rest[0].upper()}{rest[1:]}" if rest else "")


def path_text(path: Iterable[str | int]) -> str:
    """The path of a key as people read it: `jobs[0].fields.cn`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step and all(c.isalnum() or c in "_-;" for c in step):
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text


def _read(file: str) -> str:
    try:
        if not Path(file).is_file():
            return ""
        with Path(file).open(encoding="utf-8-sig", errors="replace") as stream:
            return stream.read(_READ_AT_MOST)
    except (OSError, ValueError):
        return ""
