"""Values that one change of a plan gives up and one takes: a server may let only one object have such a
value.

Which attributes are unique only the server knows. A value that several changes give up, or several take,
certainly is not one of them, so that departments and titles hardly matter.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence

from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.layout import Layout
from directory_sync.plan.order import Handover
from directory_sync.plan.structure import Node

_SEVERAL = -1
_AT_ONCE = 20_000
"""So many changes are read once, with all their values in memory."""

_Values = Iterator[tuple[int, bytes]]
"""Index of a field, and a normalised value."""


class Handovers:
    """Finds them among a plan's changes.

    Args:
        layout: the job's fields and their rules.
    """

    def __init__(self, layout: Layout) -> None:
        self._fields = layout.fields
        self._places = {
            name: i
            for i, name in enumerate(layout.fields)
            if layout.rules[i].equality and not layout.rules[i].reference
        }
        self._normalise = [rule.normalise for rule in layout.rules]

    def find(self, nodes: Sequence[Node], change_at: Callable[[int], Change]) -> list[Handover]:
        """All handovers between these changes.

        Reads nothing if no change gives anything up, or none takes anything.
        """
        givers = [index for index, node in enumerate(nodes) if node.action is not Action.CREATE]
        takers = [index for index, node in enumerate(nodes) if node.action is not Action.DELETE]
        if not givers or not takers or len(nodes) < 2:
            return []
        if len(nodes) <= _AT_ONCE:
            given, taken = self._collect_both(nodes, change_at)
        elif len(givers) <= len(takers):
            # The smaller side first, for of the other one only what is on both is kept: a first load has many
            # values.
            given = self._collect(self._given, givers, change_at)
            taken = self._collect(self._taken, takers, change_at, among=given)
        else:
            taken = self._collect(self._taken, takers, change_at)
            given = self._collect(self._given, givers, change_at, among=taken)
        pairs = (
            (giver, taken.get(hashed, _SEVERAL), hashed)
            for hashed, giver in given.items()
            if giver != _SEVERAL
        )
        found = sorted(pair for pair in pairs if pair[1] not in (_SEVERAL, pair[0]))
        return list(self._spelled_out(found, change_at))

    def _collect_both(
        self, nodes: Sequence[Node], change_at: Callable[[int], Change]
    ) -> tuple[dict[int, int], dict[int, int]]:
        given: dict[int, int] = {}
        taken: dict[int, int] = {}
        for index in range(len(nodes)):
            change = change_at(index)
            _note(given, index, self._given(change))
            _note(taken, index, self._taken(change))
        return given, taken

    def _collect(
        self,
        values: Callable[[Change], _Values],
        indices: Sequence[int],
        change_at: Callable[[int], Change],
        *,
        among: Container[int] | None = None,
    ) -> dict[int, int]:
        """Hash of a value → the one change that has it among what it gives or takes."""
        found: dict[int, int] = {}
        for index in indices:
            _note(found, index, values(change_at(index)), among)
        return found

    def _spelled_out(
        self, found: Sequence[tuple[int, int, int]], change_at: Callable[[int], Change]
    ) -> Iterator[Handover]:
        for giver, taker, hashed in found:
            for place, value in self._taken(change_at(taker)):
                if hash((place, value)) == hashed:
                    yield Handover(giver, taker, self._fields[place], value)

    def _given(self, change: Change) -> _Values:
        return self._differing(change, taken=False)

    def _taken(self, change: Change) -> _Values:
        return self._differing(change, taken=True)

    def _differing(self, change: Change, *, taken: bool) -> _Values:
        for item in change.fields:
            place = self._places.get(item.field)
            if place is None:
                continue
            normalise = self._normalise[place]
            one, other = (item.new, item.old) if taken else (item.old, item.new)
            if not one:
                continue
            without = {normalise(value) for value in other} if other else ()
            for value in one:
                normalised = normalise(value)
                if normalised not in without:
                    yield place, normalised


def _note(found: dict[int, int], index: int, values: _Values, among: Container[int] | None = None) -> None:
    for value in values:
        hashed = hash(value)
        if among is None or hashed in among:
            found[hashed] = _SEVERAL if found.get(hashed, index) != index else index
