"""What `directory-sync doctor` finds can be said: each code has words, and the facts that they name."""

from __future__ import annotations

import ast
import string
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from directory_sync.doctor.checks import CHECKS
from directory_sync.doctor.codes import Code
from directory_sync.doctor.findings import Finding, State
from directory_sync.doctor.telling import tell
from directory_sync.doctor.wording import PARTS, WORDS

DOCTOR = Path(__file__).parents[2] / "src" / "directory_sync" / "doctor"


def _codes(node: ast.expr) -> list[str]:
    """The codes that an argument may be: `Code.X`, or one of two by a condition."""
    if isinstance(node, ast.IfExp):
        return _codes(node.body) + _codes(node.orelse)
    named = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"
    return [node.attr] if named else []


def _assigned(function: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """Names and what is assigned to them."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                yield target.id, node.value


def _facts(call: ast.Call, assigned: dict[str, ast.expr]) -> set[str]:
    facts: set[str] = set()
    for keyword in call.keywords:
        if keyword.arg:
            facts.add(keyword.arg)
        elif isinstance(keyword.value, ast.Name):
            shared = assigned[keyword.value.id]
            assert isinstance(shared, ast.Dict)
            facts |= {str(ast.literal_eval(key)) for key in shared.keys if key}
    return facts


def _given() -> dict[str, list[set[str]]]:
    """Code → for each place in the source that makes a finding of it, the facts that it is given."""
    given: dict[str, list[set[str]]] = defaultdict(list)
    functions = (
        node
        for path in DOCTOR.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    )
    for function in functions:
        assigned = dict(_assigned(function))
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and call.args:
                first = call.args[0]
                named = assigned.get(first.id, first) if isinstance(first, ast.Name) else first
                for code in _codes(named):
                    given[code].append(_facts(call, assigned))
    return given


GIVEN = _given()


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_words_and_the_facts_that_they_name(code: Code) -> None:
    """Wherever a finding of this code is made, it has every fact that its words name."""
    words = WORDS[code]
    named = {
        name
        for text in (words.text, words.do, *words.lines)
        for _, name, *_ in string.Formatter().parse(text)
    } - {None}

    assert GIVEN[code.name], "no check finds this"
    for facts in GIVEN[code.name]:
        assert named <= facts


def test_each_code_has_its_words_once() -> None:
    """No two groups have words for the same code, of which one would be lost."""
    assert sum(map(len, PARTS)) == len(WORDS) == len(Code)


def test_no_two_checks_have_the_same_name() -> None:
    """Findings are told apart by the name of their check."""
    names = [check.name for check in CHECKS]

    assert len(set(names)) == len(names)


def test_what_facts_hold_is_harmless() -> None:
    """A line break, an escape sequence or a brace in a fact commands neither a terminal nor the words."""
    hostile = "a\nb\x1b[31m{said} 'c'"
    told = tell(Finding(Code.FOLDER_MISSING, State.PROBLEM, {"what": "data_folder", "folder": hostile}))

    assert told.text == r"data_folder: the folder a\nb\x1b[31m{said} 'c' does not exist."
    assert all(character.isprintable() for line in told.lines for character in line)


def test_a_path_is_quoted_for_a_shell() -> None:
    """A command with a path can be pasted, whatever the path holds."""
    told = tell(Finding(Code.FOLDER_MISSING, State.PROBLEM, {"what": "x", "folder": "/srv/a b; rm -rf /"}))

    assert told.lines == ("mkdir -p '/srv/a b; rm -rf /'",)


def test_a_long_list_is_cut_off() -> None:
    """Of many names, the first are told, and how many there are more."""
    told = tell(
        Finding(Code.DAGS_UNKNOWN, State.PROBLEM, {"count": 500, "names": [f"c{i}" for i in range(500)]})
    )

    assert told.text == "Airflow has no DAG for 500 collections: c0, c1, c2, c3, c4, c5, and 494 more."
