"""What is saved through the REST API becomes a DAG in a real DAG processor, and the API says so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.portal_server import PortalServer
from tests.scenarios.saved import text_of

pytestmark = pytest.mark.timeout(400)

API = "/api/v1/collections"
PATIENCE = 120.0
"""Seconds that a busy machine may take; what a deployment promises is 10."""
BUNDLES = [
    {"name": "directory-sync", "classpath": "directory_sync.airflow.bundle.DirectorySyncBundle", "kwargs": {}}
]


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings by which Airflow knows the bundle."""
    return {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(tmp_path_factory.mktemp("bundles")),
    }


@pytest.fixture(scope="module")
def server(bundles: dict[str, str]) -> Iterator[PortalServer]:
    """An API server that knows the bundle."""
    with PortalServer("simple", bundles) as running:
        yield running


@pytest.fixture
def processor(server: PortalServer, bundles: dict[str, str], tmp_path: Path) -> Iterator[None]:
    """A DAG processor at the server's database."""
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [Path(sys.executable).with_name("airflow"), "dag-processor"],
            env=os.environ | server.environment() | bundles,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(server: PortalServer, name: str, condition: Callable[[dict[str, Any]], bool]) -> float:
    """Wait until the API tells something of a collection's DAG; the seconds it took."""
    began = time.monotonic()
    while not condition(dag := server.client("admin").get(f"{API}/{name}").json()["dag"]):
        assert time.monotonic() - began < PATIENCE, dag
        time.sleep(0.2)
    return time.monotonic() - began


@pytest.mark.usefixtures("processor")
def test_saved_run_edited_and_deleted(
    server: PortalServer, record_property: Callable[[str, object], None]
) -> None:
    """A run keeps the version that it began with, and keeps the collection from being deleted."""
    client = server.client("admin")

    def put(expected: int, **given: Any) -> dict[str, Any]:
        body = {"text": text_of("crew_saved", **given), "expected": expected}
        answer = client.put(f"{API}/crew_saved", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    first = put(0)
    assert first["dag"]["state"] == "waiting"
    took = {"saved": wait(server, "crew_saved", lambda dag: dag["state"] == "in_airflow")}
    assert client.get(f"{API}/crew_saved").json()["dag"]["paused"]
    assert client.post(f"{API}/crew_saved/runs", json={}).json()["error"] == "NotDecidable"
    server.metadata("update dag set is_paused = 0 where dag_id = 'crew_saved'")
    run_id = client.post(f"{API}/crew_saved/runs", json={"preview_only": True}).json()["run_id"]

    edited = put(1, title="Edited")
    took["edited"] = wait(server, "crew_saved", lambda dag: dag["state"] == "in_airflow")
    [(began_with,)] = server.metadata("select bundle_version from dag_run where run_id = ?", run_id)
    [(title, now)] = server.metadata(
        "select dag_display_name, bundle_version from dag where dag_id = 'crew_saved'"
    )
    assert (title, int(began_with), int(now)) == (
        "Edited", first["version"]["revision"], edited["version"]["revision"]
    )  # fmt: skip

    target = {"expected": 2, "confirm": "crew_saved"}
    in_use = client.delete(f"{API}/crew_saved", params=target)
    assert (in_use.status_code, in_use.json()["runs"]) == (409, [run_id])
    server.metadata("update dag_run set state = 'success' where run_id = ?", run_id)
    assert client.delete(f"{API}/crew_saved", params=target).status_code == 200
    began = time.monotonic()
    while server.metadata("select 1 from dag where dag_id = 'crew_saved' and not is_stale"):
        assert time.monotonic() - began < PATIENCE
        time.sleep(0.2)
    took["deleted"] = time.monotonic() - began
    for what, seconds in took.items():
        record_property(f"{what} → in Airflow, seconds", round(seconds, 1))
    print({what: round(seconds, 1) for what, seconds in took.items()})


def test_what_airflow_could_not_read_is_told(server: PortalServer) -> None:
    """With the last line of what it says, under the collection that it is about."""
    client = server.client("admin")
    body = {"text": text_of("unlucky"), "expected": 0}
    assert client.put(f"{API}/unlucky", json=body).status_code == 200
    server.metadata(
        "insert into import_error (timestamp, filename, bundle_name, stacktrace)"
        " values (datetime('now'), 'collection-unlucky.py', 'directory-sync', ?)",
        "Traceback …\nMemoryError: no room\n",
    )
    dag = client.get(f"{API}/unlucky").json()["dag"]
    assert (dag["state"], "MemoryError: no room" in dag["message"]) == ("import_error", True)


def test_the_bundle_is_called_the_same_everywhere() -> None:
    """In what the pages, the doctor and Airflow say."""
    from directory_sync.airflow import bundle_files
    from directory_sync.doctor import bundles
    from directory_sync.portal.airflow_dags import BUNDLE_CLASS
    from directory_sync.portal.dag_text import BUNDLE_ENTRY

    assert BUNDLE_CLASS == bundle_files.BUNDLE == bundles.SAVED_CLASS == BUNDLES[0]["classpath"]
    assert json.loads(BUNDLE_ENTRY) == bundles.SAVED == BUNDLES[0]
