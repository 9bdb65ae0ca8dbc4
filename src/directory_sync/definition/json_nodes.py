"""Reads JSON (RFC 8259) into nodes, strictly, with the place of every value.

Python's own reader keeps no places and drops duplicate keys.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from json import JSONDecodeError, JSONDecoder

from directory_sync.definition.nodes import (
    MAX_DEPTH,
    MAX_NODES,
    Entries,
    Items,
    Node,
    Pair,
    Path,
    Place,
    Scalar,
    Unreadable,
    add_pairs,
    text_problem,
)
from directory_sync.definition.problems import Problem

_DECODER = JSONDecoder()
_BLANKS = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_WORDS = {"true": "true", "false": "false", "null": None}
_WORD = re.compile("|".join(_WORDS))


def read_json(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one value; the same contract as `read_yaml`."""
    reader = _Reader(text, file)
    reader.skip_blanks()
    if reader.at == len(text):
        return None, []
    root = reader.value((), 1)
    reader.skip_blanks()
    if reader.at != len(text):
        raise reader.wrong("more text follows the end of the collection", "keep one collection in one file")
    return root, reader.problems


class _Reader:
    """Goes through the text once. One instance reads one document."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.at = 0
        self.count = 0
        self.problems: list[Problem] = []
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, at: int | None = None) -> Place:
        at = self.at if at is None else at
        line = bisect_right(self.line_starts, at)
        return Place(self.file, line, at - self.line_starts[line - 1] + 1)

    def wrong(self, message: str, hint: str, at: int | None = None) -> Unreadable:
        return Unreadable(self.place(at).problem((), message, hint))

    def skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def take(self, character: str) -> bool:
        """Step over a character and the blanks before it, if it is the next one."""
        self.skip_blanks()
        if not self.text.startswith(character, self.at):
            return False
        self.at += 1
        return True

    def expect(self, character: str) -> None:
        if not self.take(character):
            found = repr(self.text[self.at]) if self.at < len(self.text) else "the end of the file"
            raise self.wrong(
                f"is not JSON: {found} stands where {character} must", "correct the punctuation here"
            )

    def value(self, path: Path, depth: int) -> Node:
        self.skip_blanks()
        self.count += 1
        if depth > MAX_DEPTH:
            raise self.wrong(f"is nested more than {MAX_DEPTH} levels deep", "a definition needs far fewer")
        if self.count > MAX_NODES:
            raise self.wrong(
                f"the file holds more than {MAX_NODES} values", "split it into several collections"
            )
        place = self.place()
        if self.take("{"):
            return self.mapping(place, path, depth)
        if self.take("["):
            return self.items(place, path, depth)
        if self.text.startswith('"', self.at):
            return self.string(path)
        if match := _WORD.match(self.text, self.at):
            self.at = match.end()
            return Scalar(place, _WORDS[match[0]])
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return Scalar(place, match[0])
        raise self.wrong(
            "is not JSON: a value is missing",
            "write a text in double quotes, a number, true, false, null, [ or {",
        )

    def string(self, path: Path) -> Scalar:
        place = self.place()
        try:
            text, self.at = _DECODER.raw_decode(self.text, self.at)
        except JSONDecodeError as error:
            raise self.wrong(
                f"is not JSON: {error.msg}", 'end the text with " and write \\ as \\\\', error.pos
            ) from None
        wrong = text_problem(text)
        if wrong:
            self.problems.append(place.problem(path, wrong, "remove it"))
            return Scalar(place, "?")
        return Scalar(place, text)

    def items(self, place: Place, path: Path, depth: int) -> Items:
        node = Items(place)
        if not self.take("]"):
            while True:
                node.items.append(self.value((*path, len(node.items)), depth + 1))
                if not self.take(","):
                    break
            self.expect("]")
        return node

    def mapping(self, place: Place, path: Path, depth: int) -> Entries:
        pairs: list[Pair] = []
        if not self.take("}"):
            while True:
                self.skip_blanks()
                if not self.text.startswith('"', self.at):
                    raise self.wrong(
                        "is not JSON: a key is missing", "write keys in double quotes, and no comma before }"
                    )
                key = self.string(path)
                self.expect(":")
                pairs.append((key, self.value((*path, key.text or ""), depth + 1)))
                if not self.take(","):
                    break
            self.expect("}")
        node = Entries(place)
        add_pairs(node, pairs, path, flow=False, problems=self.problems)
        return node
