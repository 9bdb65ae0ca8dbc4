"""Who may decide a request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from directory_sync.approval.eligibility import WhyNot, agrees_by_asking, may_decide
from directory_sync.approval.people import Assignment, Origin, Person, same_person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Decision, EventKind, RequestView, assignments
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Approvers
from directory_sync.requests.texts import refusal_text
from tests.scenarios.policies import event, request_view

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    "other",
    [
        "Bob Smith",
        "bob  smith",
        " bob smith",
        "bob\u00a0smith",
        "b\u00f3b smith",
        "bob smi\u0301th",
        "\uff42ob smith",
        "bob\tsmith",
    ],
)
def test_spellings_of_one_account_are_one_person(other: str) -> None:
    """A directory that people log in from may take them for the same name, while Airflow makes a user of
    each.
    """
    assert same_person("bob smith", other)
    assert why_not(request(by="bob smith", approvers={"users": [other]}), person(other)) is WhyNot.REQUESTER


@pytest.mark.parametrize(
    ("one", "other"), [("ida", "\u0130da"), ("stra\u00dfe", "STRASSE"), ("o\ufb00ice", "office")]
)
def test_letters_that_fold_to_several_are_one_person(one: str, other: str) -> None:
    """As case folding has it, a capital I with a dot included."""
    assert same_person(one, other)


@pytest.mark.parametrize("other", ["bobsmith", "bob smyth", "bob-smith", ""])
def test_other_names_are_other_people(other: str) -> None:
    """What differs in a letter differs."""
    assert not same_person("bob smith", other)


def person(name: str, *roles: str, verified: bool = True) -> Person:
    return Person(name, frozenset(roles), verified)


def request(
    *later: Assignment, state: RequestState = RequestState.PENDING, by: str = "anna", **keys: Any
) -> RequestView:
    given = tuple(keys.pop("decisions", ()))
    policy = EffectivePolicy.model_validate({"approvers": {"users": ["bob"], "roles": ["Approvers"]}, **keys})
    return request_view(policy, *later, state=state, by=by, decisions=given)


def why_not(asked: RequestView, who: Person) -> WhyNot | None:
    refusal = may_decide(asked, who)
    assert refusal is None or refusal_text(refusal).endswith(".")
    return None if refusal is None else refusal.why


def test_named_users_and_holders_of_roles_decide() -> None:
    """By user name or by any role; nobody else, administrators neither."""
    assert why_not(request(), person("bob")) is None
    assert why_not(request(), person("dave", "Viewer", "Approvers")) is None
    assert why_not(request(), person("eve", "Admin", "Op")) is WhyNot.NO_APPROVER


@pytest.mark.parametrize("name", ["Bob", "BOB", "bob ", "bo\u200bb", "\uff42ob"])
def test_a_name_must_be_spelled_exactly_to_approve(name: str) -> None:
    """Another account whose name only looks the same has no right to decide, and neither has a role."""
    assert why_not(request(), person(name)) is WhyNot.NO_APPROVER
    assert why_not(request(), person("eve", "approvers")) is WhyNot.NO_APPROVER


def test_the_requester_may_not_approve() -> None:
    """Neither with a role, nor under another spelling of the name, unless the policy allows it."""
    assert why_not(request(by="bob"), person("bob")) is WhyNot.REQUESTER
    assert why_not(request(by="Bob"), person("bob")) is WhyNot.REQUESTER
    assert why_not(request(by="anna"), person("ANNA", "Approvers")) is WhyNot.REQUESTER
    assert why_not(request(by="bob", self_approval="allow"), person("bob")) is None


def test_the_schedule_is_no_person() -> None:
    """A request of a scheduled run has no requester, so every approver may decide it."""
    assert why_not(request(by=""), person("bob")) is None


def test_who_is_not_known_does_not_decide() -> None:
    """A name that Airflow has not verified counts for nothing."""
    assert why_not(request(), person("bob", verified=False)) is WhyNot.UNVERIFIED
    assert why_not(request(), person("", "Approvers")) is WhyNot.UNVERIFIED


def test_a_decision_is_final() -> None:
    """Who has answered may not answer again, in no spelling of their name."""
    asked = request(require=2, decisions=[Decision(person("bob"), agreed=True, at=NOW)])
    assert why_not(asked, person("bob")) is WhyNot.DECIDED
    assert why_not(asked, person("BOB", "Approvers")) is WhyNot.DECIDED
    assert why_not(asked, person("carol", "Approvers")) is None


@pytest.mark.parametrize("state", [state for state in RequestState if state is not RequestState.PENDING])
def test_only_a_pending_request_is_decided(state: RequestState) -> None:
    """In every other state the refusal says what became of it."""
    refusal = may_decide(request(state=state), person("bob"))
    assert refusal is not None
    assert refusal.why is WhyNot.OVER
    assert state.value in refusal_text(refusal)


def test_who_comes_late_hears_who_was_first() -> None:
    """The refusal of the second of two decisions names who gave the first."""
    denied = request(
        state=RequestState.DENIED, decisions=[Decision(person("bob"), agreed=False, at=NOW, reason="no")]
    )
    refusal = may_decide(denied, person("carol", "Approvers"))
    assert refusal is not None
    assert refusal_text(refusal) == "This request was already denied by bob."


def test_later_approvers_are_added() -> None:
    """Who was brought in by escalation or rerouting may decide, and who was asked first still may."""
    asked = request(
        Assignment(Approvers(users=["carol"]), Origin.ESCALATED),
        Assignment(Approvers(roles=["Helpdesk"]), Origin.REROUTED, person("bob")),
    )
    assert [why_not(asked, who) for who in (person("bob"), person("carol"), person("dave", "Helpdesk"))] == [
        None,
        None,
        None,
    ]


def test_the_minimum_bounds_everybody() -> None:
    """Whoever is named by the job, escalation or rerouting must also be one whom the deployment's minimum
    names.
    """
    asked = request(
        Assignment(Approvers(users=["carol"]), Origin.REROUTED, person("bob")), within={"roles": ["Security"]}
    )
    assert why_not(asked, person("bob")) is WhyNot.OUTSIDE_MINIMUM
    assert why_not(asked, person("carol")) is WhyNot.OUTSIDE_MINIMUM
    assert why_not(asked, person("bob", "Security")) is None
    assert why_not(asked, person("eve", "Security")) is WhyNot.NO_APPROVER


@pytest.mark.parametrize(
    ("self_approval", "who", "agrees"),
    [
        ("auto", person("bob"), True),
        ("auto", person("bob", verified=False), False),
        ("auto", person("carol", "Approvers"), False),
        ("allow", person("bob"), False),
        ("forbid", person("bob"), False),
    ],
)
def test_asking_is_agreeing_only_under_auto(self_approval: str, who: Person, agrees: bool) -> None:
    """And only for a verified requester who is an approver."""
    assert agrees_by_asking(request(by="bob", self_approval=self_approval), who) is agrees


def test_history_says_who_is_asked_and_who_answered() -> None:
    """Events add people; an escalation that found nobody adds none; comments are no answers."""
    policy = EffectivePolicy(approvers=Approvers(users=["bob"]), all_of=Approvers(users=["ciso"]))
    events = [
        event(EventKind.FILED, NOW, person("anna")),
        event(EventKind.COMMENTED, NOW, person("bob"), text="hm"),
        event(EventKind.REROUTED, NOW, person("bob"), Approvers(users=["carol"])),
        event(EventKind.ESCALATED, NOW, level=1),
        event(EventKind.ESCALATED, NOW, approvers=Approvers(roles=["Admin"]), level=2),
        event(EventKind.APPROVED, NOW, person("carol")),
        event(EventKind.DENIED, NOW, person("ciso"), text="no"),
    ]
    assert assignments(policy, events) == (
        Assignment(Approvers(users=["bob"]), Origin.POLICY),
        Assignment(Approvers(users=["ciso"]), Origin.MINIMUM),
        Assignment(Approvers(users=["carol"]), Origin.REROUTED, person("bob")),
        Assignment(Approvers(roles=["Admin"]), Origin.ESCALATED),
    )
    assert [(each.person, each.text) for each in events[-2:]] == [
        (person("carol"), ""),
        (person("ciso"), "no"),
    ]
