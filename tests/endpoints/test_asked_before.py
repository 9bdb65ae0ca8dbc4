"""What was asked before is not asked again: denied plans, and plans whose limits only look different."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from directory_sync.requests import decisions
from directory_sync.run.result import JobResult, JobState
from tests.scenarios.office import BOB, CAROL, POLICY, Office


def fire(office: Office, **job: Any) -> JobResult:
    """What a run that the schedule has started does under a policy that asks about all of them."""
    return office.run(office.start(trigger="scheduled", requester="schedule", **job))


def test_the_schedule_does_not_ask_again_for_what_was_denied(office: Office) -> None:
    """The run refers to the denial and ends as denied; however often it fires, nobody is asked again and
    nothing is written.
    """
    denied = office.request(fire(office))
    office.deny(denied, "Not before Monday.")
    for _ in range(3):
        result = fire(office)
        assert (result.state, result.request, result.plan_id) == (JobState.DENIED, denied.id, denied.plan_id)
        assert not result.state.failed
        assert result.statistics.created == 0
        assert f"request {denied.id} of run {denied.run_id}" in result.message
        assert "denied by bob" in result.message
        assert "Not before Monday." in result.message
    (stored,) = office.store.runs.job_results("office", "run 4")
    assert (stored.state, stored.request_id) == ("denied", denied.id)
    assert (office.store.requests.count(), office.phones()) == (1, set())


def test_a_run_by_hand_asks_again_for_what_was_denied(office: Office) -> None:
    """And once somebody has agreed to it, the older denial no longer counts."""
    office.deny(office.request(fire(office)))
    run = office.start()
    request = office.request(office.run(run))
    assert request.state == "pending"
    assert office.run(office.start(trigger="scheduled", requester="schedule")).request == request.id, (
        "it waits for that one"
    )
    office.approve(request)
    office.apply(run, request.id)
    office.write("phones.csv")
    assert fire(office).state is JobState.WAITING


def test_another_plan_than_the_denied_one_is_asked_for(office: Office) -> None:
    """A denial is about exactly one plan; when that comes back, it stands."""
    office.deny(office.request(fire(office)))
    office.staff("fry", "leela", "bender")
    other = fire(office)
    assert other.state is JobState.WAITING
    office.staff("fry", "leela")
    back = fire(office)
    assert back.state is JobState.DENIED
    assert office.request(other).state == "stale", "what it asks for is not what the source says now"


@pytest.mark.parametrize("end", ["expired", "cancelled", "stale"])
def test_what_was_not_denied_is_asked_for_again(office: Office, end: str) -> None:
    """Nobody has said no to a request that expired, was cancelled or overtaken."""
    policy = {**POLICY, "expires": "1h"}
    first = office.request(fire(office, approval=policy))
    match end:
        case "expired":
            office.store.request_upkeep.expire(first.filed + timedelta(hours=2))
        case "cancelled":
            decisions.cancel(office.store, first.id, BOB, administrator=True)
        case _:
            office.staff("bender")
            fire(office, approval=policy)
            office.staff("fry", "leela")
    assert office.store.requests.get(first.id).request.state == end
    assert fire(office, approval=policy).state is JobState.WAITING


def test_a_policy_that_changed_since_the_denial_asks_again(office: Office) -> None:
    """Others decide now, so the old answer is not theirs."""
    office.deny(office.request(fire(office)))
    assert fire(office, approval={"approvers": {"users": ["carol"]}}).state is JobState.WAITING


OVER = {**POLICY, "when": "over_limit"}


def test_the_same_plan_is_asked_for_once_though_the_base_has_moved(office: Office) -> None:
    """One object more at the destination changes the words of a percentage, and nothing that anybody agrees
    to.
    """
    everybody = [f"person{number:02}" for number in range(40)]
    office.write("phones.csv", *everybody)
    office.staff(*everybody[:10])
    first = office.request(fire(office, approval=OVER))
    office.write("phones.csv", *everybody, "newcomer")
    office.staff(*everybody[:10], "newcomer")
    later = fire(office, approval=OVER)
    assert (later.state, later.request) == (JobState.WAITING, first.id)
    assert [check.base for check in first.waives] != [check.base for check in later.limits if check.exceeded]
    assert office.store.requests.count() == 1
    office.deny(first)
    office.write("phones.csv", *everybody)
    office.staff(*everybody[:10])
    assert fire(office, approval=OVER).state is JobState.DENIED, "so it is with a denial"


def test_a_waiver_counts_though_the_base_has_moved(office: Office) -> None:
    """The plan is the same, and so is the limit that it goes past."""
    everybody = [f"person{number:02}" for number in range(40)]
    office.write("phones.csv", *everybody)
    office.staff(*everybody[:10])
    run = office.start(approval="none")
    waiver = office.waiver(run, office.run(run))
    office.approve(waiver, CAROL)
    office.write("phones.csv", *everybody, "newcomer")
    office.staff(*everybody[:10], "newcomer")
    done = office.run(office.start(approval="none"))
    assert (done.state, done.statistics.deleted, done.request) == (JobState.SUCCESS, 30, waiver.id)
