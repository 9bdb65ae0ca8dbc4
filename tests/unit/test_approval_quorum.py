"""When a request has enough agreement, and what it lacks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.approval.eligibility import ineligible
from directory_sync.approval.people import Assignment, Origin, Person, identity
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.quorum import Approved, Denied, Outcome, Pending, outcome
from directory_sync.approval.request import Decision, assignments
from directory_sync.definition.models import Approvers
from directory_sync.requests.texts import missing_text
from tests.scenarios.examples import examples

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def person(name: str, *roles: str) -> Person:
    return Person(name, frozenset(roles), verified=True)


def yes(name: str, *roles: str) -> Decision:
    return Decision(person(name, *roles), agreed=True, at=NOW)


def settle(
    *given: Decision,
    users: list[str],
    roles: list[str] | None = None,
    later: tuple[Assignment, ...] = (),
    **keys: Any,
) -> Outcome:
    requester = keys.pop("requester", "anna")
    policy = EffectivePolicy.model_validate({"approvers": {"users": users, "roles": roles or []}, **keys})
    return outcome(policy, (*assignments(policy), *later), given, requester=requester)


def waits(found: Outcome) -> str:
    """For whom a request waits that can be decided."""
    assert isinstance(found, Pending)
    assert found.reachable
    return missing_text(found)


def test_any_needs_one() -> None:
    """One approver's agreement is enough, nobody's is not."""
    assert settle(yes("bob"), users=["bob", "carol"]) == Approved(("bob",))
    assert waits(settle(users=["bob", "carol"])) == "one of: bob, carol"
    assert waits(settle(users=["bob"], roles=["Admin"])) == "one of: bob, someone with the role Admin"


def test_a_number_counts_distinct_people() -> None:
    """The same person twice, or in two spellings, is one."""
    keys: dict[str, Any] = {"users": ["bob", "carol"], "roles": ["Admin"], "require": 2}
    assert waits(settle(yes("bob"), yes("bob"), **keys)) == "one of: carol, someone with the role Admin"
    assert isinstance(settle(yes("bob"), yes("BOB", "Admin"), **keys), Pending)
    assert settle(yes("bob"), yes("dave", "Admin"), **keys) == Approved(("bob", "dave"))


def test_one_denial_denies() -> None:
    """Whatever else was said, before or after."""
    no = Decision(person("carol"), agreed=False, at=NOW, reason="wrong department")
    assert settle(yes("bob"), no, yes("dave"), users=["bob", "carol", "dave"]) == Denied(
        "carol", "wrong department"
    )


def test_agreement_of_others_does_not_count() -> None:
    """The requester's, a stranger's and an unverified one's are as if they were not there."""
    assert isinstance(settle(yes("anna"), yes("mallory"), users=["anna", "bob"]), Pending)
    assert isinstance(
        settle(Decision(Person("bob", frozenset(), verified=False), agreed=True, at=NOW), users=["bob"]),
        Pending,
    )
    assert isinstance(settle(yes("anna"), users=["anna", "bob"], self_approval="allow"), Approved)


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"users": ["bob", "carol"], "require": 3}, "3 people have to agree, but no more than 2"),
        ({"users": ["anna", "bob"], "require": 2}, "2 people have to agree, but no more than 1"),
        ({"users": ["anna"]}, "1 people have to agree, but no more than 0"),
        ({"users": ["bob"], "within": {"users": ["ciso"]}}, "no more than 0"),
        ({"users": ["anna", "bob"], "require": "all"}, "anna, who may not decide this request"),
        ({"users": ["bob"], "require": "all", "at_least": 2}, "2 people have to agree, but no more than 1"),
    ],
)
def test_what_can_never_be_reached_is_reported(keys: dict[str, Any], says: str) -> None:
    """And never approved, whoever agrees."""
    result = settle(yes("bob"), yes("carol"), yes("anna"), **keys)
    assert isinstance(result, Pending)
    assert not result.reachable
    assert says in missing_text(result)


def test_members_of_a_role_may_be_enough() -> None:
    """Nobody knows here how many have a role, so a number is not called unreachable because of it."""
    assert waits(settle(users=[], roles=["Admin"], require=7)) == "7 of: someone with the role Admin"


def test_all_is_every_user_and_one_of_every_role() -> None:
    """What is missing is named."""
    keys: dict[str, Any] = {"users": ["bob", "carol"], "roles": ["Admin", "Security"], "require": "all"}
    assert waits(settle(yes("bob"), yes("dave", "Admin"), **keys)) == "carol; someone with the role Security"
    assert isinstance(
        settle(yes("bob"), yes("carol"), yes("dave", "Admin"), yes("eve", "Security"), **keys), Approved
    )


def test_one_person_may_stand_for_several_roles() -> None:
    """And for their own name, but never for another named user."""
    assert settle(
        yes("dave", "Admin", "Security"), users=[], roles=["Admin", "Security"], require="all"
    ) == Approved(("dave",))
    assert settle(yes("bob", "Admin"), users=["bob"], roles=["Admin"], require="all") == Approved(("bob",))
    assert (
        waits(settle(yes("bob", "Admin"), users=["bob", "carol"], roles=["Admin"], require="all")) == "carol"
    )


def test_escalation_stands_in_for_one_who_is_silent() -> None:
    """Two who do not answer need two who stand in."""
    later = (Assignment(Approvers(users=["eve", "frank"]), Origin.ESCALATED),)
    keys: dict[str, Any] = {"users": ["bob", "carol", "dave"], "require": "all", "later": later}
    assert waits(settle(yes("bob"), yes("eve"), **keys)) == "dave"
    assert isinstance(settle(yes("bob"), yes("eve"), yes("frank"), **keys), Approved)


def test_rerouting_stands_in_for_who_rerouted_only() -> None:
    """An approver cannot bring in somebody to answer for another approver."""
    later = (Assignment(Approvers(users=["eve", "carol"]), Origin.REROUTED, person("bob")),)
    keys: dict[str, Any] = {"users": ["bob", "carol"], "require": "all", "later": later}
    assert waits(settle(yes("bob"), yes("eve"), **keys)) == "carol"
    assert isinstance(settle(yes("carol"), yes("eve"), **keys), Approved)
    assert waits(settle(yes("carol"), **keys)) == "bob"


def test_rerouting_goes_on() -> None:
    """Who got it from somebody who got it from an approver stands in for that approver; a circle ends."""
    later = (
        Assignment(Approvers(users=["eve"]), Origin.REROUTED, person("bob")),
        Assignment(Approvers(users=["frank"]), Origin.REROUTED, person("eve")),
        Assignment(Approvers(users=["eve"]), Origin.REROUTED, person("frank")),
    )
    keys: dict[str, Any] = {"users": ["bob", "carol"], "require": "all", "later": later}
    assert isinstance(settle(yes("carol"), yes("frank"), **keys), Approved)
    assert waits(settle(yes("eve"), yes("frank"), **keys)) == "carol"


def test_stand_ins_are_shared_out_so_that_most_parts_are_covered() -> None:
    """Who may answer for either of two leaves the one to whom nobody else can answer for."""
    later = (
        Assignment(Approvers(users=["eve"]), Origin.REROUTED, person("bob")),
        Assignment(Approvers(users=["eve", "frank"]), Origin.REROUTED, person("carol")),
        Assignment(Approvers(users=["frank"]), Origin.REROUTED, person("dave")),
        Assignment(Approvers(users=["grace"]), Origin.REROUTED, person("bob")),
    )
    keys: dict[str, Any] = {"users": ["bob", "carol", "dave"], "require": "all", "later": later}
    assert isinstance(settle(yes("eve"), yes("frank"), yes("grace"), **keys), Approved)
    assert waits(settle(yes("eve"), yes("grace"), **keys)) == "dave"


def test_nobody_stands_in_for_the_people_of_the_minimum() -> None:
    """They agree in person, and are asked for nothing else: their agreement is not that of the job's own
    approvers.
    """
    later = (
        Assignment(Approvers(users=["eve"]), Origin.ESCALATED),
        Assignment(Approvers(users=["eve"]), Origin.REROUTED, person("ciso")),
    )
    keys: dict[str, Any] = {"users": ["bob"], "all_of": {"users": ["ciso"]}, "later": later}
    assert waits(settle(yes("bob"), yes("eve"), **keys)) == "ciso"
    assert waits(settle(yes("ciso"), **keys)) == "one of: bob, eve"
    assert isinstance(settle(yes("ciso"), yes("bob"), **keys), Approved)


# -- for any policy and any decisions ------------------------------------------------------------------------

NAMES = ["anna", "bob", "Bob", "carol", "dave"]
ROLES = ["Admin", "Security"]
people = st.builds(
    Person,
    st.sampled_from([*NAMES, "mallory"]),
    st.frozensets(st.sampled_from(ROLES)),
    verified=st.sampled_from([True, True, True, False]),
)
groups = st.builds(
    lambda users, roles: Approvers(users=users or ([] if roles else ["bob"]), roles=roles),
    st.lists(st.sampled_from(NAMES), max_size=3),
    st.lists(st.sampled_from(ROLES), max_size=2),
)
policies = st.builds(
    EffectivePolicy,
    approvers=groups,
    require=st.sampled_from(["any", "all", 1, 2, 3]),
    self_approval=st.sampled_from(["forbid", "allow"]),
    within=st.none() | groups,
    at_least=st.sampled_from([1, 1, 2]),
    all_of=st.none() | groups,
)
later = st.lists(
    st.builds(Assignment, groups, st.sampled_from([Origin.ESCALATED, Origin.REROUTED]), st.none() | people),
    max_size=3,
)
answers = st.lists(
    st.builds(Decision, people, agreed=st.sampled_from([True, True, True, True, False]), at=st.just(NOW)),
    max_size=6,
)


@settings(max_examples=examples(300))
@given(policies, later, answers, st.sampled_from(NAMES))
def test_never_approved_by_accident(
    policy: EffectivePolicy, added: list[Assignment], given_: list[Decision], requester: str
) -> None:
    """Approved means: nobody denied, and as many distinct eligible people agreed as required, the requester
    only if allowed.
    """
    assignees = (*assignments(policy), *added)
    result = outcome(policy, assignees, given_, requester=requester)
    denials = [decision for decision in given_ if not decision.agreed]
    if denials:
        assert isinstance(result, Denied)
    if not isinstance(result, Approved):
        return
    eligible = [
        decision.person
        for decision in given_
        if ineligible(policy, assignees, requester, decision.person) is None
    ]
    distinct = {identity(who.name) for who in eligible}
    assert {identity(name) for name in result.by} == distinct
    needed = {"any": 1, "all": max(1, len({identity(user) for user in policy.approvers.users}))}
    assert len(distinct) >= max(needed.get(str(policy.require), 0) or int(policy.require), policy.at_least)
    if policy.self_approval == "forbid":
        assert identity(requester) not in distinct
    if policy.all_of is not None:
        assert {who.name for who in eligible} >= set(policy.all_of.users)
        assert frozenset().union(*(who.roles for who in eligible)) >= set(policy.all_of.roles)
    if policy.require == "all" and not added:
        assert {who.name for who in eligible} >= set(policy.approvers.users)
        assert frozenset().union(*(who.roles for who in eligible)) >= set(policy.approvers.roles)


@given(policies, later, answers, people, st.sampled_from(NAMES))
def test_one_more_agreement_never_undoes_an_approval(
    policy: EffectivePolicy, added: list[Assignment], given_: list[Decision], another: Person, requester: str
) -> None:
    """Who agrees in addition takes nothing away."""
    assignees = (*assignments(policy), *added)
    if isinstance(outcome(policy, assignees, given_, requester=requester), Approved):
        more = [*given_, Decision(another, agreed=True, at=NOW)]
        assert isinstance(outcome(policy, assignees, more, requester=requester), Approved)


@given(policies, st.sampled_from(NAMES))
def test_nobody_is_not_enough(policy: EffectivePolicy, requester: str) -> None:
    """Without an answer a request waits, and says for whom."""
    result = outcome(policy, assignments(policy), [], requester=requester)
    assert isinstance(result, Pending)
    assert missing_text(result)
