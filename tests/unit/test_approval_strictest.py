"""A policy that was changed while a run was going on: what counts asks for at least as much as each
version.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.approval.eligibility import WhyNot, may_decide
from directory_sync.approval.minimum import tighten
from directory_sync.approval.people import Assignment, Origin, Person, identity, is_named
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.quorum import Approved, Pending, outcome
from directory_sync.approval.request import Decision, assignments
from directory_sync.approval.strictest import circle, strictest
from directory_sync.definition.models import ApprovalPolicy, Approvers
from directory_sync.plan.model import Plan
from tests.scenarios.examples import examples
from tests.scenarios.policies import NAMES, asks, later, people, plans, policies, policy, request_view

NOW = datetime(2026, 11, 22, tzinfo=UTC)
effective = st.builds(tighten, st.none() | policies, policies).filter(lambda policy: policy is not None)


def both(now: dict[str, Any], began: dict[str, Any]) -> EffectivePolicy:
    """What counts where the definition says the one now and said the other when the run began."""
    result = strictest(tighten(None, policy(**now)), tighten(None, policy(**began)))
    assert result is not None
    return result


def test_a_policy_that_stayed_the_same_counts_as_it_is() -> None:
    """So that every run asks under the same policy, and finds the request of the one before."""
    one = tighten(policy(require=2), policy(escalation={"after": "1d", "levels": ["manager"]}))
    assert strictest(one, one) == one
    assert strictest(one, None) == one
    assert strictest(None, one) == one
    assert strictest(None, None) is None


def test_the_people_of_both_versions_decide() -> None:
    """Who was taken out, or brought in, while the run was going on decides nothing alone; the request waits
    and says why.
    """
    result = both({"approvers": {"users": ["carol", "dora"]}}, {"approvers": {"users": ["bob", "dora"]}})
    view = request_view(result, by="ida")
    refusals = {
        name: may_decide(view, Person(name, frozenset(), verified=True)) for name in ("bob", "carol", "dora")
    }
    assert {name: refusal and refusal.why for name, refusal in refusals.items()} == {
        "bob": WhyNot.NO_APPROVER,
        "carol": WhyNot.OUTSIDE_EITHER,
        "dora": None,
    }
    nobody = both({"approvers": {"users": ["carol"]}}, {"approvers": {"users": ["bob"]}})
    waits = outcome(nobody, assignments(nobody), (), requester="ida")
    assert isinstance(waits, Pending)
    assert not waits.reachable


def test_the_same_people_reroute_as_ever() -> None:
    """Where only the number was raised, those who are asked may ask others, who count."""
    result = both({"require": 2}, {})
    assert (result.require, result.also_within) == (2, None)
    asked = (*assignments(result), Assignment(Approvers(users=["eve"]), Origin.REROUTED))
    answers = [
        Decision(Person(name, frozenset(), verified=True), agreed=True, at=NOW) for name in ("bob", "eve")
    ]
    assert isinstance(outcome(result, asked, answers[:1], requester="ida"), Pending)
    assert isinstance(outcome(result, asked, answers, requester="ida"), Approved)


def test_times_and_kinds_are_the_stricter_ones() -> None:
    """Key by key as under a minimum."""
    result = both(
        {"expires": "2d", "changes": ["delete"], "when": "manual"},
        {"expires": "1d", "fields": ["mail"], "when": "manual"},
    )
    assert (result.expires, result.changes, result.fields, result.when) == (
        timedelta(days=1),
        ["delete"],
        ["mail"],
        "manual",
    )
    assert both({"when": "manual"}, {"when": "over_limit"}).when == "always"
    assert both({"self_approval": "auto"}, {}).self_approval == "forbid"


def test_the_result_survives_storage() -> None:
    """A request keeps it as JSON, and the next run compares it."""
    result = both(
        {"approvers": {"users": ["carol"]}, "require": "all"},
        {"approvers": {"roles": ["Admin"]}, "require": "all"},
    )
    assert result.also_within
    assert result.all_of == Approvers(roles=["Admin"])
    assert EffectivePolicy.model_validate(result.model_dump(mode="json", exclude_none=True)) == result


@given(effective, effective, plans, st.sampled_from(["manual", "scheduled"]))
def test_what_either_asks_about_is_asked_about(
    now: EffectivePolicy, began: EffectivePolicy, what: Plan, trigger: str
) -> None:
    """A plan that needs approval under one of the two needs it under both together."""
    result = strictest(now, began)
    assert result is not None
    for one in (now, began):
        assert asks(result, what, trigger) or not asks(one, what, trigger)


@settings(max_examples=examples(300))
@given(
    st.none() | policies,
    policies,
    policies,
    later,
    st.lists(people, max_size=5, unique_by=lambda each: identity(each.name)),
    st.sampled_from(NAMES),
)
def test_what_is_approved_is_approved_under_each_alone(
    minimum: ApprovalPolicy | None,
    now: ApprovalPolicy,
    began: ApprovalPolicy,
    added: tuple[Assignment, ...],
    agreed: list[Person],
    requester: str,
) -> None:
    """Whatever is enough for the two together is enough for what the definition says now, and for what it
    said then.
    """
    versions = tighten(minimum, now), tighten(minimum, began)
    result = strictest(*versions)
    assert result is not None
    answers = [Decision(person, agreed=True, at=NOW) for person in agreed]
    if not isinstance(
        outcome(result, (*assignments(result), *added), answers, requester=requester), Approved
    ):
        return
    for each in versions:
        assert each is not None
        trusted = Assignment(circle(each), Origin.REROUTED)
        assert isinstance(
            outcome(each, (*assignments(each), *added, trusted), answers, requester=requester), Approved
        )


@given(st.none() | policies, policies, policies, people, st.sampled_from(NAMES))
def test_nobody_decides_who_is_not_named_by_both(
    minimum: ApprovalPolicy | None, now: ApprovalPolicy, began: ApprovalPolicy, person: Person, requester: str
) -> None:
    """Each version names somebody who decides, at once or as somebody who is asked later."""
    versions = tighten(minimum, now), tighten(minimum, began)
    result = strictest(*versions)
    assert result is not None
    if may_decide(request_view(result, by=requester), person) is None:
        for each in versions:
            assert each is not None
            named = [circle(each), *([each.all_of] if each.all_of else [])]
            assert any(is_named(group, person) for group in named)
            assert each.within is None or is_named(each.within, person)
