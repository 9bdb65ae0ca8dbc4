"""What must hold when people and machines act on one request at the same moment, or are killed while they
do.
"""

from __future__ import annotations

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select

from directory_sync.approval.request import RequestView
from directory_sync.store.store import Store
from directory_sync.store.tables import RequestRow
from tests.scenarios.plans import creations
from tests.scenarios.ready_python import ReadyPython
from tests.scenarios.requests import Workers, decide, file, stored_plan

ROUNDS = 5
PEOPLE = tuple(f"person {number}" for number in range(8))


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Eight processes."""
    with Workers(8) as started:
        yield started


def kinds(view: RequestView) -> list[str]:
    """What happened, in order."""
    return [event.kind.value for event in view.events]


def decision(store: Store, request_id: int, person: str, *, approve: bool, needed: int = 1) -> dict[str, Any]:
    """The command to decide."""
    digest = store.requests.get(request_id).request.digest
    return {
        "do": "decide",
        "id": request_id,
        "person": person,
        "approve": approve,
        "digest": digest,
        "needed": needed,
    }


def assert_told_who_was_first(view: RequestView, answers: list[dict[str, Any]]) -> None:
    """One answer is the winner's; every other names the winner, the time and the outcome."""
    request = view.request
    assert request.decided is not None
    first = {
        "error": "AlreadyDecided",
        "by": request.decided_by,
        "state": request.state,
        "at": request.decided.isoformat(),
    }
    winners = [answer for answer in answers if "error" not in answer]
    assert winners == [{"state": request.state}]
    assert [answer for answer in answers if "error" in answer] == [first] * (len(answers) - 1)


def test_of_contradicting_decisions_one_wins(store_url: str, store: Store, workers: Workers) -> None:
    """Four approve and four deny at once: one decision, one event, one outcome, and everybody else learns of
    it.
    """
    for number in range(ROUNDS):
        request_id = file(store, run_id=f"run {number}").id
        commands = [
            decision(store, request_id, person, approve=place % 2 == 0) for place, person in enumerate(PEOPLE)
        ]
        answers = workers.at_once(store_url, *commands)
        view = store.requests.get(request_id)
        assert_told_who_was_first(view, answers)
        (only,) = view.decisions
        assert view.request.state == ("approved" if only.agreed else "denied")
        assert (only.person.name, only.at) == (view.request.decided_by, view.request.decided)
        assert kinds(view) == ["filed", view.request.state]


def test_a_quorum_counts_exactly(store_url: str, store: Store, workers: Workers) -> None:
    """Eight approve at once where three are needed: the third decides, five are told, no vote is lost or
    counted twice.
    """
    for number in range(ROUNDS):
        request_id = file(store, run_id=f"run {number}").id
        answers = workers.at_once(
            store_url, *(decision(store, request_id, each, approve=True, needed=3) for each in PEOPLE)
        )
        view = store.requests.get(request_id)
        assert Counter(answer["state"] for answer in answers if "error" not in answer) == {
            "pending": 2,
            "approved": 1,
        }
        told = [answer for answer in answers if "error" in answer]
        assert [(each["error"], each["by"], each["state"]) for each in told] == [
            ("AlreadyDecided", view.request.decided_by, "approved")
        ] * 5
        assert len(view.decisions) == 3
        assert {each.person.name for each in view.decisions} == {
            event.actor for event in view.events if event.kind == "approved"
        }
        assert kinds(view) == ["filed", "approved", "approved", "approved"]
        assert [(event.data or {})["state"] for event in view.events[1:]] == [
            "pending",
            "pending",
            "approved",
        ]


def test_one_person_counts_once(store_url: str, store: Store, workers: Workers) -> None:
    """The same person approving eight times at once, in eight windows, is one vote of two."""
    request_id = file(store).id
    answers = workers.at_once(store_url, *[decision(store, request_id, "bea", approve=True, needed=2)] * 8)
    view = store.requests.get(request_id)
    assert view.request.state == "pending"
    assert [(each.person.name, each.agreed) for each in view.decisions] == [("bea", True)]
    assert sorted(answer.get("by", "") for answer in answers) == ["", *["bea"] * 7]


def test_a_quorum_and_a_denial(store_url: str, store: Store, workers: Workers) -> None:
    """Seven approve and one denies at once, three are needed: whichever it is, outcome, votes and events
    agree.
    """
    for number in range(ROUNDS):
        request_id = file(store, run_id=f"run {number}").id
        commands = [
            decision(store, request_id, each, approve=each != PEOPLE[number], needed=3) for each in PEOPLE
        ]
        answers = workers.at_once(store_url, *commands)
        view = store.requests.get(request_id)
        votes = [each.agreed for each in sorted(view.decisions, key=lambda each: each.at)]
        assert view.request.state in {"approved", "denied"}
        assert votes == (
            [True] * 3 if view.request.state == "approved" else [True] * (len(votes) - 1) + [False]
        )
        assert len([answer for answer in answers if "error" not in answer]) == len(votes)
        assert len(view.events) == 1 + len(votes)


def test_a_cancellation_and_approvals(store_url: str, store: Store, workers: Workers) -> None:
    """The requester cancels while seven approve: it is cancelled without a vote, or approved by one."""
    for number in range(ROUNDS):
        request_id = file(store, run_id=f"run {number}").id
        cancel = {"do": "cancel", "id": request_id, "person": "ida"}
        commands = [cancel, *(decision(store, request_id, each, approve=True) for each in PEOPLE[1:])]
        answers = workers.at_once(store_url, *(commands if number % 2 else reversed(commands)))
        view = store.requests.get(request_id)
        assert_told_who_was_first(view, answers)
        assert view.request.state in {"approved", "cancelled"}
        assert len(view.decisions) == (view.request.state == "approved")
        assert kinds(view) == ["filed", view.request.state]


def test_a_cancellation_and_those_who_apply(store_url: str, store: Store, workers: Workers) -> None:
    """An approved request is cancelled while seven tasks begin to apply it: all of them may write, or none
    ever.
    """
    for number in range(ROUNDS):
        request_id = file(store, run_id=f"run {number}").id
        digest = decide(store, request_id).request.digest
        cancel = {"do": "cancel", "id": request_id, "person": "ida", "even_approved": True}
        commands = [cancel, *[{"do": "claim", "id": request_id, "digest": digest}] * 7]
        answers = workers.at_once(store_url, *(commands if number % 2 else reversed(commands)))
        request = store.requests.get(request_id).request
        began = store.plans.load(request.plan_id).apply_started is not None
        assert request.state == ("approved" if began else "cancelled")
        outcomes = Counter(answer.get("error") or answer["state"] for answer in answers)
        assert outcomes == (
            {"approved": 7, "AlreadyDecided": 1} if began else {"NotDecidable": 7, "cancelled": 1}
        )


def test_equal_plans_filed_at_once_are_one_request(store_url: str, store: Store, workers: Workers) -> None:
    """Eight runs with the same plan file at once: one is new, the others refer to it."""
    for number in range(ROUNDS):
        plans = [
            stored_plan(store, creations(number + 1), run_id=f"run {number} {each}") for each in range(8)
        ]
        answers = workers.at_once(store_url, *({"do": "file", "plan": each} for each in plans))
        assert len({answer["id"] for answer in answers}) == 1
        store.decisions.cancel(answers[0]["id"], "")
        assert Counter(answer["filing"] for answer in answers) == {"new": 1, "same_as_pending": 7}


def test_different_plans_filed_at_once_leave_one_pending(
    store_url: str, store: Store, workers: Workers
) -> None:
    """Eight runs with different plans file at once: a chain in which each is stale because of the next, and
    one is pending.
    """
    plans = [stored_plan(store, creations(each + 1), run_id=f"run {each}") for each in range(8)]
    answers = workers.at_once(store_url, *({"do": "file", "plan": each} for each in plans))
    assert Counter(answer["filing"] for answer in answers) == {"new": 1, "replaces": 7}
    requests = {request.id: request for request in store.requests.all().requests}
    assert len(requests) == 8
    (pending,) = (request.id for request in requests.values() if request.state == "pending")
    chain = [next(answer["id"] for answer in answers if answer["filing"] == "new")]
    while (successor := requests[chain[-1]].successor) is not None:
        assert requests[chain[-1]].state == "stale"
        assert {"id": successor, "filing": "replaces", "replaced": chain[-1]} in answers
        chain.append(successor)
    assert len(chain) == 8
    assert chain[-1] == pending


def test_a_newer_plan_and_approvals(store_url: str, store: Store, workers: Workers) -> None:
    """A newer plan is filed while seven approve the older one: approved, with a second request, or stale
    without a vote.
    """
    for number in range(ROUNDS):
        older = file(store, number + 1, run_id=f"run {number}").id
        newer = {"do": "file", "plan": stored_plan(store, creations(number + 20), run_id=f"later {number}")}
        commands = [newer, *(decision(store, older, each, approve=True) for each in PEOPLE[1:])]
        answers = workers.at_once(store_url, *(commands if number % 2 else reversed(commands)))
        (filed,) = (answer for answer in answers if "filing" in answer)
        view = store.requests.get(older)
        assert store.requests.get(filed["id"]).request.state == "pending"
        if view.request.state == "stale":
            assert (filed["replaced"], view.request.successor) == (older, filed["id"])
            assert (view.decisions, kinds(view)) == ((), ["filed", "stale"])
            told = {(answer.get("by"), answer.get("state")) for answer in answers if "filing" not in answer}
            assert told == {("", "stale")}
        else:
            assert_told_who_was_first(view, [answer for answer in answers if "filing" not in answer])
            assert (filed["filing"], view.request.successor) == ("new", None)
            assert kinds(view) == ["filed", "approved"]
        store.decisions.cancel(filed["id"], "")


def test_a_level_is_asked_once(store_url: str, store: Store, workers: Workers) -> None:
    """Eight sweeps that escalate at once ask the next level once."""
    request_id = file(store).id
    answers = workers.at_once(store_url, *[{"do": "escalate", "id": request_id}] * 8)
    assert Counter(answer["done"] for answer in answers) == {True: 1, False: 7}
    assert kinds(store.requests.get(request_id)) == ["filed", "escalated"]


DECIDE_AND_HANG = """
import sys, time
from directory_sync.store.store import Store
from tests.scenarios.requests import quorum
with Store.open(sys.argv[1]) as store:
    digest = store.requests.get(int(sys.argv[2])).request.digest
    def hang(view, decisions):
        print("deciding", flush=True)
        time.sleep(60)
    store.decisions.decide(int(sys.argv[2]), "bea", roles=[], verified=True, approve=True, expected_digest=digest, evaluate=hang)
"""  # noqa: E501


def test_a_process_killed_while_it_decides_leaves_nothing(store_url: str, store: Store) -> None:
    """Killed before its transaction ended, it has decided nothing and is in nobody's way."""
    request_id = file(store).id
    before = store.requests.get(request_id)
    process = ReadyPython(["-c", DECIDE_AND_HANG, store_url, str(request_id)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == "deciding\n"
    process.kill()
    process.communicate()
    assert store.requests.get(request_id) == before
    began = time.monotonic()
    assert decide(store, request_id, approve=False).request.state == "denied"
    assert time.monotonic() - began < 20


DECIDE_ALL = """
import sys
from directory_sync.store.store import Store
from tests.scenarios.requests import decide
with Store.open(sys.argv[1]) as store:
    print("ready", flush=True)
    for request_id in range(int(sys.argv[2]), int(sys.argv[3]) + 1):
        decide(store, request_id)
        print(request_id, flush=True)
"""


def test_a_process_killed_at_any_moment_leaves_all_or_nothing(store_url: str, store: Store) -> None:
    """Each request is decided with vote, event and state, or untouched; what was reported as done is done."""
    ids = [file(store, 1, run_id=f"run {number}", name=f"crew_{number}").id for number in range(150)]
    pending = ids
    while len(pending) > 50:
        process = ReadyPython(
            ["-c", DECIDE_ALL, store_url, str(pending[0]), str(ids[-1])], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        reported = [process.stdout.readline() for _ in range(1 + 20 + len(pending) % 7)]
        process.kill()
        reported += process.communicate()[0].splitlines()
        views = [store.requests.get(request_id) for request_id in ids]
        for view in views:
            votes, happened = [each.person.name for each in view.decisions], kinds(view)
            assert (view.request.state, votes, happened) in [
                ("pending", [], ["filed"]),
                ("approved", ["bea"], ["filed", "approved"]),
            ]
        pending = [view.request.id for view in views if view.request.pending]
        assert not {int(each) for each in reported if each.strip().isdigit()} & set(pending)
    with store._database.read() as connection:
        assert set(connection.scalars(select(RequestRow.id).where(RequestRow.live_key.is_not(None)))) == set(
            pending
        )
