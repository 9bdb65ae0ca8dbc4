"""A process with many waiting gates, as a triggerer has them: says what its looks at the store cost, and how
soon gates go on.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine, event

from benchmarks.large_requests import APPROVER
from directory_sync.store.requests import Requests
from directory_sync.store.store import Store
from tests.scenarios.requests import decide

_GATE = {"dag_id": "staff_0", "run_id": "run 1", "task_id": "job_0.approval"}


class Looks:
    """Counts what is asked of the store in this process.

    Attributes:
        count: looks that are over.
        statements: SQL statements, without those that begin and end transactions.
    """

    def __init__(self) -> None:
        self.count = self.statements = 0
        self._awaited: tuple[int, threading.Event] | None = None
        ask: Callable[[Requests, list[int]], Mapping[int, str]] = Requests.decided_among

        def counted(requests: Requests, ids: list[int]) -> Mapping[int, str]:
            try:
                return ask(requests, ids)
            finally:
                self._count()

        setattr(Requests, "decided_among", counted)  # noqa: B010 - a method is replaced, for this process only
        event.listen(Engine, "before_cursor_execute", self._note)

    async def more(self, number: int) -> None:
        """Wait, without taking any CPU meanwhile, until there were so many more looks."""
        reached = threading.Event()
        self._awaited = (self.count + number, reached)
        await asyncio.to_thread(reached.wait)

    def _count(self) -> None:
        self.count += 1
        if self._awaited is not None and self.count >= self._awaited[0]:
            self._awaited[1].set()

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        self.statements += not statement.startswith("BEGIN")


async def shared(order: Mapping[str, Any]) -> dict[str, float]:
    """Let so many gates wait with the one poller; the CPU and the statements of one look, the memory of one
    gate.
    """
    looks = Looks()
    waiting = await _wait_for(order["ids"][:1])
    await looks.more(2)  # the first one imports and opens the store
    before = _resident()
    waiting += await _wait_for(order["ids"][1:])
    await looks.more(2)
    memory = _resident() - before
    statements, count, cpu = looks.statements, looks.count, time.process_time()
    await looks.more(order["looks"])
    cpu, count, statements = time.process_time() - cpu, looks.count - count, looks.statements - statements
    await _end(waiting)
    return {"cpu": cpu / count, "statements": statements / count, "memory": memory / len(order["ids"])}


async def alone(order: Mapping[str, Any]) -> dict[str, float]:
    """The naive way: each gate asks for itself, in a thread. The CPU of one round over all of them."""
    with Store.open(order["url"]) as store:
        store.requests.decided_among(order["ids"][:1])
        cpu = time.process_time()
        await asyncio.gather(
            *(asyncio.to_thread(store.requests.decided_among, [request]) for request in order["ids"])
        )
        return {"cpu": time.process_time() - cpu}


async def resume(order: Mapping[str, Any]) -> dict[str, Any]:
    """Seconds from each of some decisions, made at any moment, until its gate goes on; the other gates wait
    on.
    """
    decided: dict[int, float] = {}
    resumed: dict[int, float] = {}
    waiting = await _wait_for(order["ids"], lambda request: resumed.setdefault(request, time.perf_counter()))
    chosen = random.Random(1).sample(  # noqa: S311 - any will do
        order["ids"], order["decisions"]
    )

    def act() -> None:
        chance = random.Random(2)  # noqa: S311 - the same moments each time
        with Store.open(order["url"]) as store:
            for request in chosen:
                time.sleep(chance.uniform(0, 2 * order["over"] / len(chosen)))
                decide(store, request, APPROVER)
                decided[request] = time.perf_counter()

    thread = threading.Thread(target=act)
    thread.start()
    end = time.monotonic() + 4 * order["over"] + 60
    while len(resumed) < len(chosen):
        if time.monotonic() > end:
            raise TimeoutError(f"{len(resumed)} of {len(chosen)} gates went on")
        await asyncio.sleep(0.005)
    thread.join()
    await _end(waiting)
    return {"seconds": sorted(resumed[request] - decided[request] for request in chosen)}


async def _wait_for(
    ids: Sequence[int], on: Callable[[int], object] = lambda request: None
) -> list[asyncio.Task[None]]:
    from directory_sync.airflow.gate_trigger import GateTrigger

    async def wait(request: int) -> None:
        async for fired in GateTrigger(request=request, **_GATE).run():
            on(fired.payload["request"])

    waiting = [asyncio.create_task(wait(request)) for request in ids]
    await asyncio.sleep(0)
    return waiting


async def _end(waiting: Sequence[asyncio.Task[None]]) -> None:
    for task in waiting:
        task.cancel()
    for task in waiting:
        with suppress(asyncio.CancelledError):
            await task


def _resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - nothing else is to be allocated here
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


_KINDS = {"shared": shared, "alone": alone, "resume": resume}

if __name__ == "__main__":
    given = json.load(sys.stdin)
    print(json.dumps(asyncio.run(_KINDS[sys.argv[1]](given))), flush=True)
