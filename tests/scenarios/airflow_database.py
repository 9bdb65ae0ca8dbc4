"""Airflow's metadata database with its tables, made once and copied: making them takes seconds."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from directory_sync.store.migrate import MIGRATIONS

_FOLDER = Path(__file__).parents[2] / ".local" / "tests"
_PROVIDERS = ("apache-airflow", "apache-airflow-providers-fab")
_MAKE = "from airflow.utils.db import initdb; initdb()"


def airflow_database(home: Path, *, auth_manager: str = "") -> Path:
    """Put a database into a new home of Airflow, as `initdb` makes it with that auth manager."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    made = _FOLDER / f"airflow-{_key(auth_manager)}.db"
    with (_FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of this session need the same
        if not made.exists():
            _make(made, auth_manager)
    return Path(shutil.copyfile(made, home / "airflow.db"))


def _key(auth_manager: str) -> str:
    """All that makes a difference to the tables."""
    said = hashlib.sha256(auth_manager.encode())
    for name in _PROVIDERS:
        said.update(version(name).encode())
    for file in sorted(MIGRATIONS.rglob("*.py")):
        said.update(file.read_bytes())
    return said.hexdigest()[:16]


def _make(made: Path, auth_manager: str) -> None:
    with tempfile.TemporaryDirectory(dir=_FOLDER) as home:
        (Path(home) / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        environment["AIRFLOW_HOME"] = home
        if auth_manager:
            environment["AIRFLOW__CORE__AUTH_MANAGER"] = auth_manager
        subprocess.run([sys.executable, "-c", _MAKE], env=environment, check=True, capture_output=True)
        (Path(home) / "airflow.db").rename(made)
