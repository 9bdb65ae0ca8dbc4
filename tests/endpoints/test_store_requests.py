"""What becomes of one request: filed, decided, commented on, rerouted, cancelled, replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from directory_sync.approval.people import Approver, Person
from directory_sync.approval.request import Decision, RequestView
from directory_sync.errors import AlreadyDecided, DirectorySyncError, NotDecidable, PlanMismatch, RequestError
from directory_sync.plan.model import LimitCheck
from directory_sync.store.request_model import Filed, Filing
from directory_sync.store.store import Store
from directory_sync.store.tables import PlanRow, RequestRow
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.requests import ADMINS, BEA, POLICY, decide, file, stored_plan

HOUR = timedelta(hours=1)
ZOE = Approver("user", "zoe")
OVER = LimitCheck("create", "", 3, 30, 1, "1")


def happened(store: Store, request_id: int) -> list[tuple[str, str, str]]:
    """Kind, actor and text of each event, in order."""
    return [(event.kind.value, event.actor, event.text) for event in store.requests.get(request_id).events]


def make_overdue(store: Store, request_id: int) -> None:
    """Let its time be over, without anybody having noticed yet."""
    with store._database.write() as connection:
        connection.execute(
            update(RequestRow)
            .where(RequestRow.id == request_id)
            .values(expires=datetime.now(UTC) - timedelta(seconds=1))
        )


def test_a_request_says_what_the_store_knows_of_its_plan(store: Store) -> None:
    """Run, requester, digest and statistics come from the run and the plan, not from who files; the rest as
    it was given.
    """
    plan_id = stored_plan(store, creations(3), run_id="run 7")
    filed = store.filing.file(
        plan_id,
        policy=POLICY,
        approvers=[BEA, ADMINS, BEA],
        waives=[OVER],
        description="New people",
        requester_may_decide=True,
        expires_after=2 * HOUR,
        escalate_after=HOUR,
    )
    assert filed == Filed(Filing.NEW, filed.id)
    view = store.requests.get(filed.id)
    request = view.request
    assert (request.collection, request.job, request.run_id, request.plan_id) == (
        "crew",
        "people",
        "run 7",
        plan_id,
    )
    assert (request.requester, request.requester_verified, request.trigger, request.reason) == (
        "ida",
        True,
        "manual",
        "because",
    )
    assert request.digest == plan(creations(3)).digest
    assert request.statistics == plan(creations(3)).statistics.to_json()
    assert (request.changes, request.policy, request.description) == (3, POLICY, "New people")
    assert (request.waives, request.requester_may_decide) == ((OVER,), True)
    assert abs(datetime.now(UTC) - request.filed) < timedelta(minutes=1)
    assert (request.expires, request.escalates) == (request.filed + 2 * HOUR, request.filed + HOUR)
    assert (request.state, request.level, request.pending) == ("pending", 0, True)
    assert (request.decided, request.decided_by, request.successor, request.applied, request.result) == (
        None,
    ) * 5
    assert [(each.kind, each.name, each.why, each.level, each.since) for each in view.assignees] == [
        ("role", "admins", "policy", 0, request.filed),
        ("user", "bea", "policy", 0, request.filed),
    ]
    (event,) = view.events
    assert (event.kind, event.actor, event.text, event.at) == ("filed", "ida", "because", request.filed)
    assert event.data == {"approvers": [{"kind": "user", "name": "bea"}, {"kind": "role", "name": "admins"}]}


def test_a_request_needs_a_complete_plan(store: Store) -> None:
    """Nothing can be asked for that is not there, or not yet there as a whole."""
    plan_id = stored_plan(store)
    with store._database.write() as connection:
        connection.execute(update(PlanRow).values(complete=False))
    for number in (plan_id, 4711):
        with pytest.raises(PlanMismatch, match=f"There is no plan {number} in the store"):
            store.filing.file(number, policy=POLICY, approvers=[BEA])
    assert store.requests.count() == 0


def test_an_equal_plan_refers_to_the_pending_request(store: Store) -> None:
    """However often the schedule fires with the same plan, there is one request with one event."""
    first = file(store).id
    for number in range(20):
        assert file(store, run_id=f"later {number}") == Filed(Filing.SAME_AS_PENDING, first)
    assert store.requests.count() == 1
    assert [kind for kind, _, _ in happened(store, first)] == ["filed"]


def test_a_different_plan_takes_the_place_of_the_pending_request(store: Store) -> None:
    """The older one is stale at once, names its successor, can be looked at, and not be decided any more."""
    older = file(store).id
    newer = file(store, 3, run_id="run 2")
    assert newer == Filed(Filing.REPLACES, newer.id, older)
    view = store.requests.get(older)
    assert (view.request.state, view.request.successor, view.request.decided_by) == ("stale", newer.id, "")
    assert (view.events[-1].kind, view.events[-1].data) == ("stale", {"successor": newer.id})
    data = store.requests.get(newer.id).events[0].data
    assert data is not None
    assert data["replaces"] == older
    with pytest.raises(
        AlreadyDecided, match=rf"{older} is stale: request {newer.id} has taken its place, on 20"
    ) as caught:
        decide(store, older)
    assert (caught.value.by, caught.value.state, caught.value.at) == ("", "stale", view.request.decided)


def test_a_waiver_is_another_question(store: Store) -> None:
    """Approving a plan and approving that it goes past a limit are not the same, though the plan is."""
    plain = file(store).id
    waiver = file(store, waives=[OVER], run_id="run 2")
    assert waiver == Filed(Filing.REPLACES, waiver.id, plain)


def test_jobs_and_collections_have_requests_of_their_own(store: Store) -> None:
    """What waits in one collection does not touch the job of that name in another."""
    assert file(store).filing is Filing.NEW
    assert file(store, 3, name="guests").filing is Filing.NEW


def test_a_decided_request_is_out_of_the_way(store: Store) -> None:
    """A later run with the same plan asks anew after a decision, whatever it was; approvals do not carry
    over.
    """
    first = file(store).id
    decide(store, first, approve=False)
    second = file(store, run_id="run 2")
    assert second == Filed(Filing.NEW, second.id)
    decide(store, second.id)
    assert file(store, run_id="run 3").filing is Filing.NEW


def test_a_task_that_is_tried_again_finds_its_approved_request(store: Store) -> None:
    """The same run with the same plan refers to what was approved meanwhile, until that has been applied."""
    first = file(store).id
    decide(store, first)
    assert file(store) == Filed(Filing.SAME_AS_PENDING, first)
    assert file(store, 3).filing is Filing.NEW, "another plan is another question"
    store.approvals.mark_applied(first, {"done": 2})
    assert file(store).filing is Filing.REPLACES


def test_an_overdue_request_is_not_referred_to(store: Store) -> None:
    """A pending request whose time is over counts as expired, also if no sweep has been there yet."""
    first = file(store).id
    make_overdue(store, first)
    second = file(store, run_id="run 2")
    assert second == Filed(Filing.NEW, second.id)
    assert store.requests.get(first).request.state == "expired"
    assert [kind for kind, _, _ in happened(store, first)] == ["filed", "expired"]


def test_a_plan_that_is_no_longer_wanted_leaves_a_stale_request(store: Store) -> None:
    """When there is nothing left to approve, the pending request ends without a successor."""
    request_id = file(store).id
    assert store.filing.mark_stale("crew", "people", reason="Nothing is left to change.") == request_id
    assert store.filing.mark_stale("crew", "people", reason="Nothing is left to change.") is None
    assert happened(store, request_id)[1:] == [("stale", "", "Nothing is left to change.")]
    with pytest.raises(AlreadyDecided, match=rf"{request_id} is stale, on"):
        decide(store, request_id)


def test_a_decision_is_recorded_with_all_that_follows(store: Store) -> None:
    """Vote, event and state appear together, with one time, and the answer shows them."""
    request_id = file(store, escalate_after=HOUR).id
    view = decide(store, request_id, approve=False, reason="Not before Monday.")
    assert view == store.requests.get(request_id)
    request = view.request
    assert (request.state, request.decided_by, request.escalates) == ("denied", "bea", None)
    assert request.decided is not None
    assert view.decisions == (
        Decision(
            Person("bea", frozenset({"crew", "pilots"}), verified=True),
            agreed=False,
            reason="Not before Monday.",
            at=request.decided,
        ),
    )
    assert happened(store, request_id)[1:] == [("denied", "bea", "Not before Monday.")]
    assert view.events[-1].data == {"state": "denied", "roles": ["crew", "pilots"], "verified": True}


def test_a_quorum_stays_pending_until_it_is_complete(store: Store) -> None:
    """A vote that is not enough changes nothing but the votes; nobody votes twice, or changes their mind."""
    request_id = file(store).id
    assert decide(store, request_id, "bea", needed=2).request.state == "pending"
    for approve in (True, False):
        with pytest.raises(AlreadyDecided, match=r"bea has already approved request \d+, on 20") as caught:
            decide(store, request_id, "bea", approve=approve, needed=2)
        assert (caught.value.by, caught.value.state) == ("bea", "approved")
    assert decide(store, request_id, "zoe", needed=2).request.decided_by == "zoe"


def test_a_vote_that_is_not_enough_can_restart_the_clock_of_escalation(store: Store) -> None:
    """Somebody has acted, so the others get their time anew; once it is decided nothing is escalated any
    more.
    """
    request_id = file(store, escalate_after=HOUR).id
    digest = store.requests.get(request_id).request.digest
    for person, state in (("bea", None), ("zoe", "approved")):
        view = store.decisions.decide(
            request_id,
            person,
            roles=[],
            verified=False,
            approve=True,
            expected_digest=digest,
            evaluate=lambda view, decisions, state=state: state,  # type: ignore[misc]
            escalate_after=5 * HOUR,
        )
        assert view.request.escalates == (None if state else view.events[-1].at + 5 * HOUR)
    assert not any(decision.person.verified for decision in store.requests.get(request_id).decisions)


def test_who_may_not_decide_has_not_decided(store: Store) -> None:
    """What the policy refuses leaves nothing behind; it is asked with all that is known, and with the new
    vote.
    """
    request_id = file(store).id
    seen: list[tuple[RequestView, tuple[Decision, ...]]] = []

    def refuse(view: RequestView, decisions: tuple[Decision, ...]) -> str | None:
        seen.append((view, decisions))
        raise DirectorySyncError("not yours")

    before = store.requests.get(request_id)
    with pytest.raises(DirectorySyncError, match="not yours"):
        store.decisions.decide(
            request_id,
            "mal",
            roles=["crew"],
            verified=True,
            approve=True,
            expected_digest=before.request.digest,
            evaluate=refuse,
        )
    assert store.requests.get(request_id) == before
    ((view, decisions),) = seen
    assert view == before
    assert [(each.person.name, each.agreed) for each in decisions] == [("mal", True)]


@pytest.mark.parametrize(
    ("approve", "state"),
    [
        (True, "denied"),
        (False, "approved"),
        *((approve, state) for approve in (True, False) for state in ("pending", "cancelled", "?")),
    ],
)
def test_a_vote_leads_only_where_it_can_lead(store: Store, approve: bool, state: str) -> None:
    """A rule that answers a denial with an approval, or with a state that is no decision, is a defect and
    changes nothing.
    """
    request_id = file(store).id
    digest = store.requests.get(request_id).request.digest
    with pytest.raises(ValueError, match="cannot lead to"):
        store.decisions.decide(
            request_id,
            "bea",
            roles=["crew"],
            verified=True,
            approve=approve,
            reason="r",
            expected_digest=digest,
            evaluate=lambda view, decisions: state,
        )
    assert [kind for kind, _, _ in happened(store, request_id)] == ["filed"]


def test_a_decision_is_about_the_plan_that_was_shown(store: Store) -> None:
    """A decision with another digest is refused; a denial without a reason too."""
    request_id = file(store).id
    with pytest.raises(NotDecidable, match="another plan than the one that was shown"):
        store.decisions.decide(
            request_id,
            "bea",
            roles=["crew"],
            verified=True,
            approve=True,
            expected_digest="0" * 64,
            evaluate=lambda view, decisions: "approved",
        )
    with pytest.raises(RequestError, match="needs a reason"):
        decide(store, request_id, approve=False, reason=" \n")
    assert store.requests.get(request_id).request.pending


def test_a_decision_at_the_moment_of_expiry_comes_too_late(store: Store) -> None:
    """What is overdue cannot be decided, cancelled, rerouted or escalated, even before a sweep has
    noticed.
    """
    request_id = file(store).id
    make_overdue(store, request_id)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: decide(store, request_id),
        lambda: store.decisions.cancel(request_id, "ida"),
        lambda: store.decisions.reroute(request_id, "bea", [ZOE], roles=["crew"], verified=True),
    )
    for attempt in attempts:
        with pytest.raises(AlreadyDecided, match=rf"Request {request_id} expired on") as caught:
            attempt()
        assert (caught.value.by, caught.value.state) == ("", "expired")
    assert not store.request_upkeep.escalate(request_id, [ZOE], level=1)
    assert store.request_upkeep.expire() == (request_id,)


def test_a_request_says_where_its_job_reads_and_writes(store: Store) -> None:
    """By the definition that its run began with: title, connection and container."""
    titled = collection().model_copy(update={"title": "Crew of the ship"})
    run = store.runs.start(titled, "titled", trigger="manual", requester="ida", verified=True)
    plan_id = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(2)))
    request = store.requests.get(store.filing.file(plan_id, policy=POLICY, approvers=[BEA]).id).request
    assert request.title == "Crew of the ship"
    assert request.source == "ship: ou=people,dc=ship"
    assert request.destination == "office: ou=people,dc=office"


def test_a_waiver_has_a_reason_and_an_asker_of_its_own(store: Store) -> None:
    """Those of the run stay with the run."""
    plan_id = stored_plan(store, requester="ida", reason="Payroll said so")
    filed = store.filing.file(
        plan_id, policy=POLICY, approvers=[BEA], waiver=True, asked_by="olga", reason="The office closed"
    )
    view = store.requests.get(filed.id)
    assert (view.request.requester, view.request.asked_by, view.request.reason) == (
        "ida",
        "olga",
        "The office closed",
    )
    assert (view.events[0].actor, view.events[0].text) == ("olga", "The office closed")
    other = store.requests.get(file(store, 3, run_id="run 2", reason="Payroll said so").id).request
    assert (other.asked_by, other.reason) == ("", "Payroll said so")
