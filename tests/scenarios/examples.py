"""How many examples a property is tried with."""

from __future__ import annotations

import os

IN_FULL = os.environ.get("FULL", "0") != "0"
"""Whether properties are tried with all their examples, as `make fuzz` does; elsewhere a few have to do, and
they are others each time.
"""


def examples(many: int) -> int:
    """A tenth of so many, and 10 at least, unless they are tried in full."""
    return many if IN_FULL else max(10, many // 10)
