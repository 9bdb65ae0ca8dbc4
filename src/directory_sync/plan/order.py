"""The order in which a plan's changes are applied, so that each finds what it needs.

Rules, for changes X and Y on different objects:

* Y gives up the id that X takes: Y first.
* X lands below the id that Y creates or moves to: Y first.
* X's object is now below the id that Y gives up: X first (children before their container is renamed or
  deleted). That counts alone where X lands below the same container's new id, for it stays where it is while
  its container is renamed around it.
* X's values name an object that Y creates: Y first; in a circle those values are written late.
* X takes a value that Y gives up, and no other change does either (a handover): Y first, for a server may let
  only one object have it. In a circle X gives its old value up first and gets the new one late.

Objects that exchange their ids in a circle are applied by way of a temporary id for one of them.

Where no rule says anything: creations (parents first), then renames, moves and updates, deletions last
(leaves first).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

from directory_sync.plan.circles import circles, closing_edges
from directory_sync.plan.structure import Above, Edges, Key, Node, ids, references, sort_key, structure


class Handover(NamedTuple):
    """A value that one change of the plan gives up and one takes; `giver` and `taker` are indices of
    nodes.
    """

    giver: int
    taker: int
    field: str
    value: bytes


class Giver(NamedTuple):
    """A change that gives a value up: by its first step, or by the second one if it exchanges its id."""

    place: int
    is_second: bool = False


class Ways(Protocol):
    """What can be done about circles. Nothing is asked of a plan without any."""

    def matters(self, handover: Handover) -> bool:
        """Whether a server may let only one object have the value."""

    def may_be_late(self, handover: Handover) -> bool:
        """Whether the taker may be without a value for a while."""

    def names(self, index: int, handover: Handover) -> bool:
        """Whether the value is a part of the object's id: for the giver of the one that it has, for the taker
        of the new one.
        """

    def may_exchange(self, index: int) -> bool:
        """Whether there is a temporary id for the object."""


class NoWays:
    """Circles of ids cannot be applied, and those of values are left to chance."""

    def matters(self, handover: Handover) -> bool:  # noqa: ARG002
        """Yes."""
        return True

    def may_be_late(self, handover: Handover) -> bool:  # noqa: ARG002
        """No."""
        return False

    def names(self, index: int, handover: Handover) -> bool:  # noqa: ARG002
        """No."""
        return False

    def may_exchange(self, index: int) -> bool:  # noqa: ARG002
        """No."""
        return False


@dataclass(frozen=True, slots=True)
class Order:
    """The result of ordering.

    Attributes:
        sequence: indices of the nodes in the order to apply.
        late: indices whose references form a circle; they are to be written after everything else.
        circular: indices that exchange their ids in a circle; they cannot be applied in any order.
        exchanging: indices that get a temporary id at their place in the sequence, and their own as soon as
            that is free.
        after: index of a taker → the steps that give values up for it, before it.
        late_fields: index of a taker → fields that it gives up at its place in the sequence, and whose new
            values come late.
    """

    sequence: list[int]
    late: frozenset[int]
    circular: frozenset[int]
    exchanging: frozenset[int] = frozenset()
    after: Mapping[int, tuple[Giver, ...]] = field(default_factory=dict)
    late_fields: Mapping[int, frozenset[str]] = field(default_factory=dict)


def order(
    nodes: Sequence[Node],
    parent: Callable[[str], str | None],
    handovers: Sequence[Handover] = (),
    ways: Ways = NoWays(),  # noqa: B008 - has no state
) -> Order:
    """Order changes by the rules above.

    Args:
        nodes: the changes.
        parent: gives the normalised id of an id's container, None at the top.
        handovers: values that one change gives up and one takes.
        ways: what can be done about circles.
    """
    return _Ordering(nodes, parent, handovers, ways).result()


class _Ordering:
    """Everything that is free of circles comes out of the first pass; each further pass gives up the weakest
    edges of the rest.

    A node that exchanges its id is two: its own index, which gives its id up, and a second one past the end,
    which takes the new id and does everything else.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        parent: Callable[[str], str | None],
        handovers: Sequence[Handover],
        ways: Ways,
    ) -> None:
        self._nodes = nodes
        self._above = Above(parent)
        self._ways = ways
        self._keys = [sort_key(node, self._above) for node in nodes]
        self._vacated, occupied = ids(nodes)
        self._hard = structure(nodes, self._vacated, occupied, self._above)
        self._soft = references(nodes, occupied)
        self._values: dict[int, dict[int, list[Handover]]] = {}
        for handover in handovers:
            self._values.setdefault(handover.taker, {}).setdefault(handover.giver, []).append(handover)
        self._remaining = set(range(len(nodes)))
        self._seconds: dict[int, int] = {}
        self._firsts: dict[int, int] = {}
        self._late: set[int] = set()
        self._circular: set[int] = set()
        self._late_fields: dict[int, set[str]] = defaultdict(set)

    def result(self) -> Order:
        """Order everything."""
        sequence: list[int] = []
        while self._remaining:
            sequence += _pass(self._remaining, self._keys, (self._hard, self._soft, self._values))
            if not self._remaining:
                break
            by_structure = circles(self._remaining, lambda index: self._hard.get(index, ()))
            if by_structure:
                self._resolve_structure(by_structure)
            else:
                for circle in circles(self._remaining, self._before):
                    self._resolve(circle)
        # Where one takes the name that the other gives up, the order is certain already.
        given = {
            taker: sure
            for taker, givers in self._values.items()
            if (sure := [giver for giver in givers if giver not in self._hard.get(taker, ())])
        }
        return Order(
            [index for index in sequence if index < len(self._nodes) and index not in self._circular],
            frozenset(self._late),
            frozenset(self._circular),
            frozenset(self._seconds.keys() - self._circular),
            {
                self._first(taker): tuple(map(self._giver, sorted(givers, key=self._place)))
                for taker, givers in given.items()
            },
            {index: frozenset(fields) for index, fields in self._late_fields.items()},
        )

    def _place(self, index: int) -> tuple[Key, int]:
        return self._keys[index], index

    def _giver(self, index: int) -> Giver:
        return Giver(self._first(index), is_second=index in self._firsts)

    def _before(self, index: int) -> Iterator[int]:
        yield from self._hard.get(index, ())
        yield from self._soft.get(index, ())
        yield from self._values.get(index, ())

    def _first(self, index: int) -> int:
        """The node itself, whichever of its two steps is given."""
        return self._firsts.get(index, index)

    # -- circles of ids --------------------------------------------------------------------------------------

    def _resolve_structure(self, by_structure: Sequence[AbstractSet[int]]) -> None:
        chosen = []
        for circle in by_structure:
            exchange = self._exchange_within(circle)
            if exchange is None:
                self._circular.update(map(self._first, circle))
                self._remaining -= circle
            else:
                chosen.append(exchange)
        if chosen:
            self._split(chosen)

    def _exchange_within(self, circle: AbstractSet[int]) -> int | None:
        """One that can get a temporary id, of those that do nothing but hand their ids round."""
        walked: set[int] = set()
        for index in sorted(circle, key=self._keys.__getitem__):
            path: dict[int, None] = {}
            each: int | None = index
            while each is not None and each in circle and each not in walked and self._may_be_split(each):
                walked.add(each)
                path[each] = None
                each = self._vacated.get(self._nodes[each].then or "")
            if each in path:
                members = list(path)
                members = members[members.index(each) :]
                found = (
                    one for one in sorted(members, key=self._keys.__getitem__) if self._ways.may_exchange(one)
                )
                if (exchange := next(found, None)) is not None:
                    return exchange
        return None

    def _may_be_split(self, index: int) -> bool:
        return index < len(self._nodes) and index not in self._seconds

    def _split(self, chosen: Sequence[int]) -> None:
        """Let these take their new ids in a second step, and move what belongs to that step."""
        followers: Edges = defaultdict(set)
        for index in self._remaining:
            for before in self._hard.get(index, ()):
                followers[before].add(index)
        for index in chosen:
            second = len(self._keys)
            self._keys.append(self._keys[index])
            self._seconds[index], self._firsts[second] = second, index
            self._remaining.add(second)
            self._split_structure(index, second, followers[index])
            if index in self._soft:
                self._soft[second] = self._soft.pop(index)
            if index in self._values:
                self._values[second] = self._values.pop(index)
        for waits in self._soft.values():
            for index in waits & self._seconds.keys():
                waits.discard(index)
                waits.add(self._seconds[index])
        for givers in self._values.values():
            for index in givers.keys() & self._seconds.keys():
                handed = givers.pop(index)
                # What names the object is given up along with its id, everything else in the second step.
                early = [each for each in handed if self._ways.names(index, each)]
                late = [each for each in handed if each not in early]
                if early:
                    givers[index] = early
                if late:
                    givers.setdefault(self._seconds[index], []).extend(late)

    def _split_structure(self, index: int, second: int, followers: AbstractSet[int]) -> None:
        hard, now = self._hard, self._nodes[index].now
        assert now is not None
        children = {
            each for each in hard.get(index, ()) if each < len(self._nodes) and self._is_below(each, now)
        }
        hard[second] = {index, *(hard.get(index, set()) - children)}
        hard[index] = children
        for follower in followers:
            takes = self._nodes[self._first(follower)].then == now and follower not in self._seconds
            if not takes:
                hard[follower].discard(index)
                hard[follower].add(second)

    def _is_below(self, index: int, id: str) -> bool:
        now = self._nodes[index].now
        return now is not None and id in self._above(now)

    # -- circles of values -----------------------------------------------------------------------------------

    def _resolve(self, circle: AbstractSet[int]) -> None:
        """Give up as little as breaks the circle: values that are handed over, else references."""

        def inner(index: int) -> list[int]:
            return sorted(
                {each for each in self._before(index) if each in circle}, key=self._keys.__getitem__
            )

        given_up = 0
        exchanging: dict[int, None] = {}
        for path, place in closing_edges(min(circle, key=self._keys.__getitem__), inner):
            back = (path[-1], path[place])
            # Nearly always the edge that closes the circle is one of those that may be given up.
            if self._give_up([back], exchanging) or self._give_up(
                [*pairwise(path[place:]), back], exchanging, force=True
            ):
                given_up += 1
        if exchanging:
            self._split(list(exchanging))
        if not given_up:
            # One at a time, so that only as many values are written late as the circle needs.
            waiting = (index for index in circle if not circle.isdisjoint(self._soft.get(index, ())))
            self._name_late(min(waiting, key=self._keys.__getitem__))

    def _give_up(
        self, steps: Sequence[tuple[int, int]], exchanging: dict[int, None], *, force: bool = False
    ) -> bool:
        """Break a circle at one of these steps (taker, giver), if that is one of values only; whether it is
        broken.

        `force`: where no taker can wait for its value or exchange its id, a reference is written late, or
        else the order of two is left to chance.
        """
        if not all(giver in self._before(taker) for taker, giver in steps):
            # Broken at another one of its steps since the walk came by.
            return True
        by_value = [(taker, giver) for taker, giver in steps if self._is_by_value_only(taker, giver)]
        for taker, giver in by_value:
            first = self._first(taker)
            handed = self._values[taker][giver] = list(filter(self._ways.matters, self._values[taker][giver]))
            if not handed:
                del self._values[taker][giver]
                return True
            if any(self._ways.names(first, each) for each in handed):
                if taker in exchanging or (self._may_be_split(taker) and self._ways.may_exchange(taker)):
                    exchanging[taker] = None
                    return True
            elif all(map(self._ways.may_be_late, handed)):
                self._let_come_late(taker, giver)
                return True
        if not force or not by_value:
            return False
        for taker, giver in steps:
            if giver in self._soft.get(taker, ()) and giver not in self._hard.get(taker, ()):
                self._name_late(taker)
                return True
        self._let_come_late(*by_value[0])
        return True

    def _name_late(self, index: int) -> None:
        """Let what a node's values name be there before, and the values come late."""
        self._late.add(self._first(index))
        del self._soft[index]

    def _let_come_late(self, taker: int, giver: int) -> None:
        """Let the taker no longer wait for the giver's values: they come late where they may, else nothing is
        certain.
        """
        first = self._first(taker)
        for each in self._values[taker].pop(giver):
            if not self._ways.names(first, each) and self._ways.may_be_late(each):
                self._late_fields[first].add(each.field)

    def _is_by_value_only(self, taker: int, giver: int) -> bool:
        hard, soft = self._hard.get(taker, ()), self._soft.get(taker, ())
        return giver in self._values.get(taker, ()) and giver not in hard and giver not in soft


_Waits = Mapping[int, AbstractSet[int]] | Mapping[int, Mapping[int, object]]


def _pass(remaining: set[int], keys: Sequence[Key], edges: Sequence[_Waits]) -> list[int]:
    """Take out of `remaining` everything that can be ordered (Kahn's algorithm), smallest key first."""
    waiting: dict[int, int] = {}
    followers: dict[int, list[int]] = defaultdict(list)
    ready: list[tuple[Key, int]] = []
    some = [each for each in edges if each]
    for index in remaining:
        before = {i for each in some for i in each.get(index, ()) if i in remaining}
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
        return [index for _, index in ready]
    done = []
    while ready:  # a sorted list is a heap
        _, index = heapq.heappop(ready)
        remaining.discard(index)
        done.append(index)
        for follower in followers.get(index, ()):
            waiting[follower] -= 1
            if not waiting[follower]:
                heapq.heappush(ready, (keys[follower], follower))
    return done
