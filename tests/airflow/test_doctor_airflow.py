"""`directory-sync doctor` and a real Airflow: what its database says of DAGs, processes, roles and users."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from directory_sync.doctor.codes import Code
from directory_sync.doctor.telling import tell
from directory_sync.settings import PREVIEWS_DAG_ID, UPKEEP_DAG_ID
from directory_sync.store.store import Store
from tests.scenarios.examined import deployment, examined, problems
from tests.scenarios.saved import ADA, text_of

Execute = Callable[..., None]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables of Airflow and of its FAB auth manager."""
    home = tmp_path_factory.mktemp("template")
    (home / "airflow.cfg").write_text(NO_EXAMPLES)
    done = subprocess.run(
        [Path(sys.executable).parent / "airflow", "db", "migrate"],
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__AUTH_MANAGER": FAB,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return home / "airflow.db"


NO_EXAMPLES = "[core]\nload_examples = False\n"
FAB = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
SAVED_BUNDLE = (
    '[{"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",'
    ' "kwargs": {}},'
    ' {"name": "saved", "classpath": "directory_sync.airflow.bundle.DirectorySyncBundle", "kwargs": {}}]'
)


@pytest.fixture
def home(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment with Airflow's database, in which nothing has happened yet."""
    home = deployment(tmp_path, monkeypatch)
    (home / "airflow.db").write_bytes(template.read_bytes())
    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    return home


@pytest.fixture
def execute(home: Path) -> Iterator[Execute]:
    """Run a statement in Airflow's database."""
    engine = create_engine(f"sqlite:///{home}/airflow.db")

    def run(statement: str, **values: str) -> None:
        with engine.begin() as connection:
            connection.execute(text(statement), values)

    yield run
    engine.dispose()


DAG = (
    "INSERT INTO dag (dag_id, is_paused, is_stale, bundle_name, relative_fileloc, max_active_tasks,"
    " max_consecutive_failed_dag_runs, has_task_concurrency_limits, timetable_type, fail_fast,"
    " exceeds_max_non_backfill, partition_mapper_info)"
    " VALUES (:name, 0, 0, 'dags-folder', 'job_collections.py', 1, 0, 0, '', 0, 0, '[]')"
)
JOB = "INSERT INTO job (job_type, state, latest_heartbeat) VALUES (:kind, 'running', :latest)"


@pytest.fixture
def running(execute: Execute) -> None:
    """Everything runs, and Airflow knows the DAGs."""
    execute("INSERT INTO dag_bundle (name, active) VALUES ('dags-folder', 1)")
    for name in ("crew", UPKEEP_DAG_ID, PREVIEWS_DAG_ID):
        execute(DAG, name=name)
    for kind in ("SchedulerJob", "DagProcessorJob", "TriggererJob"):
        execute(JOB, kind=kind, latest=datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f"))


@pytest.mark.usefixtures("running")
def test_a_deployment_that_runs() -> None:
    """Nothing is wrong but that saved collections are not read, which is a warning with the line to add."""
    wrong = problems("airflow")

    assert set(wrong) == {Code.SAVED_BUNDLE_NO_LIST}
    assert {each.code for each in examined("airflow")} >= {
        *(Code.METADATA_READ, Code.DAGS_KNOWN, Code.UPKEEP_ON, Code.PROCESS_ALIVE, Code.DAG_FILE_FOUND)
    }


def test_the_line_to_add_is_right(home: Path) -> None:
    """What is told for airflow.cfg, added there as it is told, makes Airflow read saved collections."""
    lines = tell(problems("airflow.saved_bundle")[Code.SAVED_BUNDLE_NO_LIST]).lines
    (home / "airflow.cfg").write_text("\n".join([NO_EXAMPLES, *lines[:2]]))

    assert problems("airflow.saved_bundle") == {}
    assert _bundles() == ["dags-folder", "directory-sync"]


def test_the_variable_to_set_is_right(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does the environment variable."""
    assert home
    monkeypatch.setenv(
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", SAVED_BUNDLE.partition("}},")[0] + "}}]"
    )
    (line,) = tell(problems("airflow.saved_bundle")[Code.SAVED_BUNDLE_NO_VARIABLE]).lines
    name, _, value = line.partition("=")
    monkeypatch.setenv(name, value.strip("'"))

    assert problems("airflow.saved_bundle") == {}
    assert _bundles() == ["dags-folder", "directory-sync"]


@pytest.mark.parametrize(("configured", "seconds"), [("", 30), ("5", 5), ("0", None)])
def test_edits_count_at_once(
    home: Path, monkeypatch: pytest.MonkeyPatch, configured: str, seconds: int | None
) -> None:
    """Where Airflow waits before it takes up an edited DAG, the right line that changes it is told."""
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", SAVED_BUNDLE)
    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", configured)
    wrong = problems("airflow.saved_bundle")
    if seconds is None:
        assert wrong == {}
        return
    told = wrong[Code.SAVED_BUNDLE_LATE]
    assert told.facts["seconds"] == seconds
    monkeypatch.delenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL")
    (home / "airflow.cfg").write_text("\n".join(["[core]", "load_examples = False", tell(told).lines[1]]))
    assert problems("airflow.saved_bundle") == {}


def test_secrets_of_other_bundles_are_not_shown(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an entry of the list may hold a secret, only the entry to add is told."""
    assert home
    git = (
        '[{"name": "git", "classpath": "x.GitDagBundle", "kwargs": {"repo_url": "https://me:swordfish@git"}}]'
    )
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", git)
    wrong = problems("airflow.saved_bundle", "airflow.dag_file")

    assert set(wrong) == {Code.SAVED_BUNDLE_NOT_LISTED}
    assert "swordfish" not in repr(wrong)


def _bundles() -> list[str]:
    """The names of all bundles that Airflow itself reads."""
    program = (
        "from airflow.dag_processing.bundles.manager import DagBundlesManager as M;"
        " print(*(each.name for each in M().get_all_dag_bundles()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[-2].split()


@pytest.mark.usefixtures("running")
def test_saved_collections_that_are_not_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the bundle it is a problem; with it, their DAGs have to be there too."""
    with Store.open(f"sqlite:///{home}/directory_sync.db") as store:
        store.collections.save("guests", text_of("guests"), expected=0, by=ADA)
    assert Code.SAVED_WITHOUT_BUNDLE in problems("airflow")
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", SAVED_BUNDLE)
    wrong = problems("airflow")

    assert set(wrong) == {Code.DAGS_UNKNOWN}
    assert list(wrong[Code.DAGS_UNKNOWN].facts["names"]) == ["guests"]  # type: ignore[arg-type]


def test_nothing_runs(home: Path) -> None:
    """No process, no DAG: each is told with the command that helps."""
    found = examined("airflow")
    told = [(each.code, tell(each)) for each in found]
    commands = {line for _, each in told for line in each.lines}

    assert {code for code, _ in told} >= {Code.NOTHING_RUNS, Code.DAGS_UNKNOWN, Code.UPKEEP_NOT_READ}
    assert {"airflow standalone", "airflow dags reserialize"} <= commands
    file = home / "dags/job_collections.py"
    file.write_text("from directory_sync.airflow.dag_factory import build_dags\n")
    assert Code.UPKEEP_MISSING in problems("airflow")
    (home / "dags/job_collections.py").unlink()
    assert {*problems("airflow")} >= {Code.DAG_FILE_MISSING}
    assert Code.UPKEEP_UNTOLD in {each.code for each in examined("airflow")}


@pytest.mark.usefixtures("running")
def test_what_has_gone_wrong_since(execute: Execute) -> None:
    """A silent process, a DAG that is switched off or no longer found, a DAG file with an error."""
    for name in (UPKEEP_DAG_ID, PREVIEWS_DAG_ID):
        execute("UPDATE dag SET is_paused = 1 WHERE dag_id = :name", name=name)
    execute("UPDATE dag SET is_stale = 1 WHERE dag_id = 'crew'")
    execute("UPDATE job SET state = 'success' WHERE job_type = 'TriggererJob'")
    execute("UPDATE job SET latest_heartbeat = '2026-01-01 00:00:00' WHERE job_type = 'SchedulerJob'")
    wrong = problems("airflow")
    assert {*wrong} >= {*(Code.UPKEEP_PAUSED, Code.DAGS_STALE, Code.PROCESS_NOT_RUNNING, Code.PROCESS_SILENT)}
    assert tell(wrong[Code.UPKEEP_PAUSED]).lines == (f"airflow dags unpause {UPKEEP_DAG_ID}",)
    assert tell(wrong[Code.PREVIEWS_PAUSED]).lines == (f"airflow dags unpause {PREVIEWS_DAG_ID}",)
    execute("DELETE FROM dag WHERE dag_id = :name", name=PREVIEWS_DAG_ID)
    assert Code.PREVIEWS_NOT_READ in problems("airflow")

    execute(
        "INSERT INTO import_error (bundle_name, filename, stacktrace) VALUES ('dags-folder',"
        " 'job_collections.py', 'Traceback\n  ...\nNotADirectoryError: There is no folder\n')"
    )
    wrong = problems("airflow")
    assert wrong[Code.DAG_FILE_BROKEN].facts["reason"] == "NotADirectoryError: There is no folder"
    assert Code.DAGS_STALE not in wrong


def test_databases_that_cannot_be_asked(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing, empty, no database, unreachable, none at all: one finding each, and no file is made."""
    (home / "airflow.db").unlink()
    assert Code.METADATA_FILE_MISSING in problems("airflow")
    assert not (home / "airflow.db").exists()
    (home / "airflow.db").write_bytes(b"")
    assert Code.METADATA_EMPTY in problems("airflow")
    (home / "airflow.db").write_bytes(b"nonsense" * 200)
    assert Code.METADATA_UNREACHABLE in problems("airflow")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "not a URL, secret")
    assert Code.METADATA_URL_WRONG in problems("airflow")
    assert "secret" not in repr(examined("airflow"))
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "oracle://me:secret@db/x")
    assert Code.METADATA_DRIVER in problems("airflow")
    assert "secret" not in repr(examined("airflow"))
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite://")
    assert {each.code for each in examined("airflow")} >= {Code.METADATA_NONE_HERE}


@pytest.mark.usefixtures("running")
def test_roles_and_users_of_fab(execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    """Roles without people, unknown roles and users are told; whom FAB does not know may log in later."""
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", FAB)
    execute("INSERT INTO ab_role (id, name) VALUES (101, 'Approvers'), (102, 'Chiefs')")
    execute("INSERT OR IGNORE INTO ab_role (name) VALUES ('Admin')")
    execute(
        "INSERT INTO ab_user (id, first_name, last_name, username, active, email)"
        " VALUES (7, 'a', 'b', 'ann', 1, 'a@x'), (8, 'a', 'b', 'bob', 0, 'b@x')"
    )
    execute("INSERT INTO ab_user_role (user_id, role_id) VALUES (7, 101), (8, 102)")
    minimum = "AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM"

    monkeypatch.setenv(minimum, "{approvers: {roles: [Approvers], users: [ann]}}")
    assert set(problems("rights")) == {Code.NO_ADMINISTRATOR}
    execute("INSERT INTO ab_user_role (user_id, role_id) SELECT 7, id FROM ab_role WHERE name = 'Admin'")
    assert problems("rights") == {}
    monkeypatch.setenv(minimum, "{approvers: {roles: [Chiefs]}}")
    assert set(problems("rights")) == {Code.NO_APPROVER}
    monkeypatch.setenv(minimum, "{approvers: {roles: [Aprovers]}}")
    wrong = problems("rights")
    assert set(wrong) == {Code.APPROVING_ROLE_UNKNOWN}
    assert "Did you mean Approvers?" in tell(wrong[Code.APPROVING_ROLE_UNKNOWN]).text
    monkeypatch.setenv(minimum, "{approvers: {users: [bob]}}")
    assert set(problems("rights")) == {Code.APPROVING_USER_UNKNOWN}


@pytest.mark.usefixtures("running")
def test_the_whole_command(home: Path) -> None:
    """In a process of its own, with Airflow loaded: it ends soon, and writes nothing into Airflow's home."""
    before = {path for path in home.rglob("*") if "logs" not in path.parts}
    done = subprocess.run(
        [sys.executable, "-m", "directory_sync.cli.main", "doctor"],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )

    assert "Airflow can be loaded, and knows the provider and the plugin." in done.stdout
    assert done.stdout.endswith("skipped\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path for path in home.rglob("*") if "logs" not in path.parts} == before
