"""The way to the database: URL, engine, transactions, and what its errors mean to a user.

No table is known here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, FromClause, create_engine, event, insert, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from directory_sync.errors import SettingsError, StoreError

BUSY_TIMEOUT = 30
"""Seconds that a transaction waits for another one, before the store counts as not answering."""

_DRIVERS = {
    "sqlite": "sqlite",
    "sqlite+aiosqlite": "sqlite",
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",  # SQLAlchemy 2.1 would take psycopg 3, which Airflow does not bring
    "postgresql+asyncpg": "postgresql+psycopg2",
}
_SECRET_PARAMETERS = ("password", "sslpassword")
"""Parameters of PostgreSQL's client library that stand in a URL and hold a secret."""
_WRITE = "directory_sync_write"


def shown_url(url: URL) -> str:
    """A database URL as messages show it: without its passwords, wherever they stand."""
    return url.difference_update_query(_SECRET_PARAMETERS).render_as_string(hide_password=True)


def secrets_of(url: URL) -> tuple[str, ...]:
    """The passwords that stand in a database URL."""
    held = (url.query.get(name, ()) for name in _SECRET_PARAMETERS)
    parameters = [value for each in held for value in ((each,) if isinstance(each, str) else each)]
    return (*(() if url.password is None else (str(url.password),)), *parameters)


def parse_url(url: str) -> URL:
    """Read the setting `database_url`.

    Raises SettingsError, which never shows the URL itself: it may hold a password.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "Setting database_url: not a SQLAlchemy URL. Write sqlite:////folder/file.db or"
            " postgresql://user:password@host/database."
        ) from None
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise SettingsError(f"Setting database_url: {backend} is not supported. Use sqlite or postgresql.")
    if backend == "sqlite" and (
        parsed.database in {None, "", ":memory:"}
        or str(parsed.database).startswith("file:")
        or "uri" in parsed.query
    ):
        raise SettingsError(
            "Setting database_url: the store is shared by processes, so it needs a file of its own:"
            " sqlite:////folder/file.db."
        )
    return parsed


class Database:
    """Short transactions on one database, usable from any thread and from forked children.

    Attributes:
        url: of the database; shown without its password.
    """

    def __init__(self, url: str | URL, *, enforce_foreign_keys: bool = True) -> None:
        self.url = parse_url(url) if isinstance(url, str) else url
        self.label = f"store {shown_url(self.url)}"
        self._enforce_foreign_keys = enforce_foreign_keys
        self._engine: Engine | None = None
        self._pid = os.getpid()
        self._inherited: list[Engine] = []
        self._opened: tuple[int, int] | None = None

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def file(self) -> Path | None:
        """The SQLite file."""
        return Path(str(self.url.database)) if self.is_sqlite else None

    @property
    def engine(self) -> Engine:
        """The engine of this process.

        A forked child gets one of its own: two processes cannot share a connection.
        """
        if self._engine is not None and self._pid != os.getpid():
            # Kept, because closing an inherited connection would end the parent's session.
            self._inherited.append(self._engine)
            self._engine = None
        if self._engine is None:
            self._pid = os.getpid()
            self._engine = self._create_engine()
        return self._engine

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. Raises StoreError."""
        with self._errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that may write. Raises StoreError."""
        with (
            self._errors(),
            self.engine.connect().execution_options(**{_WRITE: True}) as connection,
            connection.begin(),
        ):
            if self.is_sqlite:
                self._require_same_file()
            else:
                # A process that was stopped in mid-transaction must not hold up all others.
                connection.exec_driver_sql(
                    f"SET LOCAL lock_timeout = '{BUSY_TIMEOUT}s'; "
                    f"SET LOCAL idle_in_transaction_session_timeout = '{2 * BUSY_TIMEOUT}s'"
                )
            yield connection

    def _require_same_file(self) -> None:
        """Raise StoreError if the file was put in another's place: what is open would be written to, and read
        by no one.
        """
        if self._opened is not None and _file_id(self.file) != self._opened:
            raise self.error(
                "The file was removed or replaced while it was open.",
                "Run it again when the right one is there.",
            )

    @contextmanager
    def raw(self) -> Iterator[Any]:
        """The driver's own connection, outside of any transaction. Raises StoreError."""
        with self._errors():
            connection = self.engine.raw_connection()
            try:
                yield connection
            finally:
                connection.close()

    def insert_many(self, connection: Connection, table: FromClause, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows, each with a value for every column in order.

        The values are as the driver takes them: no type is asked.
        """
        names = [column.name for column in table.columns]
        if self.is_sqlite:
            # By the driver itself: what SQLAlchemy does for each row takes longer than what SQLite does.
            places = ", ".join("?" * len(names))
            statement = f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - no value
            connection.exec_driver_sql(statement, list(rows))
        else:
            connection.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])  # type: ignore[arg-type]

    def now(self, connection: Connection) -> datetime:
        """The time by the database's clock; SQLite's is this machine's."""
        if self.is_sqlite:
            return datetime.now(UTC)
        # Not now(): that is when the transaction began, which may have waited for a lock since.
        found: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return found.astimezone(UTC)

    def error(self, problem: str, remedy: str) -> StoreError:
        """An error that names this store."""
        return StoreError(f"{self.label}: {problem} {remedy}")

    def close(self) -> None:
        """Give all connections back. The next transaction opens new ones."""
        if self._engine is not None and self._pid == os.getpid():
            self._engine.dispose()
        self._opened = None

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeout:
            raise self.error("All connections are in use.", "Try again later.") from None
        except (DBAPIError, sqlite3.Error) as error:
            # Only what the driver says first: the rest, and SQLAlchemy's own text, may show values.
            said = error.orig if isinstance(error, DBAPIError) else error
            cause = next(iter(str(said).splitlines()), "").strip() or type(said).__name__
            raise self.error(f"{cause.rstrip('.')}.", self._remedy(cause)) from None

    def _remedy(self, cause: str) -> str:
        lower = cause.lower()
        if "no such table" in lower or "no such column" in lower or "does not exist" in lower:
            return "Run directory-sync db upgrade or airflow db migrate."
        if "constraint" in lower:
            return "Nothing was stored. This is a defect of the program: report it with the log."
        if "locked" in lower or "lock timeout" in lower:
            return (
                "Another process holds it for long; try again, or use PostgreSQL if many jobs run at the same"
                " time."
            )
        if "not a database" in lower:
            return "Let the setting database_url name another file, or move this one away."
        if "full" in lower or "no space" in lower:
            return "Make room on the disk and try again; nothing is lost."
        if "disk i/o error" in lower:
            return "See that its disk is in order and has room, and try again; nothing is lost."
        if self.is_sqlite:
            return "See that the file exists and that this user may read and write it and its folder."
        return (
            "See that the server runs and that the setting database_url names it, the database and the user"
            " rightly."
        )

    def _create_engine(self) -> Engine:
        options: dict[str, Any] = {"hide_parameters": True}
        if self.is_sqlite:
            options["connect_args"] = {"timeout": BUSY_TIMEOUT}
        else:
            options["connect_args"] = {
                "connect_timeout": 10,
                "application_name": "directory_sync",
                # A server that vanishes without a word (no reset, packets lost) is given up after about half
                # a minute.
                "keepalives_idle": 15,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": 30_000,
            }
            options["pool_pre_ping"] = True
            options["executemany_mode"] = "values_plus_batch"
        try:
            engine = create_engine(self.url, **options)
        except (NoSuchModuleError, ImportError, TypeError, ArgumentError) as error:
            raise SettingsError(
                f"Setting database_url: the driver {self.url.drivername} cannot be used"
                f" ({type(error).__name__}). "
                "Use postgresql+psycopg2; pip install airflow-directory-sync[postgres] brings it."
            ) from None
        if self.is_sqlite:
            event.listen(engine, "connect", self._prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            event.listen(engine, "connect", _prepare_postgresql)
        return engine

    def _prepare_sqlite(self, connection: Any, _record: Any) -> None:
        self._opened = self._opened or _file_id(self.file)
        # The driver would begin transactions by itself, too late and never IMMEDIATE; `_begin_sqlite` does
        # it.
        connection.isolation_level = None
        connection.execute(f"PRAGMA foreign_keys = {'ON' if self._enforce_foreign_keys else 'OFF'}")
        connection.execute(
            "PRAGMA cache_size = -32768"
        )  # KiB: the indexes over a large plan's changes are written in no order


def _file_id(file: Path | None) -> tuple[int, int] | None:
    """What tells a file from another one of its name; None if there is none."""
    try:
        found = file.stat() if file is not None else None
    except OSError:
        return None
    return None if found is None else (found.st_dev, found.st_ino)


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # Reading waits too while someone changes a table, and would wait indefinitely for a session that does
    # nothing more.
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{BUSY_TIMEOUT}s'")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that begins as a reader and then writes fails at once when another has written; an
    # IMMEDIATE one waits.
    writes = connection.get_execution_options().get(_WRITE)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
