"""The tree that YAML and JSON files are read into: every value keeps its text and its place in the file.

A scalar is text or nothing. What looks like a number, a date or a truth value is only made one where the
models ask for it, so that `static: 0123`, a time `12:30` and a country called `NO` stay what people wrote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from directory_sync.definition.problems import Code, Problem, path_text

Path = tuple[str | int, ...]

MAX_DEPTH = 40
"""Mappings and lists inside each other; a definition needs about ten."""
MAX_NODES = 200_000
"""Values of one file after anchors are expanded."""

_STRAY_DN = re.compile(r"[A-Za-z][A-Za-z0-9.-]*\s*=.*")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands; line and column count from 1."""

    file: str
    line: int
    column: int

    def problem(self, path: Path, message: str, hint: str = "") -> Problem:
        """An error at this place."""
        return Problem(self.file, self.line, self.column, path_text(path), message, hint)


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, or nothing (an empty value, `null`, `~`)."""

    place: Place
    text: str | None
    plain: bool = False


@dataclass(slots=True)
class Items:
    """A list."""

    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a mapping, and where its key stands."""

    key_place: Place
    node: Node


@dataclass(slots=True)
class Entries:
    """A mapping, in the order of the file."""

    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)


Node = Scalar | Items | Entries
Pair = tuple[Scalar, Node]


class Unreadable(Exception):
    """The text is not YAML, or too big; nothing could be read."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(str(problem))


def add_pairs(
    mapping: Entries, pairs: list[Pair], path: Path, *, flow: bool, problems: list[Problem]
) -> None:
    """Put pairs of keys and values into a mapping; keys that are given twice and pieces of unquoted DNs
    become problems.
    """
    previous: str | None = None
    for key, node in pairs:
        name = key.text
        if name is None:
            problems.append(key.place.problem(path, "a key is missing before the colon", "give it a name"))
            continue
        if (
            flow
            and key.plain
            and isinstance(node, Scalar)
            and node.plain
            and not node.text
            and _STRAY_DN.fullmatch(name)
        ):
            _join_stray_dn(mapping, previous, key, path, problems)
            continue
        if name in mapping.entries:
            first = mapping.entries[name].key_place
            problems.append(
                key.place.problem(
                    (*path, name), f"is given twice, first in line {first.line}", "keep one of the two"
                )
            )
            continue
        mapping.entries[name] = Entry(key.place, node)
        previous = name


def _join_stray_dn(
    mapping: Entries, previous: str | None, key: Scalar, path: Path, problems: list[Problem]
) -> None:
    """Report `{move: OU=Left,DC=lab}`, which YAML reads as two keys, and put the DN together so that nothing
    else is reported.
    """
    place, piece = key.place, key.text
    entry = mapping.entries.get(previous) if previous is not None else None
    value = entry.node if entry else None
    if previous is None or entry is None or not isinstance(value, Scalar) or value.text is None:
        problems.append(place.problem(path, f"{piece} is no key but part of a DN", "quote the DN inside {…}"))
        return
    whole = Scalar(value.place, f"{value.text},{piece}", plain=True)
    mapping.entries[previous] = Entry(entry.key_place, whole)
    wrong = replace(
        place.problem(
            (*path, previous),
            "a DN inside {…} ends at its first comma",
            f'quote the DN: {previous}: "{whole.text}"',
        ),
        code=Code.BROKEN_DN,
    )
    # One problem for one DN, however many pieces it fell into: the last one knows the whole DN.
    if problems and problems[-1].code is Code.BROKEN_DN and problems[-1].key == wrong.key:
        wrong = replace(problems.pop(), hint=wrong.hint)
    problems.append(wrong)


def text_problem(text: str) -> str | None:
    """What is wrong with the characters of a text, or None."""
    if "\0" in text:
        return "holds a NUL character, which no directory or database takes"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "holds half of a surrogate pair, which is no character"
    return None


Plain = None | str | list["Plain"] | dict[str, "Plain"]


def to_data(node: Node) -> Plain:
    """The tree as plain texts, lists and mappings."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Items):
        return [to_data(item) for item in node.items]
    return {key: to_data(entry.node) for key, entry in node.entries.items()}


def too_big(root: Node) -> Node | None:
    """The value at which the tree, with anchors expanded, passes `MAX_NODES` or `MAX_DEPTH`; None if it does
    not.
    """
    stack: list[tuple[Node, int]] = [(root, 1)]
    count = 0
    while stack:
        node, depth = stack.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            return node
        if isinstance(node, Items):
            stack.extend((item, depth + 1) for item in node.items)
        elif isinstance(node, Entries):
            stack.extend((entry.node, depth + 1) for entry in node.entries.values())
    return None
