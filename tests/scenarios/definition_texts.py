"""Every definition that stands in this repository: in the docs, in files, in the texts of tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from directory_sync.definition.documents import parse_tree
from directory_sync.definition.nodes import Entries

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^( *)```ya?ml\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_FILES = ("src", "tests", "docs", "include", "demo", "dags")


@cache
def definition_texts() -> dict[str, str]:
    """Place → text, of all that are mappings and not marked as wrong; also parts of definitions."""
    found = {}
    for place, text in _all():
        root, problems = parse_tree(text, "definition")
        if isinstance(root, Entries) and not problems:
            found[place] = text
    return found


def _all() -> Iterator[tuple[str, str]]:
    for folder in _FILES:
        for file in sorted((ROOT / folder).rglob("*.yaml")):
            yield str(file.relative_to(ROOT)), file.read_text(encoding="utf-8")
    for file in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for number, block in enumerate(_BLOCK.finditer(file.read_text(encoding="utf-8"))):
            indent = block[1]
            text = "".join(line.removeprefix(indent) for line in block[2].splitlines(keepends=True))
            yield f"{file.relative_to(ROOT)} {number}", text
    for file in sorted((ROOT / "tests").rglob("*.py")):
        source = file.read_text(encoding="utf-8")
        if "jobs:" not in source and "source:" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                continue
            if re.search(r"^ *(jobs|source|fields):", node.value, re.MULTILINE):
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node.value
