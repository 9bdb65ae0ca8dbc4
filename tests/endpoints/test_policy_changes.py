"""A request that is filed, and a policy that is saved, at the same moment: each sees the other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from directory_sync.approval.people import Approver
from directory_sync.errors import CollectionChanged, CollectionInUse
from directory_sync.store import request_filing, saved_collections
from directory_sync.store.request_model import Filed
from directory_sync.store.store import Store
from tests.scenarios.requests import stored_plan
from tests.scenarios.saved import ADA, text_of

_WHILE = 0.5
"""Seconds for which one of the two has begun, and waits before it goes on."""


def file(store: Store, *, newest: int | None) -> Filed:
    return store.filing.file(
        stored_plan(store),
        policy={"approvers": {"users": ["bea"]}},
        approvers=[Approver("user", "bea")],
        newest=newest,
    )


def save(store: Store, text: str, *, expected: int, jobs: frozenset[str] | None) -> int:
    saved = store.collections.save("crew", text, expected=expected, by=ADA, other_policy=jobs)
    return saved.revision


@pytest.mark.parametrize(
    ("jobs", "state"),
    [(frozenset({"people"}), "stale"), (None, "stale"), (frozenset({"groups"}), "pending")],
    ids=str,
)
def test_requests_of_these_jobs_end_with_the_save(
    store: Store, jobs: frozenset[str] | None, state: str
) -> None:
    """And of no others; saving the same text again changes nothing."""
    first = save(store, text_of(), expected=0, jobs=None)
    filed = file(store, newest=first)
    save(store, text_of(), expected=1, jobs=None)
    assert store.requests.get(filed.id).request.pending
    save(store, text_of(title="Crew"), expected=1, jobs=jobs)
    view = store.requests.get(filed.id)
    assert view.request.state == state
    if state == "stale":
        assert (view.events[-1].policy_change, view.request.successor) == (2, None)
        assert store.requests.pending("crew", "people") is None
        assert store.requests.decided_among([filed.id]) == {filed.id: "stale"}


def test_nothing_is_filed_under_what_is_no_longer_the_newest(store: Store) -> None:
    """Whether another version was saved, or the collection deleted, or made."""
    first = save(store, text_of(), expected=0, jobs=None)
    with pytest.raises(CollectionChanged):
        file(store, newest=None)
    second = save(store, text_of(title="Crew"), expected=1, jobs=frozenset())
    with pytest.raises(CollectionChanged) as changed:
        file(store, newest=first)
    assert (changed.value.number, changed.value.by, changed.value.deleted) == (2, "ada", False)
    store.collections.delete("crew", expected=2, by=ADA)
    with pytest.raises(CollectionChanged) as changed:
        file(store, newest=second)
    assert changed.value.deleted
    assert file(store, newest=None)


@pytest.mark.parametrize("does", ["save", "delete"])
def test_a_request_that_is_being_filed_is_seen(
    store: Store, monkeypatch: pytest.MonkeyPatch, does: str
) -> None:
    """Saving and deleting wait until it is filed: the save ends it, the deletion is refused."""
    first = save(store, text_of(), expected=0, jobs=None)
    begun = _slow_down(monkeypatch, request_filing, "require_newest")
    filed: list[Filed] = []
    filing = threading.Thread(target=lambda: filed.append(file(store, newest=first)))
    filing.start()
    assert begun.wait(30)
    if does == "save":
        save(store, text_of(title="Crew"), expected=1, jobs=frozenset({"people"}))
        filing.join()
        assert store.requests.get(filed[0].id).request.state == "stale"
        return
    with pytest.raises(CollectionInUse) as refused:
        store.collections.delete("crew", expected=1, by=ADA)
    filing.join()
    assert refused.value.requests == (filed[0].id,)
    assert store.requests.get(filed[0].id).request.pending
    assert store.collections.get("crew") is not None


def test_a_version_that_is_being_saved_is_seen_by_the_filing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until that is saved, and files nothing."""
    first = save(store, text_of(), expected=0, jobs=None)
    begun = _slow_down(monkeypatch, saved_collections, "end_undecided")
    saving = threading.Thread(
        target=lambda: save(store, text_of(title="Crew"), expected=1, jobs=frozenset({"people"}))
    )
    saving.start()
    assert begun.wait(30)
    with pytest.raises(CollectionChanged):
        file(store, newest=first)
    saving.join()
    assert store.requests.pending("crew", "people") is None


def _slow_down(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> threading.Event:
    """Have a function wait after it has done its work; set when it has."""
    begun = threading.Event()
    original: Callable[..., Any] = getattr(module, name)

    def slow(*args: Any, **given: Any) -> Any:
        result = original(*args, **given)
        begun.set()
        time.sleep(_WHILE)
        return result

    monkeypatch.setattr(module, name, slow)
    return begun
