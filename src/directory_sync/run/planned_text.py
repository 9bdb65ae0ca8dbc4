"""What a plan would change, in words that nobody takes for what was done: `3 deletions, 12 updates`."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.endpoints.change import Action
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
