"""What Alembic runs before the revisions: on the connection it is handed, or on one to `sqlalchemy.url`."""

from __future__ import annotations

from typing import Any

from alembic import context

from directory_sync.store.database import Database, parse_url
from directory_sync.store.tables import PREFIX, VERSION_TABLE, Base


def _ours(_item: Any, name: str | None, kind: str, _reflected: bool, _compare_to: Any) -> bool:
    # The database may hold other tables too, Airflow's for example.
    return kind != "table" or str(name).startswith(PREFIX)


_OPTIONS: dict[str, Any] = {
    "target_metadata": Base.metadata,
    "include_object": _ours,
    "render_as_batch": True,
    "transactional_ddl": True,  # SQLite can do it too: all of an upgrade is done, or nothing
}

if context.is_offline_mode():
    url = parse_url(context.config.get_main_option("sqlalchemy.url") or "")
    context.configure(
        version_table=VERSION_TABLE, dialect_name=url.get_backend_name(), literal_binds=True, **_OPTIONS
    )
    with context.begin_transaction():
        context.run_migrations()
elif (given := context.config.attributes.get("connection")) is not None:
    context.configure(version_table=VERSION_TABLE, connection=given, **_OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    database = Database(context.config.get_main_option("sqlalchemy.url") or "", enforce_foreign_keys=False)
    with database.write() as connection:
        context.configure(version_table=VERSION_TABLE, connection=connection, **_OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
    database.close()
