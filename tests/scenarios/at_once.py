"""Actions that race each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from directory_sync.errors import CollectionError


def at_once(*actions: Callable[[], object]) -> list[object]:
    """What each gives or raises, when all begin at the same moment."""
    barrier = threading.Barrier(len(actions))

    def act(action: Callable[[], object]) -> object:
        barrier.wait()
        try:
            return action()
        except CollectionError as error:
            return error

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(act, actions))
