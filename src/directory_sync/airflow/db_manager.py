"""Lets `airflow db migrate` and its relatives look after the store's tables, in the store's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.utils.db_manager import BaseDBManager
from alembic import command
from sqlalchemy import text
from sqlalchemy.orm import Session

from directory_sync import __version__, settings
from directory_sync.store import migrate
from directory_sync.store.database import Database
from directory_sync.store.tables import VERSION_TABLE, Base

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection


class DirectorySyncDBManager(BaseDBManager):
    """What Airflow knows as an external database manager.

    The work is done by `directory_sync.store.migrate`.
    """

    metadata = Base.metadata
    version_table_name = VERSION_TABLE
    migration_dir = migrate.MIGRATIONS.as_posix()
    alembic_file = migrate.ALEMBIC_FILE.as_posix()
    supports_table_dropping = True
    revision_heads_map = {__version__: migrate.REVISIONS[-1]}  # noqa: RUF012 - Airflow's attribute

    def __init__(self, session: Session) -> None:  # noqa: ARG002 - a session of Airflow's metadata database, which is not ours
        self._url = settings.read("database_url")
        self._database = Database(self._url, enforce_foreign_keys=False)
        migrate.create_file(self._database)
        super().__init__(Session(self._database.engine))  # type: ignore[no-untyped-call]

    def get_alembic_config(self) -> Config:
        """Alembic's configuration for the store's database."""
        return migrate.alembic_config(self._database)

    def initdb(self, use_migration_files: bool = False) -> None:  # noqa: ARG002 - there is no other way
        """Create the tables."""
        self.upgradedb()

    def upgradedb(
        self,
        to_revision: str | None = None,
        from_revision: str | None = None,
        show_sql_only: bool = False,
        use_migration_files: bool = False,  # noqa: ARG002
    ) -> None:
        """Migrate the tables, or print the SQL that would."""
        self.session.close()
        if show_sql_only:
            revisions = f"{from_revision}:{to_revision or 'head'}" if from_revision else to_revision or "head"
            command.upgrade(self.get_alembic_config(), revisions, sql=True)
        else:
            migrate.upgrade(self._url, to_revision or "head")

    def downgrade(
        self, to_revision: str, from_revision: str | None = None, show_sql_only: bool = False
    ) -> None:
        """Take the tables back to an older revision, or print the SQL that would."""
        self.session.close()
        revisions = f"{from_revision}:{to_revision}" if from_revision else to_revision
        command.downgrade(self.get_alembic_config(), revisions, sql=show_sql_only)

    def drop_tables(self, connection: Connection) -> Any:  # noqa: ARG002 - a connection to Airflow's metadata database
        """Drop the store's tables (`airflow db reset`)."""
        self.session.close()
        with self._database.write() as own:
            self.metadata.drop_all(own)
            own.execute(text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
