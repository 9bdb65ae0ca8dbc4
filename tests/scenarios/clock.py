"""A clock that a test sets, in place of the store's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from directory_sync.store.store import Store

START = datetime(2026, 11, 20, 8, tzinfo=UTC)


class Clock:
    """The time that a store goes by from now on; stands still until it is moved."""

    def __init__(self, store: Store, at: datetime = START) -> None:
        self.at = at
        store._database.now = self._now  # type: ignore[method-assign,assignment]

    def _now(self, _connection: Connection) -> datetime:
        return self.at

    def advance(self, **time: float) -> datetime:
        """Move it forward by so many `days`, `hours`, `minutes`; the time then."""
        self.at += timedelta(**time)
        return self.at
