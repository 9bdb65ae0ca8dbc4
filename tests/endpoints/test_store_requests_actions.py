"""What else becomes of a request: cancelled, rerouted, commented on, and applied once it is approved."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update

from directory_sync.approval.people import Approver
from directory_sync.approval.request import RequestView
from directory_sync.errors import AlreadyDecided, DirectorySyncError, NotDecidable, PlanMismatch
from directory_sync.store.store import Store
from directory_sync.store.tables import PlanRow
from tests.scenarios.requests import ADMINS, BEA, decide, file

HOUR = timedelta(hours=1)
ZOE = Approver("user", "zoe")


def happened(store: Store, request_id: int) -> list[tuple[str, str, str]]:
    """Kind, actor and text of each event, in order."""
    return [(event.kind.value, event.actor, event.text) for event in store.requests.get(request_id).events]


def test_a_cancelled_request_is_over(store: Store) -> None:
    """The requester withdraws it, with a word why; a second time is told about the first."""
    request_id = file(store).id
    with pytest.raises(DirectorySyncError, match="not yours"):
        store.decisions.cancel(request_id, "mal", check=_refuse)
    assert store.requests.get(request_id).request.pending
    assert store.decisions.cancel(request_id, "ida", reason="wrong file").request.state == "cancelled"
    assert happened(store, request_id)[1:] == [("cancelled", "ida", "wrong file")]
    with pytest.raises(AlreadyDecided, match=r"was cancelled by ida, on 20.* Nothing was recorded"):
        store.decisions.cancel(request_id, "ida")


def test_a_request_can_be_rerouted(store: Store) -> None:
    """Others are asked too; who is asked already stays as they were; the clock of escalation can start
    anew.
    """
    request_id = file(store, approvers=[BEA, ADMINS], escalate_after=HOUR).id
    view = store.decisions.reroute(
        request_id,
        "bea",
        [ZOE, ADMINS],
        roles=["crew"],
        verified=True,
        reason="on leave",
        escalate_after=5 * HOUR,
    )
    assert {(each.kind, each.name, each.why) for each in view.assignees} == {
        ("role", "admins", "policy"),
        ("user", "bea", "policy"),
        ("user", "zoe", "reroute"),
    }
    event = view.events[-1]
    assert (event.kind, event.actor, event.text) == ("rerouted", "bea", "on leave")
    assert event.data == {
        "to": [{"kind": "user", "name": "zoe"}, {"kind": "role", "name": "admins"}],
        "roles": ["crew"],
        "verified": True,
    }
    assert view.request.escalates == event.at + 5 * HOUR
    assert (
        store.decisions.reroute(request_id, "zoe", [BEA], roles=["crew"], verified=True).request.escalates
        == view.request.escalates
    )
    problems: tuple[tuple[Callable[[], object], str], ...] = (
        (
            lambda: store.decisions.reroute(request_id, "zoe", [], roles=["crew"], verified=True),
            "rerouted to someone",
        ),
        (
            lambda: store.decisions.reroute(
                request_id, "mal", [ZOE], roles=["crew"], verified=True, check=_refuse
            ),
            "not yours",
        ),
    )
    for problem, match in problems:
        with pytest.raises(DirectorySyncError, match=match):
            problem()
    assert len(store.requests.get(request_id).events) == 3


def test_anybody_may_comment_at_any_time(store: Store) -> None:
    """Comments are kept in order, also after the decision; an empty one is none."""
    request_id = file(store).id
    store.decisions.comment(request_id, "bea", "Is Fry really leaving?")
    decide(store, request_id)
    store.decisions.comment(request_id, "ida", "He is.")
    with pytest.raises(DirectorySyncError, match="empty"):
        store.decisions.comment(request_id, "bea", " ")
    assert happened(store, request_id)[1:] == [
        ("commented", "bea", "Is Fry really leaving?"),
        ("approved", "bea", ""),
        ("commented", "ida", "He is."),
    ]


def test_only_what_is_approved_can_be_claimed(store: Store) -> None:
    """Whoever is about to write has to show the request; without an approval of that very plan nothing
    begins.
    """
    request_id = file(store).id
    request = store.requests.get(request_id).request
    with pytest.raises(
        NotDecidable, match=rf"Request {request_id} is pending, not approved, so nothing may be written"
    ):
        store.approvals.claim(request_id, expected_digest=request.digest)
    decide(store, request_id)
    with pytest.raises(PlanMismatch, match="Nothing may be written"):
        store.approvals.claim(request_id, expected_digest="0" * 64)
    assert store.plans.load(request.plan_id).apply_started is None
    assert (
        store.approvals.claim(request_id, expected_digest=request.digest)
        == store.requests.get(request_id).request
    )
    began = store.plans.load(request.plan_id)
    assert (began.state, began.apply_started is None) == ("applying", False)
    store.approvals.claim(request_id, expected_digest=request.digest)
    assert store.plans.load(request.plan_id).apply_started == began.apply_started, "a retry goes on with it"
    store.approvals.mark_applied(request_id, {"state": "success"})
    store.plans.finish(request.plan_id, "success")
    assert store.approvals.claim(request_id, expected_digest=request.digest).applied is not None
    assert store.plans.load(request.plan_id).state == "success"


def test_a_plan_that_was_exchanged_is_not_applied(store: Store) -> None:
    """An approval counts for the plan that it was given for, also if somebody has altered the plan's digest
    since.
    """
    request_id = file(store).id
    decide(store, request_id)
    digest = store.requests.get(request_id).request.digest
    with store._database.write() as connection:
        connection.execute(update(PlanRow).values(digest="f" * 64))
    for expected in (digest, "f" * 64):
        with pytest.raises(PlanMismatch, match="Nothing may be written"):
            store.approvals.claim(request_id, expected_digest=expected)


def test_an_approved_request_can_be_cancelled_until_it_is_being_applied(store: Store) -> None:
    """Withdrawn on purpose in between, it can never be applied; once the writing has begun, or is done, it is
    too late.
    """
    withdrawn, begun = file(store, name="a").id, file(store, name="b").id
    for request_id in (withdrawn, begun):
        decide(store, request_id)
    digest = store.requests.get(begun).request.digest
    with pytest.raises(AlreadyDecided, match="was approved by bea"):
        store.decisions.cancel(withdrawn, "ida")
    assert store.decisions.cancel(withdrawn, "ida", even_approved=True).request.state == "cancelled"
    with pytest.raises(NotDecidable, match="is cancelled, not approved"):
        store.approvals.claim(withdrawn, expected_digest=store.requests.get(withdrawn).request.digest)
    store.approvals.claim(begun, expected_digest=digest)
    with pytest.raises(AlreadyDecided, match="was approved by bea"):
        store.decisions.cancel(begun, "ida", even_approved=True)
    store.approvals.mark_applied(begun, {})
    with pytest.raises(AlreadyDecided, match="was applied, approved by bea"):
        store.decisions.cancel(begun, "ida", even_approved=True)
    assert happened(store, withdrawn)[1:] == [("approved", "bea", ""), ("cancelled", "ida", "")]


def test_an_approved_request_shows_what_became_of_it(store: Store) -> None:
    """The last result counts, every one is in the history, and only an approved plan can have been
    applied.
    """
    request_id = file(store).id
    with pytest.raises(
        NotDecidable, match=rf"Request {request_id} is pending, so its plan cannot have been applied"
    ):
        store.approvals.mark_applied(request_id, {"state": "success"})
    decide(store, request_id)
    store.approvals.mark_applied(request_id, {"state": "failed", "done": 1})
    store.approvals.mark_applied(request_id, {"state": "success", "done": 2})
    view = store.requests.get(request_id)
    assert (view.request.state, view.request.decided_by) == ("applied", "bea")
    assert view.request.result == {"state": "success", "done": 2}
    assert [event.data for event in view.events if event.kind == "applied"] == [
        {"state": "failed", "done": 1},
        {"state": "success", "done": 2},
    ]
    assert view.request.applied == view.events[-1].at


def _refuse(view: RequestView) -> None:
    assert view.request.id
    raise DirectorySyncError("not yours")
