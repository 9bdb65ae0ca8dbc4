"""Checks of the store: that it answers, has this version's tables and rights, a right clock, and nothing
left open.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from directory_sync import settings
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination, this_user
from directory_sync.doctor.findings import CannotTell, Finding, State, ok, problem, warning
from directory_sync.errors import SettingsError, StoreError
from directory_sync.settings.reading import read_airflow
from directory_sync.store.database import Database, secrets_of
from directory_sync.store.migrate import REVISIONS, check_database, current_revision
from directory_sync.store.settling import Settling
from directory_sync.store.tables import Base

CLOCK_SECONDS = 5.0
"""A difference that is no longer that of two synchronised clocks and a slow answer."""
_RIGHTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_SPREAD = ("celery", "kubernetes", "edge")
"""In the names of executors whose tasks run on several machines."""


def tables(examination: Examination) -> Iterator[Finding]:
    """Whether the store is there and migrated to this version."""
    with _opened(examination) as database:
        facts = {"store": database.label}
        if database.file is not None:
            if database.file.is_dir():
                yield problem(Code.STORE_IS_FOLDER, file=str(database.file), **facts)
                return
            if not database.file.exists():
                yield problem(Code.STORE_MISSING, **facts)
                return
        with database.read() as connection:
            found = current_revision(connection)
        if found == REVISIONS[-1]:
            yield ok(Code.STORE_FINE, revision=found, **facts)
        elif found is None:
            yield problem(Code.STORE_EMPTY, **facts)
        elif found in REVISIONS:
            yield problem(Code.STORE_OLD, revision=found, needed=REVISIONS[-1], **facts)
        else:
            yield problem(Code.STORE_NEW, revision=found, needed=REVISIONS[-1], **facts)


def sharing(examination: Examination) -> Iterator[Finding]:
    """Whether tasks on other machines can reach the store."""
    executor = read_airflow("core", "executor")
    with _opened(examination) as database:
        if database.is_sqlite and any(each in executor.lower() for each in _SPREAD):
            yield problem(Code.STORE_NOT_SHARED, executor=executor, store=database.label)


def rights(examination: Examination) -> Iterator[Finding]:
    """Whether the account may read and write all tables."""
    with _ready(examination) as database:
        if database.file is not None:
            if not os.access(database.file, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
                yield problem(Code.STORE_READ_ONLY, file=str(database.file), user=this_user())
            return
        with database.read() as connection:
            user = connection.execute(text("SELECT current_user")).scalar_one()
            missing = [
                table.name
                for table in Base.metadata.sorted_tables
                if not all(
                    connection.execute(
                        text("SELECT has_table_privilege(current_user, :name, :right)"),
                        {"name": table.name, "right": right},
                    ).scalar_one()
                    for right in _RIGHTS
                )
            ]
        if missing:
            yield problem(Code.STORE_RIGHTS_MISSING, user=user, tables=missing, store=database.label)
        else:
            yield ok(Code.STORE_RIGHTS_FINE, user=user)


def clock(examination: Examination) -> Iterator[Finding]:
    """Whether the clock of the store's database is that of this machine."""
    with _opened(examination) as database:
        if database.is_sqlite:
            return
        with database.read() as connection:
            database.now(connection)  # connects, which may take long
            before = datetime.now(UTC)
            there = database.now(connection)
            here = before + (datetime.now(UTC) - before) / 2
        seconds = (there - here).total_seconds()
        if abs(seconds) > CLOCK_SECONDS:
            yield problem(Code.CLOCK_DIFFERS, seconds=f"{abs(seconds):.0f}", ahead=seconds > 0)
        else:
            yield ok(Code.CLOCK_FINE, seconds=f"{abs(seconds):.1f}")


def leftovers(examination: Examination) -> Iterator[Finding]:
    """What processes that are gone have left open."""
    with _ready(examination) as database:
        settling = Settling(database)
        plans = [plan for plan in settling.open_plans() if not plan.held]
        closed = settling.left()
        if not plans and not closed:
            yield ok(Code.NOTHING_LEFT_OPEN)
            return
        names = sorted({f"{each.collection}.{each.job}" if each.job else each.collection for each in closed})
        yield warning(
            Code.LEFT_OPEN,
            plans=len(plans),
            attempts=sum(bool(each.job) for each in closed),
            runs=sum(not each.job for each in closed),
            names=sorted({f"{plan.collection}.{plan.job}" for plan in plans} | set(names)),
        )


@contextmanager
def _opened(examination: Examination) -> Iterator[Database]:
    """The store's database. Raises CannotTell."""
    database = Database(settings.database_url())
    if database.file is not None:
        examination.needs_home(database.file)
    for secret in secrets_of(database.url):
        examination.conceal(secret)
    try:
        yield database
    except (StoreError, SettingsError) as error:
        raise CannotTell(Code.STORE_UNREACHABLE, State.PROBLEM, said=str(error)) from None
    except OSError as error:
        raise CannotTell(
            Code.STORE_FILE_UNREACHABLE,
            State.PROBLEM,
            store=database.label,
            reason=error.strerror or type(error).__name__,
        ) from None
    finally:
        database.close()


@contextmanager
def _ready(examination: Examination) -> Iterator[Database]:
    """The same, if it has this version's tables."""
    with _opened(examination) as database:
        if database.file is not None and not Path(database.file).is_file():
            raise CannotTell(Code.STORE_NOT_READY)
        try:
            check_database(database)
        except StoreError:
            raise CannotTell(Code.STORE_NOT_READY) from None
        yield database
