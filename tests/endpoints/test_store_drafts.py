"""Drafts in the store: whose they are, two windows at once, how long they are kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from directory_sync.approval.people import Person
from directory_sync.errors import DraftChanged, DraftError, DraftNotFound
from directory_sync.store.drafts import MOST_DRAFTS, DraftKind
from directory_sync.store.store import Store
from tests.scenarios.clock import Clock
from tests.scenarios.saved import text_of

ADA = Person("ada", frozenset({"Admin"}), verified=True)


def test_a_draft_belongs_to_one_person(store: Store) -> None:
    """Others find nothing, and can delete nothing, not even under nearly the same name."""
    draft = store.drafts.begin("ada", DraftKind.COLLECTION, "name: crew\n")
    assert store.drafts.get(draft.id, "ada") == draft
    for asks, id in (
        *((name, draft.id) for name in ("bea", "Ada", "àda", "ada ", "")),
        *(("ada", id) for id in (draft.id[:-1], f"{draft.id}\n", "A" * 32, "")),
    ):
        with pytest.raises(DraftNotFound):
            store.drafts.get(id, asks)
        with pytest.raises(DraftNotFound):
            store.drafts.write(id, asks, expected=1, text="x")
        assert not store.drafts.discard(id, asks)
    assert store.drafts.discard(draft.id, "ada")
    with pytest.raises(DraftNotFound):
        store.drafts.get(draft.id, "ada")


def test_what_is_written_comes_back(store: Store) -> None:
    """Each part for itself; texts that a database refuses are made storable, the rest stays."""
    draft = store.drafts.begin("ada", DraftKind.EDIT, "name: crew\n", collection="crew", version=3)
    assert (draft.kind, draft.collection, draft.version, draft.number) == (DraftKind.EDIT, "crew", 3, 1)
    hostile = "title: <b>\u202e\x00\ud800 Ünïcødé\r\n"
    written = store.drafts.write(draft.id, "ada", expected=1, text=hostile, title="t" * 1000)
    assert written.text == "title: <b>\u202e\ufffd\ufffd Ünïcødé\r\n"
    assert len(written.title) == 200
    again = store.drafts.write(draft.id, "ada", expected=2, comment="why", ticks={"preview": True}, version=4)
    assert (again.text, again.comment, again.ticks) == (written.text, "why", {"preview": True})
    assert (again.version, again.number) == (4, 3)
    assert store.drafts.get(draft.id, "ada") == again


def test_a_draft_that_another_window_has_written_is_not_discarded(store: Store) -> None:
    """Where the one who discards it says what it has seen."""
    draft = store.drafts.begin("ada", DraftKind.COLLECTION, "name: crew\n")
    store.drafts.write(draft.id, "ada", expected=1, text="name: first\n")
    assert not store.drafts.discard(draft.id, "ada", expected=1)
    assert store.drafts.get(draft.id, "ada").text == "name: first\n"
    assert store.drafts.discard(draft.id, "ada", expected=2)


def test_two_windows_notice_each_other(store: Store) -> None:
    """The later one is refused and told what the number is now; what the first one wrote stands."""
    draft = store.drafts.begin("ada", DraftKind.COLLECTION, "name: crew\n")
    store.drafts.write(draft.id, "ada", expected=1, text="name: first\n")
    with pytest.raises(DraftChanged) as refused:
        store.drafts.write(draft.id, "ada", expected=1, text="name: second\n")
    assert refused.value.number == 2
    assert store.drafts.get(draft.id, "ada").text == "name: first\n"


def test_opening_the_wizard_often_leaves_one_draft(store: Store) -> None:
    """One that was never changed is used again, and lists do not show it; another kind is another draft."""
    first = store.drafts.begin("ada", DraftKind.COLLECTION, "name:\n")
    assert store.drafts.begin("ada", DraftKind.COLLECTION, "name:\n").id == first.id
    assert store.drafts.begin("bea", DraftKind.COLLECTION, "name:\n").id != first.id
    assert store.drafts.begin("ada", DraftKind.JOB, "name:\n").id != first.id
    assert store.drafts.of("ada") == []
    store.drafts.write(first.id, "ada", expected=1, text="name: x\n", title="x")
    assert store.drafts.begin("ada", DraftKind.COLLECTION, "name:\n").id != first.id
    assert [(each.id, each.title, each.text) for each in store.drafts.of("ada")] == [(first.id, "x", "")]
    assert store.drafts.of("ADA") == []


def test_there_is_an_end_to_drafts(store: Store) -> None:
    """Of one person, and of the size of one: the message says what to do."""
    for number in range(MOST_DRAFTS):
        store.drafts.begin("ada", DraftKind.COLLECTION, f"name: c{number}\n")
    with pytest.raises(DraftError, match="Finish or discard one first"):
        store.drafts.begin("ada", DraftKind.COLLECTION, "name: one_more\n")
    draft = store.drafts.begin("bea", DraftKind.COLLECTION, "name: x\n")
    with pytest.raises(DraftError, match="Split it"):
        store.drafts.write(draft.id, "bea", expected=1, text="ü" * 1_100_000)
    with pytest.raises(DraftError, match="Shorten it"):
        store.drafts.write(draft.id, "bea", expected=1, comment="x" * 10_001)
    assert store.drafts.get(draft.id, "bea").number == 1


def test_drafts_go_when_no_one_goes_on_with_them(store: Store) -> None:
    """After 90 days without a change, and not before."""
    draft = store.drafts.begin("ada", DraftKind.COLLECTION, "name: x\n")
    assert store.drafts.forget() == 0
    assert store.drafts.get(draft.id, "ada") == draft
    assert store.drafts.forget(older_than=timedelta(seconds=-1)) == 1
    with pytest.raises(DraftNotFound):
        store.drafts.get(draft.id, "ada")


def test_a_draft_that_is_used_again_is_kept_from_then_on(store: Store, clock: Clock) -> None:
    """It does not go while its person is at its first step."""
    draft = store.drafts.begin("ada", DraftKind.COLLECTION, "name:\n")
    clock.advance(days=89)
    assert store.drafts.begin("ada", DraftKind.COLLECTION, "name:\n").id == draft.id
    clock.advance(days=2)
    assert store.drafts.forget() == 0
    clock.advance(days=89)
    assert store.drafts.forget() == 1


def test_a_draft_follows_a_collection_that_is_renamed(store: Store) -> None:
    """Else the edit would make a collection of the old name."""
    store.collections.save("crew", text_of("crew"), expected=0, by=ADA)
    draft = store.drafts.begin("bea", DraftKind.EDIT, text_of("crew"), collection="crew", version=1)
    store.collections.rename("crew", "team", text=text_of("team"), expected=1, by=ADA)
    assert store.drafts.get(draft.id, "bea").collection == "team"


def test_a_draft_of_what_was_deleted_has_seen_no_version(store: Store) -> None:
    """A later collection of the same name begins with version 1 again."""
    store.collections.save("crew", text_of("crew"), expected=0, by=ADA)
    draft = store.drafts.begin("bea", DraftKind.EDIT, text_of("crew"), collection="crew", version=1)
    store.collections.delete("crew", expected=1, by=ADA)
    assert store.drafts.get(draft.id, "bea") == replace(draft, version=0)
