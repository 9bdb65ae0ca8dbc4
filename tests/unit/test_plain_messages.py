"""Texts for people carry no mark-up: pages, terminals, logs and mails show them as they are."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "directory_sync"
MARKUP = re.compile(r"`|\*\*|(?<![\w*])\*[A-Za-z][^*\n]*[A-Za-z…]\*(?![\w*])")

MARKDOWN = {
    "airflow/broken.py",
    "airflow/documentation.py",
    "airflow/upkeep_dag.py",
    "cli/exit_status.py",
    "forms/schedules.py",
    "forms/words.py",
    "portal/api/describing.py",
    "portal/wire/plans.py",
    "settings/options.py",
}
"""Modules whose texts are rendered as Markdown: a DAG's documentation, the OpenAPI description, pages of the
documentation, help of forms with its code.
"""
DATA = {
    "definition/expressions/sandbox.py": {"**"},
    "definition/yaml_nodes.py": {
        "put texts that begin with or contain any of : # { } [ ] , & * ! | > % @ ` into quotes"
    },
    "doctor/process.py": {"***"},
    "endpoints/ldap/refusals.py": {"***"},
    "definition/mail_addresses.py": {"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"},
    "forms/values.py": {"-?:,[]{}#&*!|>'\"%@` \t"},
    "present/shown.py": {"***"},
    "portal/views/templating.py": {"`"},
}
"""Texts in which these characters mean themselves."""


def _texts(file: Path) -> Iterator[tuple[int, str]]:
    """The strings of a module, but its docstrings and the descriptions of fields, which the documentation
    shows.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    left_out: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            left_out.add(node.value)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Field":
            left_out.update(
                each
                for keyword in node.keywords
                if keyword.arg == "description"
                for each in ast.walk(keyword.value)
            )
        if isinstance(node, ast.Dict):
            left_out.update(
                value
                for key, value in zip(node.keys, node.values, strict=True)
                if isinstance(key, ast.Constant) and key.value == "description"
            )
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in left_out:
            yield node.lineno, node.value


@pytest.mark.parametrize(
    "file", sorted(SOURCE.rglob("*.py")), ids=lambda file: file.relative_to(SOURCE).as_posix()
)
def test_messages_carry_no_markup(file: Path) -> None:
    """Backquotes and stars would be shown raw. A command or key stands there as it is typed."""
    name = file.relative_to(SOURCE).as_posix()
    if name in MARKDOWN:
        return
    found = [
        (line, text) for line, text in _texts(file) if MARKUP.search(text) and text not in DATA.get(name, ())
    ]
    assert found == []


def test_the_exceptions_are_there() -> None:
    """What is left out above exists, and needs to be left out."""
    assert all(any(MARKUP.search(text) for _, text in _texts(SOURCE / name)) for name in MARKDOWN)
    for name, texts in DATA.items():
        assert texts <= {text for _, text in _texts(SOURCE / name)}
