"""Which changes have to come before which, for the sake of ids: those of the objects, of their containers,
and in values.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from directory_sync.endpoints.change import Action

_PHASES = {Action.CREATE: 0, Action.MOVE: 1, Action.UPDATE: 1, Action.DISABLE: 1, Action.DELETE: 2}

Key = tuple[int, int, str]
"""What decides where no rule says anything."""
Edges = dict[int, set[int]]
"""For each change those that come before it."""


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


class Above:
    """The containers above an id, nearest first.

    Many objects share few containers, so those are walked up once each.
    """

    def __init__(self, parent: Callable[[str], str | None]) -> None:
        self._parent = parent
        self._above: dict[str | None, tuple[str, ...]] = {None: ()}

    def __call__(self, identifier: str) -> tuple[str, ...]:
        """Those of this id."""
        container = self._parent(identifier)
        known = self._above.get(container)
        if known is None:
            assert container is not None
            known = self._above[container] = (container, *self(container))
        return known


def sort_key(node: Node, above: Above) -> Key:
    """By phase, then parents or leaves first, then by id."""
    identifier = node.then if node.now is None else node.now
    assert identifier is not None
    depth = len(above(identifier))
    return (_PHASES[node.action], -depth if node.action is Action.DELETE else depth, identifier)


def ids(nodes: Sequence[Node]) -> tuple[dict[str, int], dict[str, int]]:
    """Which node gives an id up, and which takes it."""
    vacated: dict[str, int] = {}
    occupied: dict[str, int] = {}
    for index, (_, now, then, _) in enumerate(nodes):
        if now != then:
            if now is not None:
                vacated[now] = index
            if then is not None:
                occupied[then] = index
    return vacated, occupied


def references(nodes: Sequence[Node], occupied: Mapping[str, int]) -> Edges:
    """For each node those that make what its values name."""
    soft: Edges = {}
    for index, node in enumerate(nodes):
        if node.references:
            found = {occupied[reference] for reference in node.references if reference in occupied} - {index}
            if found:
                soft[index] = found
    return soft


def structure(
    nodes: Sequence[Node], vacated: Mapping[str, int], occupied: Mapping[str, int], above: Above
) -> Edges:
    """For each node those that come before it for the sake of ids."""
    # Of the containers above an object only those matter that the plan itself touches: mostly none.
    gone, made = _Touched(vacated, above), _Touched(occupied, above)
    hard: Edges = defaultdict(set)
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

    def __init__(self, changes: Mapping[str, int], above: Above) -> None:
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
