"""Jobs under approval, from CSV to CSV with a real store: nothing is written before somebody agrees, and then
exactly that.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.definition.models import ApprovalPolicy, Approvers, Collection
from directory_sync.errors import AlreadyDecided, NotAllowed, NotDecidable, PlanMismatch, RequestError
from directory_sync.plan.digest import plan_digest
from directory_sync.present.report import write_report
from directory_sync.requests import decisions
from directory_sync.run.result import JobResult, JobState
from tests.scenarios.office import BOB, CAROL, POLICY, Office


def test_nothing_is_written_before_somebody_agrees(office: Office) -> None:
    """The job waits with a request that holds the plan; then exactly that is done, and the request says what
    became of it.
    """
    run = office.start()
    result = office.run(run)
    assert (result.state, result.statistics.created, office.phones()) == (JobState.WAITING, 0, set())
    assert result.state.failed is False
    request = office.request(result)
    assert (request.requester, request.state, request.changes, request.digest) == (
        "ida",
        "pending",
        2,
        result.digest,
    )
    with pytest.raises(NotDecidable, match="pending"):
        office.apply(run, request.id)
    assert office.phones() == set()
    office.approve(request)
    done = office.apply(run, request.id)
    assert (done.state, done.statistics.created, office.phones()) == (JobState.SUCCESS, 2, {"fry", "leela"})
    noted = office.request(done)
    assert noted.state == "applied"
    assert noted.result is not None
    assert (noted.result["state"], noted.result["statistics"]["created"]) == ("success", 2)


def test_what_was_applied_is_not_applied_again(office: Office) -> None:
    """A task that is cleared afterwards tells what was done then, and writes nothing."""
    run = office.start()
    request = office.request(office.run(run))
    office.approve(request)
    office.apply(run, request.id)
    office.write("phones.csv", "zoidberg")
    again = office.apply(run, request.id)
    assert (again.state, again.statistics.created, office.phones()) == (JobState.SUCCESS, 2, {"zoidberg"})
    assert "already" in again.message


def test_the_same_changes_are_asked_for_once(office: Office) -> None:
    """A later run with the same plan refers to the request and stores nothing more."""
    first = office.run(office.start())
    later = office.run(office.start())
    assert (later.state, later.request, later.plan_id) == (JobState.WAITING, first.request, first.plan_id)
    assert "run 1" in later.message
    assert office.store.requests.count() == 1


def test_a_task_tried_again_finds_its_own_request(office: Office) -> None:
    """The same run asks once, also after the approval was given."""
    run = office.start()
    first = office.run(run)
    assert office.run(run).request == first.request
    office.approve(office.request(first))
    again = office.run(run)
    assert (again.state, again.request, office.phones()) == (JobState.WAITING, first.request, set())


def test_an_approval_ends_when_its_own_run_plans_anew(office: Office) -> None:
    """The job is cleared after it was approved and before it was carried out: the older plan must not follow
    the newer one.
    """
    run = office.start()
    request = office.request(office.run(run))
    office.approve(request)
    office.staff("bender")
    newer = office.run(run)
    assert newer.request != request.id
    assert office.store.requests.get(request.id).request.state == "stale"
    with pytest.raises(NotDecidable, match="stale"):
        office.apply(run, request.id)
    assert office.phones() == set()


def test_a_different_plan_takes_the_place_of_the_older_one(office: Office) -> None:
    """What was asked for before cannot be approved any more, and links to what is asked for now."""
    old = office.request(office.run(office.start()))
    office.staff("fry", "leela", "bender")
    new = office.run(office.start())
    assert new.request != old.id
    assert f"request {old.id}" in new.message
    stale = office.store.requests.get(old.id).request
    assert (stale.state, stale.successor) == ("stale", new.request)
    with pytest.raises(Exception, match="stale"):
        office.approve(old)


def test_a_plan_with_nothing_to_do_ends_the_request(office: Office) -> None:
    """Somebody has made the changes by hand: nothing is left to ask for."""
    old = office.request(office.run(office.start()))
    office.write("phones.csv", "fry", "leela")
    result = office.run(office.start())
    assert (result.state, result.request) == (JobState.SUCCESS, None)
    assert office.store.requests.get(old.id).request.state == "stale"


def test_a_changed_policy_asks_anew(office: Office) -> None:
    """Who was asked under the old policy is not enough under the new one, even for the same plan."""
    old = office.request(office.run(office.start()))
    new = office.run(office.start(approval={"approvers": {"users": ["bob", "carol"]}, "require": "all"}))
    assert new.request != old.id
    assert office.store.requests.get(old.id).request.state == "stale"


@pytest.mark.parametrize(
    ("policy", "trigger", "waits"),
    [
        ({"when": "manual"}, "manual", True),
        ({"when": "manual"}, "backfill", True),
        ({"changes": ["delete"]}, "manual", False),
        ({"changes": ["create"]}, "manual", True),
        ({"fields": ["NAME"]}, "manual", True),
        ({"when": "over_limit"}, "manual", False),
    ],
)
def test_only_what_the_policy_names_waits(
    office: Office, policy: dict[str, Any], trigger: str, waits: bool
) -> None:
    """By trigger, kind of change, field, and limits."""
    result = office.run(office.start(trigger=trigger, approval={**POLICY, **policy}))
    assert (result.state is JobState.WAITING) is waits
    assert office.phones() == (set() if waits else {"fry", "leela"})


def test_the_minimum_counts_for_jobs_without_a_policy(office: Office) -> None:
    """A definition that says `none` gets what the deployment demands."""
    minimum = ApprovalPolicy.model_validate({"approvers": {"roles": ["admin"]}})
    result = office.run(
        office.start(approval="none"), deployment=replace(office.deployment, approval_minimum=minimum)
    )
    assert result.state is JobState.WAITING
    with pytest.raises(NotAllowed):
        office.approve(office.request(result), BOB)
    office.approve(office.request(result), CAROL)


def test_where_nobody_would_wait_the_job_fails(office: Office) -> None:
    """A run that began before there was a policy has no gate: better nothing than a request that leads
    nowhere.
    """
    result = office.run(office.start(), gated=False)
    assert result.state is JobState.FAILED
    assert "Start a new run" in result.message
    assert (office.phones(), office.store.requests.count()) == (set(), 0)


def test_who_started_the_run_cannot_agree_unless_the_policy_says_so(office: Office) -> None:
    """`forbid`, `allow` and `auto`, which needs no further click."""
    ida = Person("ida", frozenset(), verified=True)
    both = {"approvers": {"users": ["bob", "ida"]}}
    request = office.request(office.run(office.start(approval=both)))
    with pytest.raises(NotAllowed, match="someone else"):
        office.approve(request, ida)
    request = office.request(office.run(office.start(approval={**both, "self_approval": "allow"})))
    office.approve(request, ida)
    request = office.request(office.run(office.start(approval={**both, "self_approval": "auto"})))
    assert (request.state, request.decided_by) == ("approved", "ida")


@pytest.mark.parametrize("name", [" ", "bob ", "\tbob", "bo\nb", "bo\x00b", "bob\u202e", "x" * 251])
def test_nobody_is_asked_who_cannot_exist(office: Office, name: str) -> None:
    """A request that is rerouted to a name that no user can have would never be answered: refused, and
    nothing is noted.
    """
    request = office.request(office.run(office.start()))
    for to in (Approvers(users=["carol", name]), Approvers(roles=[name])):
        with pytest.raises(RequestError, match="cannot be asked"):
            decisions.reroute(office.store, request.id, BOB, to)
    view = office.store.requests.get(request.id)
    assert [(each.kind, each.name) for each in view.assignees] == [("user", "bob")]
    assert [event.kind for event in view.events] == ["filed"]


def test_conflicts_at_the_moment_of_writing_are_left_alone(office: Office) -> None:
    """Somebody else has added a row meanwhile: that one is a conflict, the rest is done, nothing is
    substituted.
    """
    run = office.start()
    request = office.request(office.run(run))
    (office.folder / "phones.csv").write_text("user,name\nfry,Philip\n", encoding="utf-8")
    office.approve(request)
    done = office.apply(run, request.id)
    assert (done.state, done.statistics.conflicts, done.statistics.created) == (JobState.CONFLICTS, 1, 1)
    assert "Philip" in (office.folder / "phones.csv").read_text(encoding="utf-8-sig")


def test_only_exactly_the_approved_plan_is_written(office: Office) -> None:
    """An approval is no licence for another plan, even one of the same job and run."""
    run = office.start()
    request = office.request(office.run(run))
    office.approve(request)
    attempt = office.store.runs.start_job(run.id, "phones")
    other = replace(
        office.store.plans.load(request.plan_id).plan,
        changes=(),
        digest=plan_digest("office", "phones", "x", ()),
    )
    plan_id = office.store.plans.save(attempt.id, replace(other, destination="x"))
    with pytest.raises(PlanMismatch):
        office.store.approvals.claim(request.id, expected_digest=other.digest, plan_id=plan_id)
    with pytest.raises(PlanMismatch):
        office.store.approvals.claim(request.id, expected_digest=request.digest, plan_id=plan_id)


def test_an_approval_is_overtaken_by_a_newer_plan(office: Office) -> None:
    """Approved but not begun: once a later run has planned otherwise, the older plan is never written, and
    nothing has failed.
    """
    office.write("phones.csv", "fry", "leela", "zoidberg")
    old = office.start()
    request = office.request(office.run(old))
    office.approve(request)
    office.staff("fry", "leela", "zoidberg")
    assert office.run(office.start()).state is JobState.SUCCESS
    assert office.store.requests.get(request.id).request.state == "stale"
    with pytest.raises(NotDecidable, match="stale"):
        office.apply(old, request.id)
    assert "zoidberg" in office.phones()


def test_what_is_approved_already_is_not_asked_for_again(office: Office) -> None:
    """Between approval and write a schedule may fire: the same plan needs no second answer."""
    old = office.start()
    request = office.request(office.run(old))
    office.approve(request)
    later = office.run(office.start())
    assert (later.state, later.request) == (JobState.WAITING, request.id)
    assert "approved" in later.message
    office.apply(old, request.id)
    states = {
        each.run_id: office.store.runs.job_results("office", each.run_id)[0].state
        for each in office.store.runs.recent()
    }
    assert states == {"run 1": "success", "run 2": "success"}


def test_an_approval_that_its_run_has_left_behind_holds_nobody_up(office: Office) -> None:
    """The run was ended by hand before it wrote anything: the next one does not wait for it, but asks anew,
    even for the same.
    """
    old = office.start()
    request = office.request(office.run(old))
    office.approve(request)
    office.store.runs.finish("office", old.run_id, "failed")
    later = office.run(office.start(trigger="scheduled"))
    assert later.state is JobState.WAITING
    assert later.request != request.id
    assert office.store.requests.get(request.id).request.state == "stale"
    with pytest.raises(NotDecidable, match="stale"):
        office.apply(old, request.id)


def test_an_approval_for_a_terminal_waits_for_somebody_to_come_back(office: Office) -> None:
    """A run from a terminal has always ended when its request is approved; another one from there refers to
    it.
    """
    request = office.request(office.run(old := office.start(trigger="terminal")))
    office.approve(request)
    office.store.runs.finish("office", old.run_id, "waiting")
    assert office.run(office.start(trigger="terminal")).request == request.id
    assert office.apply(old, request.id).state is JobState.SUCCESS


def test_a_decision_in_the_moment_of_filing_is_not_lost(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Denied before the job was noted to wait: it does not stay waiting for ever."""
    finish_job = office.store.runs.finish_job

    def denied_before(*given: Any, **named: Any) -> None:
        decisions.deny(
            office.store,
            named["request"],
            BOB,
            digest=office.store.requests.get(named["request"]).request.digest,
            reason="No.",
        )
        finish_job(*given, **named)

    monkeypatch.setattr(office.store.runs, "finish_job", denied_before)
    run = office.start()
    office.run(run)
    (stored,) = office.store.runs.job_results("office", run.run_id)
    assert (stored.state, stored.message) == (
        "denied",
        f"Request {stored.request_id}: denied by bob. Nothing was written.",
    )


def test_an_expired_request_is_not_referred_to(office: Office) -> None:
    """When its time is over, the next run asks anew."""
    old = office.run(office.start(approval={**POLICY, "expires": "1s"}))
    office.store.request_upkeep.expire(office.request(old).filed + timedelta(seconds=2))
    new = office.run(office.start(approval={**POLICY, "expires": "1s"}))
    assert new.request != old.request
    assert office.request(old).state == "expired"


def test_a_stopped_attempt_goes_on_with_the_approved_plan(office: Office) -> None:
    """The claim is made, then the worker dies: the retry finds the plan begun, looks first, and ends the
    same.
    """
    run = office.start()
    request = office.request(office.run(run))
    office.approve(request)
    office.store.approvals.claim(request.id, expected_digest=request.digest)
    office.write("phones.csv", "fry")
    done = office.apply(run, request.id)
    assert (done.state, done.statistics.created, office.phones()) == (JobState.SUCCESS, 2, {"fry", "leela"})


def test_planned_figures_stand_beside_what_was_written(office: Office) -> None:
    """While the plan waits, and after it was denied, nothing counts as written; what was planned stays
    known.
    """
    snapshot = office.start()
    result = office.run(snapshot)
    assert result.state is JobState.WAITING
    assert (result.statistics.created, result.statistics.read) == (0, 2)
    assert result.planned is not None
    assert (result.planned.created, result.planned.read) == (2, 2)
    request = office.request(result)
    decisions.deny(office.store, request.id, BOB, digest=request.digest, reason="no")
    [stored] = office.store.runs.job_results("office", snapshot.run_id)
    assert (stored.state, stored.planned) == ("denied", result.planned)
    assert stored.statistics == result.statistics
    office.approve(office.request(second := office.run(office.start())))
    applied = office.apply(office.store.runs.find("office", "run 2"), office.request(second).id)  # type: ignore[arg-type]
    assert applied.statistics.created == 2
    assert applied.planned is None
    assert office.store.runs.job_results("office", "run 2")[0].planned is None


def test_only_people_whose_answer_counts_are_asked(office: Office) -> None:
    """Not the requester, however their name is spelled, and nobody outside the deployment's minimum."""
    policy = {"approvers": {"users": ["bob", "IDA", "eve"], "roles": ["Heads"]}}
    minimum = {"approvers": {"users": ["bob", "IDA"]}}
    deployment = replace(office.deployment, approval_minimum=ApprovalPolicy.model_validate(minimum))
    result = office.run(office.start(approval=policy, requester="ida"), deployment=deployment)
    view = office.store.requests.get(office.request(result).id)
    assert {(each.kind, each.name) for each in view.assignees} == {("user", "bob"), ("role", "Heads")}


def test_who_has_decided_before_is_told_of_their_own_decision(office: Office) -> None:
    """Not of the last one, which is somebody else's."""
    policy = {"approvers": {"users": ["bob", "carol", "dora"], "roles": ["Heads"]}, "require": 3}
    request = office.request(office.run(office.start(approval=policy)))
    office.approve(request, BOB)
    office.approve(request, CAROL)
    with pytest.raises(AlreadyDecided) as caught:
        office.approve(request, Person("BOB", frozenset({"Heads"}), verified=True))
    first, _ = office.store.requests.get(request.id).decisions
    assert (caught.value.by, caught.value.at, caught.value.state) == ("bob", first.at, "approved")


def written(collection: Collection, result: JobResult) -> dict[str, Any]:
    """The part of the report that is about the only job."""
    stream = io.StringIO()
    write_report(stream, collection, [result])
    job: dict[str, Any] = json.loads(stream.getvalue())["jobs"][0]
    return job


def test_a_report_says_what_is_planned(office: Office) -> None:
    """Beside the figures, which count what was written; not for a job that has written."""
    snapshot = office.start()
    result = office.run(snapshot)
    job = written(snapshot.collection, result)
    assert (job["statistics"]["created"], job["planned"]["created"]) == (0, 2)
    office.approve(office.request(result))
    applied = office.apply(snapshot, office.request(result).id)
    assert "planned" not in written(snapshot.collection, applied)
