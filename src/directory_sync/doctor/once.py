"""Values that several checks need and that are found out once, whichever check asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Once(Generic[Value]):
    """Calls a function when its value is first asked for; other threads wait for it. An error is
    remembered, too.
    """

    def __init__(self, find: Callable[[], Value]) -> None:
        self._find = find
        self._lock = threading.Lock()
        self._found: list[Value] = []
        self._error: BaseException | None = None

    def __call__(self) -> Value:
        """The value. Raises what finding it has raised."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if not self._found:
                try:
                    self._found.append(self._find())
                except BaseException as error:
                    self._error = error
                    raise
            return self._found[0]
