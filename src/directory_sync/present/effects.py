"""What an edit causes, in words."""

from __future__ import annotations

from directory_sync.plan.effects import EffectGroup
from directory_sync.present.words import VERBS


def group_text(group: EffectGroup) -> str:
    """What the edit changes at the objects of a group."""
    old, new = group.old, group.new
    if new is None:
        assert old is not None
        return f"No longer: {VERBS[old].lower()}"
    if old is None:
        return f"{VERBS[new]}, only with the edit"
    if old is new:
        return f"{VERBS[new]}, but differently"
    return f"{VERBS[new]} instead of {VERBS[old].lower()}"
