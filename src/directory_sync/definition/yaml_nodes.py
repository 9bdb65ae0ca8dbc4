"""Reads YAML into nodes from libyaml's events: bounded in depth and size, no tags, no types, duplicate keys
are problems.

PyYAML's own composer is not used because it recurses without a bound and forgets which scalars were quoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from directory_sync.definition.nodes import (
    MAX_DEPTH,
    MAX_NODES,
    Entries,
    Entry,
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

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_CORE_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "seq", "map")
)
_QUOTE_HINT = "put texts that begin with or contain any of : # { } [ ] , & * ! | > % @ ` into quotes"


def read_yaml(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one document.

    Returns the tree (None for an empty file) and the problems that leave the rest readable. Raises Unreadable
    for the others.
    """
    reader = _Reader(file)
    events = yaml.parse(text, Loader=_LOADER)
    try:
        root = reader.document(events)
    except (yaml.YAMLError, RecursionError) as error:
        raise Unreadable(_syntax_problem(error, file)) from None
    return root, reader.problems


class _Reader:
    """Puts events together. One instance reads one document."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.count = 0
        self.anchors: dict[str, Node | None] = {}
        """None while the anchor's own value is being read."""

    def place(self, mark: Any) -> Place:
        return Place(self.file, mark.line + 1, mark.column + 1)

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    place = self.place(event.start_mark)
                    raise Unreadable(
                        place.problem((), "a second document begins here", "keep one collection in one file")
                    )
            elif isinstance(event, yaml.NodeEvent):
                root = self.node(event, events, (), 1)
        return root

    def node(self, event: Any, events: Iterator[Any], path: Path, depth: int) -> Node:
        place = self.place(event.start_mark)
        self.grow(place)
        if depth > MAX_DEPTH:
            raise Unreadable(
                place.problem(
                    (), f"is nested more than {MAX_DEPTH} levels deep", "a definition needs far fewer"
                )
            )
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, place, path)
        if event.tag not in (None, "!") and event.tag not in _CORE_TAGS:
            self.problems.append(
                place.problem(path, "tags that begin with ! are not supported", "quote the text if it is one")
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self.scalar(event, place, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = Items(place)
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                node.items.append(self.node(item, events, (*path, len(node.items)), depth + 1))
        else:
            node = self.mapping(event, events, path, depth)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def grow(self, place: Place, values: int = 1) -> None:
        self.count += values
        if self.count > MAX_NODES:
            raise Unreadable(
                place.problem(
                    (), f"the file holds more than {MAX_NODES} values", "split it into several collections"
                )
            )

    def alias(self, event: Any, place: Place, path: Path) -> Node:
        if event.anchor not in self.anchors:
            self.problems.append(
                place.problem(path, f"there is no anchor &{event.anchor} before this line", _QUOTE_HINT)
            )
            return Scalar(place, "?")
        node = self.anchors[event.anchor]
        if node is None:
            raise Unreadable(
                place.problem(path, f"the anchor &{event.anchor} refers to itself", "write the value out")
            )
        return node

    def scalar(self, event: Any, place: Place, path: Path) -> Scalar:
        wrong = text_problem(event.value)
        if wrong:
            self.problems.append(place.problem(path, wrong, "remove it"))
            return Scalar(place, "?")
        plain = not event.style
        nothing = plain and event.value in _NOTHING and not (event.tag or "").endswith(":str")
        return Scalar(place, None if nothing else event.value, plain)

    def mapping(self, start: Any, events: Iterator[Any], path: Path, depth: int) -> Entries:
        mapping = Entries(self.place(start.start_mark))
        pairs: list[Pair] = []
        merged: list[tuple[Place, Node]] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            place = self.place(event.start_mark)
            key = self.node(event, events, path, depth + 1)
            name = (key.text or "") if isinstance(key, Scalar) else "?"
            value = self.node(next(events), events, (*path, name), depth + 1)
            if not isinstance(key, Scalar):
                self.problems.append(
                    place.problem(path, "a key must be a text", "quote a text that begins with { or [")
                )
            elif key.plain and name == "<<":
                merged.append((place, value))
            else:
                pairs.append((Scalar(place, key.text, key.plain), value))
        add_pairs(mapping, pairs, path, flow=bool(start.flow_style), problems=self.problems)
        for place, value in merged:
            self.merge(mapping, place, value, path)
        return mapping

    def merge(self, mapping: Entries, place: Place, value: Node, path: Path) -> None:
        """`<<: *anchor`: keys of other mappings, where the mapping itself does not give them."""
        for source in value.items if isinstance(value, Items) else [value]:
            if not isinstance(source, Entries):
                self.problems.append(
                    place.problem(
                        path, "<< takes a mapping or a list of mappings", "give it an alias of a mapping"
                    )
                )
                continue
            self.grow(place, len(source.entries))
            for name, entry in source.entries.items():
                mapping.entries.setdefault(name, Entry(entry.key_place, entry.node))


def _syntax_problem(error: Exception, file: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1, mark.column + 1) if mark else Place(file, 1, 1)
    problem = str(getattr(error, "problem", None) or "cannot be read")
    if "'\\t'" in problem or "tab character" in problem:
        return place.problem((), "a tab stands where blanks must", "indent with blanks")
    if "mapping values are not allowed" in problem:
        return place.problem(
            (), "a second colon in one line", "quote a text that holds a colon, or correct the indentation"
        )
    context = getattr(error, "context", None)
    return place.problem((), f"is not YAML: {f'{context}, ' if context else ''}{problem}", _QUOTE_HINT)
