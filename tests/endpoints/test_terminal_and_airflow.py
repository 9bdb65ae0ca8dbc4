"""A collection that Airflow runs too is left to Airflow by a terminal, unless it could write nothing
unasked.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from alembic import command

from directory_sync.definition.export import complete
from directory_sync.definition.models import ApprovalPolicy
from directory_sync.errors import DefinitionError, RunInAirflow
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.terminal import definition_of_airflow
from directory_sync.store import migrate
from directory_sync.store.database import Database
from directory_sync.store.store import Store
from tests.scenarios.office import BOB, CAROL, POLICY, Office, collection

OVER = {**POLICY, "when": "over_limit"}


def terminal(office: Office, **job: Any) -> JobResult:
    """What a run from a terminal does; it is not kept from running, as `definition_of_airflow` would."""
    return office.run(office.start(trigger="terminal", requester="root", **job))


def test_a_terminal_leaves_a_pending_request_of_airflow_alone(office: Office) -> None:
    """Neither a plan that needs no approval there, nor one that does, nor one that finds nothing to do makes
    it stale.
    """
    request = office.request(office.run(office.start()))
    office.staff("bender")
    refused = terminal(office)
    assert refused.state is JobState.FAILED
    assert f"Request {request.id} of run {request.run_id} of Airflow waits for a decision" in refused.message
    assert terminal(office, approval={"approvers": {"users": ["mallory"]}}).state is JobState.FAILED
    assert terminal(office, approval="none").state is JobState.SUCCESS
    assert terminal(office, approval="none").state is JobState.SUCCESS
    assert office.store.requests.get(request.id).request.state == "pending"
    assert office.store.requests.count() == 1


def test_a_terminal_leaves_an_approval_of_airflow_alone(office: Office) -> None:
    """A newer plan that was made in a terminal does not end it, and is not written by it."""
    run = office.start()
    request = office.request(office.run(run))
    office.approve(request)
    office.staff("fry", "leela", "bender")
    assert terminal(office).state is JobState.WAITING
    assert office.store.requests.get(request.id).request.state == "approved"
    assert office.apply(run, request.id).state is JobState.SUCCESS


def test_a_terminal_refers_to_the_same_request_of_airflow(office: Office) -> None:
    """Whatever policy it has itself: nothing is filed."""
    request = office.request(office.run(office.start()))
    for policy in (POLICY, {"approvers": {"users": ["mallory"]}}):
        result = terminal(office, approval=policy)
        assert (result.state, result.request) == (JobState.WAITING, request.id)
    assert office.store.requests.get(request.id).request.state == "pending"


def test_a_waiver_of_a_run_of_airflow_is_not_used_in_a_terminal(office: Office) -> None:
    """Nobody has checked who sits there: it may be the one who has approved it."""
    office.write("phones.csv", *(f"person{number:02}" for number in range(20)))
    office.staff("person00")
    run = office.start(approval="none")
    waiver = office.waiver(run, office.run(run))
    office.approve(waiver, CAROL)
    refused = terminal(office, approval="none")
    assert refused.state is JobState.STOPPED_BY_LIMIT
    assert f"belongs to run {run.run_id} of Airflow" in refused.message
    office.staff(*(f"person{number:02}" for number in range(20)))
    assert terminal(office, approval="none").state is JobState.SUCCESS
    assert office.store.requests.get(waiver.id).request.state == "approved", "nor ended there"


@pytest.mark.parametrize(
    ("there", "here", "may"),
    [
        ("none", "none", True),
        (POLICY, "none", False),
        (POLICY, POLICY, True),
        (POLICY, {**POLICY, "when": "manual"}, True),
        (POLICY, {**POLICY, "when": "over_limit"}, False),
        (POLICY, {**POLICY, "changes": ["delete"]}, False),
        (POLICY, {**POLICY, "fields": ["name"]}, False),
        ({**POLICY, "changes": ["delete"]}, "none", False),
        ({**POLICY, "when": "manual"}, "none", False),
    ],
    ids=str,
)
def test_a_terminal_does_not_write_what_airflow_would_ask_about(
    office: Office, there: Any, here: Any, may: bool
) -> None:
    """Is a job under a policy in Airflow's newest run of that name, only jobs that ask about everything run
    from here.
    """
    office.store.runs.start(
        collection(approval=POLICY), "older", trigger="manual", requester="ida", verified=True
    )
    office.start(approval=there)
    office.start(trigger="terminal", approval="none")
    mine = collection(approval=here)
    if may:
        assert definition_of_airflow(office.store, mine, mine.jobs, None) == collection(approval=there)
    else:
        with pytest.raises(RunInAirflow, match="Run the collection in Airflow"):
            definition_of_airflow(office.store, mine, mine.jobs, None)


def test_a_terminal_minds_the_minimum_and_jobs_that_airflow_does_not_know(office: Office) -> None:
    """The minimum puts Airflow's jobs under a policy; and a job of another name could write the same."""
    assert definition_of_airflow(office.store, collection(approval="none"), collection().jobs, None) is None
    office.start(approval="none")
    minimum = ApprovalPolicy.model_validate({**POLICY, "changes": ["delete"]})
    mine = collection(approval="none")
    assert definition_of_airflow(office.store, mine, mine.jobs, None) is not None
    with pytest.raises(RunInAirflow):
        definition_of_airflow(office.store, mine, mine.jobs, minimum)
    office.start()
    renamed = collection(name="telephones")
    with pytest.raises(RunInAirflow, match="job telephones could write"):
        definition_of_airflow(office.store, renamed, renamed.jobs, None)


@pytest.mark.parametrize("approved", ["before", "after"])
def test_a_request_of_the_version_before_is_approved_and_carried_out(office: Office, approved: str) -> None:
    """Filed, perhaps approved, by a store of the revision before this one; its run goes on and writes the
    plan.
    """
    office.write("phones.csv", *(f"person{number:02}" for number in range(20)))
    office.staff("person00")
    run = office.start(approval=OVER)
    request = office.request(office.run(run))
    if approved == "before":
        office.approve(request)
    url = office.store._database.url.render_as_string(hide_password=False)
    office.store.close()
    database = Database(url)
    command.downgrade(migrate.alembic_config(database), "0004")
    database.close()
    migrate.upgrade(url)
    office.store = Store.open(url)
    same = office.store.requests.get(request.id).request
    assert (same.waives, same.digest, same.state) == (
        request.waives,
        request.digest,
        "approved" if approved == "before" else "pending",
    )
    later = office.run(office.start(approval=OVER))
    assert (later.state, later.request) == (JobState.WAITING, request.id), "it asks for the same"
    if approved == "after":
        office.approve(same)
    done = office.apply(office.again(run), request.id)
    assert (done.state, done.statistics.deleted, office.phones()) == (JobState.SUCCESS, 19, {"person00"})
    office.store.close()


@pytest.mark.parametrize(
    ("ran", "saved", "here", "may"),
    [
        (None, "none", "none", True),
        (None, POLICY, "none", False),
        (None, POLICY, POLICY, True),
        (POLICY, "none", "none", False),
        ("none", POLICY, "none", False),
        ("none", "none", "none", True),
    ],
    ids=str,
)
def test_a_terminal_minds_the_saved_collection_of_the_name(
    office: Office, ran: Any, saved: Any, here: Any, may: bool
) -> None:
    """Whether Airflow has run it or not: what is saved, and what was run last, both count."""
    if ran is not None:
        office.start(approval=ran)
    there = collection(approval=saved)
    text = json.dumps(complete(there))
    office.store.collections.save(there.name, text, expected=0, by=BOB)
    mine = collection(approval=here)
    if may:
        assert definition_of_airflow(office.store, mine, mine.jobs, None) == there
    else:
        with pytest.raises(RunInAirflow, match="Run the collection in Airflow"):
            definition_of_airflow(office.store, mine, mine.jobs, None)


def test_a_terminal_does_not_guess_what_a_broken_saved_collection_means(office: Office) -> None:
    """It cannot be told which of its jobs need approval, so nothing is run."""
    mine = collection(approval="none")
    office.store.collections.save(mine.name, "jobs: 7", expected=0, by=BOB)
    with pytest.raises(DefinitionError, match=r"cannot be told which policy .*Correct it in Directory Sync"):
        definition_of_airflow(office.store, mine, mine.jobs, None)
