"""Who is asked when nobody answers, and when a request ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.approval.escalation import Step, StepKind, due, expires_at
from directory_sync.approval.people import Person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import Event, EventKind
from directory_sync.definition.models import Approvers
from directory_sync.errors import EndpointUnavailable
from directory_sync.requests.texts import unfound_text
from tests.scenarios.policies import event

FILED = datetime(2026, 11, 20, 8, tzinfo=UTC)
MANAGERS = {"bob": "carol", "carol": "dora", "dora": "dora", "eve": "anna"}
BOB = Person("bob", frozenset(), verified=True)
DEFAULT = Approvers(roles=["Admin"])


def days(number: float) -> datetime:
    return FILED + timedelta(days=number)


def policy(
    *levels: Any, default: bool = True, users: tuple[str, ...] = ("bob",), **keys: Any
) -> EffectivePolicy:
    escalation = {"after": "1d", "levels": levels, "default": DEFAULT if default else None}
    return EffectivePolicy.model_validate({"approvers": {"users": users}, "escalation": escalation, **keys})


def steps(given_: EffectivePolicy, now: float, *events: Event, requester: str = "anna") -> list[Step]:
    return due(given_, FILED, events, days(now), manager_of=MANAGERS.get, requester=requester)


def asked(found: list[Step]) -> list[tuple[int, Any]]:
    return [(step.level, step.approvers and (step.approvers.users or step.approvers.roles)) for step in found]


def record(step: Step, at: datetime) -> Event:
    return event(
        EventKind.ESCALATED, at, approvers=step.approvers, level=step.level, text=unfound_text(step.unfound)
    )


def test_levels_come_in_order_and_the_default_last() -> None:
    """Each when the time has passed since the one before."""
    given_ = policy({"users": ["eve"]}, {"roles": ["Heads"]})
    assert steps(given_, 0.99) == []
    assert asked(steps(given_, 1)) == [(1, ["eve"])]
    first = record(steps(given_, 1)[0], days(1))
    assert steps(given_, 1.99, first) == []
    assert asked(steps(given_, 2, first)) == [(2, ["Heads"])]


def test_what_was_missed_is_made_up_for() -> None:
    """After days without anybody looking, everything that was due meanwhile is due now, with its own time;
    the chain ends.
    """
    given_ = policy({"users": ["eve"]}, {"roles": ["Heads"]})
    found = steps(given_, 30)
    assert asked(found) == [(1, ["eve"]), (2, ["Heads"]), (3, ["Admin"])]
    assert [step.at for step in found] == [days(1), days(2), days(3)]
    assert steps(given_, 90, *(record(step, step.at) for step in found)) == []


def test_of_a_level_only_those_who_may_decide_are_asked() -> None:
    """The requester is left out of it, also where a role of the level is asked as well."""
    given_ = policy({"users": ["anna", "eve"]}, {"users": ["ANNA"], "roles": ["Heads"]})
    first, second = (step.approvers for step in steps(given_, 2))
    assert first == Approvers(users=["eve"])
    assert second == Approvers(roles=["Heads"])


@pytest.mark.parametrize("kind", [EventKind.APPROVED, EventKind.REROUTED])
def test_an_answer_starts_the_time_anew(kind: EventKind) -> None:
    """As long as approvers act, nobody else is asked."""
    given_ = policy({"users": ["eve"]})
    noted = event(kind, days(0.8), BOB, Approvers(users=["frank"]) if kind is EventKind.REROUTED else None)
    assert steps(given_, 1.7, noted) == []
    assert asked(steps(given_, 1.8, noted)) == [(1, ["eve"])]


@pytest.mark.parametrize("kind", [EventKind.VIEWED, EventKind.COMMENTED, EventKind.MAILED])
def test_looking_is_no_answer(kind: EventKind) -> None:
    """Neither viewing nor commenting puts escalation off."""
    assert asked(steps(policy({"users": ["eve"]}), 1, event(kind, days(0.8), BOB))) == [(1, ["eve"])]


def test_managers_of_who_was_asked_last() -> None:
    """The manager of the approver, then that manager's manager."""
    assert asked(steps(policy("manager", "manager"), 2)) == [(1, ["carol"]), (2, ["dora"])]
    first = event(EventKind.ESCALATED, days(1), approvers=Approvers(users=["carol"]), level=1)
    assert asked(steps(policy("manager", "manager"), 2, first)) == [(2, ["dora"])]


def test_a_manager_who_cannot_be_found_hands_on_at_once() -> None:
    """The next of the chain is asked without waiting, in the end the default; the step says why."""
    found = steps(policy("manager", users=("frank",)), 1)
    assert asked(found) == [(1, None), (2, ["Admin"])]
    assert unfound_text(found[0].unfound) == "No manager of frank is known."
    assert [step.at for step in found] == [days(1), days(1)]
    assert asked(steps(policy("manager", users=("frank",)), 1.01, record(found[0], days(1)))) == [
        (2, ["Admin"])
    ]


def test_a_manager_who_may_not_decide_is_none() -> None:
    """The requester, or somebody outside the deployment's minimum, or who is asked already."""
    by_requester = steps(policy("manager", users=("eve",)), 1, requester="Anna")
    assert unfound_text(by_requester[0].unfound) == "anna, the manager of eve, may not decide this request."
    assert asked(steps(policy("manager", users=("eve",), self_approval="allow"), 1)) == [(1, ["anna"])]
    outside = steps(policy("manager", within={"users": ["bob"]}), 1)
    assert unfound_text(outside[0].unfound) == "carol, the manager of bob, may not decide this request."
    circle = steps(policy("manager", users=("dora",)), 1)
    assert unfound_text(circle[0].unfound) == "dora, the manager of dora, is asked already."


def test_roles_have_no_manager() -> None:
    """Where only roles were asked, the level finds nobody."""
    given_ = EffectivePolicy.model_validate(
        {"approvers": {"roles": ["Heads"]}, "escalation": {"after": "1d", "levels": ["manager"]}}
    )
    assert asked(steps(given_, 5)) == [(1, None)]


def test_where_nobody_can_decide_the_next_is_asked_at_once() -> None:
    """If the only approver is the requester, waiting for them would be in vain."""
    assert asked(steps(policy(users=("anna",)), 0)) == [(1, ["Admin"])]
    assert asked(steps(policy({"users": ["ANNA"]}, {"users": ["eve"]}, users=("anna",)), 0)) == [
        (1, None),
        (2, ["eve"]),
    ]
    assert steps(policy(users=("anna",), self_approval="allow"), 0) == []


def test_a_level_that_could_only_be_waited_for_in_vain_is_passed_over() -> None:
    """It names only the requester, who asked for the waiver, or people who are asked already: the next is
    asked with it.
    """
    nobody = [(1, None), (2, ["eve"])]
    for useless in ({"users": ["Anna"]}, {"users": ["bob"]}, {"users": ["anna", "bob"]}):
        found = steps(policy(useless, {"users": ["eve"]}), 1)
        assert asked(found) == nobody
        assert {step.at for step in found} == {days(1)}
        assert unfound_text(found[0].unfound)
    waiver = due(
        policy({"users": ["zoe"]}, {"users": ["eve"]}),
        FILED,
        (),
        days(1),
        manager_of=MANAGERS.get,
        requester="",
        asked_by="zoe",
    )
    assert asked(waiver) == nobody
    assert asked(steps(policy({"users": ["anna", "eve"]}), 1)) == [(1, ["eve"])], "one of them can answer"
    assert asked(steps(policy({"users": ["anna"]}, self_approval="allow"), 1)) == [(1, ["anna"])]
    heads = policy({"roles": ["Heads"]}, {"roles": ["Heads"]}, {"users": ["eve"]})
    first = record(steps(heads, 1)[0], days(1))
    assert asked(steps(heads, 2, first)) == [(2, None), (3, ["eve"])]


def test_without_default_the_request_waits() -> None:
    """Nothing is due any more, and nothing is ever approved by time."""
    given_ = policy("manager", default=False, users=("frank",))
    first = steps(given_, 1)
    assert asked(first) == [(1, None)]
    assert steps(given_, 400, record(first[0], days(1))) == []


def test_expiry_counts_from_filing() -> None:
    """Answers do not put it off, and an expired request is not escalated first."""
    given_ = policy({"users": ["eve"]}, expires="3d")
    assert expires_at(given_, FILED) == days(3)
    assert [step.kind for step in steps(given_, 2.99)] == [StepKind.ESCALATE, StepKind.ESCALATE]
    late = event(EventKind.APPROVED, days(2.9), BOB)
    assert steps(given_, 3, late) == [Step(StepKind.EXPIRE, days(3))]


def test_times_past_the_calendar_never_come() -> None:
    """A duration that ends after the year 9999 is as good as none."""
    given_ = policy(
        escalation={"after": timedelta(weeks=999_999), "default": DEFAULT}, expires=timedelta(weeks=999_999)
    )
    assert expires_at(given_, FILED) is None
    assert steps(given_, 10_000) == []


def test_a_directory_that_does_not_answer_is_no_missing_manager() -> None:
    """The error goes through, so that it is tried again later."""

    def unreachable(name: str) -> str | None:
        raise EndpointUnavailable(f"cannot look up {name}")

    with pytest.raises(EndpointUnavailable):
        due(policy("manager"), FILED, [], days(1), manager_of=unreachable)
    assert due(policy("manager"), FILED, [], days(0.5), manager_of=unreachable) == []


@given(
    st.lists(
        st.sampled_from(["manager", {"users": ["eve"]}, {"users": ["anna"]}, {"roles": ["Heads"]}]),
        max_size=4,
    ),
    st.sampled_from(["bob", "anna", "frank"]),
    st.booleans(),
    st.lists(st.floats(0, 12), max_size=8).map(sorted),
)
def test_looking_often_or_once_asks_the_same(
    levels: list[Any], user: str, default: bool, looks: list[float]
) -> None:
    """However often it is looked, every level is due once, in order, and the same people are asked."""
    given_ = policy(*levels, default=default, users=(user,))
    events: list[Event] = []
    found: list[Step] = []
    for look in [*looks, 12]:
        new = steps(given_, look, *events)
        events += [record(step, step.at) for step in new]
        found += new
    assert found == steps(given_, 12)
    assert [step.level for step in found] == list(range(1, len(found) + 1))


def test_the_people_of_the_minimum_do_not_hold_up_escalation() -> None:
    """They agree besides the job's approvers, so if none of these can, others are asked at once; nor are
    their managers asked.
    """
    given_ = policy("manager", users=("anna",), all_of={"users": ["bob"]})
    assert asked(steps(given_, 0)) == [(1, None), (2, ["Admin"])]
