"""Which policy and which limits count where the definition was edited after the run had begun: the stricter
ones.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.definition.models import ApprovalPolicy
from directory_sync.errors import NotAllowed, StoreError
from directory_sync.run.result import JobState
from directory_sync.store import request_filing
from tests.scenarios.office import BOB, CAROL, POLICY, Office, collection


def test_a_policy_that_came_after_the_run_began_counts(office: Office) -> None:
    """The run began without one, the definition has one now: the plan is asked for, under that one."""
    result = office.run(office.start(approval="none"), now=collection())
    assert result.state is JobState.WAITING
    assert office.request(result).policy["approvers"]["users"] == ["bob"]
    assert office.phones() == set()


def test_a_policy_that_was_taken_out_since_counts_on(office: Office) -> None:
    """The run began under one: taking it out of the file lets nothing of this run through."""
    assert office.run(office.start(), now=collection(approval="none")).state is JobState.WAITING


def test_the_stricter_of_two_policies_counts(office: Office) -> None:
    """More people are required now than when the run began: so many have to agree."""
    two = {**POLICY, "approvers": {"users": ["bob", "carol"]}, "require": 2}
    run = office.start(approval={**POLICY, "approvers": {"users": ["bob", "carol"]}})
    request = office.request(office.run(run, now=collection(approval=two)))
    office.approve(request, BOB)
    assert office.store.requests.get(request.id).request.state == "pending"
    office.approve(request, CAROL)
    assert office.store.requests.get(request.id).request.state == "approved"


def test_only_who_both_versions_name_may_decide(office: Office) -> None:
    """Somebody who was put into the policy while the run was going on does not approve what it plans."""
    run = office.start(approval={"approvers": {"users": ["bob", "carol"]}})
    request = office.request(
        office.run(run, now=collection(approval={"approvers": {"users": ["carol", "mallory"]}}))
    )
    with pytest.raises(NotAllowed, match="changed while this run was going on"):
        office.approve(request, Person("mallory", frozenset(), verified=True))
    with pytest.raises(NotAllowed):
        office.approve(request, BOB)
    office.approve(request, CAROL)


def test_a_job_that_is_gone_from_the_definition_goes_by_its_run(office: Office) -> None:
    """Renamed or removed meanwhile: what the run began with counts, and nothing else."""
    assert (
        office.run(office.start(), now=collection(name="telephones", approval="none")).state
        is JobState.WAITING
    )


@pytest.mark.parametrize(
    ("began", "now", "state"),
    [
        ({"delete": "none"}, {"delete": 3}, JobState.STOPPED_BY_LIMIT),
        ({"delete": 3}, {"delete": "none"}, JobState.STOPPED_BY_LIMIT),
        ({"delete": "none"}, {}, JobState.STOPPED_BY_LIMIT),
        ({}, {"delete": "none"}, JobState.STOPPED_BY_LIMIT),
        ({"delete": "none"}, {"delete": "none"}, JobState.SUCCESS),
        ({"delete": 6}, {"delete": 6}, JobState.SUCCESS),
        ({"delete": 6}, {"delete": "40%"}, JobState.SUCCESS),
    ],
    ids=str,
)
def test_of_two_limits_the_smaller_counts(office: Office, began: Any, now: Any, state: JobState) -> None:
    """Whichever version has it, and also where one of them has the default."""
    office.write("phones.csv", *(f"person{number:02}" for number in range(20)))
    office.staff(*(f"person{number:02}" for number in range(14)))
    result = office.run(
        office.start(approval="none", limits=began), now=collection(approval="none", limits=now)
    )
    assert result.state is state, result.message


def test_past_a_limit_is_asked_for_only_where_both_versions_say_so(office: Office) -> None:
    """`when: over_limit` that came, or was taken out, while the run was going on does not let a plan past its
    limits.
    """
    office.write("phones.csv", *(f"person{number:02}" for number in range(20)))
    office.staff("person00")
    over = {**POLICY, "when": "over_limit"}
    for began, now in (("none", over), (over, "none"), (over, POLICY), (POLICY, over)):
        assert (
            office.run(office.start(approval=began), now=collection(approval=now)).state
            is JobState.STOPPED_BY_LIMIT
        )
    assert office.run(office.start(approval=over), now=collection(approval=over)).state is JobState.WAITING


def test_a_minimum_counts_for_both_versions(office: Office) -> None:
    """Neither version's people decide outside of it."""
    minimum = ApprovalPolicy.model_validate({"approvers": {"users": ["carol"]}})
    office.deployment = replace(office.deployment, approval_minimum=minimum)
    request = office.request(office.run(office.start(approval="none"), now=collection(approval="none")))
    with pytest.raises(NotAllowed):
        office.approve(request, BOB)
    office.approve(request, CAROL)


def test_an_undecided_request_ends_when_the_policy_changes(office: Office) -> None:
    """A request keeps its policy; the next run asks under the new one, and the older request can no longer be
    decided.
    """
    old = office.request(office.run(office.start()))
    new = office.request(office.run(office.start(approval={"approvers": {"users": ["carol"]}})))
    assert (office.store.requests.get(old.id).request.state, new.state) == ("stale", "pending")
    view = office.store.requests.get(old.id)
    assert view.request.successor == new.id
    assert view.events[-1].text == "The approval policy was changed, so it is asked for again."
    assert view.events[-1].data == {"successor": new.id}


def test_a_request_never_ends_without_the_one_that_takes_its_place(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that is killed, or loses the store, between the two has changed nothing."""
    old = office.request(office.run(office.start()))

    def lost(*given: object, **more: object) -> None:
        raise StoreError("The store is gone.")

    with monkeypatch.context() as away:
        away.setattr(request_filing, "add_assignees", lost)
        with pytest.raises(StoreError, match="gone"):
            office.run(office.start(approval={"approvers": {"users": ["carol"]}}))
    assert office.store.requests.get(old.id).request.state == "pending"
    office.approve(old, BOB)
