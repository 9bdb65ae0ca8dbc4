"""What sweeps do to requests as time passes, on a real store with a clock that the test sets."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from directory_sync.approval.people import Approver, named
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.request import EventKind, RequestView
from directory_sync.errors import EndpointUnavailable, StoreError
from directory_sync.requests import upkeep
from directory_sync.requests.upkeep import SweepProblem, SweepResult, sweep
from directory_sync.store.store import Store
from tests.scenarios.clock import START, Clock
from tests.scenarios.examples import examples
from tests.scenarios.new_store import new_store
from tests.scenarios.requests import decide, stored_plan

MANAGERS = {"bob": "carol", "carol": "dora"}
EVE, ADMIN = Approver("user", "eve"), Approver("role", "Admin")
Ask = Callable[..., int]


def policy(
    *levels: Any, default: bool = True, users: tuple[str, ...] = ("bob",), **keys: Any
) -> EffectivePolicy:
    escalation = {"after": "1d", "levels": levels, "default": {"roles": ["Admin"]} if default else None}
    return EffectivePolicy.model_validate({"approvers": {"users": users}, "escalation": escalation, **keys})


def file(store: Store, given_: EffectivePolicy, *, name: str = "crew") -> int:
    return store.filing.file(
        stored_plan(store, name=name),
        policy=given_.model_dump(mode="json", exclude_none=True),
        approvers=named(given_.approvers),
        expires_after=given_.expires,
        escalate_after=given_.escalation and given_.escalation.after,
    ).id


def run(store: Store, manager_of: Callable[[str], str | None] = MANAGERS.get) -> SweepResult:
    return sweep(store, manager_of=manager_of)


def escalations(view: RequestView) -> list[tuple[float, int, list[str]]]:
    """Days after the start, level and names of each escalation."""
    return [
        (
            (event.at - START) / timedelta(days=1),
            (event.data or {})["level"],
            [each["name"] for each in (event.data or {})["to"]],
        )
        for event in view.events
        if event.kind is EventKind.ESCALATED
    ]


def test_levels_are_asked_one_after_another(store: Store, clock: Clock) -> None:
    """Each when nobody has answered for the policy's time; the default approvers last, and then nothing
    more.
    """
    request = file(store, policy({"users": ["eve"]}, {"roles": ["Heads"]}))
    for _ in range(24 * 6):
        run(store)
        clock.advance(hours=1)
    view = store.requests.get(request)
    assert escalations(view) == [(1, 1, ["eve"]), (2, 2, ["Heads"]), (3, 3, ["Admin"])]
    assert [(assignee.name, assignee.why) for assignee in view.assignees] == [
        ("bob", "policy"),
        ("eve", "escalation"),
        ("Heads", "escalation"),
        ("Admin", "default"),
    ]
    assert (view.request.state, view.request.level, view.request.escalates) == ("pending", 3, None)


def test_the_result_says_what_was_done(store: Store, clock: Clock) -> None:
    """Whom each request asks now, by number and level; nothing before it is due."""
    request = file(store, policy({"users": ["eve"]}))
    assert run(store) == SweepResult()
    clock.advance(days=1)
    assert run(store) == SweepResult(escalated=(upkeep.Escalated(request, 1, (EVE,)),))
    assert run(store) == SweepResult()


def test_a_level_that_finds_nobody_is_noted_and_the_next_asked_at_once(store: Store, clock: Clock) -> None:
    """The history says why nobody was found."""
    request = file(store, policy("manager", users=("frank",)))
    clock.advance(days=1)
    assert [(each.level, each.to) for each in run(store).escalated] == [(1, ()), (2, (ADMIN,))]
    view = store.requests.get(request)
    assert escalations(view) == [(1, 1, []), (1, 2, ["Admin"])]
    assert view.events[1].text == "No manager of frank is known."
    assert (view.request.level, view.request.escalates) == (2, None)


def test_managers_are_asked_up_the_line(store: Store, clock: Clock) -> None:
    """The manager of who was asked first, then that one's manager."""
    request = file(store, policy("manager", "manager", default=False))
    for _ in range(3):
        clock.advance(days=1)
        run(store)
    assert escalations(store.requests.get(request)) == [(1, 1, ["carol"]), (2, 2, ["dora"])]


def test_a_directory_that_is_down_holds_up_nothing_else(store: Store, clock: Clock) -> None:
    """The request that needs it waits for the next sweep and is reported; the others are escalated and
    expired.
    """
    waits = file(store, policy("manager"), name="a")
    goes_on = file(store, policy({"users": ["eve"]}), name="b")
    ends = file(store, policy(expires="6h"), name="c")

    def down(user: str) -> str | None:
        raise EndpointUnavailable(
            "the directory did not answer in time.", endpoint="connection ad", remedy="Try again later."
        )

    clock.advance(days=1)
    result = run(store, down)
    assert result.expired == (ends,)
    assert [each.request for each in result.escalated] == [goes_on]
    assert result.problems == (
        SweepProblem(
            waits,
            "The manager of bob could not be looked up, so no one else was asked yet. "
            "connection ad: the directory did not answer in time. Try again later.",
        ),
    )
    assert escalations(store.requests.get(waits)) == []
    clock.advance(hours=1)
    assert [each.to for each in run(store).escalated] == [(Approver("user", "carol"),)]


def test_expiry_comes_before_escalation(store: Store, clock: Clock) -> None:
    """A request whose time is over asks nobody any more."""
    request = file(store, policy({"users": ["eve"]}, expires="3d"))
    clock.advance(days=4)
    assert run(store) == SweepResult(expired=(request,))
    view = store.requests.get(request)
    assert (view.request.state, escalations(view)) == ("expired", [])


def test_what_was_answered_is_left_alone(store: Store, clock: Clock) -> None:
    """A decided request neither escalates nor expires."""
    request = file(store, policy({"users": ["eve"]}, expires="3d"))
    decide(store, request, "bob")
    clock.advance(days=9)
    assert run(store) == SweepResult()
    assert store.requests.get(request).request.state == "approved"


def test_a_sweep_that_is_killed_is_made_up_for(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If it ends between two levels of one request, the next sweep asks the second one at once."""
    request = file(store, policy("manager", users=("frank",)))
    clock.advance(days=1)
    escalate = store.request_upkeep.escalate

    def once(*args: Any, **keys: Any) -> bool:
        if keys["level"] == 2:
            raise StoreError("the database is away")
        return escalate(*args, **keys)

    with monkeypatch.context() as patch:
        patch.setattr(store.request_upkeep, "escalate", once)
        with pytest.raises(StoreError):
            run(store)
    assert escalations(store.requests.get(request)) == [(1, 1, [])]
    clock.advance(minutes=5)
    assert [(each.level, each.to) for each in run(store).escalated] == [(2, (ADMIN,))]


def test_of_two_sweeps_at_the_same_time_one_does_it(store: Store, clock: Clock) -> None:
    """A sweep that finds a request escalated since it looked leaves it alone."""
    request = file(store, policy("manager"))
    clock.advance(days=1)
    inner: list[SweepResult] = []

    def meanwhile(user: str) -> str | None:
        inner.append(run(store))
        return MANAGERS.get(user)

    outer = run(store, meanwhile)
    assert [each.request for result in (outer, *inner) for each in result.escalated] == [request]
    assert escalations(store.requests.get(request)) == [(1, 1, ["carol"])]


def test_a_moment_may_be_given(store: Store, clock: Clock) -> None:
    """What is due by then is done; without it, the store's clock counts."""
    request = file(store, policy(expires="1h"))
    assert sweep(store, manager_of=MANAGERS.get, now=START + timedelta(hours=1)).expired == (request,)


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    levels=st.lists(
        st.sampled_from(["manager", {"users": ["eve"]}, {"users": ["ida"]}, {"roles": ["Heads"]}]), max_size=3
    ),
    first=st.sampled_from(["bob", "ida", "frank"]),
    default=st.booleans(),
    expires=st.sampled_from([None, "2d", "20d"]),
    steps=st.lists(st.tuples(st.floats(0, 60), st.sampled_from(["sweep", "comment", "fail"])), max_size=12),
)
def test_whatever_happens_the_chain_holds(
    levels: list[Any], first: str, default: bool, expires: str | None, steps: list[tuple[float, str]]
) -> None:
    """Levels come in order, each once and no more than there are; sweeping twice does nothing; time never
    approves.
    """
    given_ = policy(*levels, default=default, users=(first,), **({"expires": expires} if expires else {}))

    def manager_of(user: str) -> str | None:
        if what == "fail":
            raise EndpointUnavailable("away")
        return MANAGERS.get(user)

    with tempfile.TemporaryDirectory() as folder:
        url = new_store(Path(folder) / "store.db")
        with Store.open(url) as store:
            clock = Clock(store)
            request = file(store, given_)
            for hours, what in steps:
                clock.advance(hours=hours)
                if what == "comment":
                    store.decisions.comment(request, "bob", "hm")
                    continue
                sweep(store, manager_of=manager_of)
                again = sweep(store, manager_of=manager_of)
                assert (again.expired, again.escalated) == ((), ())
            view = store.requests.get(request)
            found = escalations(view)
            assert [level for _, level, _ in found] == list(range(1, len(found) + 1))
            assert len(found) <= len(levels) + default
            assert view.request.state in {"pending", "expired"}
            if view.request.state == "expired":
                assert expires is not None
                assert clock.at >= START + given_.expires  # type: ignore[operator]
