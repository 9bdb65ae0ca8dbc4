"""How pages show texts from directories: word by word, complete, and harmless."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.present.pieces import visible
from directory_sync.present.word_marks import Marking

texts = st.text(max_size=200)
words = st.lists(
    st.sampled_from(["the", "crew", " ", ",", "fry", "Fry", "é", "e\u0301", "\n", "\u202e"]), max_size=60
).map("".join)


def _unspelled(text: str) -> str:
    short = {r"\n": "\n", r"\r": "\r", r"\t": "\t"}
    return short.get(text) or chr(int(re.sub(r"\\[xuU]", "", text), 16))


@given(texts, st.booleans())
def test_a_shown_text_is_the_whole_text(text: str, marked: bool) -> None:
    """The pieces that stand for themselves and those that spell a character out give exactly the text
    again.
    """
    pieces = visible(text, marked=marked)
    assert "".join(_unspelled(piece.text) if piece.spelled else piece.text for piece in pieces) == text


@given(texts)
def test_nothing_that_is_shown_is_obeyed(text: str) -> None:
    """No control character, no reordering, no lone surrogate is in what a page gets."""
    shown = "".join(piece.text for piece in visible(text))
    assert not {c for c in shown if unicodedata.category(c) in {"Cc", "Cs"}}
    assert not {
        c
        for c in shown
        if unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    }


def test_an_invisible_difference_can_be_seen() -> None:
    """Where a text is marked as different, characters without a shape are spelled out; elsewhere emoji keep
    their joiners.
    """
    assert [piece.text for piece in visible("a\u200db", marked=True)] == ["a", r"\u200d", "b"]
    assert [piece.text for piece in visible("a\u200db")] == ["a\u200db"]
    assert visible("\u00a0", marked=True)[0].name == "U+00A0 NO-BREAK SPACE"


def test_a_line_end_ends_the_line() -> None:
    """Of the characters that are spelled out, only the line feed begins a new line on the page."""
    assert [piece.line_end for piece in visible("a\r\nb")] == [False, False, True, False]


@given(texts, texts)
def test_marking_loses_nothing(old: str, new: str) -> None:
    """The parts of each side join to the text."""
    before, after = Marking().compare(old, new)
    assert "".join(part.text for part in before) == old
    assert "".join(part.text for part in after) == new


@given(words, words, st.integers(0, 50))
def test_marking_loses_nothing_of_similar_texts(old: str, new: str, budget: int) -> None:
    """The same where words repeat, and when a page has cost enough; what is not marked is the same on both
    sides.
    """
    before, after = Marking(budget).compare(old, new)
    assert "".join(part.text for part in before) == old
    assert "".join(part.text for part in after) == new
    same = ["".join(part.text for part in side if not part.marked) for side in (before, after)]
    assert same[0] == same[1]


@given(texts, texts)
def test_different_texts_are_marked(old: str, new: str) -> None:
    """Two texts are without a mark exactly if they are equal."""
    before, after = Marking().compare(old, new)
    assert any(part.marked for part in (*before, *after)) == (old != new)


def test_only_the_differing_words_are_marked() -> None:
    """A word is the smallest part: neither letters within it nor its neighbours are marked."""
    before, after = Marking().compare("Sales person, Berlin", "Sales manager, Berlin")
    assert [part.text for part in before if part.marked] == ["person"]
    assert [part.text for part in after if part.marked] == ["manager"]


def test_texts_with_little_in_common_are_marked_as_a_whole() -> None:
    """Blanks that happen to be in both are no reason to tear two texts apart."""
    before, after = Marking().compare("John Q Public", "Turanga A Leela")
    assert [part.marked for part in before] == [True]
    assert [part.marked for part in after] == [True]


def test_long_texts_cost_little() -> None:
    """Beyond some hundred differing words, what differs is marked in one piece; what is common before and
    after is not.
    """
    middle = " ".join(f"word{number}" for number in range(3_000))
    other = " ".join(f"else{number}" for number in range(3_000))
    frame = "same " * 6_000
    before, _ = Marking().compare(frame + middle + " end", frame + other + " end")
    assert [part.marked for part in before] == [False, True, False]
