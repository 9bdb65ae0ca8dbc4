"""Kinds of change in words, and how many there are of each: `3 deletions, 12 updates`, as a text and as a
bar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from directory_sync.endpoints.change import WORST_FIRST, Action
from directory_sync.plan.model import COUNTED_AS, Statistics

_NOUNS = {
    Action.DELETE: ("deletion", "deletions"),
    Action.DISABLE: ("disable", "disables"),
    Action.MOVE: ("move", "moves"),
    Action.UPDATE: ("update", "updates"),
    Action.CREATE: ("creation", "creations"),
}


def count_text(action: Action, count: int) -> str:
    """A number of changes of one kind."""
    return f"{count:,} {_NOUNS[action][0 if count == 1 else 1]}"


def changes_text(figures: Mapping[str, int]) -> str:
    """The changes of each kind, the worst kind first, from figures as `Statistics` names them; `no changes`
    if there are none.
    """
    counts = [(action, figures.get(name, 0)) for action, name in COUNTED_AS.items()]
    return ", ".join(count_text(action, count) for action, count in counts if count > 0) or "no changes"


def planned_text(planned: Statistics, *, waits: bool) -> str:
    """What a plan would do of which nothing was written. `waits`: it may still be."""
    return f"planned: {changes_text(planned.to_json())}; nothing written{' yet' if waits else ''}"


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
