"""How often Python looks for cyclic garbage while very many objects are made that are none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_YOUNG = 50_000
"""Objects made before the next look, instead of 700. So much garbage, some megabytes, may lie around."""


@contextmanager
def rare_collection() -> Iterator[None]:
    """Let the collector look seldom: walking over all records or DAGs again and again takes a sixth to a
    third of the time.
    """
    before = gc.get_threshold()
    gc.set_threshold(_YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
