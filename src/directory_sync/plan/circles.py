"""Circles in a graph of changes that wait for each other. Knows nothing of what the changes are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet

Before = Callable[[int], Iterable[int]]
"""Those that a node waits for."""


def circles(among: AbstractSet[int], before: Before) -> list[set[int]]:
    """The largest sets of nodes that wait for each other in circles (strongly connected components, Tarjan
    1972).
    """
    search = _Search(among, before)
    for root in sorted(among):
        if root not in search.numbers:
            search.walk(root)
    return search.found


class _Search:
    def __init__(self, among: AbstractSet[int], before: Before) -> None:
        self.numbers: dict[int, int] = {}
        self.found: list[set[int]] = []
        self._among = among
        self._before = before
        self._lowest: dict[int, int] = {}
        self._open: list[int] = []
        self._is_open: set[int] = set()

    def walk(self, root: int) -> None:
        """Visit everything that can be reached from here.

        Without recursion: a chain may be as long as a plan.
        """
        work = [(root, self._enter(root))]
        while work:
            node, rest = work[-1]
            for following in rest:
                if following not in self.numbers:
                    work.append((following, self._enter(following)))
                    break
                if following in self._is_open:
                    self._lowest[node] = min(self._lowest[node], self.numbers[following])
            else:
                work.pop()
                if work:
                    above = work[-1][0]
                    self._lowest[above] = min(self._lowest[above], self._lowest[node])
                if self._lowest[node] == self.numbers[node]:
                    self._close(node)

    def _enter(self, node: int) -> Iterator[int]:
        self.numbers[node] = self._lowest[node] = len(self.numbers)
        self._open.append(node)
        self._is_open.add(node)
        return iter([each for each in self._before(node) if each in self._among])

    def _close(self, node: int) -> None:
        place = len(self._open) - 1
        while self._open[place] != node:
            place -= 1
        members = set(self._open[place:])
        del self._open[place:]
        self._is_open -= members
        if len(members) > 1:
            self.found.append(members)


def closing_edges(start: int, before: Before) -> Iterator[tuple[list[int], int]]:
    """Walk once through everything that `start` waits for; yield each circle that closes: the path to here,
    and where it began.

    Taking away one edge of each of these circles leaves no circle, or fewer. The path is valid until the next
    step only.
    """
    path: list[int] = [start]
    place = {start: 0}
    done: set[int] = set()
    work = [iter(list(before(start)))]
    while work:
        following = next(work[-1], None)
        if following is None:
            work.pop()
            node = path.pop()
            del place[node]
            done.add(node)
        elif following in place:
            yield path, place[following]
        elif following not in done:
            place[following] = len(path)
            path.append(following)
            work.append(iter(list(before(following))))
