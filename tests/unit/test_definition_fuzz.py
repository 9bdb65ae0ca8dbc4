"""Hostile and broken input: nothing but DefinitionError comes out of the loader, and soon."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.loading import load_text
from directory_sync.definition.problems import Problem, explain
from directory_sync.errors import DefinitionError
from tests.scenarios.definitions import MINIMAL, SPEC_EXAMPLE

_EXAMPLE = SPEC_EXAMPLE.read_text()
_PIECES = [
    "{",
    "}",
    "[",
    "]",
    ":",
    ": ",
    "- ",
    "\n",
    "\n  ",
    '"',
    "'",
    "&a",
    "*a",
    "<<: ",
    "!!",
    "|",
    ">",
    "#",
    ",",
    "\t",
    "%",
    "null",
    "{{",
    "DC=x",
    "\\",
    "(",
    ")",
    "é",
    "\x00",
    "0",
]


def load(text: str, file: str) -> None:
    """Load; every problem has a place and can be shown."""
    problems: Sequence[Problem] = ()
    try:
        load_text(text, file)
    except DefinitionError as error:
        problems = error.problems or pytest.fail("an error without a problem")
    for problem in problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert "\n" not in str(problem)
        assert explain(problem, text).startswith(str(problem))


@given(
    st.text(max_size=300) | st.lists(st.sampled_from(_PIECES), max_size=60).map("".join),
    st.sampled_from(["a.yaml", "a.json"]),
)
def test_any_text(text: str, file: str) -> None:
    """Random characters and random pieces of YAML."""
    load(text, file)


@given(st.integers(0, len(_EXAMPLE)), st.integers(0, 30), st.sampled_from(_PIECES) | st.text(max_size=5))
def test_damaged_definition(at: int, length: int, piece: str) -> None:
    """A right definition with some characters replaced."""
    load(_EXAMPLE[:at] + piece + _EXAMPLE[at + length :], "a.yaml")


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["10%", "none", "OU=x", "@daily", "{{ a }}", "a.b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["from", "static", "template", "every", "move", "field", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(st.data())
def test_any_value_at_any_key(data: st.DataObject) -> None:
    """A right definition in which one value has become something else."""
    definition = json.loads(json.dumps(data.draw(st.sampled_from([MINIMAL, _FULL]))))
    here = definition
    while True:
        key = data.draw(
            st.sampled_from(sorted(here, key=str))
            if isinstance(here, dict)
            else st.integers(0, len(here) - 1)
        )
        if not isinstance(here[key], dict | list) or not here[key] or data.draw(st.booleans()):
            here[key] = data.draw(_ANY)
            break
        here = here[key]
    load(json.dumps(definition), "a.json")


_FULL = json.loads(json.dumps(yaml.safe_load(_EXAMPLE), default=str))
