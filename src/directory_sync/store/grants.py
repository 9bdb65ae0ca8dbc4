"""Lets an account read the saved collections and nothing else, as Airflow's DAG processor needs it."""

from __future__ import annotations

from directory_sync.store.database import Database
from directory_sync.store.migrate import check_database
from directory_sync.store.tables import VERSION_TABLE, CollectionVersionRow

TABLES = (CollectionVersionRow.__tablename__, VERSION_TABLE)
"""What `DirectorySyncBundle` reads: definitions, and which version of the tables they are in."""


def grant_reading(url: str, account: str) -> None:
    """Let an account of the database server read what Airflow's bundle reads. Safe to repeat.

    It is done by the owner of the tables, after each migration. Raises StoreError; also for SQLite, which has
    no accounts.
    """
    database = Database(url)
    try:
        if database.is_sqlite:
            raise database.error(
                "SQLite has no accounts.", "Who may read the file may read everything in it; use PostgreSQL."
            )
        check_database(database)
        with database.write() as connection:
            quoted = connection.dialect.identifier_preparer.quote_identifier(account)
            connection.exec_driver_sql(f"GRANT SELECT ON {', '.join(TABLES)} TO {quoted}")
    finally:
        database.close()
