"""Several definitions in one YAML file, apart from each other by `---`, and the name in one of them.

Each text stays what it is, comments and layout included: what was joined comes apart into the same texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from directory_sync.definition.documents import Document, parse_tree
from directory_sync.definition.export import dump
from directory_sync.definition.loading import Loaded, judge
from directory_sync.definition.nodes import Entries, Scalar
from directory_sync.definition.templates import Templates

_BREAKS = "\n\r\x85\u2028\u2029"
"""What begins a new line in YAML 1.1, by which PyYAML reads."""
_LINE_END = re.compile(rf"\r\n|[{_BREAKS}]")
_MARKER = re.compile(rf"(?:\A|(?<=[{_BREAKS}]))---(?=[ \t{_BREAKS}]|\Z)(?:\r\n|[{_BREAKS}])?")
"""Begins a document. It may stand nowhere else at the beginning of a line (YAML 1.2.2, section 9.1.1)."""
_EMPTY = re.compile(rf"(?:[ \t]*(?:[#%][^{_BREAKS}]*)?(?:[{_BREAKS}]|\Z))*")
"""Blank lines, comments and directives."""


@dataclass(frozen=True, slots=True)
class Part:
    """One definition of a file.

    Attributes:
        text: the definition.
        line: the number of the file's line that is its first one.
    """

    text: str
    line: int = 1


def tidy(text: str) -> str:
    """The text as it is saved: without a byte order mark, and with an end of its last line."""
    text = text.removeprefix("\ufeff")
    return text if not text or text[-1] in _BREAKS else f"{text}\n"


def join(texts: Iterable[str]) -> str:
    """All definitions as one file; `split` takes it apart again."""
    return "".join(f"---\n{tidy(text)}" for text in texts)


def split(text: str) -> list[Part]:
    """The definitions of a file, in its order; none for a file without any.

    What is before a definition and holds nothing but comments belongs to it.
    """
    text = text.removeprefix("\ufeff")
    markers = list(_MARKER.finditer(text))
    ends = [*(marker.start() for marker in markers), len(text)]
    parts: list[Part] = []
    begin: int | None = None
    counted, line = 0, 1
    for number, end in enumerate(ends):
        after = markers[number - 1].end() if number else 0
        if begin is None and (number or end):
            begin = after
        if begin is not None and not _EMPTY.fullmatch(text, after, end):
            line += len(_LINE_END.findall(text, counted, begin))
            counted = begin
            parts.append(Part(text[begin:end], line))
            begin = None
    return parts


def lines_of(text: str) -> list[str]:
    """The lines of a text as problems count them, each with its end; the last one is what follows the last
    end.
    """
    return re.split(rf"(?<=[{_BREAKS}])(?<!\r(?=\n))", text)


def renamed(text: str, name: str, templates: Templates) -> str:
    """The same definition by another name, as it was written wherever that is possible.

    A definition that cannot be used stays as it is.
    """
    before = judge(Document("", text, "definition"), templates)
    if not isinstance(before, Loaded) or before.name == name:
        return text
    wanted = before.collection.model_copy(update={"name": name})
    edited = _with_name(text, name)
    after = judge(Document("", edited, "definition"), templates)
    # An anchor or an odd notation may have made another definition of it.
    is_meant = isinstance(after, Loaded) and after.collection == wanted
    return edited if is_meant else dump(wanted)


def _with_name(text: str, name: str) -> str:
    """The text with another value of its key `name`, found by its place."""
    root, _ = parse_tree(text, "definition")
    entry = root.entries.get("name") if isinstance(root, Entries) else None
    if entry is None or not isinstance(entry.node, Scalar) or entry.node.text is None:
        return text
    lines = lines_of(text)
    number, column = entry.node.place.line - 1, entry.node.place.column - 1
    if number >= len(lines):
        return text
    line = lines[number]
    quote = line[column : column + 1] if line[column : column + 1] in ('"', "'") else ""
    old = f"{quote}{entry.node.text}{quote}"
    if not line.startswith(old, column):
        return text
    lines[number] = f"{line[:column]}{quote}{name}{quote}{line[column + len(old) :]}"
    return "".join(lines)
