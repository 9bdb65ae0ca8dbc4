"""One value of a definition's text is changed, and every other character stays."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.errors import DefinitionError
from directory_sync.forms import rewriting
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.values import Bare
from tests.scenarios.examples import examples

TEXT = """\
# People of the company.
name: staff        # the DAG's id
title: 'Staff'
schedule: null     # by hand
limits:            # a run that would change more stops
  delete: 5        # agreed in March
  # More is not needed.
  update: 10%

jobs:
  # First the people,
  - name: people
    object: user
    source: {connection: corp, container: "OU=People,DC=corp"}   # read only
    fields:
      cn: {from: cn, key: true}
      sn: sn

  # then their groups.
  - name: groups
    object: group
    description: |
      Two
      lines
    fields: {cn: cn}
"""


def change(text: str, edit: Callable[[dict[str, Any]], object]) -> str:
    wanted = copy.deepcopy(data_of(text))
    edit(wanted)
    return rewrite(text, wanted)


def lines(text: str, edit: Callable[[dict[str, Any]], object]) -> tuple[list[str], list[str]]:
    """Lines that only the old or only the new text has."""
    old, new = text.splitlines(), change(text, edit).splitlines()
    return [line for line in old if line not in new], [line for line in new if line not in old]


def job(index: int = 0) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda data: data["jobs"][index]


@pytest.mark.parametrize(
    ("edit", "gone", "come"),
    [
        pytest.param(
            lambda data: data.update(title="Everyone"),
            ["title: 'Staff'"],
            ["title: 'Everyone'"],
            id="quotes-stay",
        ),
        pytest.param(
            lambda data: data.update(schedule="0 2 * * *"),
            ["schedule: null     # by hand"],
            ['schedule: "0 2 * * *" # by hand'],
            id="comment-stays",
        ),
        pytest.param(
            lambda data: data["limits"].pop("delete"),
            ["  delete: 5        # agreed in March"],
            [],
            id="first-key-goes",
        ),
        pytest.param(lambda data: data["limits"].pop("update"), ["  update: 10%"], [], id="last-key-goes"),
        pytest.param(
            lambda data: data.update(limits={"create": 7, **data["limits"]}),
            [],
            ["  create: 7"],
            id="key-at-the-top",
        ),
        pytest.param(
            lambda data: data["limits"].update(create=[Bare("10%"), 200]),
            [],
            ["  create: [10%, 200]"],
            id="key-at-the-end",
        ),
        pytest.param(
            lambda data: data.pop("limits"),
            [
                "limits:            # a run that would change more stops",
                "  delete: 5        # agreed in March",
                "  # More is not needed.",
                "  update: 10%",
            ],
            [],
            id="mapping-goes",
        ),
        pytest.param(
            lambda data: job()(data)["source"].update(filter="(a=b)"),
            ['    source: {connection: corp, container: "OU=People,DC=corp"}   # read only'],
            ['    source: {connection: corp, container: "OU=People,DC=corp", filter: (a=b)}   # read only'],
            id="key-inside-braces",
        ),
        pytest.param(
            lambda data: job()(data)["source"].pop("connection"),
            ['    source: {connection: corp, container: "OU=People,DC=corp"}   # read only'],
            ['    source: {container: "OU=People,DC=corp"}   # read only'],
            id="key-goes-from-braces",
        ),
        pytest.param(
            lambda data: job()(data)["fields"].update(sn={"static": "yes"}),
            ["      sn: sn"],
            ['      sn: {static: "yes"}'],
            id="text-becomes-mapping",
        ),
        pytest.param(
            lambda data: job(1)(data).update(description="One"),
            ["    description: |", "      Two", "      lines"],
            ["    description: One"],
            id="lines-become-one",
        ),
        pytest.param(
            lambda data: job(1)(data).update(description="Three\nnew\nlines"),
            ["    description: |", "      Two"],
            ["    description: |-", "      Three", "      new"],
            id="lines-stay-lines",
        ),
        pytest.param(lambda data: data.update(tags=["a", "b: c"]), [], ['tags: [a, "b: c"]'], id="new-list"),
        pytest.param(
            lambda data: data.update(approval={"approvers": {"users": ["ida"]}, "when": "manual"}),
            [],
            ["approval:", "  approvers: {users: [ida]}", "  when: manual"],
            id="new-mapping",
        ),
        pytest.param(
            lambda data: data["jobs"].append(
                {"name": "more", "source": {"connection": "a", "container": "b"}}
            ),
            [],
            ["  - name: more", "    source: {connection: a, container: b}"],
            id="new-item",
        ),
    ],
)
def test_only_what_was_changed_is_another(
    edit: Callable[[dict[str, Any]], object], gone: list[str], come: list[str]
) -> None:
    """Lines that go and lines that come, for each kind of change."""
    assert lines(TEXT, edit) == (gone, come)


def test_items_move_with_their_comments() -> None:
    """The jobs in another order, each with what was written about it."""
    moved = change(TEXT, lambda data: data["jobs"].reverse())
    assert (
        moved.index("# then their groups.") < moved.index("name: groups") < moved.index("# First the people,")
    )
    assert change(moved, lambda data: data["jobs"].reverse()) == TEXT


def test_an_item_is_known_by_its_name() -> None:
    """Moved and edited at once: its comments stay with it."""

    def edit(data: dict[str, Any]) -> None:
        data["jobs"].reverse()
        data["jobs"][1]["object"] = "contact"

    result = change(TEXT, edit)
    assert result.index("# First the people,") < result.index("object: contact")
    assert [job["name"] for job in data_of(result)["jobs"]] == ["groups", "people"]


def test_line_ends_stay() -> None:
    """A file from Windows has its line ends after an edit too."""
    text = TEXT.replace("\n", "\r\n")
    result = change(text, lambda data: data.update(tags=["a"], title="Everyone"))
    assert result.count("\n") == result.count("\r\n") == text.count("\n") + 1


def test_shared_values_are_written_out_where_one_of_them_changes() -> None:
    """An anchor's other users keep their values."""
    text = "a: &all {x: 1, y: 2}\nb: *all   # the same\nc:\n  <<: *all\n  z: 3\n"
    assert change(text, lambda data: data["a"].update(x=9)) == (
        "a: &all {x: 9, y: 2}\nb: {x: 1, y: 2} # the same\nc:\n  z: 3\n  x: 1\n  y: 2\n"
    )


def test_nothing_else_is_written_where_something_else_is_shared() -> None:
    """Anchors that a change does not touch stay."""
    text = "a: &all {x: 1}\nb: *all\nc: 3\n"
    assert change(text, lambda data: data.update(c=4)) == "a: &all {x: 1}\nb: *all\nc: 4\n"


@pytest.mark.parametrize("text", ["", "# Nothing yet.\n", "# Nothing yet."])
def test_an_empty_text_gets_its_first_keys(text: str) -> None:
    """A draft begins with nothing, or with comments only."""
    result = rewrite(text, {"name": "x", "jobs": [{"name": "y"}]})
    assert data_of(result) == {"name": "x", "jobs": [{"name": "y"}]}
    assert result.startswith(text)


def test_a_text_that_is_no_yaml_is_refused() -> None:
    """Nothing is guessed."""
    with pytest.raises(DefinitionError):
        rewrite("a: [", {"a": "b"})


@pytest.mark.parametrize("typed", ["\x94", "\x85", "\u2028", "\ufeff", "a\tb", "\x1b", '"\\'])
def test_control_characters_are_written_as_such_nowhere(typed: str) -> None:
    """No definition may hold them: they are escaped, in the notation that stands there."""
    text = '# top\n{"a": "b", "c": ["d"]} # end\n'
    result = change(text, lambda data: data.update({"x": typed, "c": ["d", typed], f"k{typed}": "y"}))
    assert data_of(result) == {"a": "b", "c": ["d", typed], "x": typed, f"k{typed}": "y"}
    assert result.startswith('# top\n{"a": "b", "c": ["d", ')


def test_of_a_key_that_is_given_twice_the_one_that_counts_is_changed() -> None:
    """The other one stays to be corrected, with all comments."""
    text = "# top\na: 1 # counts\nb: [x, y]\na: 2 # does not\nb: [z]\n"
    assert change(text, lambda data: data.update(a="9")) == text.replace("a: 1", 'a: "9"')
    assert change(text, lambda data: data.update(b=["y", "x"])) == text.replace("x, y", "y, x")
    assert change(text, lambda data: data.pop("a")) == "# top\nb: [x, y]\nb: [z]\n"


def test_a_byte_order_mark_stays() -> None:
    """Nothing after it is taken for another place."""
    assert change("\ufeffa: 1 # one\nb: 2\n", lambda data: data.update(a="3")) == '\ufeffa: "3" # one\nb: 2\n'


def test_json_stays_json() -> None:
    """A definition that was pasted as JSON keeps its quotes and its lines."""
    text = '{\n  "name": "x",\n  "tags": ["a"]\n}\n'
    assert change(text, lambda data: data.update(title="T", tags=["a", "b"])) == (
        '{\n  "name": "x",\n  "tags": ["a", "b"],\n  "title": "T"\n}\n'
    )


_TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Cn"))
    | st.sampled_from("\n\t:#-'\"&*!|>%@`{}[], "),
    max_size=12,
)
_VALUES = st.recursive(
    _TEXTS | st.none() | st.booleans() | st.integers(0, 999),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS.filter(str.strip), inner, max_size=4),
    max_leaves=12,
)
_MAPPINGS = st.dictionaries(_TEXTS.filter(str.strip), _VALUES, max_size=5)


@settings(max_examples=examples(300))
@given(before=_MAPPINGS, after=_MAPPINGS)
def test_any_text_can_become_any_other(before: dict[str, Any], after: dict[str, Any]) -> None:
    """Hostile keys and values included: what is read back is what was wanted."""
    text = rewrite("", before)
    assert rewriting.plain(before) == data_of(text)
    assert rewriting.plain(after) == data_of(rewrite(text, after))
