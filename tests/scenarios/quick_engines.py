"""What a store's engine has learnt serves the engines of all later tests in the same process.

Every test opens a store of its own. Half of the time of most of them went into composing the same SQL again,
and into waiting for the disk.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.dialects.postgresql.psycopg2 import PGDialect_psycopg2
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL

from directory_sync.store import database

_STATEMENTS: dict[Any, Any] = {}
"""What SQLAlchemy has compiled, for all engines: it takes any dictionary for that."""


def share_what_engines_learn() -> None:
    """From now on, in this process and its children."""
    for dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg2):
        # The dialect is a part of the cache's keys. All of a class are alike here: the same library, the same
        # server.
        dialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
        dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]
    database.create_engine = _create_engine  # type: ignore[attr-defined,assignment]


def _create_engine(url: URL, **options: Any) -> Engine:
    engine = create_engine(url, **options, execution_options={"compiled_cache": _STATEMENTS})
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _leave_it_to_the_system)
    return engine


def _leave_it_to_the_system(connection: Any, _record: Any) -> None:
    # Until the disk has it: no test takes the power away.
    connection.execute("PRAGMA synchronous = OFF")
