"""Numbers of changes as templates of mails get them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from directory_sync.plan.model import COUNTED_AS
from directory_sync.present.words import count_text


def counts(figures: Mapping[str, int]) -> list[dict[str, Any]]:
    """The kinds of change that occur, worst first, from figures as `Statistics` names them."""
    return [
        {"kind": kind, "number": number, "text": count_text(action, number)}
        for action, kind in COUNTED_AS.items()
        if (number := figures.get(kind, 0))
    ]
