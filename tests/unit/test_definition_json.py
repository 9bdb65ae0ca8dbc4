"""JSON into nodes: strict, with places, duplicate keys are problems."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.definition.documents import parse_tree
from directory_sync.definition.nodes import Scalar, to_data


def messages(text: str) -> list[str]:
    """Every problem of a JSON text."""
    return [str(problem) for problem in parse_tree(text, "a.json")[1]]


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_JSON = st.recursive(
    st.none() | _TEXT, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=20
)


@given(st.dictionaries(_TEXT, _JSON), st.sampled_from([None, 2, "\t"]))
def test_what_json_writes_is_read_back(value: dict[str, object], indent: int | str | None) -> None:
    """Every object of texts survives, with escapes, surrogate pairs and tabs as blanks."""
    root, problems = parse_tree(json.dumps(value, indent=indent), "a.json")
    assert problems == []
    assert root is not None
    assert to_data(root) == value


def test_numbers_and_words_keep_their_text() -> None:
    """The models decide what is a number."""
    root, problems = parse_tree('{"a": 1.50, "b": true, "c": null, "d": -1e3}', "a.json")
    assert problems == []
    assert root is not None
    assert to_data(root) == {"a": "1.50", "b": "true", "c": None, "d": "-1e3"}


def test_duplicate_keys_name_both_lines() -> None:
    """Python's own reader would silently take the last."""
    assert messages('{"a": 1,\n "b": {"c": 1,\n "c": 2}}') == [
        "a.json:3: b.c: is given twice, first in line 2, keep one of the two"
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{"a": 1,}', "1:9", "a key is missing"),
        ('{"a" 1}', "1:6", "'1' stands where : must"),
        ('{"a": [1 2]}', "1:10", "'2' stands where ] must"),
        ('{"a": 1', "1:8", "the end of the file stands where } must"),
        ('{"a": tru}', "1:7", "a value is missing"),
        ('{"a":\n "b}', "2:2", "is not JSON: Unterminated string"),
        ('{"a": "\\x"}', "1:8", "is not JSON: Invalid \\escape"),
        ("{} {}", "1:4", "more text follows"),
        ('{"a": "\\ud800"}', "1:7", "half of a surrogate pair"),
        ('{"a": "\\u0000"}', "1:7", "NUL"),
        ("{'a': 1}", "1:2", "a key is missing"),
        ('{"a": NaN}', "1:7", "a value is missing"),
        ("[" * 100_000, "1:41", "nested more than"),
        ('{"a":' * 100_000, "1:201", "nested more than"),
        ("", "1:1", "is empty"),
    ],
)
def test_mistakes_have_a_place(text: str, place: str, message: str) -> None:
    """Line and column are those at which reading stopped."""
    problem = parse_tree(text, "a.json")[1][0]
    assert f"{problem.line}:{problem.column}" == place
    assert message in problem.message


def test_values_have_places() -> None:
    """Each value knows where it stands."""
    root, _ = parse_tree('{\n  "a": [1,\n   "b"]\n}', "a.json")
    node = root.entries["a"].node.items[1]  # type: ignore[union-attr]
    assert isinstance(node, Scalar)
    assert (node.place.line, node.place.column) == (3, 4)
