"""What a run does with its plan: decided from data alone, and safe whatever the data say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.approval.minimum import tighten
from directory_sync.approval.policy import SCHEDULED, EffectivePolicy, WhyAsked, needs_approval
from directory_sync.approval.request import Request
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import ApprovalPolicy, Removal
from directory_sync.endpoints.change import Action
from directory_sync.plan.model import LimitCheck, Plan
from directory_sync.run.policies import JobRules
from directory_sync.run.verdict import (
    Apply,
    ApprovedWaiver,
    Ask,
    EarlierRequests,
    Forecast,
    ReferTo,
    Start,
    Stop,
    Verdict,
    WhyStop,
    WhyUnused,
    decide,
)
from directory_sync.run.verdict_text import forecast_text
from tests.scenarios.examples import examples
from tests.scenarios.policies import OVER, change, plan, policy

HERE, THERE = "aa" * 32, "bb" * 32
"""Digests of two plans."""
OTHER = LimitCheck("move", "", planned=7, base=1000, allowed=5, limit="5")
Case = tuple[Plan, ApprovalPolicy | None, Start, EarlierRequests]
OWN, EARLIER = 12, 7
"""Runs, by their numbers in the store."""


def effective(given: ApprovalPolicy) -> EffectivePolicy:
    """As it counts where the deployment has no minimum."""
    found = tighten(None, given)
    assert found is not None
    return found


def rules(given: ApprovalPolicy | None) -> JobRules:
    """What counts for a job with this policy."""
    return JobRules(
        None if given is None else effective(given),
        (),
        timedelta(),
        Removal.ALL,
        asks_over_limit=given is not None and given.when == "over_limit",
    )


def asked(given: ApprovalPolicy, **facts: Any) -> Request:
    """A request of an earlier run, for the plan at hand if nothing else is said."""
    standard = {
        "id": 5,
        "collection": "corp",
        "job": "people",
        "run_id": "earlier",
        "collection_run_id": EARLIER,
        "plan_id": 3,
        "digest": HERE,
        "policy": effective(given).model_dump(mode="json", exclude_none=True),
        "waives": (),
        "waiver": False,
        "requester": "ida",
        "requester_verified": True,
        "requester_may_decide": False,
        "asked_by": "",
        "title": "",
        "source": "",
        "destination": "",
        "trigger": "manual",
        "reason": "",
        "description": "",
        "statistics": {},
        "changes": 1,
        "state": "pending",
        "filed": datetime(2026, 11, 1, tzinfo=UTC),
        "expires": None,
        "level": 0,
        "escalates": None,
        "decided": None,
        "decided_by": None,
        "begun": None,
        "successor": None,
        "applied": None,
        "result": None,
    }
    values = {**standard, **facts}
    return Request(**{**values, "state": RequestState(values["state"])})


def waiver(given: ApprovalPolicy, *, age: timedelta = timedelta(hours=1), **facts: Any) -> ApprovedWaiver:
    """A waiver of the limit that plans here go past, which bob has approved."""
    forbidding = given.model_copy(update={"self_approval": "forbid"})
    values = {"waiver": True, "state": "approved", "waives": (OVER,), "decided_by": "bob", **facts}
    return ApprovedWaiver(asked(forbidding, **values), ("bob",), age)


starts = st.builds(
    Start,
    st.sampled_from([OWN, None]),
    st.sampled_from([SCHEDULED, "manual", "terminal", "backfill", ""]),
    st.sampled_from(["", "ida", "bob", "BOB"]),
    by_hand=st.booleans(),
    gated=st.booleans(),
    edited=st.booleans(),
)
FACTS = ("digest", "state", "trigger", "run", "waives", "policy", "kind")
BOUNDS = [(), (OVER,), (OTHER,), (OVER, OTHER)]
POLICIES = [
    policy(),
    policy(when="manual"),
    policy(when="over_limit"),
    policy(fields=["mail"]),
    policy(when="over_limit", changes=["delete"]),
    policy(self_approval="allow", approvers={"users": ["ida"], "roles": ["Admin"]}),
]
"""Few, and made once, so that many cases fit together."""
PLANS = [
    plan(change(Action.DELETE)),
    plan(change(Action.UPDATE, "mail")),
    plan(change(Action.UPDATE, "cn")),
    plan(),
]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any plan under any policy, with requests that are about it but for a fact or two."""
    limits = draw(st.sampled_from([(), (OVER,), (OVER, OTHER)]))
    made = replace(draw(st.sampled_from(PLANS)), digest=HERE, limits=limits)
    given, start = draw(st.sampled_from([None, *POLICIES])), draw(starts)

    def earlier(state: str, *, is_waiver: bool) -> Request:
        odd = draw(st.sampled_from([(), *((name,) for name in FACTS), FACTS]))

        def fact(name: str, usual: Any, others: list[Any]) -> Any:
            return draw(st.sampled_from(others)) if name in odd else usual

        its = fact("policy", given or POLICIES[0], POLICIES)
        return asked(
            its.model_copy(update={"self_approval": "forbid"}) if is_waiver else its,
            digest=fact("digest", made.digest, [HERE, THERE]),
            state=fact("state", state, ["pending", "approved", "denied", "stale", "applied"]),
            trigger=fact("trigger", "manual", ["scheduled", "terminal"]),
            collection_run_id=fact("run", EARLIER, [OWN]),
            waives=fact("waives", made.exceeded, BOUNDS),
            waiver=fact("kind", is_waiver, [not is_waiver]),
        )

    waiver = asks = denied = None
    which = draw(st.sampled_from(["waiver", "asked", "denied", "all", "none"]))
    if which in ("waiver", "all"):
        age = draw(st.sampled_from([None, timedelta(hours=1), timedelta(days=9)]))
        waiver = ApprovedWaiver(earlier("approved", is_waiver=True), ("bob",), age)
    if which in ("asked", "all"):
        asks = earlier(draw(st.sampled_from(["pending", "approved"])), is_waiver=False)
    if which in ("denied", "all"):
        denied = earlier("denied", is_waiver=False)
    return made, given, start, EarlierRequests(waiver, asks, denied)


every_case = settings(max_examples=examples(200))
"""A case is data of a few small values: many of them take no time."""


def verdict(case: Case) -> Verdict:
    made, given, start, earlier = case
    return decide(made, rules(given), start, earlier)


# -- whatever the data say -----------------------------------------------------------------------------------


@every_case
@given(cases())
def test_no_limit_is_passed_without_an_approval_that_waives_it(
    case: Case,
) -> None:
    """A plan over a limit is applied only under an approved waiver of the same digest for all of them."""
    made, given, start, _ = case
    found = verdict(case)
    if isinstance(found, Apply) and made.exceeded:
        assert found.waiver is not None
        assert found.waiver.waiver
        assert found.waiver.state == "approved"
        assert found.waiver.digest == made.digest
        assert {each.asked for each in made.exceeded} <= {each.asked for each in found.waiver.waives}
        assert found.waiver.collection_run_id != start.run
        assert not start.by_hand
        assert given is None or EffectivePolicy.model_validate(found.waiver.policy) == effective(
            given.model_copy(update={"self_approval": "forbid"})
        )


@every_case
@given(cases())
def test_what_a_policy_asks_for_is_applied_only_with_an_approval_of_the_same_plan(
    case: Case,
) -> None:
    """A verdict applies without a request exactly what no policy asks about and no limit stops."""
    made, given, start, _ = case
    found = verdict(case)
    if isinstance(found, Apply) and found.waiver is None and given is not None:
        assert needs_approval(given, made, trigger=start.trigger, exceeded=made.exceeded) is None


@every_case
@given(cases())
def test_a_job_that_was_edited_is_not_applied_by_the_schedule_alone(
    case: Case,
) -> None:
    """Under `when: manual`, a scheduled run of a job that nobody has agreed to counts as one by hand."""
    made, given, start, earlier = case
    edited = replace(start, trigger=SCHEDULED, edited=True)
    by_hand = replace(edited, trigger="manual")
    if given is not None and given.when == "manual":
        asks = isinstance(decide(made, rules(given), by_hand, EarlierRequests()), Ask)
        found = decide(made, rules(given), edited, earlier)
        assert not (asks and isinstance(found, Apply) and found.waiver is None)


@every_case
@given(cases())
def test_a_limit_beats_a_question(case: Case) -> None:
    """A plan over a limit is stopped and not asked for, unless the policy asks for exactly such plans."""
    made, given, _, _ = case
    found = verdict(case)
    if made.exceeded and isinstance(found, Ask | ReferTo):
        assert given is not None
        assert given.when == "over_limit"


@every_case
@given(cases())
def test_an_empty_plan_asks_nobody(case: Case) -> None:
    """There is nothing to agree to in it, and nothing to refer to."""
    made, given, start, earlier = case
    empty = replace(made, changes=(), limits=())
    assert decide(empty, rules(given), start, earlier) == Apply()


@every_case
@given(cases())
def test_nothing_is_asked_where_nothing_waits(
    case: Case,
) -> None:
    """A run without a gate neither files a request nor leaves its job to one."""
    made, given, start, earlier = case
    found = decide(made, rules(given), replace(start, gated=False), earlier)
    assert isinstance(found, Apply | Stop)


@every_case
@given(cases())
def test_a_verdict_refers_only_to_a_request_for_the_same_plan(
    case: Case,
) -> None:
    """The same digest, under the same policy, past the same limits, and of another run; a denial only where
    the schedule asks.
    """
    made, given, start, _ = case
    found = verdict(case)
    if isinstance(found, ReferTo):
        assert found.request.digest == made.digest
        assert given is not None
        assert EffectivePolicy.model_validate(found.request.policy) == effective(given)
        assert {each.asked for each in found.request.waives} == {each.asked for each in made.exceeded}
        if found.request.state == "denied":
            assert start.trigger == SCHEDULED
        else:
            assert found.request.state in ("pending", "approved")
            assert found.request.collection_run_id != start.run


@every_case
@given(cases())
def test_who_asked_for_a_run_is_not_asked_to_approve_it(
    case: Case,
) -> None:
    """Under `self_approval: forbid`, however their name is spelled."""
    _, given, start, _ = case
    found = verdict(case)
    if isinstance(found, Ask) and given is not None and given.self_approval == "forbid" and start.requester:
        names = {each.name.casefold() for each in found.approvers if each.kind == "user"}
        assert start.requester.casefold() not in names


# -- why -----------------------------------------------------------------------------------------------------

MANUAL = Start(OWN, "manual", "ida")
BY_SCHEDULE = Start(OWN, SCHEDULED, "")
DELETE = replace(plan(change(Action.DELETE), over=True), digest=HERE)
UPDATE = replace(plan(change(Action.UPDATE, "mail")), digest=HERE)
TERMINAL = Start(OWN, "terminal", "ida")


@pytest.mark.parametrize(
    ("start", "changed", "why"),
    [
        (TERMINAL, {}, WhyUnused.NEEDS_AIRFLOW),
        (MANUAL, {"policy": {"approvers": {"users": ["zoe"]}}}, WhyUnused.POLICY_CHANGED),
        (MANUAL, {"waives": (OTHER,)}, WhyUnused.OTHER_LIMITS),
        (MANUAL, {"age": timedelta(days=7, seconds=1)}, WhyUnused.TOO_OLD),
        (MANUAL, {"collection_run_id": OWN}, WhyUnused.SAME_RUN),
        (replace(MANUAL, by_hand=True), {}, WhyUnused.SAME_RUN),
        (replace(MANUAL, requester="Bob"), {}, WhyUnused.STARTED_BY_APPROVER),
    ],
)
def test_a_waiver_that_does_not_count_is_named_with_the_reason(
    start: Start, changed: dict[str, Any], why: WhyUnused
) -> None:
    """The plan stops at its limit, as if there were no waiver."""
    given = policy()
    found = decide(DELETE, rules(given), start, EarlierRequests(waiver(given, **changed)))
    assert isinstance(found, Stop)
    assert found.why is WhyStop.OVER_LIMIT
    assert found.unused is not None
    assert found.unused.why is why


@pytest.mark.parametrize("start", [MANUAL, BY_SCHEDULE, replace(BY_SCHEDULE, requester="bob")])
def test_a_waiver_lets_exactly_its_plan_pass(start: Start) -> None:
    """Also where the policy would ask: its people have agreed. The schedule is nobody who may have agreed."""
    given = policy()
    asking = waiver(given)
    assert decide(DELETE, rules(given), start, EarlierRequests(asking)) == Apply(asking.request)
    elsewhere = replace(DELETE, digest=THERE)
    assert decide(elsewhere, rules(given), start, EarlierRequests(asking)) == Stop(WhyStop.OVER_LIMIT)


@pytest.mark.parametrize(
    ("keys", "start", "rule"),
    [
        ({}, BY_SCHEDULE, WhyAsked.ALWAYS),
        ({"when": "manual"}, MANUAL, WhyAsked.BY_HAND),
        ({"when": "manual"}, replace(BY_SCHEDULE, edited=True), WhyAsked.EDITED),
    ],
)
def test_a_question_says_which_rule_asks(keys: dict[str, Any], start: Start, rule: WhyAsked) -> None:
    """As a code, with the kinds of change and fields that the policy names."""
    found = decide(UPDATE, rules(policy(fields=["mail"], **keys)), start, EarlierRequests())
    assert isinstance(found, Ask)
    assert (found.why.rule, found.why.fields) == (rule, ("mail",))


@pytest.mark.parametrize(
    ("start", "earlier", "refers"),
    [
        (MANUAL, {"asked": {}}, True),
        (MANUAL, {"asked": {"state": "approved"}}, True),
        (MANUAL, {"asked": {"digest": THERE}}, False),
        (MANUAL, {"asked": {"collection_run_id": OWN}}, False),
        (BY_SCHEDULE, {"denied": {"state": "denied"}}, True),
        (MANUAL, {"denied": {"state": "denied"}}, False),
        (BY_SCHEDULE, {"denied": {"state": "denied", "digest": THERE}}, False),
    ],
)
def test_the_same_plan_is_asked_for_once(
    start: Start, earlier: dict[str, dict[str, Any]], refers: bool
) -> None:
    """A run by hand asks again for what was denied, the schedule does not."""
    given = policy()
    requests = EarlierRequests(**{name: asked(given, **facts) for name, facts in earlier.items()})
    found = decide(UPDATE, rules(given), start, requests)
    assert isinstance(found, ReferTo if refers else Ask)


def test_a_run_from_a_terminal_leaves_an_answer_of_another_terminal_to_it() -> None:
    """Nobody may come back to that terminal, so a run of Airflow asks itself."""
    given = policy()
    pending = EarlierRequests(asked=asked(given, trigger="terminal"))
    assert isinstance(decide(UPDATE, rules(given), MANUAL, pending), Ask)
    assert isinstance(decide(UPDATE, rules(given), TERMINAL, pending), ReferTo)


# -- what a preview tells of it ------------------------------------------------------------------------------


def foretold(given: ApprovalPolicy | None, made: Plan, start: Start, earlier: EarlierRequests) -> Forecast:
    return Forecast(start, decide(made, rules(given), start, earlier))


def test_a_preview_says_whom_a_run_would_ask() -> None:
    """The people whom the policy names and who could decide, in words and as JSON."""
    given = policy(approvers={"users": ["ida", "bob"], "roles": ["Admin"]})
    forecast = foretold(given, UPDATE, TERMINAL, EarlierRequests())
    assert forecast_text(forecast) == (
        "A run from this terminal would ask bob and someone with the role Admin for approval."
        " The job's changes always need approval."
    )
    assert forecast.to_json() == {
        "trigger": "terminal",
        "would": "ask",
        "why": "always",
        "changes": [],
        "fields": [],
        "approvers": [{"kind": "user", "name": "bob"}, {"kind": "role", "name": "Admin"}],
    }


def test_a_preview_names_the_request_that_asks_already() -> None:
    """And files nothing itself, so that is all that there is to say."""
    given = policy()
    forecast = foretold(given, UPDATE, MANUAL, EarlierRequests(asked=asked(given)))
    assert forecast.to_json() == {
        "trigger": "manual",
        "would": "refer_to",
        "request": 5,
        "state": "pending",
    }
    assert "request 5" in forecast_text(forecast)


@pytest.mark.parametrize(
    ("made", "would"), [(UPDATE, {"would": "apply"}), (DELETE, {"would": "stop", "why": "over_limit"})]
)
def test_a_preview_adds_no_sentence_where_it_says_everything_already(
    made: Plan, would: dict[str, Any]
) -> None:
    """A plan that is simply applied, or stopped at the limit that is shown; JSON has it all the same."""
    forecast = foretold(None, made, TERMINAL, EarlierRequests())
    assert forecast.to_json() == {"trigger": "terminal", **would}
    assert not forecast_text(forecast)
