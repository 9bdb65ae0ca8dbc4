"""Nothing that comes from a directory reaches a terminal as a command."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.printable import (
    printable,
    printable_json,
    printable_lines,
    printable_value,
    printable_values,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J\x1b]0;owned\x07", r"\x1b[2J\x1b]0;owned\x07"),
        ("\x9b2J", r"\x9b2J"),
        ("two\nlines\r\tand", r"two\nlines\r\tand"),
        ("admin\u202egnp.exe", r"admin\u202egnp.exe"),
        ("zero\u200bwidth", r"zero\u200bwidth"),
        ("tag\U000e0041", r"tag\U000e0041"),
        ("line\u2028separator", r"line\u2028separator"),
        ("half \udc80", r"half \udc80"),
        (r"CN=Smith\, John", r"CN=Smith\, John"),
        ("Zoë 王 👩\u200d🚀", "Zoë 王 👩\u200d🚀"),
    ],
    ids=["escape", "c1", "lines", "bidi", "zero-width", "tag", "separator", "surrogate", "dn", "readable"],
)
def test_what_a_terminal_obeys_is_spelled_out(text: str, expected: str) -> None:
    """Control and invisible characters are shown as escapes; everything that people read stays as it is."""
    assert printable(text) == expected


@given(st.text(st.characters()))
def test_no_control_character_survives(text: str) -> None:
    """Whatever the text: one line, and no character of the categories that a terminal acts on."""
    shown = printable(text)

    assert len(shown.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cs", "Zl", "Zp"}


def test_further_lines_are_indented() -> None:
    """A value in a message cannot pass for a message of the program's own."""
    assert (
        printable_lines("refused: x\ndirectory-sync: all is well\x1b")
        == "refused: x\n  directory-sync: all is well\\x1b"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"plain", "plain"),
        ("Zoë".encode(), "Zoë"),
        (b"\xff\xd8" + bytes(510), "<512 bytes>"),
        (b"a\0b", "<3 bytes>"),
        (b"\x1b", r"\x1b"),
    ],
    ids=["ascii", "utf-8", "binary", "nul", "escape"],
)
def test_values_are_text_or_a_size(value: bytes, expected: str) -> None:
    """A value that is no text is shown as its size."""
    assert printable_value(value) == expected


def test_several_values_are_on_one_line() -> None:
    """All values of a field are one text."""
    assert printable_values((b"a", b"b\n", b"\xff")) == r"a | b\n | <1 bytes>"


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())), st.sampled_from([None, 2]))
def test_json_reads_back_and_is_harmless(data: dict[str, object], indent: int | None) -> None:
    """JSON says the same after its harmful characters were spelled out; with or without indentation."""
    text = printable_json(data, indent=indent)

    assert json.loads(text) == data
    assert all(unicodedata.category(character) != "Cc" for character in text.replace("\n", ""))
