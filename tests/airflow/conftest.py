"""A real Airflow for these tests: its own home, a SQLite metadata database, no examples, no DAG files.

The environment is set when this file is imported, which is before the first import of Airflow.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.definition.models import Collection
from directory_sync.store.store import Store
from tests.airflow.dag_runs import RunCollection
from tests.scenarios.airflow_database import airflow_database as copied_database
from tests.scenarios.faulty_airflow import FaultyAirflow
from tests.scenarios.new_store import new_store
from tests.scenarios.postgres import find_binaries
from tests.scenarios.slapd import SlapdMissing, slapd_root

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

_HANGING = """
from pathlib import Path
from time import sleep
from directory_sync.store.runs import Runs

_finish_job = Runs.finish_job

def _hang(self, job_run_id, state, **more):
    while state == "waiting" and Path({marker!r}).exists():
        sleep(0.1)
    _finish_job(self, job_run_id, state, **more)

Runs.finish_job = _hang
"""

HOME = Path(tempfile.mkdtemp(prefix="directory-sync-airflow-"))
atexit.register(shutil.rmtree, HOME, ignore_errors=True)
(HOME / "dags").mkdir()
# Without a file of ours Airflow writes one, with all its defaults.
(HOME / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
os.environ.update(
    {
        "AIRFLOW_HOME": str(HOME),
        "AIRFLOW__CORE__DAGS_FOLDER": str(HOME / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME}/airflow.db",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
        "AIRFLOW__API_AUTH__JWT_SECRET": "for-tests-only-" * 5,
    }
)
os.environ.pop("AIRFLOW_CONFIG", None)
sys._airflow_home_of_tests = HOME  # type: ignore[attr-defined]  # the tests of the portal take it, too


def pytest_itemcollected(item: pytest.Item) -> None:
    """Airflow and its libraries warn about each other; what counts is what is said of our code."""
    item.add_marker(pytest.mark.filterwarnings("ignore", r"error:::directory_sync\..*"))


@pytest.fixture(scope="session")
def airflow_database() -> Path:
    """Airflow's metadata database, empty, in the home of these tests."""
    file = HOME / "airflow.db"
    if not file.exists():  # the tests of the portal take it, too
        copied_database(HOME)
    from airflow.utils.db import initdb

    initdb()
    return file


@pytest.fixture(scope="session")
def hanging(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As long as this file exists, a job of `faulty_airflow` hangs that has filed its request, before it
    notes that it waits.
    """
    return tmp_path_factory.mktemp("marker") / "hang"


@pytest.fixture(scope="session")
def postgres_and_slapd() -> None:
    """Both programs are here; otherwise the test is skipped."""
    if find_binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def faulty_airflow(
    tmp_path_factory: pytest.TempPathFactory, hanging: Path, postgres_and_slapd: None
) -> Iterator[FaultyAirflow]:
    """One whole Airflow for all tests that take its parts away and give them back; each adds its own
    collections.
    """
    preamble = _HANGING.format(marker=str(hanging))
    with FaultyAirflow(tmp_path_factory.mktemp("faulty"), preamble=preamble) as faulty:
        yield faulty


@pytest.fixture(autouse=True)
def faulty_airflow_is_whole_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that fails before it has given back what it took away makes no other one fail."""
    needed = "faulty_airflow" in request.fixturenames
    faulty: FaultyAirflow | None = request.getfixturevalue("faulty_airflow") if needed else None
    yield
    if faulty is not None:
        faulty.mend()


@pytest.fixture
def store_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a store of this test's own; its tables exist."""
    url = new_store(tmp_path / "store.db")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path / "data"))
    return url


@pytest.fixture
def run_dag(airflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DagRun]:
    """Run a DAG to its end as `airflow dags test` does: real operators, real trigger rules, everything in
    this process.

    Nothing is tried again: the pauses between two tries are minutes.
    """
    from tests.airflow.dag_runs import register

    sleep = time.sleep

    def sleep_for_others(seconds: float) -> None:
        # Where a task is skipped because of others, `DAG.test` waits a second per task for nothing.
        if sys._getframe(1).f_globals["__name__"] != "airflow.sdk.definitions.dag":
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", sleep_for_others)

    def run(dag: DAG, **conf: Any) -> DagRun:
        assert airflow_database.exists()
        for task in dag.tasks:
            task.retries = 0
        register(dag)
        return dag.test(run_conf=conf)

    return run


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """The same store, open."""
    with Store.open(store_url) as opened:
        yield opened


@pytest.fixture
def data(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder: a source of two people, and no destination yet. Gates look often."""
    assert store_url
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__GATE_POLL_INTERVAL", "0.1")
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "in.csv").write_text("id,name\n1,Fry\n2,Leela\n", encoding="utf-8")
    return folder


@pytest.fixture
def run_collection(run_dag: Callable[..., DagRun], data: Path) -> RunCollection:
    """Run a collection of these jobs over the data folder."""

    def run(*jobs: dict[str, Any], name: str = "corp", **conf: Any) -> DagRun:
        from directory_sync.airflow.dag_factory import build_dag

        assert data.is_dir()
        return run_dag(build_dag(Collection.model_validate({"name": name, "jobs": list(jobs)})), **conf)

    return run
