"""Creates the tables and brings them to this version; says what is wrong where they are not."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from directory_sync.errors import StoreError
from directory_sync.store.database import Database
from directory_sync.store.tables import VERSION_TABLE

if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
ALEMBIC_FILE = HERE / "alembic.ini"
MIGRATIONS = HERE / "migrations"
REVISIONS = tuple(f"{number:04}" for number in range(1, 20))
"""Every revision, oldest first.

Kept here, because reading them with Alembic would cost every task a tenth of a second.
"""

_UPGRADE = "Run directory-sync db upgrade or airflow db migrate."
_LOCK = 0x6469_7273_796E_6300  # "dirsync"; any number will do, as long as no one else locks it

log = logging.getLogger(__name__)


def check(url: str) -> None:
    """See that the store is there and has this version's tables.

    Raises StoreError that says what to do if not.
    """
    database = Database(url)
    try:
        check_database(database)
    finally:
        database.close()


def check_database(database: Database) -> None:
    """The same as `check`, on a database that is already open."""
    if database.file is not None and not database.file.exists():
        raise database.error("The file does not exist.", _UPGRADE)
    with database.read() as connection:
        revision = current_revision(connection)
    if revision == REVISIONS[-1]:
        return
    if revision is None:
        raise database.error("Its tables have not been created.", _UPGRADE)
    if revision in REVISIONS:
        raise database.error(
            f"Its tables are of an older version (revision {revision}, needed {REVISIONS[-1]}).", _UPGRADE
        )
    raise _newer(database, revision)


def has_tables(database: Database) -> bool:
    """Whether the store's tables were ever created there."""
    if database.file is not None and not database.file.exists():
        return False
    with database.read() as connection:
        return current_revision(connection) is not None


def current_revision(connection: Connection) -> str | None:
    """The revision that the tables have; None where there are none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one_or_none()  # noqa: S608 - a constant


def upgrade(url: str, revision: str = "head") -> str:
    """Create folder, file and tables as far as they are missing, migrate them, and return the revision they
    have now.

    Two at the same time are safe: the second waits for the first. All of it is done, or nothing.
    """
    from alembic import command

    database = Database(url, enforce_foreign_keys=False)
    create_file(database)
    try:
        with _locked(database) as connection:
            before = current_revision(connection)
            if before is not None and before not in REVISIONS:
                raise _newer(database, before)
            config = alembic_config(database)
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            after = current_revision(connection) or ""
            _refuse_broken_references(database, connection)
    finally:
        database.close()
    if after != before:
        log.info("Migrated the %s. before=%s after=%s", database.label, before or "nothing", after)
    return after


def create_file(database: Database) -> None:
    """Create a SQLite store's folder and file so that no one else can read them, or say that someone can."""
    file = database.file
    if file is None:
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        mode = stat.S_IMODE(file.stat().st_mode)
    except OSError as error:
        raise database.error(
            f"The file cannot be created: {error.strerror}.",
            "Give this user the right to, or change the setting database_url.",
        ) from None
    if mode & 0o077:
        log.warning(
            "The %s can be read by other users; run chmod 600 %s. mode=%o", database.label, file, mode
        )


def alembic_config(database: Database) -> Config:
    """What Alembic's commands need to work on this database."""
    from alembic.config import Config

    config = Config(ALEMBIC_FILE)
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option(
        "sqlalchemy.url", database.url.render_as_string(hide_password=False).replace("%", "%%")
    )
    return config


@contextmanager
def _locked(database: Database) -> Iterator[Connection]:
    """A transaction during which no one else migrates."""
    if database.is_sqlite:
        # Readers go on while someone writes. Stored in the file; cannot be set within a transaction.
        with database.raw() as driver:
            driver.execute("PRAGMA journal_mode = WAL")
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        yield connection


def _refuse_broken_references(database: Database, connection: Connection) -> None:
    if database.is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
        raise database.error(
            "Rows refer to others that are missing, so it was left as it was.",
            "Restore the file from a backup, or start a new one.",
        )


def _newer(database: Database, revision: str) -> StoreError:
    return database.error(
        f"Its tables are of a newer version (revision {revision}, known up to {REVISIONS[-1]}).",
        "Upgrade airflow-directory-sync here too; then run directory-sync db upgrade or airflow db migrate.",
    )
