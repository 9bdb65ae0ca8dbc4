"""Values of a definition in words."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.forms.value_words import fact_words, mapping_words


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ("id", "id"),
        ({"from": "id", "key": "true"}, "id (key)"),
        ({"from": "id", "key": "false", "new_only": "yes"}, "id (new only, key: no)"),
        ({"join": ["first", "last"]}, "join of first, last"),
        ({"map": "school", "values": {"a": "A", "b": "B"}, "default": "NN"},
         "table of codes from school: 2 codes, otherwise NN"),
        ({"map": "school", "values": {"a": "A"}}, "table of codes from school: 1 code, otherwise no value"),
        ({"left": "sn", "length": "3", "on_missing": "skip"}, "first 3 characters of sn (on missing: skip)"),
        ({"members": "member", "match": "uid"}, "group members in member (match: uid)"),
    ],
)  # fmt: skip
def test_mappings_are_told_without_yaml(mapping: Any, words: str) -> None:
    """Nothing that a mapping says is left out, but the codes of a table."""
    assert mapping_words(mapping) == words


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("approval", {"approvers": {"users": ["bob"]}}, "always: bob"),
        ("approval", {"approvers": {"users": ["bob"], "roles": ["Ops"]}, "require": "all"},
         "always: bob, role Ops; How many must agree: all"),
        ("approval", "none", "No approval"),
        ("approval", {"approvers": None}, "always: none"),
        ("missing_at_source", "delete", "Delete it"),
        ("missing_at_source", {"move": "OU=x", "disable": "true"}, "Container: OU=x; Disable them too: yes"),
        ("limits", {"delete": ["5%", "20"], "update": "none"}, "delete 5% and 20, update none"),
        ("enabled", "false", "no"),
    ],
)  # fmt: skip
def test_keys_of_a_job_are_told_without_yaml(key: str, value: Any, words: str) -> None:
    """As the form calls them."""
    [(_, said)] = fact_words(key, value)
    assert said == words


def test_values_of_any_shape_have_words() -> None:
    """Drafts hold anything."""
    for key in ("fields", "approval", "limits", "source", "records", "missing_at_source"):
        for value in (None, "x", [], [["x"], {"a": None}], {}, {"a": {"b": [None, {"c": "d"}]}}):
            for _, said in fact_words(key, value):
                assert isinstance(said, str)
