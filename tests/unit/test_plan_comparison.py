"""What differs between two plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan import comparison
from directory_sync.plan.comparison import Comparison, Counts, Presence


class Plan:
    """Changes that can be iterated and nothing else, and that count how often they were."""

    def __init__(self, *changes: Change) -> None:
        self._changes = changes
        self.passes = 0

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Change]:
        self.passes += 1
        return iter(self._changes)


def update(name: str, mail: str, *fields: FieldChange) -> Change:
    return Change(
        Action.UPDATE, name, f"cn={name}", fields=(FieldChange("mail", (b"old",), (mail.encode(),)), *fields)
    )


def seen(compared: Comparison) -> list[tuple[str, str]]:
    return [(difference.presence.value, difference.object) for difference in compared]


def test_objects_of_one_plan_and_of_both() -> None:
    """In the order of the new plan, then what only the old one had."""
    old = Plan(update("a", "x"), update("b", "x"), update("c", "x"), update("d", "x"))
    new = Plan(update("e", "x"), update("d", "y"), update("b", "x"))
    compared = Comparison(old, new)
    assert compared.counts == Counts(only_old=2, only_new=1, changed=1, same=1)
    expected = [("only_new", "cn=e"), ("changed", "cn=d"), ("only_old", "cn=a"), ("only_old", "cn=c")]
    assert seen(compared) == expected
    assert seen(compared) == expected


def test_equal_plans() -> None:
    """Nothing differs, and nothing is read a second time to find that out."""
    old, new = Plan(update("a", "x"), update("b", "x")), Plan(update("b", "x"), update("a", "x"))
    compared = Comparison(old, new)
    assert compared.counts.equal
    assert list(compared) == []
    assert (old.passes, new.passes) == (1, 1)


def test_only_what_differs_is_shown_of_an_object() -> None:
    """Fields that both plans treat alike are left out; one that only one plan touches has no other side."""
    cn, sn = FieldChange("cn", (), (b"A",)), FieldChange("sn", (b"B",), ())
    (difference,) = Comparison(
        Plan(update("a", "x", cn)), Plan(update("a", "y", cn._replace(field="CN"), sn))
    )
    assert [
        (field.field, field.old and field.old.new, field.new and field.new.new) for field in difference.fields
    ] == [
        ("mail", (b"x",), (b"y",)),
        ("sn", None, ()),
    ]


def test_the_order_of_values_and_how_they_are_written_do_not_count() -> None:
    """Values are sets; dependencies between changes are no content."""
    one = Change(
        Action.UPDATE, "a", "cn=a", fields=(FieldChange("m", (), (b"1", b"2")), FieldChange("n", (), (b"3",)))
    )
    fields = (FieldChange("n", (), (b"3",), late=True), FieldChange("M", (), (b"2", b"1"), replace=True))
    assert Comparison(Plan(one), Plan(one._replace(fields=fields, after=("cn=z",)))).counts.equal


@pytest.mark.parametrize(
    "other",
    [
        Change(Action.DELETE, "a", "cn=a", identity=b"1"),
        Change(Action.UPDATE, "a", "cn=a", identity=b"2"),
        Change(Action.UPDATE, "a", "cn=a", identity=b"1", new_object="cn=b"),
    ],
)
def test_another_action_target_or_identity_is_a_change(other: Change) -> None:
    """Objects are paired whatever happens to them, also one that was replaced by another of the same name."""
    (difference,) = Comparison(Plan(Change(Action.UPDATE, "a", "cn=a", identity=b"1")), Plan(other))
    assert (difference.presence, difference.fields) == (Presence.CHANGED, ())


def test_ids_are_compared_as_the_destination_does() -> None:
    """A DN in other case is the same object where the destination says so, and a row's key is not."""
    old, new = Plan(update("a", "x")), Plan(update("a", "x")._replace(object="CN=A"))
    assert Comparison(old, new, normalise=str.lower).counts.equal
    assert Comparison(old, new).counts == Counts(only_old=1, only_new=1, changed=0, same=0)


def test_a_name_may_come_twice_in_a_plan() -> None:
    """An object that goes and one that takes its name are told apart, and none is lost."""
    gone, come = Change(Action.DELETE, "1", "cn=a"), Change(Action.CREATE, "2", "cn=a")
    assert Comparison(Plan(gone, come), Plan(gone, come)).counts.equal
    assert seen(Comparison(Plan(gone), Plan(gone, come))) == [("only_new", "cn=a")]
    assert seen(Comparison(Plan(gone, come), Plan(gone))) == [("only_old", "cn=a")]


changes = st.builds(
    lambda name, action, mail: Change(action, name, f"cn={name}", fields=(FieldChange("mail", (), (mail,)),)),
    st.sampled_from("abcd"),
    st.sampled_from([Action.CREATE, Action.DELETE, Action.UPDATE]),
    st.sampled_from([b"x", b"y"]),
)


@given(st.lists(changes, max_size=8), st.lists(changes, max_size=8))
def test_differences_and_counts_agree_and_account_for_every_change(
    old: list[Change], new: list[Change]
) -> None:
    """Whatever the plans, every change is in a difference or the same in both, and batches make no
    difference.
    """
    compared = Comparison(Plan(*old), Plan(*new))
    differences = list(compared)
    counted = Counter(difference.presence for difference in differences)
    counts = compared.counts
    assert (counted[Presence.ONLY_OLD], counted[Presence.ONLY_NEW], counted[Presence.CHANGED]) == (
        counts.only_old,
        counts.only_new,
        counts.changed,
    )
    rest_old, rest_new = Counter(old), Counter(new)
    rest_old.subtract(difference.old for difference in differences if difference.old)
    rest_new.subtract(difference.new for difference in differences if difference.new)
    assert +rest_old == +rest_new
    assert rest_old.total() == rest_new.total() == counts.same
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(comparison, "_BATCH", 1)
        assert list(compared) == differences
