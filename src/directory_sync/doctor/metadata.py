"""What Airflow's metadata database says: DAGs, errors of DAG files, processes, roles and users.

It is asked with SQL, because importing Airflow's models takes seconds and asks for a whole configuration.
The tables are those of the versions of Airflow that this package supports.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from directory_sync.doctor.codes import Code
from directory_sync.doctor.findings import CannotTell, State
from directory_sync.settings.reading import airflow_home, read_airflow
from directory_sync.store.database import secrets_of, shown_url

if TYPE_CHECKING:
    from directory_sync.doctor.examination import Examination

CONNECT_SECONDS = 8
STATEMENT_SECONDS = 10

_SYNCHRONOUS = {
    "sqlite+aiosqlite": "sqlite",
    "postgres": "postgresql+psycopg2",
    "postgresql": "postgresql+psycopg2",
    "postgresql+asyncpg": "postgresql+psycopg2",
}


@dataclass(frozen=True, slots=True)
class Dag:
    """A DAG as Airflow knows it."""

    id: str
    paused: bool
    stale: bool
    bundle: str
    file: str


@dataclass(frozen=True, slots=True)
class ImportFailure:
    """A DAG file that Airflow could not read; `reason` is the last line of what Python said."""

    bundle: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class People:
    """Users and roles that the FAB auth manager keeps.

    Attributes:
        roles: role or group → how many active users have it.
        users: names of active users.
    """

    roles: Mapping[str, int]
    users: frozenset[str]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the metadata database says.

    Attributes:
        database: its URL without the password.
        dags: by id.
        failures: DAG files that could not be read.
        heartbeats: kind of process → seconds since the latest sign of life of one that has not ended.
        people: None if the database holds none.
    """

    database: str
    dags: Mapping[str, Dag]
    failures: tuple[ImportFailure, ...]
    heartbeats: Mapping[str, float]
    people: People | None = field(default=None)


def read_metadata(examination: Examination) -> Metadata:
    """Ask the metadata database of this deployment. Raises CannotTell."""
    url = _url(examination)
    with _connected(url) as connection:
        tables = set(inspect(connection).get_table_names())
        if not {"dag", "job", "import_error", "alembic_version"} <= tables:
            raise CannotTell(Code.METADATA_EMPTY, State.PROBLEM, database=shown_url(url))
        return Metadata(
            shown_url(url),
            _dags(connection),
            _failures(connection),
            _heartbeats(connection),
            _people(connection) if {"ab_role", "ab_user", "ab_user_role"} <= tables else None,
        )


def has_database(examination: Examination) -> bool:
    """Whether there is a database to ask, as far as that can be told without asking it."""
    try:
        _url(examination, ask=False)
    except CannotTell:
        return False
    return True


def _url(examination: Examination, *, ask: bool = True) -> URL:
    written = examination.metadata_url or _from_command(examination, ask=ask)
    if not written:
        written = f"sqlite:///{airflow_home()}/airflow.db"
    try:
        url = make_url(written)
    except (ArgumentError, ValueError):
        examination.conceal(written)
        raise CannotTell(Code.METADATA_URL_WRONG, State.PROBLEM) from None
    for secret in secrets_of(url):
        examination.conceal(secret)
    url = url.set(drivername=_SYNCHRONOUS.get(url.drivername, url.drivername))
    if url.get_backend_name() == "sqlite":
        if not url.database or url.database == ":memory:":
            raise CannotTell(Code.METADATA_NONE_HERE)
        examination.needs_home(Path(url.database))
        if not Path(url.database).exists():
            raise CannotTell(Code.METADATA_FILE_MISSING, State.PROBLEM, file=url.database)
    return url


def _from_command(examination: Examination, *, ask: bool) -> str:
    """The URL from a command or a secrets backend, which only Airflow can ask."""
    variable = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
    if not (
        {f"{variable}_CMD", f"{variable}_SECRET"} & set(os.environ)
        or read_airflow("database", "sql_alchemy_conn_cmd")
        or read_airflow("database", "sql_alchemy_conn_secret")
    ):
        return ""
    if not ask:
        return "postgresql://"
    try:
        examination.load_airflow()
        from airflow.configuration import conf

        return str(conf.get("database", "sql_alchemy_conn"))
    except Exception as error:  # noqa: BLE001 - a command or a secrets backend may raise anything
        raise CannotTell(Code.METADATA_URL_UNTOLD, State.PROBLEM, error=type(error).__name__) from None


@contextmanager
def _connected(url: URL) -> Iterator[Connection]:
    options: dict[str, Any] = {"hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        options["connect_args"] = {
            "connect_timeout": CONNECT_SECONDS,
            "options": f"-c statement_timeout={STATEMENT_SECONDS}s -c default_transaction_read_only=on",
            "tcp_user_timeout": 1000 * CONNECT_SECONDS,
        }
    elif url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": STATEMENT_SECONDS}
    shown = shown_url(url)
    try:
        engine = create_engine(url, **options)
    except Exception as error:  # noqa: BLE001 - a driver that is missing or refuses an option
        raise CannotTell(
            Code.METADATA_DRIVER, State.PROBLEM, database=shown, error=type(error).__name__
        ) from None
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        said = getattr(error, "orig", None) or type(error).__name__
        first = next(iter(str(said).splitlines()), "").strip()
        raise CannotTell(Code.METADATA_UNREACHABLE, State.PROBLEM, database=shown, said=first) from None
    finally:
        engine.dispose()


def _dags(connection: Connection) -> dict[str, Dag]:
    rows = connection.execute(
        text("SELECT dag_id, is_paused, is_stale, bundle_name, relative_fileloc, fileloc FROM dag")
    )
    return {
        row.dag_id: Dag(
            row.dag_id,
            bool(row.is_paused),
            bool(row.is_stale),
            row.bundle_name or "",
            row.relative_fileloc or row.fileloc or "",
        )
        for row in rows
    }


def _failures(connection: Connection) -> tuple[ImportFailure, ...]:
    rows = connection.execute(text("SELECT bundle_name, filename, stacktrace FROM import_error ORDER BY id"))
    return tuple(
        ImportFailure(row.bundle_name or "", row.filename or "", _last_line(row.stacktrace or ""))
        for row in rows
    )


def _last_line(trace: str) -> str:
    lines = [line.strip() for line in trace.splitlines() if line.strip()]
    return lines[-1][:300] if lines else ""


def _heartbeats(connection: Connection) -> dict[str, float]:
    rows = connection.execute(
        text(
            "SELECT job_type, MAX(latest_heartbeat) AS latest FROM job"
            " WHERE state = 'running' GROUP BY job_type"
        )
    ).all()
    now = datetime.now(UTC)
    if connection.dialect.name == "postgresql":
        now = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return {row.job_type: (now - _time(row.latest)).total_seconds() for row in rows if row.latest}


def _time(value: datetime | str) -> datetime:
    """A time as the driver gives it; SQLite has texts."""
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _people(connection: Connection) -> People:
    active = {
        row.id: row.username
        for row in connection.execute(text("SELECT id, username, active FROM ab_user"))
        if row.active
    }
    members: dict[str, set[int]] = defaultdict(set)
    for row in connection.execute(
        text("SELECT r.name, m.user_id FROM ab_role r LEFT JOIN ab_user_role m ON m.role_id = r.id")
    ):
        members[row.name] |= {row.user_id} & set(active)
    if {"ab_group", "ab_user_group"} <= set(inspect(connection).get_table_names()):
        for row in connection.execute(
            text("SELECT g.name, m.user_id FROM ab_group g LEFT JOIN ab_user_group m ON m.group_id = g.id")
        ):
            members[row.name] |= {row.user_id} & set(active)
    return People({name: len(found) for name, found in members.items()}, frozenset(active.values()))
