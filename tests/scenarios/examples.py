"""How many examples a property is tried with."""

from __future__ import annotations

import os

IN_FULL = os.environ.get("CI") == "true" or os.environ.get("FULL", "0") != "0"
"""Whether properties are tried with all their examples, as in CI; while working a few have to do."""


def examples(many: int) -> int:
    """A tenth of so many, and 10 at least, unless they are tried in full."""
    return many if IN_FULL else max(10, many // 10)
