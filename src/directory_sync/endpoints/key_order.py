"""Where a listing ended by its keys: what has a key after the last one may stand in a part that is lacking.

That is told only where the keys ascended from the first record to the last; of any other listing nothing is
known, however it ended.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

FEWEST = 10
"""From so many records on, ascending keys are not taken for chance."""
_BETWEEN = b"\n"
_BLANKS = b" \t"


class KeyOrder(StrEnum):
    """An order in which keys may ascend. Small and capital letters are the same in each."""

    TEXT = "text"
    """Letter by letter: 10 stands before 9."""
    LENGTH = "length"
    """Shorter ones first, those of one length as texts: numbers, with or without the same letters before."""


@dataclass(frozen=True, slots=True)
class LastKey:
    """The last record of a listing whose keys ascended.

    Attributes:
        key: of the record.
        number: of the record in the listing, from 1.
        line: of the file, where the record begins; 0 where there are no lines.
        orders: in which the keys ascended; at least one.
    """

    key: str
    number: int
    line: int
    orders: tuple[KeyOrder, ...]

    def is_before(self, key: str) -> bool:
        """Whether another key comes after this one, in every order in which the listing's keys ascended."""
        if not key.isascii():
            return False
        own, other = _form(self.key), _form(key)
        return all(_sorted_by(order, own) < _sorted_by(order, other) for order in self.orders)

    def to_json(self) -> dict[str, Any]:
        """As it is stored and printed; `from_json` reads it back."""
        return {
            "key": self.key,
            "number": self.number,
            "line": self.line,
            "orders": [order.value for order in self.orders],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LastKey:
        """Read what `to_json` wrote."""
        return cls(data["key"], data["number"], data["line"], tuple(map(KeyOrder, data["orders"])))


class KeysRead:
    """Takes the keys of a listing, in its order, and finds out whether they ascend.

    There is one look at many keys, so that a reader has next to nothing to do for each.

    Attributes:
        noted: the values of the key field of each record since the last look; a reader appends to it.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.noted: list[Sequence[bytes]] = []
        self._orders: tuple[KeyOrder, ...] = tuple(KeyOrder)
        self._last: list[bytes] = []
        self._number = 0

    def give_up(self) -> None:
        """Some record has no key that could be compared, so nothing is known."""
        self._orders = ()

    def look(self) -> None:
        """Look at what was noted, and forget all but the last key."""
        if self._orders and self.noted:
            self._number += len(self.noted)
            keys = _forms([values[0] for values in self.noted])
            if keys is None:
                self.give_up()
            else:
                self._compare(keys)
        self.noted.clear()

    def _compare(self, keys: list[bytes]) -> None:
        found = [*self._last, *keys]
        self._orders = tuple(order for order in self._orders if _ASCENDS[order](found))
        self._last = keys[-1:]

    def last(self, *, line: int) -> LastKey | None:
        """The last of all keys, once all were looked at; None where they did not ascend, or were too few.

        `line`: where the last record begins.
        """
        if not self._orders or self._number < FEWEST:
            return None
        return LastKey(self._last[0].decode(), self._number, line, self._orders)


def _forms(keys: list[bytes]) -> list[bytes] | None:
    """The keys as they are compared; None where some cannot be."""
    joined = _BETWEEN.join(keys)
    # How letters outside of ASCII are sorted depends on the language.
    if not joined.isascii() or joined.count(_BETWEEN) != len(keys) - 1:
        return None
    small = joined.lower()
    found = keys if small == joined else small.split(_BETWEEN)
    return [key.strip(_BLANKS) for key in found] if b" " in joined or b"\t" in joined else found


def _as_texts(keys: list[bytes]) -> bool:
    return keys == sorted(keys)


def _by_length(keys: list[bytes]) -> bool:
    lengths = [*map(len, keys)]
    if lengths != sorted(lengths):
        return False
    begin = 0
    while begin < len(keys):
        end = bisect_right(lengths, lengths[begin], begin)
        if not _as_texts(keys[begin:end]):
            return False
        begin = end
    return True


_ASCENDS = {KeyOrder.TEXT: _as_texts, KeyOrder.LENGTH: _by_length}


def _form(key: str) -> bytes:
    return key.encode().lower().strip(_BLANKS)


def _sorted_by(order: KeyOrder, form: bytes) -> tuple[int, bytes]:
    return (len(form) if order is KeyOrder.LENGTH else 0, form)
