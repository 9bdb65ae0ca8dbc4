"""Limits waived: once, for one plan, by somebody else than who starts it."""

from __future__ import annotations

from typing import Any

import pytest

from directory_sync.airflow.preview import preview_in_run
from directory_sync.approval.people import Person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.quorum import Pending
from directory_sync.definition.models import Collection
from directory_sync.errors import AlreadyDecided, NotAllowed, NotDecidable
from directory_sync.mail.audience import occasion
from directory_sync.requests import decisions
from directory_sync.requests.texts import missing_text
from directory_sync.requests.upkeep import sweep
from directory_sync.run.job import preview_job
from directory_sync.run.replanning import Tries
from directory_sync.run.result import JobState
from directory_sync.run.verdict import Start
from directory_sync.store.runs import Snapshot
from tests.scenarios.office import BOB, CAROL, POLICY, Office, collection


def full_and_then_empty(office: Office, **job: Any) -> Snapshot:
    """Twenty people are on the list, then only one is in the source: far beyond what may be deleted."""
    everybody = [f"person{number:02}" for number in range(20)]
    office.write("phones.csv", *everybody)
    office.staff(everybody[0])
    return office.start(**job)


def test_a_limit_stops_also_what_would_be_asked_for(office: Office) -> None:
    """Under `always` a plan over a limit is stopped; under `over_limit` it is asked for, and waives the limit
    when approved.
    """
    run = full_and_then_empty(office)
    assert office.run(run).state is JobState.STOPPED_BY_LIMIT
    assert office.store.requests.count() == 0
    run = office.start(approval={**POLICY, "when": "over_limit"})
    result = office.run(run)
    request = office.request(result)
    assert (result.state, len(request.waives)) == (JobState.WAITING, 1)
    office.approve(request)
    assert office.apply(run, request.id).statistics.deleted == 19


def test_a_limit_is_waived_once_for_one_plan(office: Office) -> None:
    """A run that makes the very plan carries it out; another plan, or the same a second time, is stopped as
    before.
    """
    run = full_and_then_empty(office, approval="none")
    stopped = office.run(run)
    assert stopped.state is JobState.STOPPED_BY_LIMIT
    request = office.waiver(run, stopped)
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT, (
        "nobody has agreed yet"
    )
    office.approve(request, CAROL)
    office.staff("person01")
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT, "another plan"
    office.staff("person00")
    done = office.run(office.start(approval="none"))
    assert (done.state, done.statistics.deleted, done.request) == (JobState.SUCCESS, 19, request.id)
    assert office.store.requests.get(request.id).request.state == "applied"
    full_and_then_empty(office)
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT, "it was for once"


def test_a_waiver_takes_no_other_runs_request_away(office: Office) -> None:
    """Whoever asks for it, and however old the stopped run: what waits for a decision goes on waiting; and
    nobody asks twice.
    """
    run = full_and_then_empty(office)
    stopped = office.run(run)
    office.staff(*office.phones(), "fry")
    pending = office.request(office.run(office.start()))
    with pytest.raises(
        NotDecidable, match=f"Request {pending.id} of run {pending.run_id} waits for a decision"
    ):
        office.waiver(run, stopped)
    assert office.store.requests.get(pending.id).request.state == "pending"
    decisions.cancel(office.store, pending.id, BOB, administrator=True)
    request = office.waiver(run, stopped)
    with pytest.raises(NotDecidable, match=f"Request {request.id} asks for this already"):
        office.waiver(run, stopped)


def test_a_waiver_is_used_by_a_run_that_plans_anew(office: Office) -> None:
    """Not by carrying the plan of the stopped run out, which would pass by who starts it, by its age, and by
    changed limits.
    """
    run = full_and_then_empty(office, approval="none", trigger="terminal")
    request = office.waiver(run, office.run(run))
    office.approve(request, Person("dora", frozenset({"admin"}), verified=True))
    with pytest.raises(NotDecidable, match="Run the job again"):
        office.apply(run, request.id)
    assert len(office.phones()) == 20
    assert office.run(office.start(approval="none")).statistics.deleted == 19
    assert office.apply(run, request.id).message.startswith(f"Request {request.id} has been applied already")


def test_a_waiver_ends_when_it_was_not_needed(office: Office) -> None:
    """The source was repaired, and a run stayed within its limits: the same accident later is stopped
    again.
    """
    run = full_and_then_empty(office, approval="none")
    request = office.waiver(run, office.run(run))
    office.approve(request, CAROL)
    office.staff(*(f"person{number:02}" for number in range(20)))
    assert office.run(office.start(approval="none")).state is JobState.SUCCESS
    assert office.store.requests.get(request.id).request.state == "stale"
    office.staff("person00")
    assert office.run(office.start(approval="none")).state is JobState.STOPPED_BY_LIMIT


def test_a_waiver_counts_for_the_limits_that_it_names(office: Office) -> None:
    """A definition that was tightened since asks for more than was waived."""
    run = full_and_then_empty(office, approval="none")
    request = office.waiver(run, office.run(run))
    office.approve(request, CAROL)
    tightened = office.run(office.start(approval="none", limits={"delete": 3}))
    assert tightened.state is JobState.STOPPED_BY_LIMIT
    assert "Ask for it again" in tightened.message


def test_what_was_begun_can_be_neither_withdrawn_nor_written_without_its_request(office: Office) -> None:
    """A run that began under a waiver is killed; the waiver stays, and the retry goes on under it and under
    nothing else.
    """
    run = full_and_then_empty(office, approval="none")
    request = office.waiver(run, office.run(run))
    office.approve(request, CAROL)
    again = office.start(approval="none")
    planned = office.run(
        office.start(approval="none", limits={"delete": 1})
    )  # only to have a plan of these changes stored
    assert planned.plan_id is not None
    copy = office.store.plans.save(
        office.store.runs.start_job(again.id, "phones").id, office.store.plans.load(planned.plan_id).plan
    )
    office.store.approvals.claim(request.id, expected_digest=request.digest, plan_id=copy)
    with pytest.raises((NotAllowed, AlreadyDecided)):
        decisions.cancel(office.store, request.id, CAROL, administrator=True)
    done = office.run(again)
    assert (done.state, done.statistics.deleted, done.request) == (JobState.SUCCESS, 19, request.id)


def test_a_waiver_is_given_by_somebody_else_than_who_starts(office: Office) -> None:
    """Neither by the starter of the stopped run nor by who asks; and an approver does not carry it out by
    starting a run.
    """
    run = full_and_then_empty(office, approval="none", requester="carol")
    request = office.waiver(run, office.run(run))
    for person in (CAROL, Person("Zoe", frozenset({"admin"}), verified=True)):
        with pytest.raises(NotAllowed):
            office.approve(request, person)
    office.approve(request, Person("dora", frozenset({"admin"}), verified=True))
    refused = office.run(office.start(approval="none", requester="Dora"))
    assert refused.state is JobState.STOPPED_BY_LIMIT
    assert "Someone else has to start it" in refused.message
    assert office.run(office.start(approval="none", requester="carol")).state is JobState.SUCCESS


@pytest.mark.parametrize("another", [False, True], ids=["the run it was filed for", "another run"])
def test_who_approves_a_waiver_does_not_use_it_by_clearing_a_task(office: Office, another: bool) -> None:
    """A cleared task is a person's doing, whoever started its run; only a run that somebody else starts makes
    use of it.
    """
    run = full_and_then_empty(office, approval="none", requester="carol")
    request = office.waiver(run, office.run(run))
    cleared = office.start(approval="none", trigger="scheduled") if another else run
    if another:
        assert office.run(cleared).state is JobState.STOPPED_BY_LIMIT
    office.approve(request, Person("dora", frozenset({"admin"}), verified=True))
    refused = office.run(office.again(cleared), tries=Tries(number=2, cleared=True, run_cleared=True))
    assert refused.state is JobState.STOPPED_BY_LIMIT
    assert "only a new run makes use of it" in refused.message
    assert office.run(office.start(approval="none", requester="carol")).state is JobState.SUCCESS


def test_who_asks_for_a_waiver_is_not_among_those_who_are_asked(office: Office) -> None:
    """Nor who started the run: neither on the list, nor in what is said to be missing, nor in the mail; both
    hear the outcome.
    """
    people = {"approvers": {"users": ["zoe", "carol", "bob"]}, "require": 1}
    run = full_and_then_empty(office, approval=people, requester="bob")
    request = office.waiver(run, office.run(run), policy=EffectivePolicy.model_validate(people))
    view = office.store.requests.get(request.id)
    assert [each.name for each in view.assignees] == ["carol"]
    waits = decisions.standing(view)
    assert isinstance(waits, Pending)
    assert missing_text(waits) == "carol"
    filed = occasion(view, view.events[0])
    assert filed is not None
    told = [(each.addressee.name, each.asked_for_it) for each in filed.recipients]
    assert told == [("carol", False), ("bob", True)]
    with pytest.raises(NotAllowed, match="You asked for this"):
        office.approve(request, Person("zoe", frozenset(), verified=True))
    office.approve(request, CAROL)
    view = office.store.requests.get(request.id)
    told = occasion(view, view.events[-1])
    assert told is not None
    assert [(each.addressee.name, each.asked_for_it) for each in told.recipients] == [
        ("bob", True),
        ("zoe", True),
    ]


def test_where_only_who_asks_could_answer_a_waiver_others_are_asked_at_once(office: Office) -> None:
    """Waiting for the answer of somebody who may not give one would be in vain."""
    people = {
        "approvers": {"users": ["zoe"]},
        "escalation": {"after": "1d", "levels": [{"users": ["zoe"]}, {"users": ["Zoe", "carol"]}]},
    }
    run = full_and_then_empty(office, approval=people)
    request = office.waiver(run, office.run(run), policy=EffectivePolicy.model_validate(people))
    swept = sweep(office.store, manager_of=lambda user: None)
    assert [(each.level, [who.name for who in each.to]) for each in swept.escalated] == [
        (1, []),
        (2, ["carol"]),
    ]
    office.approve(request, CAROL)


@pytest.mark.parametrize(
    ("approval", "would", "state"),
    [
        ("none", "apply", JobState.SUCCESS),
        (POLICY, "ask", JobState.WAITING),
        ({**POLICY, "when": "over_limit"}, "apply", JobState.SUCCESS),
    ],
)
def test_a_preview_foretells_what_a_run_does(
    office: Office, approval: Any, would: str, state: JobState
) -> None:
    """And files and decides nothing; after the run it names the request that asks already."""
    office.staff("amy")
    assert forecast(office, approval)["would"] == would
    assert office.store.requests.count() == 0
    result = office.run(office.start(approval=approval))
    assert result.state is state
    if would == "ask":
        after = {"trigger": "manual", "would": "refer_to", "request": result.request, "state": "pending"}
        assert forecast(office, approval) == after


def test_a_preview_foretells_what_a_waiver_lets_pass(office: Office) -> None:
    """A plan over a limit would stop; once that is waived, a run by somebody else would apply it."""
    run = full_and_then_empty(office, approval="none")
    assert forecast(office, "none") == {"trigger": "manual", "would": "stop", "why": "over_limit"}
    waiver = office.waiver(run, office.run(run))
    office.approve(waiver, CAROL)
    assert forecast(office, "none") == {"trigger": "manual", "would": "apply", "request": waiver.id}
    by_carol = forecast(office, "none", requester="carol")
    assert by_carol["unused_waiver"] == {"request": waiver.id, "why": "started_by_approver"}


def test_a_preview_goes_by_the_stricter_definition_as_a_run_does(office: Office) -> None:
    """What a newer definition in Airflow forbids is no part of the plan that a preview shows."""
    office.write("phones.csv", "amy", "fry", "leela")
    office.staff("amy")
    here, there = (collection(approval="none", limits={"delete": allowed}) for allowed in ("100%", 1))
    assert forecast(office, "none", limits={"delete": "100%"})["would"] == "apply"
    assert forecast(office, "none", limits={"delete": "100%"}, now=there)["would"] == "stop"
    run = office.start(approval="none", limits={"delete": "100%"})
    assert office.run(run, now=there).state is JobState.STOPPED_BY_LIMIT
    run = office.start(approval="none", limits={"delete": "100%"})
    assert office.run(run, now=here).state is JobState.SUCCESS


def test_a_preview_in_airflow_says_whom_a_run_like_it_would_ask(office: Office) -> None:
    """In its log, and on the page of the run, which shows what the store keeps."""
    office.staff("amy")
    run = office.store.runs.start(
        collection(), "run 1", trigger="manual", requester="ida", verified=True, preview_only=True
    )
    result = preview_in_run(
        run,
        run.collection.job("phones"),
        deployment=office.deployment,
        store=office.store,
        progress=lambda stage, done, total: None,
    )
    assert result.message == (
        "Nothing was written. A run in Airflow, started by hand, would ask bob for approval. The job's"
        " changes always need approval."
    )
    assert office.store.runs.job_results("office", "run 1")[0].message == result.message
    assert office.store.requests.count() == 0


def forecast(
    office: Office, approval: Any, *, requester: str = "ida", now: Collection | None = None, **job: Any
) -> dict[str, Any]:
    """What a run by hand would do, as a preview tells it."""
    definition = collection(approval=approval, **job)
    result = preview_job(
        definition,
        definition.job("phones"),
        deployment=office.deployment,
        store=office.store,
        start=Start(None, "manual", requester),
        now=now,
    )
    assert result.forecast is not None
    return result.forecast.to_json()
