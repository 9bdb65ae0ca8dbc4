"""The texts of definitions and templates, and the trees they are read into: size, encoding and characters are
checked before anything is parsed.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath

from directory_sync.definition.json_nodes import read_json
from directory_sync.definition.nodes import Entries, Items, Node, Place, Unreadable, too_big
from directory_sync.definition.problems import Problem
from directory_sync.definition.yaml_nodes import read_yaml

MAX_BYTES = 2 * 1024 * 1024
_TOO_LARGE = (f"is larger than {MAX_BYTES // 1024 // 1024} MiB", "split it into several collections")

# YAML 1.2.2, section 5.1, without the rarely meant C1 controls.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one definition or template.

    Attributes:
        name: of a file, its name without the ending.
        text: YAML, or JSON if `origin` ends in `.json`; empty if it could not be read.
        origin: where it comes from, as problems name it: of a file, its path as it was given.
        version: names this text among all that the origin has held; of a file, its SHA-256, hexadecimal.
        kept_as: the collection that it has to define, where that is decided by where it is kept; empty where
            the text alone says it, as in a file.
        unreadable: why there is no text; None if there is one.
    """

    name: str
    text: str = field(repr=False)
    origin: str
    version: str = ""
    kept_as: str = ""
    unreadable: Problem | None = None


def read_document(file: FilePath | Traversable) -> Document:
    """Read a YAML or JSON file. Never raises: `Document.unreadable` says what kept it from being read."""
    name, origin = file.name.rpartition(".")[0] or file.name, str(file)
    start = Place(origin, 1, 1)

    def unreadable(message: str, hint: str, place: Place = start) -> Document:
        return Document(name, "", origin, unreadable=place.problem((), message, hint))

    try:
        # Not every file ends: a pipe would never, a device never will.
        if not file.is_file():
            return unreadable("is not a file", "give the path of a YAML or JSON file")
        with file.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        return unreadable(f"cannot be read: {reason}", "check the path and its permissions")
    if len(content) > MAX_BYTES:
        return unreadable(*_TOO_LARGE)
    if content.startswith(_WIDE):
        return unreadable("is encoded in UTF-16 or UTF-32", "save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        message = f"is not UTF-8: byte 0x{content[error.start]:02x}"
        return unreadable(message, "save it as UTF-8", _place_at(before, len(before), origin))
    return Document(name, text, origin, hashlib.sha256(content).hexdigest())


def read_tree(document: Document) -> tuple[Node | None, list[Problem]]:
    """Read a document into a tree. Never raises: what is wrong is in the problems."""
    if document.unreadable is not None:
        return None, [document.unreadable]
    return parse_tree(document.text, document.origin)


def parse_tree(
    text: str, file: str, *, begins: str = "a definition begins with name: and has a list of jobs:"
) -> tuple[Node | None, list[Problem]]:
    """Read a text into a tree, as JSON if the file's name says so. Never raises.

    `begins` says how such a text begins, where it is empty or no mapping.
    """
    start = Place(file, 1, 1)
    if len(text) > MAX_BYTES:
        return None, [start.problem((), *_TOO_LARGE)]
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
            start.problem((), "is empty", begins),
        ]
    if big := too_big(root):
        message = "is too big or too deep once its aliases are expanded"
        return None, [*problems, big.place.problem((), message, "use fewer aliases")]
    if not isinstance(root, Entries):
        found = "a list" if isinstance(root, Items) else "a single text"
        problems.append(root.place.problem((), f"holds {found} instead of a mapping", begins))
        return None, problems
    return root, problems


def _place_at(text: str, at: int, file: str) -> Place:
    line_start = text.rfind("\n", 0, at) + 1
    return Place(file, text.count("\n", 0, at) + 1, at - line_start + 1)
