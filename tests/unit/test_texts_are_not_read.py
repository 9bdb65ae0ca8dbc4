"""Texts for people are written and shown, never read: what the program decides by is a code or a fact."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "directory_sync"
READING = {
    *("startswith", "endswith", "removeprefix", "removesuffix", "replace"),
    *("split", "rsplit", "partition", "rpartition", "find", "rfind", "index", "rindex", "count"),
    *("match", "fullmatch", "search", "findall", "finditer", "sub"),
}
"""Methods of texts and of patterns that look into a text."""
TEXTS = {"message", "remedy", "hint", "sentence"}
"""Attributes and names that hold a text for people, whatever they belong to."""
SENTENCE = re.compile(
    r"[A-Za-z]{2,},? [A-Za-z]"  # two words
    r"|[A-Za-z]{2,}[.:,]? $"  # a word with a blank after it
    r"|^[A-Z][a-z]+[.]$"  # a sentence of one word
    r"|^[A-Z][a-z]{3,}$"  # the beginning of one
)
"""What a piece of a sentence looks like."""
FOREIGN = {
    "definition/validation.py": {" or "},  # pydantic says only in a sentence which values it expects
    "definition/yaml_nodes.py": {"tab character", "mapping values are not allowed"},  # PyYAML's
    "endpoints/files/csv_format.py": {"unexpected end of data", "field limit"},  # of the module csv
    "portal/guard.py": {"bearer "},  # a header of HTTP
    "store/migrations/versions/revision_0009_message_codes.py": {"Done."},  # of the version before
    "store/database.py": {  # of SQLite and PostgreSQL, whose codes do not tell these apart
        *("no such table", "no such column", "does not exist", "lock timeout"),
        *("not a database", "disk i/o error", "no space"),
    },
}
"""Module → texts in it that others write, where these have no code for what they say."""


def _own_errors(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """What is caught, or handed in, that is an error of this package: where its name holds, and the name."""
    own = {
        name.asname or name.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "directory_sync.errors"
        for name in node.names
    }

    def is_own(annotation: ast.expr | None) -> bool:
        return annotation is not None and any(
            isinstance(each, ast.Name) and each.id in own for each in ast.walk(annotation)
        )

    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and node.name and is_own(node.type):
            yield node, node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from ((node, each.arg) for each in arguments if is_own(each.annotation))


def _is_text(node: ast.expr, errors: set[str]) -> bool:
    """Whether an expression is a text for people: an attribute or name of those, or an own error as text."""
    if isinstance(node, ast.Attribute):
        inner = node.value
        # `email.message` and such are modules.
        return node.attr in TEXTS or (
            node.attr == "args" and isinstance(inner, ast.Name) and inner.id in errors
        )
    if isinstance(node, ast.Name):
        return node.id in TEXTS
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str" and node.args:
        argument = node.args[0]
        return (isinstance(argument, ast.Name) and argument.id in errors) or _is_text(argument, errors)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in {"lower", "casefold", "strip"} and _is_text(node.func.value, errors)
    return False


def _words(node: ast.expr) -> Iterator[str]:
    """The constant pieces of a text that something is compared with, or of several."""
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        for each in node.elts:
            yield from _words(each)
    elif isinstance(node, ast.JoinedStr):
        yield from (value.value for value in node.values if isinstance(value, ast.Constant))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def _reads(node: ast.AST) -> tuple[list[ast.expr], list[ast.expr]] | None:
    """What is looked into, and what is looked for, where a node does that."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in READING:
        receiver = node.func.value
        # `", ".join(…)` has no part in this, nor has text that is put together and then cut.
        return [receiver, *node.args], node.args[:1]
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) and side.value == "" for side in sides):
            return None  # whether there is a text at all
        return sides, sides
    if isinstance(node, ast.MatchValue):
        return [], [node.value]
    return None


def read_texts(source: str, foreign: set[str] | frozenset[str] = frozenset()) -> list[tuple[int, str]]:
    """Lines of a module that read a text for people, and what they do."""
    tree = ast.parse(source)
    scopes = list(_own_errors(tree))
    inside: dict[int, set[str]] = {}
    for scope, name in scopes:
        for each in ast.walk(scope):
            inside.setdefault(id(each), set()).add(name)
    found = []
    for node in ast.walk(tree):
        if (read := _reads(node)) is None:
            continue
        into, wanted = read
        words = {word for each in wanted for word in _words(each)}
        if any(_is_text(each, inside.get(id(node), set())) for each in into) or any(
            SENTENCE.search(word) for word in words - foreign
        ):
            found.append((node.lineno, ast.unparse(node)))
    return sorted(found)


@pytest.mark.parametrize("file", sorted(SOURCE.rglob("*.py")), ids=lambda file: str(file.relative_to(SOURCE)))
def test_no_module_reads_a_text_for_people(file: Path) -> None:
    """None compares or takes apart a message, an error's text or a sentence; give it a code or a fact."""
    foreign = FOREIGN.get(file.relative_to(SOURCE).as_posix(), set())
    assert read_texts(file.read_text(encoding="utf-8"), foreign) == []


def _sentences(source: str) -> list[str]:
    """Pieces of sentences in a module, without docstrings and what pydantic's fields say of themselves."""
    tree = ast.parse(source)
    said_of_itself = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) or (isinstance(node, ast.keyword) and node.arg == "description")
        for inner in ast.walk(node.value)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said_of_itself
        if SENTENCE.search(node.value)
    ]


RULES = sorted(file for file in (SOURCE / "approval").glob("*.py") if file.name != "states.py")
"""Modules of the rules; states have their labels next to them."""


@pytest.mark.parametrize("file", RULES, ids=lambda file: file.name)
def test_the_rules_of_approval_say_nothing_in_words(file: Path) -> None:
    """They give codes and facts; `requests.texts` makes words of them."""
    assert _sentences(file.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line",
    [
        'result.startswith("Denied")',
        'result.startswith("Your approval") or done',
        '"" if message == "Done." else message',
        'problem.message.endswith("is missing")',
        "problems[-1].message == wrong.message",
        'str(problem).replace("warning: ", "", 1)',
        'str(check).removeprefix("limit ")',
        'row.message in ("Done.", "Nothing was written.")',
        're.search("denied by", text)',
    ],
)
def test_what_was_once_written_is_found(line: str) -> None:
    """The places that a review found, and some like them."""
    assert read_texts(line)


def test_an_own_error_is_told_by_its_kind() -> None:
    """Not by what it says; another's error may have nothing else."""
    source = """
from directory_sync.errors import StoreError
try:
    work()
except {kind} as error:
    if "{words}" in str(error):
        pass
"""
    assert read_texts(source.format(kind="StoreError", words="x"))
    assert not read_texts(source.format(kind="csv.Error", words="x"))


@pytest.mark.parametrize(
    "line",
    [
        'state == "success"',
        'name.startswith("airflow/")',
        'text.split(",")',
        'request.state in {"approved", "applied"}',
        'message == ""',
        '", ".join(names)',
        "field.code is Code.MISSING",
        'kind == "AlreadyDecided"',
    ],
)
def test_codes_and_data_may_be_read(line: str) -> None:
    """What is no sentence: codes, names, formats."""
    assert not read_texts(line)
