"""Kinds of change: their words, their order (worst consequence first), and the bar that shows how many there
are of each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from directory_sync.endpoints.change import WORST_FIRST, Action
from directory_sync.plan.model import COUNTED_AS
from directory_sync.run.planned_text import count_text

VERBS = {
    Action.DELETE: "Delete",
    Action.DISABLE: "Disable",
    Action.MOVE: "Move",
    Action.UPDATE: "Update",
    Action.CREATE: "Create",
}
_LEAST_WIDTH = 1.5
"""Percent of a bar: less cannot be seen."""


@dataclass(frozen=True, slots=True)
class KindCount:
    """How many changes of one kind there are.

    Attributes:
        kind: `delete`, `update`, …
        start, width: of its part of the bar, in percent.
    """

    kind: str
    count: int
    start: float
    width: float

    @property
    def text(self) -> str:
        """In words: `3 deletions`."""
        return count_text(Action(self.kind), self.count)


def count_kinds(statistics: Mapping[str, int]) -> tuple[KindCount, ...]:
    """The kinds of change that occur, worst first, from figures as `Statistics` names them."""
    counts = [
        (action, count) for action in WORST_FIRST if (count := statistics.get(COUNTED_AS[action], 0)) > 0
    ]
    total = sum(count for _, count in counts)
    widths = [max(_LEAST_WIDTH, 100 * count / total) for _, count in counts]
    scale = 100 / sum(widths) if widths else 1.0
    shown, start = [], 0.0
    for (action, count), width in zip(counts, widths, strict=True):
        shown.append(KindCount(action.value, count, round(start, 3), round(width * scale, 3)))
        start += width * scale
    return tuple(shown)


def kinds_text(kinds: Iterable[KindCount]) -> str:
    """All kinds in words, `3 deletions, 12 updates`; `no changes` where there are none."""
    return ", ".join(kind.text for kind in kinds) or "no changes"


def add_statistics(each: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several figures, name by name."""
    total: dict[str, int] = {}
    for statistics in each:
        for name, number in statistics.items():
            total[name] = total.get(name, 0) + number
    return total
