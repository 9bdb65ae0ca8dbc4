"""Saved collections in a real DAG processor of Airflow: they appear, change, break and go."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from directory_sync.airflow import bundle_files
from directory_sync.approval.people import Person
from directory_sync.store.store import Store
from tests.airflow.test_bundle import definition
from tests.scenarios.new_store import new_store

pytestmark = pytest.mark.timeout(400)

IDA = Person("ida", frozenset(), verified=True)
PATIENCE = 90.0
"""Seconds that a busy machine may take; what a deployment promises is 10."""


class Processors:
    """DAG processors with a store and a database of their own."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.database = folder / "airflow.db"
        with closing(sqlite3.connect(database)) as made, closing(sqlite3.connect(self.database)) as copy:
            made.backup(copy)
        self.store_url = new_store(folder / "store.db")
        self.store = Store.open(self.store_url)
        self.running: list[subprocess.Popen[bytes]] = []
        (folder / "dags").mkdir()
        (folder / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")

    def start(self, machine: str = "one") -> subprocess.Popen[bytes]:
        """Start one; those of a machine share a folder for their files."""
        bundle = {"name": "saved", "classpath": bundle_files.BUNDLE, "kwargs": {}}
        environment = os.environ | {
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.folder / "dags"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.database}",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
            "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "0",
            "AIRFLOW__DIRECTORY_SYNC__DATABASE_URL": self.store_url,
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(self.folder / machine),
        }
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("airflow"), "dag-processor"],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.running.append(process)
        return process

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End one, and what it has started, as the end of its machine would."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        self.running.remove(process)

    def close(self) -> None:
        """End all."""
        for process in list(self.running):
            self.kill(process)
        self.store.close()

    def save(self, text: str, name: str = "crew") -> None:
        """Save as the next version."""
        newest = self.store.collections.get(name)
        self.store.collections.save(name, text, expected=newest.number if newest else 0, by=IDA)

    def dags(self) -> dict[str, tuple[str, str, list[str]]]:
        """DAGs that are not stale → title, revision, tags."""
        with closing(sqlite3.connect(self.database, timeout=30)) as connection:
            rows = connection.execute(
                "SELECT dag_id, dag_display_name, bundle_version FROM dag WHERE NOT is_stale"
            ).fetchall()
            tags = connection.execute("SELECT dag_id, name FROM dag_tag").fetchall()
        return {
            dag: (title, version, [tag for owner, tag in tags if owner == dag])
            for dag, title, version in rows
        }

    def wait(self, condition: Callable[[dict[str, tuple[str, str, list[str]]]], Any]) -> float:
        """Wait until the DAGs are so; the seconds it took."""
        began = time.monotonic()
        while not condition(found := self.dags()):
            log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() - began < PATIENCE, f"{found}\n{log[-4000:]}"
            time.sleep(0.2)
        return time.monotonic() - began


@pytest.fixture
def processors(tmp_path: Path, airflow_database: Path) -> Iterator[Processors]:
    """None is running yet."""
    made = Processors(tmp_path, airflow_database)
    yield made
    made.close()


def test_a_collection_becomes_a_dag_and_goes(
    processors: Processors, record_property: Callable[[str, object], None]
) -> None:
    """Saved, edited, broken, corrected and deleted while one DAG processor runs, and another joins it."""
    seconds = {}
    processors.save(definition("first"), "first")
    processors.start()
    processors.wait(lambda dags: "first" in dags)
    processors.save(definition(title="one"))
    seconds["saved"] = processors.wait(lambda dags: "crew" in dags and dags["crew"][0] == "one")
    processors.save(definition(title="two"))
    seconds["edited"] = processors.wait(lambda dags: dags["crew"][:2] == ("two", "3"))
    processors.start("two")
    processors.save("name: crew\njobs: 7\n")
    seconds["broken"] = processors.wait(lambda dags: "broken definition" in dags["crew"][2])
    assert processors.dags()["first"][2] == []
    processors.save(definition(title="three"))
    seconds["corrected"] = processors.wait(lambda dags: dags["crew"][0] == "three")
    processors.store.collections.delete("crew", expected=4, by=IDA)
    seconds["deleted"] = processors.wait(lambda dags: "crew" not in dags)
    assert list(processors.dags()) == ["first"]
    for what, took in seconds.items():
        record_property(f"{what} → seen, seconds", round(took, 1))
    print({what: round(took, 1) for what, took in seconds.items()})


def test_no_dag_vanishes_while_the_store_is_away(processors: Processors) -> None:
    """Neither for a DAG processor that runs, nor for one that starts without files; nor after a kill."""
    file = processors.folder / "store.db"
    for name in ("crew", "ship"):
        processors.save(definition(name), name)
    one = processors.start()
    processors.wait(lambda dags: set(dags) == {"crew", "ship"})
    processors.store.close()
    file.rename(file.with_suffix(".away"))
    processors.start("two")
    log = processors.folder / "log"
    deadline = time.monotonic() + PATIENCE
    while not ("stay as they were" in (text := log.read_text()) and "are no DAGs yet" in text):
        assert time.monotonic() < deadline, text[-4000:]
        time.sleep(0.5)
    time.sleep(8)  # Airflow has looked once more
    assert set(processors.dags()) == {"crew", "ship"}
    processors.kill(one)
    file.with_suffix(".away").rename(file)
    processors.save(definition(title="after"), "crew")
    processors.start()
    processors.wait(lambda dags: set(dags) == {"crew", "ship"} and dags["crew"][0] == "after")
