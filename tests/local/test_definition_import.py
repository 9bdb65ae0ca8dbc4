"""Importing the loader is cheap, because every task of every DAG does it again."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
from directory_sync.definition.catalogue import FolderCatalogue
heavy = {'airflow', 'ldap', 'jinja2', 'croniter', 'sqlalchemy', 'alembic', 'rich', 'pandas'}
print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))
"""


def test_loader_imports_nothing_heavy() -> None:
    """What only some definitions need is imported when one does."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
