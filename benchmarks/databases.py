"""The databases that a store may live in, each new and empty: a SQLite file and a PostgreSQL server of the
benchmark's own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

from directory_sync.store.migrate import upgrade
from tests.scenarios.postgres import Postgres


def databases() -> Iterator[tuple[str, str]]:
    """Name and URL of a migrated store in each; it is gone when the next one is asked for."""
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        url = f"sqlite:///{folder}/store.db"
        upgrade(url)
        yield "SQLite", url
    with Postgres() as server:
        url = server.create_database()
        upgrade(url)
        yield "PostgreSQL", url


def postgres_connection(url: str) -> Any:
    """A connection of PostgreSQL's bare driver, which commits each statement."""
    import psycopg2  # type: ignore[import-untyped, unused-ignore]

    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection
