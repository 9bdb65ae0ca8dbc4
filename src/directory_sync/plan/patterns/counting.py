"""Counts changes by their shape while they pass, in memory that does not grow with their values.

Two passes. The first gives each change its shape, writes that with the hashes of what may be shared to a
temporary file, a few numbers each, and counts the hashes roughly. The second reads those numbers, and knows
by then which old and new values at least five objects share. Where a plan has more shapes than are told
apart, all of them become coarser, so that what comes out does not depend on the order of the changes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from directory_sync.plan.patterns.model import SHARED_BY
from directory_sync.plan.patterns.shapes import (
    COARSEST,
    HASHES,
    VALUES,
    Fields,
    Marks,
    Shape,
    Shapes,
    taken_apart,
)
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.spool import Spool

MOST_SHAPES = 5_000
"""Shapes that are told apart, and groups of one shape and shared values: twice as many."""
_BUCKETS = 1 << 20
"""Of the rough count: a byte each."""
_MASK = _BUCKETS - 1
_MANY = 255
_FEW = bytes(range(SHARED_BY))
"""Counts that are never enough."""
_MOST_SHARED = 50_000
_MOST_MET = 20_000
"""Shapes with hashes that are remembered in the second pass; then it begins again."""
_BATCH = 1 << 14

_NOTHING_SHARED: dict[int, int] = {}
_NO_HASHES: tuple[int, ...] = ()


@dataclass(slots=True)
class Group:
    """Changes of one shape that share the same values.

    Attributes:
        shape: of all of them.
        shared: of each hash that the shape has (`shapes.HASHES`), itself where at least five objects share
            it, else 0.
        count: how many.
        sums: of each field with several values, how many come and how many go, in all of them.
        members: the groups in it, as `Counted.assigned` numbers them.
        patterns: so many patterns are in it.
    """

    shape: Shape
    shared: tuple[int, ...] = ()
    count: int = 0
    sums: list[int] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    patterns: int = 1


@dataclass(frozen=True, slots=True)
class Counted:
    """What the passes came to: the groups, and for each change the number of its group."""

    groups: list[Group]
    assigned: array[int]


class Counting:
    """Takes a plan's changes one after another; see the module."""

    def __init__(self, subject: Subject, *, most_shapes: int = MOST_SHAPES) -> None:
        """Begin with none."""
        self.shapes = Shapes(subject)
        self._shape_of = self.shapes.of
        self._most = most_shapes
        self._level = 0
        self._numbers: dict[Shape, int] = {}
        # Numbers are never given again: what was noted keeps its meaning.
        self._known: list[Shape] = []
        # Of the changes since the last flush: the numbers of their shapes, one each; their hashes, and their
        # numbers of values, one after another.
        self._changes: list[int] = []
        self._hashes: list[int] = []
        self._values: list[int] = []
        self._noted = Spool()
        self._buckets = bytearray(_BUCKETS)
        self._hashed = 0

    def add(
        self, action: str, object: str, new_object: str | None, fields: Fields, marks: Marks = ()
    ) -> None:
        """Take the next change; the arguments are the members of `Change`, as plain values."""
        shape = self._shape_of(action, object, new_object, fields, marks, self._hashes, self._values)
        number = None if self._level else self._numbers.get(shape)
        changes = self._changes
        changes.append(self._number(shape) if number is None else number)
        if len(changes) >= _BATCH:
            self._flush()

    def finish(self) -> Counted:
        """Read what was noted, and give the groups."""
        self._flush()
        try:
            shared = _NOTHING_SHARED if self._level else self._shared()
            # Without what is shared there are no more groups than shapes.
            return self._group(shared) or self._group(_NOTHING_SHARED) or Counted([], array("I"))
        finally:
            self._noted.close()

    # -- first pass ------------------------------------------------------------------------------------------

    def _number(self, shape: Shape) -> int:
        """The number of the last change's shape, which may become coarser."""
        found = self.shapes.coarser(shape, self._level)
        while found not in self._numbers and len(self._numbers) >= self._most and self._level < COARSEST:
            self._level += 1
            known, self._numbers = self._numbers, {}
            for each in known:
                self._register(self.shapes.coarser(each, self._level))
            found = self.shapes.coarser(found, self._level)
        if self._level:
            # Coarser shapes have neither hashes nor numbers of values.
            for noted, more in ((self._hashes, _hashes(shape)), (self._values, _values(shape))):
                del noted[len(noted) - more :]
        return self._register(found)

    def _register(self, shape: Shape) -> int:
        number = self._numbers.get(shape)
        if number is None:
            number = self._numbers[shape] = len(self._known)
            self._known.append(shape)
        return number

    def _flush(self) -> None:
        """Write down what was noted, and count roughly what may be shared."""
        buckets = self._buckets
        for each in self._hashes:
            bucket = each & _MASK
            met = buckets[bucket]
            if met < _MANY:
                buckets[bucket] = met + 1
        self._hashed += len(self._hashes)
        for numbers in (self._changes, self._hashes, self._values):
            self._noted.append(array("q", numbers).tobytes())
            numbers.clear()

    # -- second pass -----------------------------------------------------------------------------------------

    def _blocks(self) -> Iterator[tuple[array[int], array[int], array[int]]]:
        """What was noted: shapes, hashes and numbers of values of some changes at a time."""
        parts = iter(self._noted)
        for changes in parts:
            yield _numbers(changes), _numbers(next(parts)), _numbers(next(parts))

    def _shared(self) -> dict[int, int]:
        """The hashes that enough changes share, and how many do."""
        enough, buckets = self._enough(), self._buckets
        exact: Counter[int] = Counter()
        for _, hashes, _ in self._blocks():
            exact.update([each for each in hashes if buckets[each & _MASK] >= enough])
        return {found: count for found, count in exact.items() if count >= enough}

    def _enough(self) -> int:
        """How many have to share a value; more than five where too many values are shared by five."""
        if self._hashed < SHARED_BY * _MOST_SHARED:
            return SHARED_BY
        shared = self._buckets.translate(None, _FEW)
        enough, above = _MANY, shared.count(_MANY)
        while enough > SHARED_BY and above + (more := shared.count(enough - 1)) <= _MOST_SHARED:
            enough, above = enough - 1, above + more
        return enough

    def _group(self, shared: dict[int, int]) -> Counted | None:
        """The groups; None if they are too many."""
        known = [self.shapes.coarser(shape, self._level) for shape in self._known]
        # What was noted before shapes became coarser has hashes and numbers all the same.
        hashed, valued = [_hashes(shape) for shape in self._known], [_values(shape) for shape in self._known]
        affixed = [_affixes(shape) for shape in self._known]
        groups: list[Group] = []
        numbers: dict[tuple[int, ...], int] = {}
        # What was met with its hashes as they were noted → its group: most of it is met again and again.
        met: dict[tuple[int, ...], int] = {}
        assigned = array("I")
        for changes, hashes, values in self._blocks():
            marked = iter([each if each in shared else 0 for each in hashes])
            counts = iter(values)
            for change in changes:
                noted = (change, *islice(marked, hashed[change]))
                index = met.get(noted)
                if index is None:
                    key, own = known[change], _NO_HASHES
                    if not self._level:
                        own = _widest(list(noted[1:]), affixed[change], shared)
                        key = (change, *own)
                    index = numbers.get(key)
                    if index is None:
                        index = numbers[key] = len(groups)
                        if shared and index >= 2 * self._most:
                            return None
                        groups.append(Group(known[change], own, members=[index]))
                    if len(met) >= _MOST_MET:
                        met.clear()
                    met[noted] = index
                if valued[change]:
                    _add_up(groups[index], list(islice(counts, valued[change])), keep=not self._level)
                assigned.append(index)
        for index, count in Counter(assigned).items():
            groups[index].count = count
        return Counted(groups, assigned)


def _widest(own: list[int], affixed: list[int], shared: dict[int, int]) -> tuple[int, ...]:
    """The hashes of a change with either the pair or the affix of each value."""
    for place in affixed:
        # One suffix on many values says more than each value by itself.
        if shared.get(own[place + 1], 0) > shared.get(own[place], 0):
            own[place] = 0
        elif own[place]:
            own[place + 1] = 0
    return tuple(own)


def _add_up(group: Group, values: list[int], *, keep: bool) -> None:
    if keep:
        group.sums = [one + more for one, more in zip(group.sums or [0] * len(values), values, strict=True)]


def _numbers(data: bytes) -> array[int]:
    numbers = array("q")
    numbers.frombytes(data)
    return numbers


def _hashes(shape: Shape) -> int:
    return sum(HASHES.get(taken_apart(number)[1], 0) for number in shape[1:])


def _affixes(shape: Shape) -> list[int]:
    """Where among the hashes of a shape that of a pair is followed by that of an affix."""
    found, place = [], 0
    for number in shape[1:]:
        several = HASHES.get(taken_apart(number)[1], 0)
        if several == 2:
            found.append(place)
        place += several
    return found


def _values(shape: Shape) -> int:
    return 2 * sum(taken_apart(number)[1] == VALUES for number in shape[1:])
