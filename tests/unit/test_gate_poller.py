"""The one look at the store for all gates that wait: how often it looks, and that nobody is lost."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
import time
from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest

from directory_sync.airflow import gate_poller
from directory_sync.airflow.gate_poller import GatePoller
from directory_sync.errors import StoreError

INTERVAL = 0.02
_CURRENT = contextvars.ContextVar("current", default="nobody")


class Requests:
    """A store of which only the decisions matter, and whether mail is due.

    Attributes:
        decided: what it says.
        due: requests about which mail is due.
        asked: each time, the requests it was asked about.
        failures: what it raises instead of answering, one after another.
    """

    def __init__(self) -> None:
        self.decided: dict[int, str] = {}
        self.due: set[int] = set()
        self.asked: list[list[int]] = []
        self.failures: list[Exception] = []
        self.opened = 0
        self.closed = 0
        self.slow = 0.0
        self.requests = self.outbox = self

    def open(self) -> Requests:
        self.opened += 1
        return self

    def close(self) -> None:
        self.closed += 1

    def decided_among(self, request_ids: list[int]) -> Mapping[int, str]:
        assert threading.current_thread() is not threading.main_thread(), (
            "the event loop must not wait for a database"
        )
        self.asked.append(list(request_ids))
        time.sleep(self.slow)
        if self.failures:
            raise self.failures.pop(0)
        return {number: self.decided[number] for number in request_ids if number in self.decided}

    def mail_due_among(self, request_ids: list[int], *, max_age: timedelta) -> Collection[int]:
        assert max_age > timedelta(days=1)
        return self.due & set(request_ids)


@pytest.fixture
def requests() -> Requests:
    return Requests()


@pytest.fixture
def poller(requests: Requests) -> GatePoller:
    return GatePoller(requests.open, lambda: INTERVAL)


def _has_task(name: str) -> bool:
    return any(task.get_name() == name for task in asyncio.all_tasks())


async def settled(poller: GatePoller) -> None:
    """Wait until the poller has ended by itself, and has closed what it opened."""
    async with asyncio.timeout(5):
        while poller._looking is not None or _has_task("gate poller"):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def begun(requests: Requests, looks: int = 1) -> None:
    """Wait until it has looked so often."""
    async with asyncio.timeout(5):
        while len(requests.asked) < looks:  # noqa: ASYNC110 nothing tells
            await asyncio.sleep(0.005)


def test_a_thousand_gates_cost_one_query_per_look(requests: Requests, poller: GatePoller) -> None:
    """However many wait, each look asks once about all of them, and each gets its own answer."""
    numbers = range(1, 1001)

    async def run() -> list[str]:
        waiting = [asyncio.create_task(poller.decision(number)) for number in numbers]
        await begun(requests, 3)
        assert all(asked == list(numbers) for asked in requests.asked)
        requests.decided = {number: "approved" if number % 2 else "denied" for number in numbers}
        answers = await asyncio.wait_for(asyncio.gather(*waiting), 5)
        await settled(poller)
        return answers

    answers = asyncio.run(run())
    assert answers == ["approved" if number % 2 else "denied" for number in numbers]
    assert (requests.opened, requests.closed) == (1, 1)


def test_two_gates_of_one_request_both_go_on(requests: Requests, poller: GatePoller) -> None:
    """A gate that was cleared may wait twice for a moment; the request is asked about once."""

    async def run() -> list[str]:
        waiting = [asyncio.create_task(poller.decision(7)) for _ in range(2)]
        await begun(requests)
        requests.decided[7] = "approved"
        return await asyncio.wait_for(asyncio.gather(*waiting), 5)

    assert asyncio.run(run()) == ["approved", "approved"]
    assert requests.asked[0] == [7]


def test_a_decision_that_is_there_already_is_found_at_once(requests: Requests) -> None:
    """After a restart of the triggerer nobody is told what has happened meanwhile: it is looked up, without a
    pause before.
    """
    requests.decided[7] = "denied"
    poller = GatePoller(requests.open, lambda: 3600.0)
    assert asyncio.run(asyncio.wait_for(poller.decision(7), 5)) == "denied"


def test_who_is_cancelled_is_forgotten_and_the_last_one_ends_the_looking(
    requests: Requests, poller: GatePoller
) -> None:
    """A gate that was cleared is not asked about any more; with nobody waiting nobody looks, and the store is
    closed.
    """

    async def run() -> None:
        first, second = (asyncio.create_task(poller.decision(number)) for number in (1, 2))
        await begun(requests)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        looks = len(requests.asked)
        await begun(requests, looks + 2)
        assert requests.asked[-1] == [2]
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await settled(poller)
        looks = len(requests.asked)
        await asyncio.sleep(5 * INTERVAL)
        assert len(requests.asked) == looks

    asyncio.run(run())
    assert (requests.opened, requests.closed) == (1, 1)


def test_who_comes_while_the_last_one_goes_is_not_lost(requests: Requests, poller: GatePoller) -> None:
    """Gates come and go at any moment, also while the looking ends or a slow look is under way."""
    requests.slow = 0.005

    async def visit(number: int) -> str:
        await asyncio.sleep(number % 17 * 0.003)
        requests.decided[number] = "approved"
        return await poller.decision(number)

    async def run() -> list[str]:
        answers: list[str] = []
        for start in range(0, 60, 20):
            answers += await asyncio.wait_for(
                asyncio.gather(*(visit(number) for number in range(start, start + 20))), 10
            )
            await asyncio.sleep(INTERVAL / 2)
        await settled(poller)
        return answers

    assert asyncio.run(run()) == ["approved"] * 60
    assert requests.opened == requests.closed


def test_a_store_that_does_not_answer_is_asked_again_with_growing_pauses(
    requests: Requests, poller: GatePoller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises: the log says so without a word lost, nobody's waiting fails, and in the end the
    answer comes.
    """
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def counting(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    requests.failures = [
        StoreError("store sqlite:////x.db: disk I/O error."),
        ValueError("?"),
        *(OSError() for _ in range(8)),
    ]
    requests.decided[7] = "approved"
    caplog.set_level(logging.INFO, logger="directory_sync")
    monkeypatch.setattr(gate_poller.asyncio, "sleep", counting)
    assert asyncio.run(asyncio.wait_for(poller.decision(7), 5)) == "approved"
    assert pauses == [1, 2, 4, 8, 15, 15, 15, 15, 15, 15]
    assert "StoreError: store sqlite:////x.db: disk I/O error." in caplog.text
    assert "nothing is lost" in caplog.text
    assert "answers again" in caplog.text


def test_a_store_that_cannot_be_opened_is_opened_later(requests: Requests) -> None:
    """A triggerer may start before its database does."""
    tries: list[int] = []

    def open_store() -> Requests:
        tries.append(1)
        if len(tries) == 1:
            raise StoreError("not there")
        return requests.open()

    requests.decided[7] = "approved"
    assert (
        asyncio.run(asyncio.wait_for(GatePoller(open_store, lambda: INTERVAL).decision(7), 5)) == "approved"
    )
    assert len(tries) == 2


def test_what_it_logs_belongs_to_no_task(requests: Requests) -> None:
    """Airflow sorts log lines into task logs by context: the first gate's log must not fill with what
    concerns all.
    """
    seen: list[str] = []

    def interval() -> float:
        seen.append(_CURRENT.get())
        return INTERVAL

    async def run() -> str:
        _CURRENT.set("the gate that came first")
        requests.decided[7] = "approved"
        return await GatePoller(requests.open, interval).decision(7)

    assert asyncio.run(run()) == "approved"
    assert seen == ["nobody"]


def test_each_event_loop_has_its_own(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """A future belongs to one loop; loops that have ended leave nothing behind."""
    monkeypatch.setattr(gate_poller, "_open_store", requests.open)
    monkeypatch.setattr(gate_poller, "_interval", lambda: INTERVAL)
    requests.decided[7] = "approved"
    for _ in range(3):
        assert asyncio.run(gate_poller.decision(7)) == "approved"
    assert len(gate_poller._pollers) == 1
    gate_poller._pollers.clear()


def test_a_gate_is_told_of_mail_that_nobody_sends(requests: Requests) -> None:
    """Its request waits on; a decision counts more than mail."""

    async def run() -> list[str]:
        poller = GatePoller(requests.open, lambda: INTERVAL, lambda: True)
        waiting = [asyncio.create_task(poller.decision(number)) for number in (1, 2, 3)]
        await begun(requests)
        requests.decided[2] = "denied"
        requests.due = {1, 2}
        answers = await asyncio.wait_for(asyncio.gather(*waiting[:2]), 5)
        assert not waiting[2].done()
        waiting[2].cancel()
        return answers

    assert asyncio.run(run()) == [gate_poller.MAIL, "denied"]


def test_mail_that_stays_due_keeps_no_task_busy(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a setting is wrong, or nothing sends mail: the gate waits on, and is told again after a
    while.
    """
    requests.due = {7}

    async def run(mails: bool) -> list[str]:
        poller = GatePoller(requests.open, lambda: INTERVAL, lambda: mails)
        answers = []
        for _ in range(2):
            try:
                answers.append(await asyncio.wait_for(poller.decision(7), 10 * INTERVAL))
            except TimeoutError:
                answers.append("waits")
        return answers

    assert asyncio.run(run(mails=False)) == ["waits", "waits"]
    assert asyncio.run(run(mails=True)) == [gate_poller.MAIL, "waits"]
    assert gate_poller.MAIL_PAUSE < 60
    monkeypatch.setattr(gate_poller, "MAIL_PAUSE", INTERVAL)
    assert asyncio.run(run(mails=True)) == [gate_poller.MAIL, gate_poller.MAIL]


def test_all_gates_of_a_loop_share_one(requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    """Gates do not know each other, and yet are asked about together."""
    monkeypatch.setattr(gate_poller, "_open_store", requests.open)
    monkeypatch.setattr(gate_poller, "_interval", lambda: INTERVAL)

    async def run() -> list[str]:
        waiting = [asyncio.create_task(gate_poller.decision(number)) for number in (1, 2, 3)]
        await begun(requests)
        requests.decided = dict.fromkeys((1, 2, 3), "approved")
        return await asyncio.wait_for(asyncio.gather(*waiting), 5)

    assert asyncio.run(run()) == ["approved"] * 3
    assert requests.opened == 1
    assert requests.asked[0] == [1, 2, 3]
    gate_poller._pollers.clear()
