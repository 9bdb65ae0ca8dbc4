"""How a finding is told.

`{fact}` is a fact, `{fact!q}` quoted for a shell, and `{fact: text @}` the text with the fact in place of `@`
where it is not empty. `telling` fills them in.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """How a finding is told.

    Attributes:
        text: what was found.
        do: what to do about it; empty if nothing.
        lines: commands to run or lines to add, to be copied as they are.
    """

    text: str
    do: str = ""
    lines: tuple[str, ...] = ()


def words(text: str, do: str = "", *lines: str) -> Words:
    """The words of one code."""
    return Words(text, do, lines)
