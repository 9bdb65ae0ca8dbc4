"""A plan that somebody has altered in the store: nobody can agree to it, nobody can deny it, and nothing is
recorded.
"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from directory_sync.approval.people import Person
from directory_sync.errors import NotAllowed, PlanAltered
from directory_sync.requests import decisions
from directory_sync.store.store import Store
from directory_sync.store.tables import PlanRow
from tests.scenarios.requests import file
from tests.scenarios.tampering import alter_change, alter_figures, alter_names, alter_plan, alter_request

BEA = Person("bea", frozenset(), verified=True)
EVE = Person("eve", frozenset(), verified=True)
LIMIT = {"kind": "deletes", "subject": "", "planned": 1, "base": 10, "allowed": 2, "limit": "2", "recent": 0}
PROBLEM = {"key": "amy", "object": "", "message": "no mail"}


def _asked(store: Store) -> tuple[int, int, str]:
    request = store.requests.get(file(store, 3).id).request
    return request.id, request.plan_id, request.digest


@pytest.mark.parametrize("agrees", [True, False], ids=["approve", "deny"])
def test_nothing_is_decided_about_an_altered_plan(store: Store, *, agrees: bool) -> None:
    """The digest is what it was, the change is not: the decision is refused in full, and says what to do."""
    request_id, plan_id, digest = _asked(store)
    alter_change(store, plan_id, "person 1", "mallory")
    before = store.requests.get(request_id)
    with pytest.raises(
        PlanAltered, match=r"is not the one that was saved.*Find out who changed it, and run the job again"
    ):
        if agrees:
            decisions.approve(store, request_id, BEA, digest=digest)
        else:
            decisions.deny(store, request_id, BEA, digest=digest, reason="no")
    assert store.requests.get(request_id) == before


def test_figures_that_are_not_the_plans_are_noticed(store: Store) -> None:
    """Who decides reads numbers first; they have to be those of the changes."""
    request_id, _, digest = _asked(store)
    alter_figures(store, request_id, created=2)
    with pytest.raises(PlanAltered, match="the figures created are not those of its changes"):
        decisions.approve(store, request_id, BEA, digest=digest)
    assert store.requests.get(request_id).request.pending


@pytest.mark.parametrize(
    "column",
    [
        {"requester": "eve"},
        {"requester_verified": False},
        {"asked_by": "eve"},
        {"policy": {"approvers": {"users": ["bea"]}, "self_approval": "allow"}},
        {"waives": [LIMIT]},
        {"waiver": True},
        {"changes": 1},
        {"statistics": {"created": 3, "errors": 0, "read": 1_000_000}},
        {"title": "Test of a copy"},
        {"source": "test: ou=people,dc=test"},
        {"destination": "test: ou=people,dc=test"},
        {"reason": "as agreed"},
        {"description": "harmless"},
        {"trigger": "scheduled"},
        {"requester_may_decide": True},
    ],
    ids=lambda column: next(iter(column)),
)
def test_an_altered_request_is_not_decided(store: Store, column: dict[str, Any]) -> None:
    """What people read of a request, and who may decide it by its policy, are as they were filed; else
    nothing is recorded.
    """
    request_id, _, digest = _asked(store)
    alter_request(store, request_id, **column)
    before = store.requests.get(request_id)
    with pytest.raises(PlanAltered):
        store.requests.verify(before.request)
    with pytest.raises((PlanAltered, NotAllowed)):
        decisions.approve(store, request_id, BEA, digest=digest)
    assert store.requests.get(request_id) == before


def test_what_was_altered_after_the_approval_is_not_begun(store: Store) -> None:
    """Before the first write everything that was approved is looked at again."""
    request_id, _, digest = _asked(store)
    decisions.approve(store, request_id, BEA, digest=digest)
    alter_request(store, request_id, policy={"approvers": {"users": ["eve"]}})
    with pytest.raises(PlanAltered, match="is not the one that was filed"):
        store.approvals.claim(request_id, expected_digest=digest)
    assert store.requests.get(request_id).request.begun is None


@pytest.mark.parametrize(
    "head",
    [{"limits": [LIMIT]}, {"managed": 1_000_000}, {"warnings": ["All is well."]}, {"problems": [PROBLEM]}],
    ids=lambda head: next(iter(head)),
)
def test_a_head_that_was_altered_is_noticed(store: Store, head: dict[str, Any]) -> None:
    """Limits, warnings and problems stand beside the changes, and are read before them."""
    request_id, plan_id, digest = _asked(store)
    alter_plan(store, plan_id, **head)
    with pytest.raises(PlanAltered):
        decisions.approve(store, request_id, BEA, digest=digest)


def test_a_name_that_was_altered_is_noticed(store: Store) -> None:
    """People recognise an object by its name, which is no part of the digest."""
    request_id, plan_id, digest = _asked(store)
    alter_names(store, plan_id, "Somebody Else")
    with pytest.raises(PlanAltered, match="names"):
        decisions.approve(store, request_id, BEA, digest=digest)


def test_requests_of_earlier_versions_have_no_seal(store: Store) -> None:
    """They are decided as they were."""
    request_id, plan_id, digest = _asked(store)
    alter_request(store, request_id, seal=None)
    with store._database.write() as connection:
        connection.execute(update(PlanRow).where(PlanRow.id == plan_id).values(seal=None))
    assert decisions.approve(store, request_id, BEA, digest=digest).request.state == "approved"


def test_who_may_not_decide_is_told_that_and_nothing_else(store: Store) -> None:
    """The whole plan is read for those who may decide."""
    request_id, plan_id, digest = _asked(store)
    alter_change(store, plan_id, "person 1", "mallory")
    with pytest.raises(NotAllowed, match="not an approver"):
        decisions.approve(store, request_id, EVE, digest=digest)


def test_an_altered_request_can_be_withdrawn(store: Store) -> None:
    """So that it does not stand there for good: by who asked for it, or by an administrator."""
    request_id, plan_id, _ = _asked(store)
    alter_change(store, plan_id, "person 1", "mallory")
    assert decisions.cancel(store, request_id, EVE, administrator=True).request.state == "cancelled"
