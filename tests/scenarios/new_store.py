"""New SQLite stores, copied from one whose tables were made once: migrations take longer than most tests."""

from __future__ import annotations

import shutil
import tempfile
from functools import cache
from pathlib import Path

from directory_sync.store.migrate import upgrade


def new_store(file: Path) -> str:
    """Let the file be an empty store; its URL."""
    shutil.copyfile(_migrated(), file)
    file.chmod(0o600)
    return f"sqlite:///{file}"


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    # Gone when the process is; processes that make no store need none.
    return tempfile.TemporaryDirectory(prefix="store-")


@cache
def _migrated() -> Path:
    file = Path(_folder().name) / "store.db"
    upgrade(f"sqlite:///{file}")
    return file
