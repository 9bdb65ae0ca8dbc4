"""The store: what the rest of the package asks the product's own database."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Self

from directory_sync.store.database import Database
from directory_sync.store.ended_runs import EndedRuns
from directory_sync.store.history import History
from directory_sync.store.known_objects import KnownObjects
from directory_sync.store.leases import Leases
from directory_sync.store.migrate import check_database, has_tables
from directory_sync.store.plan_integrity import PlanIntegrity
from directory_sync.store.plan_pages import PlanPages
from directory_sync.store.plans import Plans
from directory_sync.store.requests import Requests
from directory_sync.store.run_precedents import RunPrecedents
from directory_sync.store.runs import Runs
from directory_sync.store.settling import Settling


class Store(
    Runs,
    RunPrecedents,
    Plans,
    PlanIntegrity,
    PlanPages,
    Requests,
    History,
    Leases,
    KnownObjects,
    Settling,
    EndedRuns,
):
    """Runs, plans, requests, history and leases. May be used from any thread and in forked children.

    Every method raises StoreError when the database does not answer.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the store at a SQLAlchemy URL. Raises StoreError with the command to run if it is missing or
        not migrated.
        """
        database = Database(url)
        check_database(database)
        return cls(database)

    @classmethod
    def open_existing(cls, url: str) -> Self | None:
        """The same; None where there is no store yet: it knows nothing."""
        database = Database(url)
        if not has_tables(database):
            database.close()
            return None
        check_database(database)
        return cls(database)

    def now(self) -> datetime:
        """The time by the clock that everything in the store is noted with; UTC."""
        with self._database.read() as connection:
            return self._database.now(connection)

    def close(self) -> None:
        """Give all connections back. May be called twice."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
