"""The very moment at which a request expires: people decide, sweeps expire, gates look, all at once.

On both stores.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from directory_sync.airflow.gate_poller import GatePoller
from directory_sync.approval.request import RequestView
from directory_sync.store.store import Store
from tests.scenarios.requests import Workers, file

ROUNDS = 60
PEOPLE = ("ann", "ben", "cid", "dan", "eve")


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """Eight processes."""
    with Workers(8) as started:
        yield started


def test_an_expiry_and_decisions_at_the_same_moment(store_url: str, store: Store, workers: Workers) -> None:
    """Exactly one wins, and everybody else is told; nothing is approved after its time, and the gate goes by
    the store.

    The moment is moved from round to round, until it was before, after and among the decisions.
    """
    seen: Counter[str] = Counter()
    milliseconds = 110
    for number in range(ROUNDS):
        request_id = file(
            store, run_id=f"run {number}", expires_after=timedelta(milliseconds=milliseconds)
        ).id
        digest = store.requests.get(request_id).request.digest
        decide = {"do": "decide", "id": request_id, "digest": digest}
        commands = [decide | {"person": person, "approve": person != "dan"} for person in PEOPLE]
        commands += [{"do": "expire"}] * 3
        with ThreadPoolExecutor(1) as pool:
            gate = pool.submit(gate_of, store_url, request_id)
            answers = workers.at_once(store_url, *(commands if number % 2 else reversed(commands)))
            view, found = gate.result(30)
        assert store.requests.get(request_id) == view
        assert_one_wins(view, [answer for answer in answers if "expired" not in answer])
        swept = [each for answer in answers for each in answer.get("expired", [])] + list(found)
        assert swept == [request_id] * (view.request.state == "expired")
        seen[view.request.state] += 1
        if number >= 15 and 0 < seen["expired"] < seen.total():
            break
        # Towards the moment at which it is not certain who comes first.
        milliseconds += 15 if view.request.state == "expired" else -5
    assert seen["expired"]
    assert seen["approved"] + seen["denied"]


def assert_one_wins(view: RequestView, answers: list[dict[str, Any]]) -> None:
    """Decided in time by the one person who was told so, or expired and everybody was told."""
    request = view.request
    assert request.expires is not None
    assert request.decided is not None
    winners = [answer for answer in answers if "error" not in answer]
    told = {(answer["error"], answer["by"], answer["state"]) for answer in answers if "error" in answer}
    if request.state == "expired":
        assert request.decided >= request.expires
        assert (winners, view.decisions, told) == ([], (), {("AlreadyDecided", "", "expired")})
    else:
        (only,) = view.decisions
        assert only.at < request.expires
        assert (only.person.name, only.at) == (request.decided_by, request.decided)
        assert winners == [{"state": "approved" if only.agreed else "denied"}]
        # Whoever comes late hears who was first, whether the time is over by then or not.
        assert told == {("AlreadyDecided", only.person.name, request.state)}
    assert [event.kind.value for event in view.events] == ["filed", request.state]


def gate_of(url: str, request_id: int) -> tuple[RequestView, tuple[int, ...]]:
    """Wait as a gate does, then look as a gate does; what it goes by, and what it has expired itself."""
    poller = GatePoller(lambda: Store.open(url), lambda: 0.002)
    swept: tuple[int, ...] = ()
    with Store.open(url) as store:
        while True:
            asyncio.run(asyncio.wait_for(poller.decision(request_id), 20))
            if store.requests.get(request_id).request.pending:
                swept += store.request_upkeep.expire()
            view = store.requests.get(request_id)
            if not view.request.pending:
                return view, swept
