"""What an edit of a definition causes: the objects that the plan by the edited definition treats otherwise
than the plan by the saved one, worst first.

Kept are the places of both changes, eight bytes for each object, so that an answer of any size can be read
page by page. While it is made, each change of the older plan takes about 200 bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from directory_sync.endpoints.change import WORST_FIRST, Action, Change
from directory_sync.plan.comparison import Presence, fingerprint, object_key

_FINGERPRINT = 16


@dataclass(frozen=True, slots=True)
class EffectGroup:
    """Objects at which the two definitions differ in the same way.

    Attributes:
        old, new: what each would do; None for nothing.
        number: of objects.
    """

    old: Action | None
    new: Action | None
    number: int

    @property
    def presence(self) -> Presence:
        """In which of the two plans they are."""
        if self.old is None:
            return Presence.ONLY_NEW
        return Presence.ONLY_OLD if self.new is None else Presence.CHANGED

    def to_json(self) -> dict[str, Any]:
        """As it is stored and answered."""
        old, new = (None if each is None else each.value for each in (self.old, self.new))
        return {"old": old, "new": new, "number": self.number}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        old, new = (None if data[name] is None else Action(data[name]) for name in ("old", "new"))
        return cls(old, new, int(data["number"]))


Place = tuple[int | None, int | None]
"""Of one object: the places of its changes in the older and in the newer plan."""


@dataclass(frozen=True, slots=True)
class Effects:
    """All objects at which two plans differ.

    Attributes:
        groups: worst first.
        places: for each object, group after group, in the order of the newer plan: the places of its changes
            in the older and the newer plan, from 1, as two numbers of four bytes; 0 where a plan has none.
    """

    groups: tuple[EffectGroup, ...]
    places: bytes

    @property
    def number(self) -> int:
        """How many objects."""
        return sum(group.number for group in self.groups)

    def matching(self, group: int | None, old: Container[int], new: Container[int]) -> list[Place]:
        """The objects of a group, or of all, that have one of these places in one of the two plans."""
        return [each for each in self.page(group, 0, self.number) if each[0] in old or each[1] in new]

    def page(self, group: int | None, after: int, limit: int) -> list[Place]:
        """Some objects in their order: of one group, by its number from 0, or of all; `after` counts."""
        first, most = 0, self.number
        if group is not None:
            first = sum(each.number for each in self.groups[:group])
            most = self.groups[group].number
        end = first + min(after + limit, most)
        numbers = array("I")
        numbers.frombytes(self.places[8 * min(first + after, end) : 8 * end])
        pairs = zip(numbers[::2], numbers[1::2], strict=True)
        return [(old - 1 if old else None, new - 1 if new else None) for old, new in pairs]


def effects_of(
    old: Iterable[Change], new: Iterable[Change], *, normalise: Callable[[str], str] = str
) -> Effects:
    """What the newer plan does otherwise than the older one.

    `normalise`: two ids name the same object exactly if their normalised forms are equal.
    """
    found: dict[tuple[Action | None, Action | None], array[int]] = {}
    index: dict[bytes, int] = {}
    prints, actions = bytearray(), bytearray()
    for place, change in enumerate(old):
        count = 0
        while (key := object_key(change, count, normalise)) in index:
            count += 1
        index[key] = place
        prints += fingerprint(change, normalise)
        actions.append(WORST_FIRST.index(change.action))
    met = bytearray(len(actions))
    for place, change in enumerate(new):
        count = 0
        while (other := index.get(object_key(change, count, normalise))) is not None and met[other]:
            count += 1
        if other is None:
            found.setdefault((None, change.action), array("I")).extend((0, place + 1))
            continue
        met[other] = 1
        begin = other * _FINGERPRINT
        if prints[begin : begin + _FINGERPRINT] != fingerprint(change, normalise):
            pair = (WORST_FIRST[actions[other]], change.action)
            found.setdefault(pair, array("I")).extend((other + 1, place + 1))
    for place, was_met in enumerate(met):
        if not was_met:
            found.setdefault((WORST_FIRST[actions[place]], None), array("I")).extend((place + 1, 0))
    ordered = sorted(found, key=_rank)
    groups = tuple(EffectGroup(*pair, len(found[pair]) // 2) for pair in ordered)
    return Effects(groups, b"".join(found[pair].tobytes() for pair in ordered))


def apart(old: Iterable[Change], new: Iterable[Change]) -> Effects:
    """The same for plans of two destinations, at which one id names different objects."""
    causes, leaves = effects_of((), new), effects_of(old, ())
    return Effects(causes.groups + leaves.groups, causes.places + leaves.places)


def _rank(pair: tuple[Action | None, Action | None]) -> tuple[int, int, int]:
    """Worst first: what the edit makes worse, what it changes, what it no longer does."""
    old, new = pair
    if new is None:
        assert old is not None
        return 2, WORST_FIRST.index(old), 0
    severity = WORST_FIRST.index(new)
    if old is None:
        return 0, severity, len(WORST_FIRST)
    return (0 if severity < WORST_FIRST.index(old) else 1), severity, WORST_FIRST.index(old)
