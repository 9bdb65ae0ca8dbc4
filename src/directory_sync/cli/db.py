"""`directory-sync db upgrade|check|settle|grant-reading|release-name`: the tables of the store, who may read
them, what was left open in them, and whose a name is.
"""

from __future__ import annotations

from argparse import Namespace

from directory_sync import settings
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.printable import printable
from directory_sync.store import migrate
from directory_sync.store.database import parse_url, shown_url
from directory_sync.store.grants import grant_reading
from directory_sync.store.store import Store


def main(arguments: Namespace) -> ExitStatus:
    """Do one of these. Raises StoreError, SettingsError, CollectionError."""
    if arguments.action == "settle":
        from directory_sync.cli.db_settle import settle

        return settle(arguments)
    url = settings.database_url()
    if arguments.action == "release-name":
        return _release(url, arguments.name)
    if arguments.action == "grant-reading":
        grant_reading(url, arguments.account)
        print(f"The account {printable(arguments.account)} may read the saved collections.")
        return ExitStatus.OK
    shown = printable(shown_url(parse_url(url)))
    if arguments.action == "check":
        migrate.check(url)
        print(f"The store {shown} has the tables of this version.")
    else:
        revision = migrate.upgrade(url)
        print(f"The store {shown} has the tables of this version (revision {revision}).")
    return ExitStatus.OK


def _release(url: str, name: str) -> ExitStatus:
    with Store.open(url) as store:
        origin = store.collections.release_name(name)
    shown = printable(name)
    if origin is None:
        print(f"The name {shown} is free; nothing was changed.")
    else:
        print(f"The name {shown} is free. It belonged to {printable(origin.words)}.")
    return ExitStatus.OK
