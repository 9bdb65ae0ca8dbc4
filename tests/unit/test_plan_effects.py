"""What an edit causes: which objects, in which order, and as pages."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.comparison import Comparison, Presence
from directory_sync.plan.effects import Effects, apart, effects_of


def change(who: str, action: Action = Action.UPDATE, value: str = "new") -> Change:
    """A change of one person."""
    fields = () if action is Action.DELETE else (FieldChange("sn", (b"old",), (value.encode(),)),)
    return Change(action, who, f"cn={who},dc=x", fields=fields)


def told(effects: Effects) -> list[tuple[str | None, str | None, int]]:
    return [
        (group.old and group.old.value, group.new and group.new.value, group.number)
        for group in effects.groups
    ]


def test_worst_comes_first() -> None:
    """What the edit removes; what else it does; what it does otherwise; what it no longer does."""
    old = [
        change("same"),
        change("otherwise"),
        change("worse"),
        change("milder", Action.DELETE),
        change("kept", Action.DELETE),
        change("gone", Action.CREATE),
    ]
    new = [
        change("made", Action.CREATE),
        change("otherwise", value="other"),
        change("same"),
        change("worse", Action.DELETE),
        change("milder"),
        change("hit", Action.DELETE),
        change("written"),
    ]
    found = effects_of(old, new)
    assert told(found) == [
        ("update", "delete", 1),
        (None, "delete", 1),
        (None, "update", 1),
        (None, "create", 1),
        ("delete", "update", 1),
        ("update", "update", 1),
        ("delete", None, 1),
        ("create", None, 1),
    ]
    assert found.number == 8
    assert [group.presence for group in found.groups[:2]] == [Presence.CHANGED, Presence.ONLY_NEW]
    assert found.page(None, 0, 2) == [(2, 3), (None, 5)]
    assert found.page(5, 0, 50) == [(1, 1)]
    assert found.page(None, 7, 50) == [(5, None)]
    assert found.page(None, 8, 50) == []
    assert found.page(0, 1, 50) == []


def test_two_plans_that_do_the_same_differ_in_nothing() -> None:
    """The order of changes, of fields and of values does not count; neither does the case of names."""
    old = [change("Fry"), change("leela")]
    new = [change("leela"), change("fry")]
    assert effects_of(old, new, normalise=str.casefold).groups == ()
    assert effects_of(old, new).number == 2


def test_objects_of_another_place_are_others() -> None:
    """However they are called there."""
    assert told(apart([change("fry")], [change("fry")])) == [(None, "update", 1), ("update", None, 1)]


_Drawn = list[tuple[str, Action, str]]
_PLANS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(list(Action)), st.sampled_from("xy")), max_size=8
)


@given(_PLANS, _PLANS)
def test_as_many_as_a_comparison_counts(old: _Drawn, new: _Drawn) -> None:
    """Also where one id comes several times in one plan."""
    plans = [[change(who, action, value) for who, action, value in plan] for plan in (old, new)]
    counts = Comparison(*plans).counts
    found = effects_of(*plans)
    by_presence = dict.fromkeys(Presence, 0)
    for group in found.groups:
        by_presence[group.presence] += group.number
    assert by_presence == {
        Presence.ONLY_OLD: counts.only_old,
        Presence.ONLY_NEW: counts.only_new,
        Presence.CHANGED: counts.changed,
    }
    places = found.page(None, 0, 100)
    assert len(places) == len(set(places)) == found.number
    for a, b in places:
        if a is not None and b is not None:
            assert plans[0][a].object == plans[1][b].object
            assert plans[0][a] != plans[1][b]


def test_memory_is_bounded() -> None:
    """Neither plan is held: of 20,000 objects a few megabytes are."""

    def plan(value: str) -> Iterator[Change]:
        return (change(f"person {number}", value=value) for number in range(20_000))

    tracemalloc.start()
    found = effects_of(plan("a"), plan("b"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert told(found) == [("update", "update", 20_000)]
    assert most < 6_500_000
