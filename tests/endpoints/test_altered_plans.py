"""A plan that somebody has altered in the store: nobody can agree to it, nobody can deny it, and nothing is recorded."""

from __future__ import annotations

import pytest

from directory_sync.approval import desk
from directory_sync.approval.people import Person
from directory_sync.errors import NotAllowed, PlanAltered
from directory_sync.store.store import Store
from tests.scenarios.requests import file
from tests.scenarios.tampering import alter_change, alter_figures

BEA = Person("bea", frozenset(), verified=True)
EVE = Person("eve", frozenset(), verified=True)


def _asked(store: Store) -> tuple[int, int, str]:
    request = store.get_request(file(store, 3).id).request
    return request.id, request.plan_id, request.digest


@pytest.mark.parametrize("agrees", [True, False], ids=["approve", "deny"])
def test_nothing_is_decided_about_an_altered_plan(store: Store, *, agrees: bool) -> None:
    """The digest is what it was, the change is not: the decision is refused in full, and says what to do."""
    request_id, plan_id, digest = _asked(store)
    alter_change(store, plan_id, "person 1", "mallory")
    before = store.get_request(request_id)
    with pytest.raises(PlanAltered, match=r"is not the one that was saved.*Find out who changed it, and run the job again"):
        if agrees:
            desk.approve(store, request_id, BEA, digest=digest)
        else:
            desk.deny(store, request_id, BEA, digest=digest, reason="no")
    assert store.get_request(request_id) == before


def test_figures_that_are_not_the_plans_are_noticed(store: Store) -> None:
    """Who decides reads numbers first; they have to be those of the changes."""
    request_id, _, digest = _asked(store)
    alter_figures(store, request_id, created=2)
    with pytest.raises(PlanAltered, match="the figures created are not those of its changes"):
        desk.approve(store, request_id, BEA, digest=digest)
    assert store.get_request(request_id).request.pending


def test_who_may_not_decide_is_told_that_and_nothing_else(store: Store) -> None:
    """The whole plan is read for those who may decide."""
    request_id, plan_id, digest = _asked(store)
    alter_change(store, plan_id, "person 1", "mallory")
    with pytest.raises(NotAllowed, match="not an approver"):
        desk.approve(store, request_id, EVE, digest=digest)


def test_an_altered_request_can_be_withdrawn(store: Store) -> None:
    """So that it does not stand there for good: by who asked for it, or by an administrator."""
    request_id, plan_id, _ = _asked(store)
    alter_change(store, plan_id, "person 1", "mallory")
    assert desk.cancel(store, request_id, EVE, administrator=True).request.state == "cancelled"
