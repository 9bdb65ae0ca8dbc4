"""Changes that are applied in two steps, because they exchange their ids with others or name what comes
after them.

The plan's order leaves open when a second step comes: not before the others have left the id, and before
whatever needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from directory_sync.endpoints.change import Change

if TYPE_CHECKING:
    from directory_sync.endpoints.contract import Names

T = TypeVar("T")


class Part(Enum):
    """Which part of a change is meant."""

    WHOLE = auto()
    FIRST = auto()
    """All but the values that come late; of a change that exchanges its object's id, what gives that up."""
    SECOND = auto()
    """Of a change that exchanges its object's id, what takes the new one, and everything else but the late
    values.
    """
    LATE = auto()
    """The values that come after all other changes."""


class _Open(NamedTuple, Generic[T]):
    """A second step that is still to come: what it needs to be done before, and whether it takes nothing but
    the id.
    """

    second: T
    needs: frozenset[str]
    is_simple: bool


class Exchanges(Generic[T]):
    """The second steps that are still to come. All ids are normalised."""

    def __init__(self) -> None:
        self._open: dict[str, _Open[T]] = {}

    def __bool__(self) -> bool:
        return bool(self._open)

    def add(self, id: str, second: T, needs: Iterable[str], *, is_simple: bool) -> None:
        """Note a second step.

        Args:
            id: what it takes.
            second: the step.
            needs: the ids that it touches, those above them, and those that it waits for.
            is_simple: it waits for nothing but that the id is free.
        """
        self._open[id] = _Open(second, frozenset(needs), is_simple)

    def due(self, now: str, then: str, needs: Iterable[str]) -> tuple[list[T], list[T]]:
        """The second steps to be taken before a change, and right after it.

        Args:
            now, then: the id of the change's object before and after.
            needs: as in `add`, for the change or its first step.
        """
        before, after = [], []
        for id in sorted(self._open.keys() & set(needs)):
            if id not in self._open:
                continue
            if id != now or then == now:
                before += self._closed(id)
            elif self._open[id].is_simple:
                after += self._closed(id)
        return before, after

    def rest(self) -> list[T]:
        """All that are left."""
        return [step for id in list(self._open) if id in self._open for step in self._closed(id)]

    def _closed(self, id: str) -> list[T]:
        """A second step, and before it those that it needs itself."""
        found = self._open.pop(id)
        needed = (
            step
            for each in sorted(found.needs & self._open.keys())
            if each in self._open
            for step in self._closed(each)
        )
        return [*needed, found.second]


def in_parts(
    changes: Iterable[T],
    normalise: Callable[[str], str],
    above: Callable[[str], Iterable[str]],
    *,
    change_of: Callable[[T], Change],
) -> Iterator[tuple[T, Part]]:
    """A plan's changes, in its order, in the parts that can be applied one after the other.

    Args:
        changes: the plan's, in whatever form the caller has them.
        normalise: an id in the form in which all its spellings are equal.
        above: normalised ids of the containers above a normalised id.
        change_of: gives the change itself.
    """
    exchanges: Exchanges[T] = Exchanges()
    late: list[T] = []

    for each_change in changes:
        change = change_of(each_change)
        now = normalise(change.object)
        then = normalise(change.final_object)
        second = (
            (then, *above(then), *map(normalise, change.after)) if exchanges or change.via is not None else ()
        )
        before: list[T] = []
        after: list[T] = []
        if exchanges:
            before, after = exchanges.due(
                now, then, (now, *above(now), *(second if change.via is None else ()))
            )
        yield from ((each, Part.SECOND) for each in before)
        yield each_change, Part.FIRST
        yield from ((each, Part.SECOND) for each in after)
        if change.via is not None:
            exchanges.add(then, each_change, second, is_simple=not change.after)
        if any(field.late and not field.old for field in change.fields):
            late.append(each_change)
    yield from ((each, Part.SECOND) for each in exchanges.rest())
    yield from ((each, Part.LATE) for each in late)


def containers_above(names: Names) -> Callable[[str], Iterator[str]]:
    """A function that yields the normalised ids of the containers above an object, the nearest first."""

    def above(id: str) -> Iterator[str]:
        container = names.parent(id)
        while container:
            yield names.normalise(container)
            container = names.parent(container)

    return above
