"""Who may still cause a plan under a policy: the starter of a run, the schedule and Airflow's own retry, and
no one else.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from directory_sync.requests import decisions
from directory_sync.run.replanning import Tries
from directory_sync.run.result import JobState
from tests.scenarios.office import BOB, POLICY, Office, collection

CLEARED = Tries(number=2, cleared=True, run_cleared=True)
RETRY = Tries(number=2, cleared=False, run_cleared=False)
FIRST = Tries(number=1, cleared=False, run_cleared=False)


@pytest.mark.parametrize("ended", [True, False])
def test_a_cleared_task_makes_no_new_plan_under_a_policy(office: Office, ended: bool) -> None:
    """Who clears it would cause the plan, and the requester would be somebody else; also while the request is
    undecided.
    """
    run = office.start()
    request = office.request(office.run(run, tries=FIRST))
    if ended:
        office.deny(request)
        office.store.runs.finish("office", run.run_id, "denied")
    office.staff("bender")
    result = office.run(office.again(run), tries=CLEARED)
    assert (result.state, result.request) == (JobState.FAILED, None)
    assert "Start a new run" in result.message
    assert result.error is not None
    assert not result.error.transient
    assert office.store.requests.count() == 1
    assert office.store.requests.get(request.id).request.state == ("denied" if ended else "pending")
    assert (f"Request {request.id}, which this run has filed" in result.message) is not ended


def test_nothing_is_read_for_a_task_that_may_not_plan(office: Office) -> None:
    """It is told at once, also where source or destination do not answer."""
    run = office.start()
    office.run(run, tries=FIRST)
    (office.folder / "staff.csv").unlink()
    assert "Start a new run" in office.run(office.again(run), tries=CLEARED).message


def test_a_run_that_has_ended_makes_no_new_plan_under_a_policy(office: Office) -> None:
    """Not even for a job that was skipped the first time, whose task has all its tries."""
    run = office.start()
    office.store.runs.finish("office", run.run_id, "failed")
    assert "Start a new run" in office.run(office.again(run), tries=FIRST).message
    assert office.store.requests.count() == 0


@pytest.mark.parametrize(
    "tries",
    [
        Tries(
            number=1, cleared=False, run_cleared=True
        ),  # skipped, until somebody marked the job before it as successful
        Tries(number=1, cleared=True, run_cleared=False),
        Tries(number=1, cleared=False, run_cleared=False, out_of_turn=True),
        Tries(number=1, cleared=False, run_cleared=False, run_over=True),
    ],
    ids=["begun by a clear", "cleared before it began", "marked", "revived"],
)
def test_a_job_that_begins_because_a_task_was_cleared_makes_no_plan(office: Office, tries: Tries) -> None:
    """Its task was never tried, so Airflow does not count it as cleared; all the same, its starter did not
    cause it.
    """
    assert "Start a new run" in office.run(office.start(), tries=tries).message


@pytest.mark.parametrize(
    "tries",
    [
        Tries(number=1, cleared=False, run_cleared=False),  # its task instance was deleted and made again
        Tries(
            number=2, cleared=False, run_cleared=True
        ),  # the definition was given more retries, which hides the clear
    ],
    ids=["deleted", "hidden"],
)
def test_a_task_that_hides_that_it_was_cleared_makes_no_plan(office: Office, tries: Tries) -> None:
    """What the store knows of the job in this run contradicts what Airflow says of its task."""
    run = office.start()
    office.run(run, tries=FIRST)
    office.staff("bender")
    assert "Start a new run" in office.run(office.again(run), tries=tries).message
    assert office.store.requests.count() == 1


def test_airflows_own_retry_plans(office: Office) -> None:
    """After a failure, and after an attempt whose process was killed."""
    staff = (office.folder / "staff.csv").read_text(encoding="utf-8")
    run = office.start()
    (office.folder / "staff.csv").unlink()
    assert office.run(run, tries=FIRST).state is JobState.FAILED
    (office.folder / "staff.csv").write_text(staff, encoding="utf-8")
    assert office.run(office.again(run), tries=RETRY).state is JobState.WAITING
    killed = office.start()
    office.store.runs.start_job(killed.id, "phones")
    assert office.run(office.again(killed), tries=RETRY).state is JobState.WAITING


def test_a_retry_in_a_run_in_which_a_task_was_cleared_makes_no_plan(office: Office) -> None:
    """A task that is cleared a moment before it fails is tried again as if Airflow did that by itself."""
    run = office.start()
    (office.folder / "staff.csv").unlink()
    assert office.run(run, tries=FIRST).state is JobState.FAILED
    office.staff("bender")
    again = office.run(office.again(run), tries=Tries(number=2, cleared=False, run_cleared=True))
    assert "Start a new run" in again.message
    assert office.store.requests.count() == 0


def test_a_cleared_task_goes_on_with_a_plan_that_was_begun(office: Office) -> None:
    """What needed no approval and was begun is finished, within `plan_max_age`; afterwards it is too late for
    that too.
    """
    run = office.start(approval={**POLICY, "changes": ["delete"]})
    plan = office.store.plans.save(office.store.runs.start_job(run.id, "phones").id, _planned(office))
    office.store.plans.start_applying(plan)
    late = replace(office.deployment, plan_max_age=timedelta(0))
    assert "Start a new run" in office.run(office.again(run), tries=CLEARED, deployment=late).message
    assert office.phones() == set()
    assert office.run(office.again(run), tries=CLEARED).state is JobState.SUCCESS
    assert office.phones() == {"fry", "leela"}
    office.staff("bender")
    assert "Start a new run" in office.run(office.again(run), tries=CLEARED).message


def test_what_an_ended_run_had_begun_is_not_asked_about_again(office: Office) -> None:
    """An approved request that was claimed stays the only one about its plan, also when its run has ended."""
    run = office.start()
    request = office.request(office.run(run))
    office.approve(request)
    office.store.approvals.claim(request.id, expected_digest=request.digest, plan_id=request.plan_id)
    office.store.runs.finish("office", run.run_id, "failed")
    result = office.run(office.start(trigger="scheduled", requester="schedule"))
    assert (result.request, office.store.requests.count()) == (request.id, 1)


def _planned(office: Office) -> Any:
    result = office.run(office.start(run_id="only to have a plan"))
    assert result.plan_id is not None
    plan = office.store.plans.load(result.plan_id).plan
    decisions.cancel(office.store, office.request(result).id, BOB, administrator=True)
    return plan


def test_without_a_policy_a_cleared_task_plans_again(office: Office) -> None:
    """Nobody is asked, so nobody is passed by; also in a run that has ended."""
    run = office.start(approval="none")
    office.run(run, tries=FIRST)
    office.store.runs.finish("office", run.run_id, "success")
    office.staff("fry", "bender")
    assert office.run(office.again(run), tries=CLEARED).state is JobState.SUCCESS
    assert "bender" in office.phones()
    assert "Start a new run" in office.run(office.again(run), tries=CLEARED, now=collection()).message
