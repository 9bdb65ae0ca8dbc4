"""How the values of fields are shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.present.shown import visible
from directory_sync.present.values import ALONE, ON_A_PAGE, Extent, FieldShown, ValueShown, show_field
from directory_sync.present.word_marks import Marking

values = st.binary(max_size=40) | st.text(max_size=40).map(str.encode)
several = st.lists(values, max_size=6, unique=True).map(tuple)


def _show(
    *,
    old: tuple[bytes, ...] = (),
    new: tuple[bytes, ...] = (),
    partial: bool = False,
    secret: bool = False,
    extent: Extent = ON_A_PAGE,
) -> FieldShown:
    field = FieldChange("mail", old, new, partial=partial)
    (shown,) = visible(Change(Action.UPDATE, "key", "id", fields=(field,)), lambda name: secret).fields
    return show_field(shown, Marking(), extent)


def _text(value: ValueShown) -> str:
    return "".join(piece.text for piece in value.pieces)


@given(several, several, st.booleans())
def test_no_value_is_lost(old: tuple[bytes, ...], new: tuple[bytes, ...], partial: bool) -> None:
    """Every value that goes and every one that comes is shown or counted; those that stay are counted."""
    shown = _show(old=old, new=new, partial=partial)
    if not shown.several:
        assert (len(shown.old), len(shown.new)) == (len(old), len(new))
    elif set(old) == set(new):
        assert "another way" in shown.note
    else:
        assert len(shown.old) + shown.old_more == len(set(old) - set(new))
        assert len(shown.new) + shown.new_more == len(set(new) - set(old))
        assert shown.kept == (None if partial else len(set(old) & set(new)))


def test_one_text_against_another_is_marked_within() -> None:
    """A field with one value on each side shows where the two differ."""
    shown = _show(old=(b"Sales, Berlin",), new=(b"Sales, Bonn",))
    assert [piece.text for piece in shown.old[0].pieces if piece.marked] == ["Berlin"]
    assert [piece.text for piece in shown.new[0].pieces if piece.marked] == ["Bonn"]


def test_lists_show_what_goes_and_comes() -> None:
    """Values that are on both sides are not repeated."""
    shown = _show(old=(b"a", b"b", b"c"), new=(b"b", b"c", b"d", b"e"))
    assert [_text(value) for value in shown.old] == ["a"]
    assert [_text(value) for value in shown.new] == ["d", "e"]
    assert shown.kept == 2


def test_an_order_that_changes_is_no_empty_change() -> None:
    """The same values in another order are shown as they are, with a note."""
    shown = _show(old=(b"a", b"b"), new=(b"b", b"a"))
    assert [_text(value) for value in shown.old] == ["a", "b"]
    assert shown.note


def test_many_members_are_cut_and_counted() -> None:
    """A group with thousands of new members does not fill the page; alone, it shows them."""
    members = tuple(f"cn={number}".encode() for number in range(4_000))
    assert _show(new=members, partial=True).new_more == 4_000 - ON_A_PAGE.values
    assert _show(new=members, partial=True).cut
    assert not _show(new=members, partial=True, extent=ALONE).cut


@given(st.integers(0, 3_000), st.integers(0, 3_000), st.integers(0, 3_000))
def test_the_first_difference_of_long_texts_is_seen(same: int, old: int, new: int) -> None:
    """However far in the two begin to differ, a marked piece is shown, and what is left out adds up."""
    before, after = "x" * same + " " + "o" * old, "x" * same + " " + "n" * new
    shown = _show(old=(before.encode(),), new=(after.encode(),))
    sides = ((before, shown.old[0]), (after, shown.new[0]))
    assert before == after or any(piece.marked for _, value in sides for piece in value.pieces)
    for text, value in sides:
        assert value.before + len(_text(value)) + value.after == len(text)
        assert text[value.before :].startswith(_text(value))


def test_secrets_are_not_shown() -> None:
    """Only that there was a value and that there will be one."""
    shown = _show(old=(b"***",), new=(b"***",), secret=True)
    assert [value.note for value in (*shown.old, *shown.new)] == ["secret, not shown"] * 2
    assert not any(value.pieces for value in (*shown.old, *shown.new))


def test_empty_and_missing_values_are_told_apart() -> None:
    """A value without a character is a value."""
    assert len(_show(old=(b"",)).old) == 1
    assert _show(old=(b"",)).new == ()


def test_what_people_wrote_keeps_its_lines() -> None:
    """And nothing else of it is mark-up: backquotes, stars and tags stay what they are."""
    from directory_sync.portal.views.templating import one_line, words

    text = "See `limits`\r\nof *<b>*\n\nend"
    assert (
        words(text) == "<bdi>See `limits`</bdi><br><bdi>of *&lt;b&gt;*</bdi><br><bdi></bdi><br><bdi>end</bdi>"
    )
    assert one_line(text) == "See `limits` of *<b>* end"


def test_each_result_has_its_words() -> None:
    """A change whatever became of it is shown as such, and can be filtered for."""
    from directory_sync.endpoints.change import Result
    from directory_sync.portal.views.change_list import RESULT_CHOICES, RESULTS

    assert set(RESULTS) == set(Result)
    assert {value for value, _ in RESULT_CHOICES} == {result.value for result in Result} | {"open"}
    assert len(set(RESULTS.values())) == len(Result)
