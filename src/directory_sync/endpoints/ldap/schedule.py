"""Which changes may be underway at the same time.

Servers apply pipelined operations of one connection in any order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Schedule(Generic[T]):
    """Items in the order of their arrival, each held back until those it depends on are finished.

    An item depends on an earlier, unfinished one that touches the same object, one above or one below it, or
    one that it names in `after`.

    Args:
        ancestors: normalised ids of the containers above a normalised id.
    """

    def __init__(self, ancestors: Callable[[str], Sequence[str]]) -> None:
        self._ancestors = ancestors
        self._touching: dict[str, set[T]] = defaultdict(set)
        self._below: dict[str, set[T]] = defaultdict(set)
        self._places: dict[T, tuple[frozenset[str], frozenset[str]]] = {}
        self._waiting: dict[T, int] = {}
        self._followers: dict[T, list[T]] = defaultdict(list)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, item: T, touches: Iterable[str], after: Iterable[str] = ()) -> bool:
        """Take an item in. True if it may start now; otherwise `finish` of the last item it waits for returns
        it.

        Args:
            item: what waits or starts.
            touches: normalised ids of the objects it reads or writes, before and after.
            after: normalised ids of objects that have to be dealt with first.
        """
        touched = frozenset(touches)
        above = frozenset().union(*map(self._ancestors, touched))
        touching, below = self._touching, self._below
        before: set[T] = set()
        for name in touched:
            if name in touching:
                before |= touching[name]
            if name in below:
                before |= below[name]
        for name in (*above, *after):
            if name in touching:
                before |= touching[name]
        self._places[item] = (touched, above)
        for name in touched:
            touching[name].add(item)
        for name in above:
            below[name].add(item)
        for earlier in before:
            self._followers[earlier].append(item)
        if before:
            self._waiting[item] = len(before)
        return not before

    def finish(self, item: T) -> list[T]:
        """Let an item go. Returns those that may start now, in the order of their arrival."""
        touched, above = self._places.pop(item)
        for places, ids in ((self._touching, touched), (self._below, above)):
            for name in ids:
                items = places[name]
                items.discard(item)
                if not items:
                    del places[name]
        free = []
        for follower in self._followers.pop(item, ()):
            self._waiting[follower] -= 1
            if not self._waiting[follower]:
                del self._waiting[follower]
                free.append(follower)
        return free
