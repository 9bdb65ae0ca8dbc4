"""`directory-sync run` for the fault campaign: the command's own `main`, in a child of a process that has
imported it already.
"""

from __future__ import annotations

import importlib
import sys

from directory_sync.cli.main import main
from tests.chaos import forking

_NEEDED = (
    "directory_sync.cli.run",
    "directory_sync.definition.loading",
    "directory_sync.endpoints.ldap.destination",
    "directory_sync.run.collection",
    "directory_sync.store.store",
    "rich.progress",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "alembic.runtime.migration",
)


def _run(order: forking.Order) -> int:
    # Standard output is a file by now, as it is for a command whose output goes to one.
    sys.argv = ["directory-sync", "run", order["definition"]]
    return int(main(sys.argv[1:]) or 0)


if __name__ == "__main__":
    to_campaign = forking.answers_only()
    for name in _NEEDED:
        importlib.import_module(name)
    forking.serve(_run, to_campaign)
