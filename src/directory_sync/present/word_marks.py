"""Marks what differs between two texts, word by word, without losing a character of either."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import SequenceMatcher

_WORDS = re.compile(r"\w+|\W")
_SIMILAR = 0.3
"""Below this, single common letters and blanks are chance: the whole of the texts is marked."""
_MOST_WORDS = 400
"""Words that are compared one by one; the time grows with the square of their number."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a text; `marked` where the other text differs."""

    text: str
    marked: bool


@dataclass(slots=True)
class Marking:
    """Compares texts until a page has cost enough; from then on what differs is marked in one piece.

    Attributes:
        words: how many words may still be compared.
    """

    words: int = field(default=40_000)

    def compare(self, old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        """Both texts in parts that join to the text."""
        before, after = _WORDS.findall(old), _WORDS.findall(new)
        first = common(before, after)
        last = common(before[first:][::-1], after[first:][::-1])
        middle = before[first : len(before) - last], after[first : len(after) - last]
        count = len(middle[0]) + len(middle[1])
        if count > min(_MOST_WORDS, self.words):
            blocks = [(first, first, 0)]
        else:
            self.words -= count
            matcher = SequenceMatcher(None, *middle, autojunk=False)
            blocks = [
                (first + block.a, first + block.b, block.size) for block in matcher.get_matching_blocks()
            ]
        same = [(0, 0, first), *blocks, (len(before) - last, len(after) - last, last)]
        if _share(before, after, same) < _SIMILAR:
            return _whole(old), _whole(new)
        return _parts(before, [(a, size) for a, _, size in same]), _parts(
            after, [(b, size) for _, b, size in same]
        )


def common(one: list[str], other: list[str]) -> int:
    """Length of the common beginning."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count


def _share(before: list[str], after: list[str], same: list[tuple[int, int, int]]) -> float:
    """How much of the two texts is the same, by length, 0 to 1."""
    total = sum(map(len, before)) + sum(map(len, after))
    common = sum(len(word) for start, _, size in same for word in before[start : start + size])
    return 2 * common / total if total else 1.0


def _whole(text: str) -> tuple[Part, ...]:
    return (Part(text, marked=True),) if text else ()


def _parts(words: list[str], same: list[tuple[int, int]]) -> tuple[Part, ...]:
    parts: list[Part] = []
    position = 0
    for start, size in same:
        for text, marked in (
            ("".join(words[position:start]), True),
            ("".join(words[start : start + size]), False),
        ):
            if not text:
                continue
            if parts and parts[-1].marked == marked:
                parts[-1] = Part(parts[-1].text + text, marked)
            else:
                parts.append(Part(text, marked))
        position = start + size
    return tuple(parts)
