"""Stores in PostgreSQL that are emptied and used by the next test: a new database takes ten times as long."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

import psycopg2  # type: ignore[import-untyped]

_SHAPE = """
SELECT md5(string_agg(line, E'\\n' ORDER BY line COLLATE "C")) FROM (
    SELECT concat_ws('|', relname, relkind, relacl, relrowsecurity) AS line FROM pg_class
     WHERE relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws('|', attrelid::regclass, attname, attnum, atttypid, atttypmod, attnotnull, atthasdef)
      FROM pg_attribute JOIN pg_class c ON c.oid = attrelid AND relnamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws('|', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws('|', tgrelid::regclass, tgname, tgenabled) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT concat_ws('|', 'function', proname, prosrc) FROM pg_proc
     WHERE pronamespace = 'public'::regnamespace
    UNION ALL
    SELECT concat_ws('|', 'settings', setrole, setconfig) FROM pg_db_role_setting
     WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
    UNION ALL
    SELECT concat_ws('|', 'schema', nspname, nspacl) FROM pg_namespace
     WHERE nspname NOT LIKE 'pg\\_%'
) AS lines
"""
"""All that a test may have changed of a database besides rows."""
_EMPTY = """
DO $$
DECLARE
    each regclass;
    found boolean;
BEGIN
    SET LOCAL session_replication_role = replica;  -- neither references nor triggers matter
    FOR each IN
        SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', each) INTO found;
        IF found THEN
            EXECUTE format('DELETE FROM %s', each);
        END IF;
    END LOOP;
    FOR each IN
        SELECT oid FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
    LOOP
        PERFORM setval(each, 1, false);
    END LOOP;
END $$
"""
_LARGE = 2_000_000
"""Octets by which a database may grow; from then on a new one is quicker."""


def connect(port: int, name: str) -> Any:
    """A session of the superuser in which each statement is a transaction of its own."""
    session = psycopg2.connect(host="127.0.0.1", port=port, user="owner", dbname=name)
    session.autocommit = True
    return session


@dataclass(frozen=True, slots=True)
class EmptiedStore:
    """What a store is like whose tables were just made.

    Attributes:
        name: of its database.
        shape: of all but rows.
        rows: table → the rows that migrations have written, as PostgreSQL copies them.
        size: of the database.
    """

    name: str
    shape: str
    rows: Mapping[str, str]
    size: int

    @classmethod
    def seen(cls, port: int, name: str) -> Self:
        """What the database is like now."""
        with closing(connect(port, name)) as session, session.cursor() as cursor:
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
            rows = {}
            for (table,) in cursor.fetchall():
                copied = io.StringIO()
                cursor.copy_expert(f'COPY "{table}" TO STDOUT', copied)
                if copied.getvalue():
                    rows[table] = copied.getvalue()
            shape, size = _shape_and_size(cursor)
            return cls(name, shape, rows, size)

    def empty_like(self, port: int, name: str) -> bool:
        """Bring a database back to this; False if that cannot be done, and then it is gone."""
        try:
            session = connect(port, name)
        except psycopg2.OperationalError:  # the test has removed it
            return False
        with closing(session), session.cursor() as cursor:
            _end_others(cursor)
            shape, size = _shape_and_size(cursor)
            if shape == self.shape and size < self.size + _LARGE:
                cursor.execute(_EMPTY)
                for table, rows in self.rows.items():
                    cursor.copy_expert(f'COPY "{table}" FROM STDIN', io.StringIO(rows))
                return True
        with closing(connect(port, "postgres")) as session, session.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
        return False


def _shape_and_size(cursor: Any) -> tuple[str, int]:
    cursor.execute(_SHAPE)
    (shape,) = cursor.fetchone()
    cursor.execute("SELECT pg_database_size(current_database())")
    (size,) = cursor.fetchone()
    return shape, size


def _end_others(cursor: Any) -> None:
    """End the sessions that the test has left; a transaction that is still open would lock its rows."""
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    deadline = time.monotonic() + 30
    while True:
        cursor.execute(f"SELECT pg_terminate_backend(pid) {others}")
        if not cursor.fetchall():
            return
        assert time.monotonic() < deadline, "sessions of the last test do not end"
        time.sleep(0.01)
