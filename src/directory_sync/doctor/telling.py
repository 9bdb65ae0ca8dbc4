"""A finding in words: its text, what to do about it, and lines to copy."""

from __future__ import annotations

import shlex
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directory_sync.doctor.findings import Finding
from directory_sync.doctor.wording import WORDS
from directory_sync.printable import printable

_SHOWN = 6
"""Names of a list that are told."""
DETAILS = "details"
"""The fact whose texts are told one below the other."""


@dataclass(frozen=True, slots=True)
class Told:
    """A finding for people.

    Attributes:
        text: what was found, on one line.
        details: more of it, a line each.
        do: what to do about it; may be empty.
        lines: commands to run or lines to add.
    """

    text: str
    details: tuple[str, ...]
    do: str
    lines: tuple[str, ...]


def tell(finding: Finding) -> Told:
    """Put a finding into words; whatever its facts hold is harmless in a terminal."""
    words = WORDS[finding.code]
    fill = _Filling(finding.facts)
    details = finding.facts.get(DETAILS, ())
    return Told(
        fill(words.text),
        tuple(map(printable, details)) if isinstance(details, (list, tuple)) else (),
        fill(words.do),
        tuple(fill(line) for line in words.lines),
    )


class _Filling(string.Formatter):
    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__()
        self._facts = facts

    def __call__(self, text: str) -> str:
        return self.vformat(text, (), self._facts).strip()

    def convert_field(self, value: Any, conversion: Any) -> Any:
        """`!q` quotes for a shell."""
        return shlex.quote(printable(str(value))) if conversion == "q" else _text(value)

    def format_field(self, value: Any, format_spec: str) -> Any:
        """The value, or the text around it if there is one."""
        if not format_spec:
            return value
        return format_spec.replace("@", value) if value else ""


def _text(value: object) -> str:
    if isinstance(value, (list, tuple)):
        more = len(value) - _SHOWN
        shown = [printable(str(each)) for each in value[:_SHOWN]]
        return ", ".join([*shown, f"and {more} more"] if more > 0 else shown)
    if isinstance(value, float):
        return f"{value:g}"
    return printable(str(value))
