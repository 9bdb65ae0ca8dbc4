"""The command starts at once: nothing heavy is imported before it is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DEFINITION = """
name: crew
jobs:
  - name: people
    object: row
    source: {file: people.csv}
    destination: {file: phones.csv}
    fields: {uid: {from: uid, key: true}, cn: cn}
"""
PEOPLE = "uid,cn\nfry,Philip\nleela,Turanga\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A collection of files, and its data."""
    (tmp_path / "crew.yaml").write_text(DEFINITION)
    (tmp_path / "people.csv").write_text(PEOPLE)
    return tmp_path


def modules_after(folder: Path, *arguments: str) -> set[str]:
    """The modules that are loaded when a command has ended in a new process."""
    program = (
        "import sys\nfrom directory_sync.cli.main import main\n"
        f"status = main({list(arguments)!r})\n"
        "print('\\n'.join(['', 'modules', *sys.modules]))"
    )
    environment = {**os.environ, "AIRFLOW_HOME": str(folder), "DIRECTORY_SYNC_TOKEN": "x"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split("\nmodules\n", 1)[1].splitlines())


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (
            ["--version"],
            {"airflow", "sqlalchemy", "pydantic", "yaml", "ldap", "rich", "jinja2", "logging", "httpx"},
        ),
        (["validate", "crew.yaml"], {"airflow", "sqlalchemy", "alembic", "rich", "httpx"}),
        (["schema"], {"airflow", "sqlalchemy", "alembic", "rich", "ldap"}),
        (["preview", "crew.yaml", "--data-folder", "."], {"airflow", "alembic", "rich", "httpx"}),
        (["db", "upgrade"], {"airflow", "ldap", "rich", "httpx"}),
        (
            ["requests", "list", "--url", "http://127.0.0.1:9"],
            {"airflow", "sqlalchemy", "alembic", "ldap", "jinja2"},
        ),
        (
            ["collections", "list", "--url", "http://127.0.0.1:9"],
            {"airflow", "sqlalchemy", "alembic", "ldap", "jinja2"},
        ),
        (["export", "crew.yaml"], {"airflow", "sqlalchemy", "alembic"}),
    ],
    ids=["version", "validate", "schema", "preview", "db", "requests", "collections", "export"],
)
def test_nothing_heavy_is_imported(folder: Path, arguments: list[str], unwanted: set[str]) -> None:
    """Airflow never, unless a connection is not in the environment; the rest only by the commands that need
    it.
    """
    assert not unwanted & modules_after(folder, *arguments)


def test_a_run_needs_no_airflow(folder: Path) -> None:
    """A run whose connections are in the environment, or that has none, never loads Airflow."""
    modules_after(folder, "db", "upgrade")
    loaded = modules_after(folder, "run", "crew.yaml", "--data-folder", ".")

    assert "airflow" not in loaded
    assert "sqlalchemy" in loaded
    assert (folder / "phones.csv").exists()
