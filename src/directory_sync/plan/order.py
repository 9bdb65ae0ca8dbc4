"""The order in which a plan's changes are carried out, so that each finds what it needs.

Rules, for changes X and Y on different objects:

* Y gives up the id that X takes: Y first.
* X lands below the id that Y creates or moves to: Y first.
* X's object is now below the id that Y gives up: X first (children before their container is renamed or deleted). That counts
  alone where X lands below the same container's new id, for it stays where it is while its container is renamed around it.
* X's values name an object that Y creates: Y first; in a circle those values are written late.

Where no rule says anything: creations (parents first), then renames, moves and updates, deletions last (leaves first).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from directory_sync.endpoints.change import Action

_PHASES = {Action.CREATE: 0, Action.MOVE: 1, Action.UPDATE: 1, Action.DISABLE: 1, Action.DELETE: 2}


class Node(NamedTuple):
    """What ordering needs to know of one change. All ids are normalised.

    Attributes:
        action: the kind of change.
        now: the object's id now; None for a creation.
        then: its id afterwards; None for a deletion.
        references: ids that its new values name.
    """

    action: Action
    now: str | None
    then: str | None
    references: tuple[str, ...] = ()

    @property
    def vacates(self) -> str | None:
        """The id that is free afterwards."""
        return self.now if self.now != self.then else None

    @property
    def occupies(self) -> str | None:
        """The id that was not this object's before."""
        return self.then if self.now != self.then else None


@dataclass(frozen=True, slots=True)
class Order:
    """The result of ordering.

    Attributes:
        sequence: indices of the nodes in the order to carry out.
        late: indices whose references form a circle; they are to be written after everything else.
        circular: indices that exchange their ids in a circle; they cannot be carried out in any order.
    """

    sequence: list[int]
    late: frozenset[int]
    circular: frozenset[int]


def order(nodes: Sequence[Node], parent: Callable[[str], str | None]) -> Order:
    """Order changes by the rules above. `parent` gives the normalised id of an id's container, None at the top."""
    above = _Above(parent)
    keys = [_sort_key(node, above) for node in nodes]
    hard, soft = _edges(nodes, above)
    late: set[int] = set()
    circular: set[int] = set()
    sequence: list[int] = []
    # The circle-free part comes out of the first pass; each further pass gives up the weakest edges of what is left.
    remaining = set(range(len(nodes)))
    active_soft = dict(soft)
    while remaining:
        sequence.extend(_pass(remaining, keys, hard, active_soft))
        if not remaining:
            break
        stuck = {index for index in _on_circles(remaining, hard, active_soft) if active_soft.get(index)}
        if stuck:
            # One at a time, so that only as many values are written late as the circle needs.
            first = min(stuck, key=keys.__getitem__)
            late.add(first)
            del active_soft[first]
        else:
            on_circle = _on_circles(remaining, hard, {})
            circular |= on_circle
            remaining -= on_circle
    return Order(sequence, frozenset(late), frozenset(circular))


class _Above:
    """The containers above an id, nearest first. Many objects share few containers, so those are walked up once each."""

    def __init__(self, parent: Callable[[str], str | None]) -> None:
        self._parent = parent
        self._above: dict[str | None, tuple[str, ...]] = {None: ()}

    def __call__(self, identifier: str) -> tuple[str, ...]:
        container = self._parent(identifier)
        known = self._above.get(container)
        if known is None:
            assert container is not None
            known = self._above[container] = (container, *self(container))
        return known


def _sort_key(node: Node, above: _Above) -> tuple[int, int, str]:
    identifier = node.then if node.now is None else node.now
    assert identifier is not None
    depth = len(above(identifier))
    return (_PHASES[node.action], -depth if node.action is Action.DELETE else depth, identifier)


def _edges(nodes: Sequence[Node], above: _Above) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """For each node the nodes that come before it: by structure (hard) and by reference (soft)."""
    vacated: dict[str, int] = {}
    occupied: dict[str, int] = {}
    for index, (_, now, then, _) in enumerate(nodes):
        if now != then:
            if now is not None:
                vacated[now] = index
            if then is not None:
                occupied[then] = index
    soft: dict[int, set[int]] = {}
    for index, node in enumerate(nodes):
        if node.references:
            found = {occupied[reference] for reference in node.references if reference in occupied} - {index}
            if found:
                soft[index] = found
    return _structure(nodes, vacated, occupied, above), soft


def _structure(
    nodes: Sequence[Node], vacated: Mapping[str, int], occupied: Mapping[str, int], above: _Above
) -> dict[int, set[int]]:
    # Of the containers above an object only those matter that the plan itself touches: mostly none.
    gone, made = _Touched(vacated, above), _Touched(occupied, above)
    hard: dict[int, set[int]] = defaultdict(set)
    for index, (_, now, then, _) in enumerate(nodes):
        if then is not None and now != then:
            around = () if now is None or not vacated else gone.above(now)
            landing = [before for before in made.above(then) if before not in around]
            for before in (*landing, vacated.get(then, index)):
                if before != index:
                    hard[index].add(before)
        if vacated and now is not None:
            for after in gone.above(now):
                if after != index:
                    hard[after].add(index)
    return hard


class _Touched:
    """The changes that give or take the id of a container above an object."""

    def __init__(self, changes: Mapping[str, int], above: _Above) -> None:
        self._changes = changes
        self._containers = above
        self._known: dict[tuple[str, ...], tuple[int, ...]] = {}

    def above(self, identifier: str) -> tuple[int, ...]:
        containers = self._containers(identifier)
        known = self._known.get(containers)
        if known is None:
            found = (self._changes.get(container) for container in containers)
            known = self._known[containers] = tuple(index for index in found if index is not None)
        return known


def _pass(
    remaining: set[int],
    keys: Sequence[tuple[int, int, str]],
    hard: dict[int, set[int]],
    soft: dict[int, set[int]],
) -> Iterator[int]:
    """Take out of `remaining` everything that can be ordered (Kahn's algorithm), smallest key first."""
    waiting: dict[int, int] = {}
    followers: dict[int, list[int]] = defaultdict(list)
    ready: list[tuple[tuple[int, int, str], int]] = []
    for index in remaining:
        before = {i for i in (*hard.get(index, ()), *soft.get(index, ())) if i in remaining}
        for i in before:
            followers[i].append(index)
        if before:
            waiting[index] = len(before)
        else:
            ready.append((keys[index], index))
    ready.sort()
    if not followers:
        # Nothing depends on anything, as in nearly every plan.
        remaining.clear()
        yield from (index for _, index in ready)
        return
    while ready:  # a sorted list is a heap
        _, index = heapq.heappop(ready)
        remaining.discard(index)
        yield index
        for follower in followers.get(index, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (keys[follower], follower))


def _on_circles(remaining: set[int], hard: dict[int, set[int]], soft: dict[int, set[int]]) -> set[int]:
    """The nodes that lie on a circle: strip, again and again, those that nobody in the set has to wait for."""
    predecessors = {index: {i for i in (*hard.get(index, ()), *soft.get(index, ())) if i in remaining} for index in remaining}
    needed: dict[int, int] = defaultdict(int)
    for before in predecessors.values():
        for i in before:
            needed[i] += 1
    circle = set(remaining)
    loose = [index for index in remaining if not needed[index]]
    while loose:
        index = loose.pop()
        circle.discard(index)
        for i in predecessors[index]:
            needed[i] -= 1
            if not needed[i]:
                loose.append(i)
    return circle
