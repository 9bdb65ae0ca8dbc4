"""Which groups of changes become lines of their own, and in which order people read them.

Removals come first, then what replaces a person's name, key, mail or login, then what happens to few objects
of very many, then the rest; in each of these the line of most objects first. Where there are too many groups,
those that would be read last become coarser and so come together; only what is left then is *other*.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from directory_sync.endpoints.change import WORST_FIRST
from directory_sync.plan.patterns.counting import Group
from directory_sync.plan.patterns.model import MOST_LINES
from directory_sync.plan.patterns.shapes import (
    CHANGED,
    COARSEST,
    HASHES,
    MOVED,
    SET,
    SPELLING,
    VALUES,
    Shape,
    Shapes,
    head_of,
    taken_apart,
)

LARGE = 100
"""So many changes are a large plan."""
FEW = 0.02
"""Share of a large plan's changes that is few."""
_REMOVALS = 20
"""Lines of removals at most; of more, the fields are left out."""
_ALIKE = 5
"""Lines that differ in nothing but shared values, where there are too many lines."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One field of a group.

    Attributes:
        place: of the field's name in `Shapes.names`.
        kind: of `shapes`.
        pair: at least five share the old and the new value, or the container.
        affix: at least five share the prefix or suffix.
        added, removed: values, over all changes.
    """

    place: int
    kind: int
    pair: bool = False
    affix: bool = False
    added: int = 0
    removed: int = 0


def pieces(group: Group) -> list[Piece]:
    """The fields of a group, in the order of its shape."""
    found, hashes, sums = [], iter(group.shared), iter(group.sums)
    for number in group.shape[1:]:
        place, kind = taken_apart(number)
        if kind == VALUES:
            found.append(Piece(place, kind, added=next(sums, 0), removed=next(sums, 0)))
            continue
        several = HASHES.get(kind, 0)
        pair = bool(next(hashes, 0)) if several else False
        found.append(Piece(place, kind, pair, bool(next(hashes, 0)) if several == 2 else False))
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """The groups with a line of their own, in order, and the others."""

    lines: list[Group]
    other: list[Group]


class Choice:
    """Chooses among the groups of one plan."""

    def __init__(self, shapes: Shapes, total: int) -> None:
        """Take what knows the fields, and how many changes there are."""
        self._shapes = shapes
        self._few = FEW * total if total >= LARGE else 0

    def choose(self, groups: Sequence[Group]) -> Chosen:
        """Lines and others."""
        groups = self._alike(groups)
        removals = [group for group in groups if head_of(group.shape).removal]
        rest = [group for group in groups if not head_of(group.shape).removal]
        removals = self._folded(removals, min(_REMOVALS, MOST_LINES - 1))
        room = MOST_LINES - len(removals)
        rest = sorted(self._folded(rest, room, coarsest=1), key=self.rank)
        if len(rest) > room:
            kept = self._first(rest, room, largest=room // 4)
            other = [group for group in rest if id(group) not in kept]
            rest = [group for group in rest if id(group) in kept]
        else:
            other = []
        return Chosen(sorted([*removals, *rest], key=self.rank), other)

    def rank(self, group: Group) -> tuple[Any, ...]:
        """What groups are sorted by."""
        head = head_of(group.shape)
        if head.removal:
            first = (0, WORST_FIRST.index(head.action))
        else:
            first = (1 if self.is_identifying(group) else 2, int(group.count > self._few))
        # Places in shapes depend on which field was met first.
        fields = tuple((self._shapes.names[piece.place], piece.kind) for piece in pieces(group))
        return (*first, -group.count, head, fields, group.shared)

    def is_identifying(self, group: Group) -> bool:
        """Whether it replaces what says who a person is, otherwise than by values that many share."""
        return any(self._identifies(piece) for piece in pieces(group))

    def _identifies(self, piece: Piece) -> bool:
        if piece.kind in (SET, SPELLING, MOVED) or piece.pair or (piece.kind == VALUES and not piece.removed):
            return False
        return (piece.place == 0 and piece.kind == CHANGED) or self._shapes.is_identifying(piece.place)

    def _alike(self, groups: Sequence[Group]) -> list[Group]:
        """The groups with their fields in the order of the names; those that are the same then, as one."""
        found: dict[tuple[Any, ...], Group] = {}
        for group in groups:
            hashes, sums = iter(group.shared), iter(group.sums)
            parts = []
            for number in group.shape[1:]:
                place, kind = taken_apart(number)
                more = list(islice(sums, 2)) if kind == VALUES else []
                parts.append(
                    (self._shapes.names[place], number, tuple(islice(hashes, HASHES.get(kind, 0))), more)
                )
            parts.sort()
            shape = (group.shape[0], *(each[1] for each in parts))
            shared = tuple(each for part in parts for each in part[2])
            ordered = Group(shape, shared)
            ordered.sums = [each for part in parts for each in part[3]]
            one = found.setdefault((shape, shared), ordered)
            if one is not ordered:
                one.sums = [a + b for a, b in zip(one.sums, ordered.sums, strict=True)]
            one.count += group.count
            one.members += group.members
        return list(found.values())

    def _folded(self, groups: list[Group], most: int, *, coarsest: int = COARSEST) -> list[Group]:
        """The groups, some of them put together where there are more than `most`."""
        for level in range(coarsest + 1):
            if len(groups) <= most:
                break
            kept = self._first(self._foremost(groups), most // 2, largest=most // 4)
            together = {(group.shape, group.shared): group for group in groups if id(group) in kept}
            for group in groups:
                if id(group) not in kept:
                    shape = self._shapes.coarser(group.shape, level)
                    shared = () if level else (0,) * len(group.shared)
                    one = together.setdefault((shape, shared), Group(shape, shared, patterns=0))
                    _merge(one, group, with_sums=not level)
            groups = list(together.values())
        return groups

    def _foremost(self, groups: Sequence[Group]) -> list[Group]:
        """The groups in their order, at most a few of those that are the same but for what is shared."""
        alike: Counter[Shape] = Counter()
        found = []
        for group in sorted(groups, key=self.rank):
            if any(group.shared):
                alike[group.shape] += 1
            if not any(group.shared) or alike[group.shape] <= _ALIKE:
                found.append(group)
        return found

    @staticmethod
    def _first(ranked: Sequence[Group], most: int, *, largest: int) -> set[int]:
        """Of groups in their order the first ones, and those with most changes."""
        by_count = sorted(range(len(ranked)), key=lambda place: (-ranked[place].count, place))
        kept = {id(ranked[place]) for place in by_count[:largest]}
        for group in ranked:
            if len(kept) >= most:
                break
            kept.add(id(group))
        return kept


def _merge(one: Group, more: Group, *, with_sums: bool) -> None:
    one.count += more.count
    one.members += more.members
    one.patterns += more.patterns
    if with_sums and more.sums:
        sums = one.sums or [0] * len(more.sums)
        one.sums = [a + b for a, b in zip(sums, more.sums, strict=True)]
