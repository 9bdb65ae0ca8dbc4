"""YAML into nodes: places, duplicate keys, anchors within bounds, unquoted DNs."""

from __future__ import annotations

import time

import pytest

from directory_sync.definition.documents import parse_tree
from directory_sync.definition.nodes import MAX_DEPTH, Entries, to_data


def messages(text: str, file: str = "a.yaml") -> list[str]:
    """Every problem of a text."""
    return [str(problem) for problem in parse_tree(text, file)[1]]


def data(text: str) -> object:
    """What a text without problems holds."""
    root, problems = parse_tree(text, "a.yaml")
    assert problems == []
    assert root is not None
    return to_data(root)


def test_duplicate_keys_name_both_lines() -> None:
    """The second of two equal keys is an error that says where the first is."""
    assert messages("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n") == [
        "a.yaml:5: b.c: is given twice, first in line 3, keep one of the two"
    ]


@pytest.mark.parametrize(
    ("text", "dn"),
    [
        ("x: {move: OU=Left,DC=lab}", "OU=Left,DC=lab"),
        ("x: {move: OU=Left,DC=lab,DC=example, disable: true}", "OU=Left,DC=lab,DC=example"),
        ("x: {move: OU=Left, DC=lab}", "OU=Left,DC=lab"),
    ],
)
def test_unquoted_dn_in_braces_says_quote_the_dn(text: str, dn: str) -> None:
    """One problem for one DN, with the line as it should be."""
    assert messages(text) == [
        f'a.yaml:1: x.move: a DN inside {{…}} ends at its first comma, quote the DN: move: "{dn}"'
    ]


def test_piece_of_a_dn_without_its_beginning_is_told_too() -> None:
    """A stray `DC=lab` that follows no text is still recognised."""
    assert messages("x: {DC=lab}") == [
        "a.yaml:1: x: DC=lab is no key but part of a DN, quote the DN inside {…}"
    ]


def test_quoted_dn_and_block_keys_are_left_alone() -> None:
    """Only what YAML tears apart is a problem."""
    assert data('x: {move: "OU=Left,DC=lab"}\n"a=b":\n') == {"x": {"move": "OU=Left,DC=lab"}, "a=b": None}


def test_anchors_aliases_and_merge_keys_work() -> None:
    """A mapping's own keys count before merged ones, and the first merged mapping before the second."""
    text = "a: &a {x: 1, y: 2}\nb: &b {y: 3, z: 4}\nc: {<<: [*a, *b], x: 0}\nd: *a\n"
    assert data(text) == {
        "a": {"x": "1", "y": "2"},
        "b": {"y": "3", "z": "4"},
        "c": {"x": "0", "y": "2", "z": "4"},
        "d": {"x": "1", "y": "2"},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [*a]", "the anchor &a refers to itself"),
        ("a: *b", "there is no anchor &b"),
        ("a: {<<: 1}", "<< takes a mapping"),
        ("a: !!python/object/apply:os.system [id]", "tags that begin with ! are not supported"),
        ("a: !secret x", "tags that begin with ! are not supported"),
        ("? [a]\n: b", "a key must be a text"),
        ("a: {{ b }}", "a key must be a text"),
        ("~: b", "a key is missing"),
        ("schedule: @daily", "put texts that begin with"),
        ("schedule: * * * * *", "put texts that begin with"),
        ("a: b: c", "a second colon in one line"),
        ("a: %NOW%", "put texts that begin with"),
        ("a: [b", "is not YAML"),
        ("a: 'b", "is not YAML"),
    ],
)
def test_mistakes_say_what_would_be_right(text: str, message: str) -> None:
    """What people and attackers write gives a message, never an exception."""
    assert message in "\n".join(messages(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 20)),
            "expanded",
        ),
        (
            "a0: &a0 {k: v}\n" + "".join(f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: v}}\n" for i in range(1, 3000)),
            "more than 200000 values",
        ),
        ("a: " + "[" * 100_000, f"more than {MAX_DEPTH} levels"),
        ("{a: " * 100_000, f"more than {MAX_DEPTH} levels"),
        ("\n".join(f"{'  ' * i}a:" for i in range(1000)), f"more than {MAX_DEPTH} levels"),
        ("- " * 100_000, f"more than {MAX_DEPTH} levels"),
        ("a: [" + "x," * 250_000 + "]", "more than 200000 values"),
    ],
    ids=["aliases", "merges", "brackets", "braces", "blocks", "dashes", "values"],
)
def test_bombs_are_refused_quickly(text: str, message: str) -> None:
    """Neither depth nor expansion can exhaust the machine."""
    began = time.process_time()
    assert message in "\n".join(messages(text))
    assert time.process_time() - began < 10


def test_places_are_those_of_the_file() -> None:
    """Lines and columns count from 1, also behind characters of several bytes."""
    root, _ = parse_tree("a: 1\nb:\n  - ä: {c: ü, d: x}\n", "a.yaml")
    assert isinstance(root, Entries)
    item = root.entries["b"].node.items[0]  # type: ignore[union-attr]
    entry = item.entries["ä"].node.entries["d"]  # type: ignore[union-attr]
    assert (entry.key_place.line, entry.key_place.column) == (3, 15)
    assert (entry.node.place.line, entry.node.place.column) == (3, 18)
