"""`directory-sync doctor`: faults of files, folders and settings are found, each with what to do about it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from directory_sync import settings
from directory_sync.cli.connections import EnvironmentConnections
from directory_sync.cli.main import main
from directory_sync.doctor import configuration, installation
from directory_sync.doctor.checks import Check
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, ok
from directory_sync.doctor.groups import Group
from directory_sync.doctor.process import examine
from directory_sync.doctor.telling import tell
from directory_sync.store import migrate
from directory_sync.store.store import Store
from tests.scenarios.definitions import MINIMAL
from tests.scenarios.examined import DEFINITION, PROJECT, deployment, examined, problems
from tests.scenarios.saved import ADA, text_of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Airflow's home folder with everything that a deployment on one machine needs, but no Airflow."""
    return deployment(tmp_path, monkeypatch)


QUIET = ("configuration", "folders", "store", "definitions", "airflow.dag_file", "rights")


@pytest.mark.usefixtures("home")
def test_nothing_is_wrong_where_nothing_is_wrong() -> None:
    """A deployment on one machine that has all it needs gives no warning."""
    assert problems(*QUIET) == {}


def _config(text: str) -> Callable[[Path], object]:
    return lambda home: (home / "airflow.cfg").write_text(text)


FAULTS: dict[str, tuple[Callable[[Path], object], Code, str]] = {
    "misspelt key": (
        _config("[directory_sync]\ndatabse_url = x\n"),
        Code.KEY_MISSPELT,
        "database_url",
    ),
    "misspelt section": (
        _config("[directory-sync]\ndata_folder = x\n"),
        Code.SECTION_MISSPELT,
        "[directory_sync]",
    ),
    "unknown key": (_config("[directory_sync]\nxyzzy = x\n"), Code.KEY_UNKNOWN, ""),
    "command where none is asked": (
        _config("[directory_sync]\ndata_folder_cmd = pwd\n"),
        Code.KEY_TAKES_NO_COMMAND,
        "",
    ),
    "wrong value": (_config("[directory_sync]\nlease_wait = soon\n"), Code.SETTING_WRONG, ""),
    "broken policy": (_config("[directory_sync]\napproval_minimum = {a: [\n"), Code.SETTING_WRONG, ""),
    "line break in a setting": (
        _config("[directory_sync]\nmail_from = a\n  b@x.example\n"),
        Code.SETTING_WRONG,
        "",
    ),
    "line without a key": (_config("[directory_sync]\nnonsense\n"), Code.CONFIG_MALFORMED, ""),
    "no section": (_config("nonsense = 1\n"), Code.CONFIG_MALFORMED, ""),
    "no text": (lambda home: (home / "airflow.cfg").write_bytes(b"\xff\xfe\x00"), Code.CONFIG_NO_TEXT, ""),
    "folder for a file": (
        lambda home: ((home / "airflow.cfg").unlink(), (home / "airflow.cfg").mkdir()),
        Code.CONFIG_NO_FILE,
        "",
    ),
    "readable configuration": (
        lambda home: (home / "airflow.cfg").chmod(0o644),
        Code.FILE_OPEN,
        "chmod 600",
    ),
    "address without a scheme": (
        _config("[api]\nbase_url = airflow.example\n"),
        Code.ADDRESS_WRONG,
        "base_url",
    ),
    "impossible address": (_config("[api]\nbase_url = http://[::1\n"), Code.ADDRESS_WRONG, "base_url"),
    "no data folder": (
        lambda home: (home / "directory_sync").rmdir(),
        Code.FOLDER_MISSING,
        "mkdir -p",
    ),
    "file for a folder": (
        lambda home: ((home / "directory_sync").rmdir(), (home / "directory_sync").write_text("")),
        Code.NOT_A_FOLDER,
        "mkdir",
    ),
    "open folder": (
        lambda home: (home / "dags" / "collections").chmod(0o777),
        Code.FOLDER_OPEN,
        "chmod o-w",
    ),
    "folder within a file": (
        _config("[directory_sync]\ndata_folder = /etc/hostname/x\n"),
        Code.FOLDER_UNREACHABLE,
        "",
    ),
    "null byte in a folder": (
        _config("[directory_sync]\ndata_folder = /srv/a\0b\n"),
        Code.FOLDER_UNREACHABLE,
        "",
    ),
    "readable store": (
        lambda home: (home / "directory_sync.db").chmod(0o644),
        Code.FILE_OPEN,
        "chmod 600",
    ),
    "no store": (
        lambda home: (home / "directory_sync.db").unlink(),
        Code.STORE_MISSING,
        "directory-sync db upgrade",
    ),
    "empty store": (
        lambda home: (home / "directory_sync.db").write_bytes(b""),
        Code.STORE_EMPTY,
        "directory-sync db upgrade",
    ),
    "store that is no database": (
        lambda home: (home / "directory_sync.db").write_bytes(b"no database" * 100),
        Code.STORE_UNREACHABLE,
        "",
    ),
    "store that is a folder": (
        lambda home: ((home / "directory_sync.db").unlink(), (home / "directory_sync.db").mkdir()),
        Code.STORE_IS_FOLDER,
        "",
    ),
    "store on one machine": (
        _config("[core]\nexecutor = CeleryExecutor\n"),
        Code.STORE_NOT_SHARED,
        "postgresql://",
    ),
    "no definitions": (
        lambda home: (home / "dags/collections/crew.yaml").unlink(),
        Code.NO_DEFINITIONS,
        "collections_folder",
    ),
    "broken definition": (
        lambda home: (home / "dags/collections/crew.yaml").write_text("name: crew\njobs: [\n"),
        Code.DEFINITION_BROKEN,
        "directory-sync validate",
    ),
    "binary definition": (
        lambda home: (home / "dags/collections/crew.yaml").write_bytes(b"\x00\xff" * 50),
        Code.DEFINITION_BROKEN,
        "directory-sync validate",
    ),
    "two definitions of one name": (
        lambda home: (home / "dags/collections/other.yaml").write_text(DEFINITION.format(name="crew")),
        Code.DEFINITION_BROKEN,
        "directory-sync validate",
    ),
    "missing module": (
        _config("[directory_sync]\nscript_modules = no_such.module\n"),
        Code.SCRIPT_MODULE_MISSING,
        "import no_such.module",
    ),
    "no DAG file": (
        lambda home: (home / "dags/job_collections.py").unlink(),
        Code.DAG_FILE_MISSING,
        "job_collections.py",
    ),
    "bundle list that is no JSON": (
        _config("[dag_processor]\ndag_bundle_config_list = [{'name': 1}]\n"),
        Code.BUNDLES_UNREADABLE,
        "dag_bundle_config_list = [",
    ),
    "bundles that are no mappings": (
        _config('[dag_processor]\ndag_bundle_config_list = ["dags"]\n'),
        Code.BUNDLES_UNREADABLE,
        "dag_bundle_config_list = [",
    ),
    "misspelt role": (
        _config("[directory_sync]\nadministrator_roles = Administrator\n"),
        Code.NO_ADMINISTRATOR_ROLE,
        "administrator_roles = admin",
    ),
    "editors that are not there": (
        _config("[directory_sync]\ncollection_roles = Editors\n"),
        Code.NO_EDITOR_ROLE,
        "collection_roles = admin",
    ),
    "missing rules": (
        _config("[directory_sync]\nconnection_rules = /no/such/file.yaml\n"),
        Code.SETTING_WRONG,
        "",
    ),
    "broken rules": (
        lambda home: (
            (home / "rules.yaml").write_text("connections: {a: {sauce: {}}}\n"),
            (home / "airflow.cfg").write_text(f"[directory_sync]\nconnection_rules = {home}/rules.yaml\n"),
        ),
        Code.SETTING_WRONG,
        "",
    ),
    "role without people": (
        _config("[directory_sync]\nadministrator_roles = op\n"),
        Code.NO_ADMINISTRATOR,
        "",
    ),
    "unknown approver": (
        _config("[directory_sync]\napproval_minimum = {approvers: {users: [Admin]}}\n"),
        Code.APPROVING_USER_UNKNOWN,
        "",
    ),
    "role that no one has": (
        _config("[directory_sync]\napproval_minimum = {approvers: {roles: [op]}}\n"),
        Code.NO_APPROVER,
        "",
    ),
    "too few approvers": (
        _config("[directory_sync]\napproval_minimum = {approvers: {roles: [admin]}, require: 2}\n"),
        Code.TOO_FEW_APPROVERS,
        "",
    ),
    "address of a role that is not there": (
        _config("[directory_sync]\nrole_addresses = Admins=a@x.example\n"),
        Code.ADDRESS_OF_NO_ROLE,
        "",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_with_its_remedy(home: Path, fault: str) -> None:
    """Each fault gives its finding, and what to do about it; no other check fails over it."""
    make, code, remedy = FAULTS[fault]
    make(home)
    wrong = problems(*QUIET)

    assert code in wrong
    assert Code.CHECK_FAILED not in wrong
    told = tell(wrong[code])
    assert remedy in "\n".join(told.lines)
    assert told.do or "Setting" in told.text or "See that" in told.text or "Let " in told.text


@pytest.mark.parametrize(
    "setting",
    ["role_addresses = Admin=a@x.example", "mail_domain = x.example", "notification_domains = x.example"],
)
def test_settings_of_mail_need_its_connection(home: Path, setting: str) -> None:
    """Where no mail is sent, they have no effect."""
    _config(f"[directory_sync]\n{setting}\n")(home)
    assert Code.MAIL_SETTINGS_UNUSED in problems("mail.without_effect")
    _config(f"[directory_sync]\n{setting}\nmail_connection = smtp_default\n")(home)
    assert problems("mail.without_effect") == {}


def test_every_setting_is_read() -> None:
    """Every option has a function of its name that reads it, or one in the table."""
    for option in settings.OPTIONS:
        assert option.name in configuration.READERS or callable(getattr(settings, option.name, None)), option


def test_supported_versions_are_those_of_the_package() -> None:
    """What is checked without an installed package is what pyproject.toml says."""
    text = (PROJECT / "pyproject.toml").read_text()

    assert f'requires-python = "{installation.PYTHON}"' in text
    assert f'"apache-airflow{installation.AIRFLOW}"' in text


def test_an_older_and_a_newer_store(home: Path) -> None:
    """The tables of another version are told apart: one is migrated, the other needs a newer package."""
    url = settings.database_url()
    (home / "directory_sync.db").unlink()
    migrate.upgrade(url, migrate.REVISIONS[-2])
    assert problems("store")[Code.STORE_OLD].facts["revision"] == migrate.REVISIONS[-2]

    import sqlite3

    with sqlite3.connect(home / "directory_sync.db") as connection:
        connection.execute("UPDATE directory_sync_alembic_version SET version_num = '9999'")
    assert problems("store")[Code.STORE_NEW].facts["revision"] == "9999"


def test_a_missing_home_is_one_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has forgotten AIRFLOW_HOME is told just that, not that everything in it is missing."""
    for name in [each for each in os.environ if each.startswith("AIRFLOW")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "nothing"))

    assert set(problems("configuration", "folders", "store", "definitions", "airflow")) == {Code.HOME_MISSING}


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@127.0.0.1:1/x", "postgresql://me@127.0.0.1:1/x?password=hunter2"]
)
def test_no_secret_is_shown(home: Path, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A password in a setting is in no finding, wherever it stands."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", url)
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", url)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URLL", url)
    everything = json.dumps(
        [dict(finding.facts) for finding in examined("configuration", "store", "folders", "airflow")],
        default=list,
    )

    assert "hunter2" not in everything
    assert "127.0.0.1" in everything


def _never(examination: Examination) -> object:
    del examination
    time.sleep(600)
    yield ok(Code.CLOCK_FINE, seconds="0")


def _dies(examination: Examination) -> object:
    del examination
    yield ok(Code.NOTHING_LEFT_OPEN)
    time.sleep(0.5)
    os.kill(os.getpid(), 9)


def _fails(examination: Examination) -> object:
    del examination
    yield ok(Code.NO_TEMPLATES)
    raise RuntimeError("what\nelse")


def _exits(examination: Examination) -> object:
    del examination
    raise CannotTell(Code.NO_TEMPLATES)
    yield


def _check(make: object) -> Check:
    return Check(Group.STORE, make)  # type: ignore[arg-type]


def test_a_check_that_never_ends_is_told(home: Path) -> None:
    """What does not answer costs neither the other checks nor more than its time."""
    started = time.monotonic()
    results = dict(
        examine([_check(_never), _check(_fails)], Examination(EnvironmentConnections()), seconds=2)
    )

    assert time.monotonic() - started < 10
    assert [[each.code for each in findings] for findings in results.values()] == [
        [Code.NO_ANSWER],
        [Code.NO_TEMPLATES, Code.CHECK_FAILED],
    ]


def test_a_process_that_is_killed_is_told(home: Path) -> None:
    """What was found before stays; the rest is said to be missing."""
    results = examine([_check(_dies), _check(_exits)], Examination(EnvironmentConnections()), seconds=20)

    assert [[each.code for each in findings] for _, findings in results] == [
        [Code.NOTHING_LEFT_OPEN, Code.CHECKS_DIED],
        [Code.NO_TEMPLATES],
    ]


def test_the_command(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 0 without a problem, 1 with one; the table names group, state and remedy."""
    arguments = ["doctor", "--only", "store", "--only", "definitions"]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "1 of 1 definitions" in out
    assert out.endswith("0 problems, 0 warnings, 3 ok, 0 skipped\n")

    (home / "directory_sync.db").unlink()
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "problem  The store" in out
    assert "               directory-sync db upgrade\n" in out

    assert main([*arguments, "--format", "json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["summary"] == {"ok": 1, "warning": 0, "problem": 1, "skipped": 1}
    assert told["findings"][0]["lines"] == ["directory-sync db upgrade"]


def test_a_wrong_group_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """With the nearest one."""
    assert main(["doctor", "--only", "stor"]) == 2
    assert "did you mean store?" in capsys.readouterr().err


def test_what_may_not_be_read_is_told(home: Path) -> None:
    """An ordinary user who may not read what belongs to another gets findings, no traceback."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to be someone else")
    for path in (home, *home.parents):
        if path.owner() == "root" and path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    (home / "directory_sync.db").chmod(0o600)
    (home / "directory_sync").chmod(0o700)
    examined("configuration", "folders", "store", "definitions")  # whatever has to be imported, is
    os.seteuid(65534)
    try:
        codes = set(problems("configuration", "folders", "store", "definitions"))
    finally:
        os.seteuid(0)

    assert codes == {
        *(Code.CONFIG_UNREADABLE, Code.STORE_UNREACHABLE),
        *(Code.FOLDER_UNREADABLE, Code.FOLDER_UNWRITABLE),
    }


def test_rules_and_saved_collections(home: Path) -> None:
    """A saved collection is looked at as files are: whether it can be used, keeps the rules, and has a name
    of its own.
    """
    (home / "rules.yaml").write_text("connections: {corp: {source: {roles: [Chiefs]}}}\n")
    (home / "airflow.cfg").write_text(f"[directory_sync]\nconnection_rules = {home}/rules.yaml\n")
    assert problems("rights", "definitions") == {}
    source = {"connection": "corp", "container": "ou=People,dc=corp"}
    job = {**MINIMAL["jobs"][0], "source": source}
    with Store.open(settings.database_url()) as store:
        store.collections.save("guests", text_of("guests", jobs=[job]), expected=0, by=ADA)
        store.collections.save("broken", "name: broken\njobs: [\n", expected=0, by=ADA)
        store.collections.save("crew", text_of("crew"), expected=0, by=ADA)
    wrong = problems("rights", "definitions")

    assert set(wrong) == {Code.RULE_BROKEN, Code.SAVED_BROKEN, Code.NAME_TWICE}
    assert wrong[Code.RULE_BROKEN].facts["where"] == "saved:guests"
    assert "Chiefs" in tell(wrong[Code.RULE_BROKEN]).details[0]
