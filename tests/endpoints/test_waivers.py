"""Limits waived: once, for one plan, by somebody else than who starts it."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.approval import desk
from directory_sync.approval.filing import ask_for_waiver
from directory_sync.approval.people import Person
from directory_sync.errors import AlreadyDecided, NotAllowed, NotDecidable
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.request_model import Request
from directory_sync.store.runs import Snapshot
from tests.scenarios.office import BOB, CAROL, POLICY, Office


def full_and_then_empty(office: Office, **job: Any) -> Snapshot:
    """Twenty people are on the list, then only one is in the source: far beyond what may be deleted."""
    everybody = [f"person{number:02}" for number in range(20)]
    office.write("phones.csv", *everybody)
    office.staff(everybody[0])
    return office.start(**job)


def test_a_limit_stops_also_what_would_be_asked_for(office: Office) -> None:
    """Under `always` a plan over a limit is stopped; under `over_limit` it is asked for, and waives the limit when approved."""
    run = full_and_then_empty(office)
    assert office.run(run).state is JobState.STOPPED_BY_LIMIT
    assert office.store.count_requests() == 0
    run = office.start(approval={**POLICY, "when": "over_limit"})
    result = office.run(run)
    request = office.request(result)
    assert (result.state, len(request.waives)) == (JobState.WAITING, 1)
    office.approve(request)
    assert office.apply(run, request.id).statistics.deleted == 19


def waiver(office: Office, run: Snapshot, result: JobResult) -> Request:
    assert result.plan_id is not None
    plan = office.store.load_plan(result.plan_id).plan
    filed = ask_for_waiver(
        office.store,
        run,
        result.plan_id,
        plan,
        policy=None,
        administrators=["admin"],
        asked_by="zoe",
        reason="Closed.",
    )
    return office.store.get_request(filed.id).request


def test_a_limit_is_waived_once_for_one_plan(office: Office) -> None:
    """A run that makes the very plan carries it out; another plan, or the same a second time, is stopped as before."""
    run = full_and_then_empty(office, approval="none")
    stopped = office.run(run)
    assert stopped.state is JobState.STOPPED_BY_LIMIT
    request = waiver(office, run, stopped)
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT, "nobody has agreed yet"
    office.approve(request, CAROL)
    office.staff("person01")
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT, "another plan"
    office.staff("person00")
    done = office.run(office.start(approval="none"))
    assert (done.state, done.statistics.deleted, done.request) == (JobState.SUCCESS, 19, request.id)
    assert office.store.get_request(request.id).request.state == "applied"
    full_and_then_empty(office)
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT, "it was for once"


def test_a_waiver_takes_no_other_runs_request_away(office: Office) -> None:
    """Whoever asks for it, and however old the stopped run: what waits for a decision goes on waiting; and nobody asks twice."""
    run = full_and_then_empty(office)
    stopped = office.run(run)
    office.staff(*office.phones(), "fry")
    pending = office.request(office.run(office.start()))
    with pytest.raises(NotDecidable, match=f"Request {pending.id} of run {pending.run_id} waits for a decision"):
        waiver(office, run, stopped)
    assert office.store.get_request(pending.id).request.state == "pending"
    desk.cancel(office.store, pending.id, BOB, administrator=True)
    request = waiver(office, run, stopped)
    with pytest.raises(NotDecidable, match=f"Request {request.id} asks for this already"):
        waiver(office, run, stopped)


def test_a_waiver_is_used_by_a_run_that_plans_anew(office: Office) -> None:
    """Not by carrying the plan of the stopped run out, which would pass by who starts it, by its age, and by changed limits."""
    run = full_and_then_empty(office, approval="none", trigger="terminal")
    request = waiver(office, run, office.run(run))
    office.approve(request, Person("dora", frozenset({"admin"}), verified=True))
    with pytest.raises(NotDecidable, match="Run the job again"):
        office.apply(run, request.id)
    assert len(office.phones()) == 20
    assert office.run(run).statistics.deleted == 19
    assert office.apply(run, request.id).message.startswith(f"Request {request.id} has been carried out already")


def test_a_waiver_ends_when_it_was_not_needed(office: Office) -> None:
    """The source was repaired, and a run stayed within its limits: the same accident later is stopped again."""
    run = full_and_then_empty(office, approval="none")
    request = waiver(office, run, office.run(run))
    office.approve(request, CAROL)
    office.staff(*(f"person{number:02}" for number in range(20)))
    assert office.run(office.start(approval="none")).state is JobState.SUCCESS
    assert office.store.get_request(request.id).request.state == "stale"
    office.staff("person00")
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT


def test_a_waiver_counts_for_the_limits_that_it_names(office: Office) -> None:
    """A definition that was tightened since asks for more than was waived."""
    run = full_and_then_empty(office, approval="none")
    request = waiver(office, run, office.run(run))
    office.approve(request, CAROL)
    tightened = office.run(office.start(approval="none", limits={"delete": 3}))
    assert tightened.state is JobState.STOPPED_BY_LIMIT
    assert "Ask for it again" in tightened.message


def test_what_was_begun_can_be_neither_withdrawn_nor_written_without_its_request(office: Office) -> None:
    """A run that began under a waiver is killed; the waiver stays, and the retry goes on under it and under nothing else."""
    run = full_and_then_empty(office, approval="none")
    request = waiver(office, run, office.run(run))
    office.approve(request, CAROL)
    again = office.start(approval="none")
    planned = office.run(office.start(approval="none", limits={"delete": 1}))  # only to have a plan of these changes stored
    assert planned.plan_id is not None
    copy = office.store.save_plan(office.store.start_job(again.id, "phones").id, office.store.load_plan(planned.plan_id).plan)
    office.store.claim_approved(request.id, expected_digest=request.digest, plan_id=copy)
    with pytest.raises((NotAllowed, AlreadyDecided)):
        desk.cancel(office.store, request.id, CAROL, administrator=True)
    done = office.run(again)
    assert (done.state, done.statistics.deleted, done.request) == (JobState.SUCCESS, 19, request.id)


def test_a_waiver_is_given_by_somebody_else_than_who_starts(office: Office) -> None:
    """Neither by the starter of the stopped run nor by who asks; and an approver does not carry it out by starting a run."""
    run = full_and_then_empty(office, approval="none", requester="carol")
    request = waiver(office, run, office.run(run))
    for person in (CAROL, Person("Zoe", frozenset({"admin"}), verified=True)):
        with pytest.raises(NotAllowed):
            office.approve(request, person)
    office.approve(request, Person("dora", frozenset({"admin"}), verified=True))
    refused = office.run(office.start(approval="none", requester="Dora"))
    assert refused.state is JobState.STOPPED_BY_LIMIT
    assert "Somebody else has to start it" in refused.message
    assert office.run(office.start(approval="none", requester="carol")).state is JobState.SUCCESS
