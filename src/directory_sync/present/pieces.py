"""Texts from directories and people as pieces in which nothing is hidden or obeyed.

Control characters, line breaks and characters that reorder or hide text are spelled out, each as a piece of
its own, so that a page can show them in another way than letters. Templates escape every piece; nothing here
is HTML.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from directory_sync.printable import printable

_CANDIDATE = re.compile("[^ -~]")
# Besides what `printable` spells out: invisible on a page, and harmless where nothing depends on it.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200c\u200d\u2800\u3164\ufe00-\ufe0f\uffa0]"
)
_NAMED_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")


@dataclass(frozen=True, slots=True)
class Piece:
    r"""A part of a text.

    Attributes:
        text: what to show.
        marked: it differs from the other side of a comparison.
        spelled: it stands for a character that is not shown as it is: `\n`, `\u202e`.
        name: of that character, for people.
    """

    text: str
    marked: bool = False
    spelled: bool = False
    name: str = ""

    @property
    def line_end(self) -> bool:
        """Whether the text goes on in a new line after this."""
        return self.spelled and self.text == r"\n"


def visible(text: str, *, marked: bool = False) -> tuple[Piece, ...]:
    """The text in pieces.

    In a marked one, characters that are only invisible are spelled out too: they may be the difference.
    """
    return tuple(_pieces(text, marked=marked))


def _pieces(text: str, *, marked: bool) -> Iterator[Piece]:
    start = 0
    for match in _CANDIDATE.finditer(text):
        spelled = _spelled(match[0], strict=marked)
        if spelled is None:
            continue
        if match.start() > start:
            yield Piece(text[start : match.start()], marked)
        yield Piece(spelled, marked, spelled=True, name=_name(match[0]))
        start = match.end()
    if start < len(text):
        yield Piece(text[start:], marked)


def _spelled(character: str, *, strict: bool) -> str | None:
    spelled = printable(character)
    if spelled != character:
        return spelled
    if strict and (_INVISIBLE.match(character) or _NAMED_SPACES.match(character)):
        return f"\\u{ord(character):04x}"
    return None


def _name(character: str) -> str:
    return f"U+{ord(character):04X} {unicodedata.name(character, 'control character')}"
