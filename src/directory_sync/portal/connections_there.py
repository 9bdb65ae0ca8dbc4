"""Which connections that definitions name cannot be found, kept for a while: lists ask for many at once."""

from __future__ import annotations

import time
from collections.abc import Iterable

from directory_sync.portal import airflow_dags

KEPT_SECONDS = 60.0
PAGE_SECONDS = 0.5
"""That a page waits for answers at most; the next one asks for the rest."""
_MOST = 10_000


class ConnectionsThere:
    """What was found, by the connection's name."""

    def __init__(self, seconds: float = KEPT_SECONDS) -> None:
        self._seconds = seconds
        self._missing: dict[str, tuple[float, bool]] = {}

    def missing(self, names: Iterable[str]) -> frozenset[str]:
        """Those that cannot be found from here. One of which that is not known yet is not among them."""
        now = time.monotonic()
        wanted = dict.fromkeys(names)
        unknown = [name for name in wanted if self._kept_until(name) <= now]
        if len(self._missing) > _MOST:
            self._missing.clear()
        there = airflow_dags.connections_in_database(unknown)
        for name in unknown:
            if name in there:
                self._missing[name] = (now + self._seconds, False)
            elif time.monotonic() < now + PAGE_SECONDS:
                self._missing[name] = (now + self._seconds, bool(airflow_dags.missing_connections([name])))
        return frozenset(name for name in wanted if self._missing.get(name, (0.0, False))[1])

    def _kept_until(self, name: str) -> float:
        return self._missing.get(name, (0.0, False))[0]


CONNECTIONS = ConnectionsThere()
"""Of this process."""
