"""What differs between two plans of one job, object by object: for approvers of a new plan, and for requests
that went stale.

Plans are as large as a directory, so neither is held in memory: a first pass over each keeps two hashes per
object (about 250 bytes), and full changes are held in batches of `_BATCH` differing objects, gathered by
another pass over the old plan for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Self

from directory_sync.endpoints.change import Change, FieldChange
from directory_sync.plan.model import ChangeSequence

_BATCH = 10_000

Normalise = Callable[[str], str]


class Presence(StrEnum):
    """How an object stands in the two plans."""

    ONLY_OLD = "only_old"
    ONLY_NEW = "only_new"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """A field that the two plans treat differently; None where a plan does not touch it."""

    field: str
    old: FieldChange | None
    new: FieldChange | None


@dataclass(frozen=True, slots=True)
class Difference:
    """An object that the two plans treat differently.

    Attributes:
        presence: in which of the two it is.
        old, new: what each plan would do to it; None where it is not in that plan.
    """

    presence: Presence
    old: Change | None
    new: Change | None

    @classmethod
    def of(cls, old: Change | None, new: Change | None) -> Self:
        """What two plans would do to one object; one of them may do nothing."""
        if old is None:
            return cls(Presence.ONLY_NEW, None, new)
        return cls(Presence.ONLY_OLD if new is None else Presence.CHANGED, old, new)

    @property
    def object(self) -> str:
        """The object's id in the newer plan that has it."""
        change = self.new or self.old
        assert change is not None
        return change.object

    @property
    def fields(self) -> tuple[FieldDifference, ...]:
        """The fields that are treated differently, sorted by name; none if only action, target or identity
        differ.
        """
        old, new = _by_name(self.old), _by_name(self.new)
        return tuple(
            FieldDifference((new.get(name) or old[name]).field, old.get(name), new.get(name))
            for name in sorted(old.keys() | new.keys())
            if _field_form(old.get(name)) != _field_form(new.get(name))
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """How many objects are only in one plan, treated differently, or the same in both."""

    only_old: int
    only_new: int
    changed: int
    same: int

    @property
    def equal(self) -> bool:
        """Whether the two plans do the same."""
        return not (self.only_old or self.only_new or self.changed)


class _Mark(StrEnum):
    SAME = "same"
    CHANGED = "changed"
    ONLY_NEW = "only_new"


class Comparison:
    """Two plans compared; iterating yields the differences, as often as wanted.

    Objects come in the order of the new plan, then those that only the old one has, in its order.

    Attributes:
        counts: known as soon as this is made.
    """

    def __init__(self, old: ChangeSequence, new: ChangeSequence, *, normalise: Normalise = str) -> None:
        """`normalise` is the destination's: two ids name the same object exactly if their normalised forms
        are equal.

        The same id may come twice in one plan, an object that goes and one that takes its name: the first of
        each plan are compared with each other, then the second.
        """
        self._old = old
        self._new = new
        self._normalise = normalise
        self._index: dict[bytes, bytes | _Mark] = {}
        self._repeated: set[bytes] = set()
        self.counts = self._compare()

    def _compare(self) -> Counts:
        index = self._index
        for change in self._old:
            key = self._free_key(change, lambda entry: entry is None)
            index[key] = fingerprint(change, self._normalise)
        total, tally = len(index), dict.fromkeys(_Mark, 0)
        for change in self._new:
            key = self._free_key(change, lambda entry: not isinstance(entry, _Mark))
            entry = index.get(key)
            if entry is None:
                mark = _Mark.ONLY_NEW
            else:
                mark = _Mark.SAME if entry == fingerprint(change, self._normalise) else _Mark.CHANGED
            index[key] = mark
            tally[mark] += 1
        both = tally[_Mark.SAME] + tally[_Mark.CHANGED]
        return Counts(total - both, tally[_Mark.ONLY_NEW], tally[_Mark.CHANGED], tally[_Mark.SAME])

    def _free_key(self, change: Change, free: Callable[[bytes | _Mark | None], bool]) -> bytes:
        """The key of the change's place among those of its plan with the same id."""
        first = key = self._key(change, 0)
        count = 0
        while not free(self._index.get(key)):
            self._repeated.add(first)
            count += 1
            key = self._key(change, count)
        return key

    def _key(self, change: Change, count: int) -> bytes:
        return object_key(change, count, self._normalise)

    def _keyed(self, changes: Iterable[Change]) -> Iterator[tuple[bytes, Change]]:
        """Each change of one plan with its key, as in the first pass."""
        met: dict[bytes, int] = {}
        for change in changes:
            key = self._key(change, 0)
            if key in self._repeated:
                count = met.get(key, 0)
                met[key] = count + 1
                key = self._key(change, count)
            yield key, change

    def __iter__(self) -> Iterator[Difference]:
        if self.counts.only_new or self.counts.changed:
            differing = (
                (key, change)
                for key, change in self._keyed(self._new)
                if self._index[key] in (_Mark.CHANGED, _Mark.ONLY_NEW)
            )
            while batch := list(islice(differing, _BATCH)):
                yield from self._paired(batch)
        if self.counts.only_old:
            for key, change in self._keyed(self._old):
                if not isinstance(self._index[key], _Mark):
                    yield Difference(Presence.ONLY_OLD, change, None)

    def _paired(self, batch: list[tuple[bytes, Change]]) -> Iterator[Difference]:
        wanted = {key for key, _ in batch if self._index[key] is _Mark.CHANGED}
        found: dict[bytes, Change] = {}
        if wanted:
            for key, change in self._keyed(self._old):
                if key in wanted:
                    found[key] = change
                    if len(found) == len(wanted):
                        break
        for key, change in batch:
            old = found.get(key)
            yield Difference(Presence.ONLY_NEW if old is None else Presence.CHANGED, old, change)


def object_key(change: Change, count: int, normalise: Normalise) -> bytes:
    """What stands for the object of a change; `count`: how many changes before it in its plan have the same
    id.
    """
    return hashed(f"{count} {normalise(change.object)}".encode("utf-8", "surrogatepass"))


# -- what counts as the same ---------------------------------------------------------------------------------


def fingerprint(change: Change, normalise: Normalise) -> bytes:
    """A hash of what happens to the object.

    Order of fields and values, and how it is written, do not count.
    """
    target = None if change.new_object is None else normalise(change.new_object)
    fields = sorted((name, _field_form(field)) for name, field in _by_name(change).items())
    return hashed(repr((change.action.value, target, change.identity, fields)).encode())


def _field_form(field: FieldChange | None) -> tuple[list[bytes], list[bytes], bool] | None:
    return None if field is None else (sorted(field.old), sorted(field.new), field.partial)


def _by_name(change: Change | None) -> dict[str, FieldChange]:
    return {} if change is None else {field.field.casefold(): field for field in change.fields}


def hashed(data: bytes) -> bytes:
    """What stands for something long: 16 bytes."""
    return hashlib.blake2b(data, digest_size=16).digest()
