"""Asks many servers at once, each for a bounded time only."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_parallel(
    ask: Callable[[Item], Answer], items: Sequence[Item], *, seconds: float
) -> Iterator[tuple[Item, Answer | Exception | None]]:
    """Yield each item with its answer, or the error that asking raised, in the order of the items; None for
    one that has not answered in this time.

    What has not answered is left behind in a thread that does not keep the process from ending.
    """
    answers: queue.SimpleQueue[tuple[int, Answer | Exception]] = queue.SimpleQueue()

    def answer(place: int, item: Item) -> None:
        try:
            answers.put((place, ask(item)))
        except Exception as error:  # noqa: BLE001 - it is told with its item
            answers.put((place, error))

    for place, item in enumerate(items):
        threading.Thread(target=answer, args=(place, item), name=f"asks {item}", daemon=True).start()
    found: dict[int, Answer | Exception] = {}
    deadline = time.monotonic() + seconds
    while len(found) < len(items):
        try:
            place, given = answers.get(timeout=max(deadline - time.monotonic(), 0.001))
        except queue.Empty:
            break
        found[place] = given
    yield from ((item, found.get(place)) for place, item in enumerate(items))
