"""A deployment in a folder, as `directory-sync doctor` examines it, and what its checks find."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from directory_sync.cli.connections import EnvironmentConnections
from directory_sync.doctor.checks import CHECKS
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import Finding, State
from directory_sync.doctor.process import made
from tests.scenarios.new_store import new_store

PROJECT = Path(__file__).parents[2]
DEFINITION = """name: {name}
jobs:
  - name: people
    object: row
    source: {{file: people.csv}}
    destination: {{file: phones.csv}}
    fields: {{uid: {{from: uid, key: true}}, cn: cn}}
"""


def deployment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make Airflow's home folder with everything that a deployment on one machine needs, but no Airflow."""
    for name in [each for each in os.environ if each.startswith("AIRFLOW")]:
        monkeypatch.delenv(name)
    home = folder / "airflow"
    (home / "dags" / "collections").mkdir(parents=True)
    (home / "directory_sync").mkdir()
    (home / "dags" / "job_collections.py").write_text((PROJECT / "dags/job_collections.py").read_text())
    (home / "dags" / "collections" / "crew.yaml").write_text(DEFINITION.format(name="crew"))
    (home / "airflow.cfg").write_text("[core]\nload_examples = False\n")
    (home / "airflow.cfg").chmod(0o600)
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    new_store(home / "directory_sync.db")
    return home


def examined(*names: str, connections: tuple[str, ...] = (), send_to: str = "") -> list[Finding]:
    """What checks of these names (or groups) find, without a process of their own."""
    examination = Examination(EnvironmentConnections(), named=connections, send_to=send_to)
    checks = [check for check in CHECKS if check.name in names or check.group in names]
    assert checks
    return [each for check in checks for each in made(check, examination)]


def problems(*names: str, connections: tuple[str, ...] = (), send_to: str = "") -> dict[Code, Finding]:
    """The same, only what is wrong, by code."""
    found = examined(*names, connections=connections, send_to=send_to)
    return {each.code: each for each in found if each.state in {State.PROBLEM, State.WARNING}}
