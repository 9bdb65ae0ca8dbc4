"""Reads a definition or template file into a tree: size, encoding and characters are checked before anything
is parsed.
"""

from __future__ import annotations

import codecs
import re
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath

from directory_sync.definition.json_nodes import read_json
from directory_sync.definition.nodes import Entries, Items, Node, Place, Unreadable, too_big
from directory_sync.definition.problems import Problem
from directory_sync.definition.yaml_nodes import read_yaml

MAX_BYTES = 2 * 1024 * 1024

# YAML 1.2.2, section 5.1, without the rarely meant C1 controls.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_tree(file: FilePath | Traversable) -> tuple[Node | None, list[Problem]]:
    """Read a YAML or JSON file; its ending says which. Never raises: what is wrong is in the problems."""
    start = Place(str(file), 1, 1)
    try:
        # Not every file ends: a pipe would never, a device never will.
        if not file.is_file():
            return None, [start.problem((), "is not a file", "give the path of a YAML or JSON file")]
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return None, [start.problem((), f"cannot be read: {reason}", "check the path and its permissions")]
    if len(content) > MAX_BYTES:
        return None, [
            start.problem(
                (), f"is larger than {MAX_BYTES // 1024 // 1024} MiB", "split it into several collections"
            )
        ]
    if content.startswith(_WIDE):
        return None, [start.problem((), "is encoded in UTF-16 or UTF-32", "save it as UTF-8")]
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        place = _place_at(before, len(before), str(file))
        return None, [
            place.problem((), f"is not UTF-8: byte 0x{content[error.start]:02x}", "save it as UTF-8")
        ]
    return parse_tree(text, str(file))


def parse_tree(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Read a text into a tree, as JSON if the file's name says so. Never raises."""
    start = Place(file, 1, 1)
    if len(text) > MAX_BYTES:
        return None, [
            start.problem(
                (), f"is larger than {MAX_BYTES // 1024 // 1024} MiB", "split it into several collections"
            )
        ]
    text = text.removeprefix("\ufeff")
    if match := _FORBIDDEN.search(text):
        place = _place_at(text, match.start(), file)
        return None, [place.problem((), f"holds the control character U+{ord(match[0]):04X}", "remove it")]
    try:
        root, problems = (read_json if file.lower().endswith(".json") else read_yaml)(text, file)
    except Unreadable as error:
        return None, [error.problem]
    if root is None:
        return None, [
            *problems,
            start.problem((), "is empty", "a definition begins with name: and has a list of jobs:"),
        ]
    if big := too_big(root):
        message = "is too big or too deep once its aliases are expanded"
        return None, [*problems, big.place.problem((), message, "use fewer aliases")]
    if not isinstance(root, Entries):
        found = "a list" if isinstance(root, Items) else "a single text"
        problems.append(
            root.place.problem((), f"holds {found}", "a definition is a mapping that begins with name:")
        )
        return None, problems
    return root, problems


def _place_at(text: str, at: int, file: str) -> Place:
    line_start = text.rfind("\n", 0, at) + 1
    return Place(file, text.count("\n", 0, at) + 1, at - line_start + 1)
