"""`directory-sync db upgrade|check|settle`: the tables of the store, and what was left open in them."""

from __future__ import annotations

from argparse import Namespace

from directory_sync import settings
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.printable import printable
from directory_sync.store import migrate
from directory_sync.store.database import parse_url


def main(arguments: Namespace) -> ExitStatus:
    """Create, migrate or check the tables, or settle what was left open. Raises StoreError, SettingsError."""
    if arguments.action == "settle":
        from directory_sync.cli.db_settle import settle

        return settle(arguments)
    url = settings.database_url()
    shown = printable(parse_url(url).render_as_string(hide_password=True))
    if arguments.action == "check":
        migrate.check(url)
        print(f"The store {shown} has the tables of this version.")
    else:
        revision = migrate.upgrade(url)
        print(f"The store {shown} has the tables of this version (revision {revision}).")
    return ExitStatus.OK
