"""Plans as pages show them, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from directory_sync.errors import PlanMismatch
from directory_sync.store import plan_pages
from directory_sync.store.plan_pages import OPEN, ChangeFilter
from directory_sync.store.store import Store
from tests.scenarios.plans import DESTINATION, creations
from tests.scenarios.requests import file, stored_plan


def places(store: Store, plan_id: int, search: str = "", **given: Any) -> list[int]:
    page = store.plan_pages.page(plan_id, search=search, **given)
    assert page.total == len(page.changes)
    return [each.sequence for each in page.changes]


def test_a_head_tells_everything_but_the_changes(store: Store) -> None:
    """The head of a plan names run, job, destination, digest, limits, warnings and problems."""
    plan_id = stored_plan(store, creations(3))
    head = store.plan_pages.head(plan_id)
    assert (head.collection, head.job, head.run_id, head.destination) == (
        "crew",
        "people",
        "run 1",
        DESTINATION,
    )
    assert (head.changes, head.statistics.created, head.managed) == (3, 3, 3)
    assert head.digest == store.plans.load(plan_id).plan.digest
    assert (len(head.limits), head.warnings, len(head.problems)) == (1, ("A warning.",), 1)


@pytest.mark.parametrize("plan_id", [0, -1, 99, 2**31, 10**30])
def test_a_plan_that_is_not_there(store: Store, plan_id: int) -> None:
    """A number that no plan has, however odd, is an error that says so."""
    with pytest.raises(PlanMismatch, match="There is no plan"):
        store.plan_pages.head(plan_id)


def test_pages_follow_each_other(store: Store) -> None:
    """Going from page to page shows each change once, in order, and says how many there are; so it does while
    searching.
    """
    plan_id = stored_plan(store, creations(25))
    for search in ("", "PERSON"):
        seen: list[int] = []
        after = None
        while True:
            page = store.plan_pages.page(plan_id, search=search, after=after, limit=10)
            assert page.total == 25
            seen += [each.sequence for each in page.changes]
            if page.next is None:
                break
            after = page.next
        assert seen == list(range(25))
    assert store.plan_pages.page(plan_id, after=10**30).changes == ()


@pytest.mark.parametrize("search", ["", "CN="])
@pytest.mark.parametrize("limit", [1, 3, 7, 40])
def test_changes_come_by_their_kind(store: Store, search: str, limit: int) -> None:
    """Kinds in the order asked for, those of one kind in the plan's, a kind that was not named last; none
    twice, none missing.
    """
    kinds = [
        Action.CREATE,
        Action.UPDATE,
        Action.DELETE,
        Action.CREATE,
        Action.MOVE,
        Action.DELETE,
        Action.UPDATE,
        Action.CREATE,
    ]
    changes = [
        Change(kind, f"k{n}", f"cn={n}", fields=(FieldChange("sn", (b"a",), (b"b",)),))
        for n, kind in enumerate(kinds * 2)
    ]
    plan_id = stored_plan(store, changes)
    order = (Action.DELETE, Action.MOVE, Action.UPDATE)
    seen: list[int] = []
    after = None
    while True:
        page = store.plan_pages.page(plan_id, search=search, order=order, after=after, limit=limit)
        assert page.total == len(changes)
        assert len(page.changes) <= limit
        seen += [each.sequence for each in page.changes]
        if page.next is None:
            break
        after = page.next
    ranks = {kind: rank for rank, kind in enumerate([*order, Action.CREATE])}
    assert seen == sorted(range(len(changes)), key=lambda place: (ranks[changes[place].action], place))
    assert store.plan_pages.page(plan_id, order=order, after=10**30).changes == ()
    (only,) = store.plan_pages.page(plan_id, order=order, action=Action.MOVE, after=4, limit=5).changes
    assert only.sequence == 12


def test_a_search_finds_texts_whatever_they_hold(store: Store) -> None:
    """Signs that mean something to databases, to JSON or to patterns are found as what they are, letters in
    any case.
    """
    texts = ["100%", "a_b", "c/d", 'e"f', "g\\h", "É", "Straße", "tab\there", "'; DROP--", "日本"]
    plan_id = stored_plan(
        store, [Change(Action.CREATE, text, f"cn={number}") for number, text in enumerate(texts)]
    )
    for number, text in enumerate(texts):
        assert places(store, plan_id, text.swapcase() if text != "Straße" else "sTRAß") == [number], text
    assert places(store, plan_id, "\x00") == []
    assert places(store, plan_id, "\ud800") == []


def test_a_search_looks_at_no_secret(store: Store) -> None:
    """Neither password attributes nor fields that the definition marks are found by their values, by their
    names they are.
    """
    fields = (
        FieldChange("userPassword", (b"hunter2",), ()),
        FieldChange("pin", (), (b"4711",)),
        FieldChange("sn", (), (b"Fry",)),
    )
    plan_id = stored_plan(store, [Change(Action.CREATE, "fry", "cn=fry", fields=fields)], secret=("PIN",))
    assert [places(store, plan_id, text) for text in ("hunter2", "4711", "***")] == [[], [], []]
    assert [places(store, plan_id, text) for text in ("userpass", "pin", "fRY")] == [[0], [0], [0]]


def test_changes_are_filtered_by_action_and_result(store: Store) -> None:
    """Filters go together, and changes of which nothing has become yet can be asked for."""
    changes = (*creations(2), Change(Action.DELETE, "z", "cn=z", fields=(FieldChange("sn", (b"z",), ()),)))
    plan_id = stored_plan(store, changes)
    store.plans.record_outcomes(plan_id, [Outcome(0, Result.DONE), Outcome(2, Result.FAILED, "no")])
    assert places(store, plan_id, action=Action.CREATE) == [0, 1]
    assert places(store, plan_id, result=OPEN) == [1]
    assert places(store, plan_id, result=Result.FAILED) == [2]
    assert places(store, plan_id, "cn", action=Action.CREATE, result=Result.DONE) == [0]
    outcomes = [
        each.outcome for each in store.plan_pages.changes_with_outcomes(store.plan_pages.head(plan_id))
    ]
    assert outcomes == [Outcome(0, Result.DONE), None, Outcome(2, Result.FAILED, "no")]


def test_two_plans_are_told_apart(store: Store) -> None:
    """Changes that both plans have exactly so are left out, in whatever order they come."""
    old = stored_plan(store, creations(4))
    new = stored_plan(store, [*reversed(creations(3)), Change(Action.DELETE, "z", "cn=z")], run_id="run 2")
    only_old, only_new = store.plan_pages.unlike_changes(old, new)
    assert ([each.key for each in only_old], [each.key for each in only_new]) == (["person 3"], ["z"])
    assert (len(only_old), len(only_new)) == (1, 1)
    assert len(list(only_old)) == 1  # as often as wanted


def test_comparisons_are_kept_for_the_plans_that_they_are_of(store: Store) -> None:
    """Asked for again, either way round, a comparison says the same; another plan of the same job has one of
    its own.
    """
    plans = [stored_plan(store, creations(count), run_id=f"run {count}") for count in (1, 2, 4)]

    def keys(one: int, other: int) -> tuple[list[str], list[str]]:
        here, there = store.plan_pages.unlike_changes(one, other)
        return [each.key for each in here], [each.key for each in there]

    for _ in range(2):
        assert keys(plans[0], plans[1]) == ([], ["person 1"])
        assert keys(plans[1], plans[0]) == (["person 1"], [])
        assert keys(plans[1], plans[2]) == ([], ["person 2", "person 3"])
        assert keys(plans[2], plans[2]) == ([], [])


def test_many_unlike_changes_are_read_in_parts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than a few are not kept in memory, and come all the same, in order and as often as wanted."""
    monkeypatch.setattr(plan_pages, "KEPT_CHANGES", 3)
    monkeypatch.setattr(plan_pages, "READ_BATCH", 2)
    old, new = stored_plan(store, creations(1)), stored_plan(store, creations(6), run_id="run 2")
    _, only_new = store.plan_pages.unlike_changes(old, new)
    assert [[each.key for each in only_new] for _ in range(2)] == [
        [f"person {number}" for number in range(1, 6)]
    ] * 2


def test_collections_with_requests(store: Store) -> None:
    """Lists offer the collections that requests are about; the inbox asks only for those that wait."""
    assert store.requests.collections() == ()
    first = file(store, name="b")
    file(store, name="a")
    store.decisions.cancel(first.id, "ida")
    assert store.requests.collections() == ("a", "b")
    assert store.requests.collections(pending_only=True) == ("a",)
    assert store.requests.count_mine("ida") == 2


def test_changes_of_one_field(store: Store) -> None:
    """By its whole name in letters of any case; a value that looks like a field's name is none."""

    def change(number: int, field: str, value: bytes = b"x") -> Change:
        fields = (FieldChange(field, (), (value,)),)
        return Change(Action.UPDATE, str(number), f"uid={number},dc=x", fields=fields)

    fields = ["mail", "MAIL", "mailAlternate", "Gr\u00f6\u00dfe", 'odd"name', "50%_off"]
    changes = [change(number, field) for number, field in enumerate(fields)]
    changes.append(change(6, "title", b'{"field":"mail",'))
    plan_id = stored_plan(store, changes)
    assert places(store, plan_id, field="mail") == [0, 1]
    assert places(store, plan_id, field="gr\u00f6\u00dfe") == [3]
    assert places(store, plan_id, field='odd"name') == [4]
    assert places(store, plan_id, field="50%_off") == [5]
    assert places(store, plan_id, field="%") == places(store, plan_id, field="mai") == []


def test_a_file_holds_what_the_filter_lets_through(store: Store) -> None:
    """All pages of it, in the plan's order."""
    plan_id = stored_plan(store, creations(25))
    head = store.plan_pages.head(plan_id)

    def found(**filter: Any) -> list[int]:
        chosen = ChangeFilter(**filter)
        return [each.sequence for each in store.plan_pages.changes_with_outcomes(head, chosen)]

    assert found() == list(range(25))
    assert found(search="person 2") == places(store, plan_id, "person 2")
    assert found(action=Action.DELETE) == []
    assert found(among=b"\0\1\1" + b"\0" * 22) == [1, 2]
    store.plans.record_outcomes(plan_id, [Outcome(3, Result.FAILED, "no")])
    assert found(result=Result.FAILED) == [3]
    assert found(result=OPEN) == [each for each in range(25) if each != 3]
