"""The settings table: where a value comes from, what is refused, and that every description of it agrees."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from directory_sync import settings
from directory_sync.airflow.provider import get_provider_info
from directory_sync.errors import SettingsError
from docs._generate.settings import reference_page

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An Airflow home without configuration, and no option set by the environment."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    for option in settings.OPTIONS:
        for ending in ("", "_CMD", "_SECRET"):
            monkeypatch.delenv(option.environment_variable + ending, raising=False)
    return tmp_path


def configure(home: Path, text: str) -> None:
    """Write an airflow.cfg with this in our section."""
    (home / "airflow.cfg").write_text(
        f"[core]\nload_examples = False\n[directory_sync]\n{text}\n", encoding="utf-8"
    )


def test_defaults_live_in_airflow_home(home: Path) -> None:
    """Where nothing is said, an option has its default, with Airflow's home filled in."""
    assert settings.database_url() == f"sqlite:///{home}/directory_sync.db"
    assert settings.data_folder() == home / "directory_sync"
    assert settings.script_modules() == ()
    assert settings.plan_max_age() == timedelta(hours=6)


def test_environment_wins_over_file_wins_over_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order is Airflow's own: environment, airflow.cfg, default."""
    configure(home, "lease_wait = 2h")
    assert settings.lease_wait() == timedelta(hours=2)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__LEASE_WAIT", "15m")
    assert settings.lease_wait() == timedelta(minutes=15)


def test_an_edited_file_is_read_again(home: Path) -> None:
    """A long-lived process sees a new value without a restart."""
    configure(home, "logged_changes = 5")
    assert settings.logged_changes() == 5
    configure(home, "logged_changes = 1234567")
    assert settings.logged_changes() == 1234567


def test_percent_signs_are_no_interpolation(home: Path) -> None:
    """A password in a URL may hold escaped characters."""
    configure(home, "database_url = postgresql://u:p%40ss%%@db/x")
    assert settings.database_url() == "postgresql://u:p%40ss%%@db/x"


def test_environment_variables_in_values_are_expanded(home: Path) -> None:
    """As in Airflow, a value may refer to the environment."""
    configure(home, "data_folder = $AIRFLOW_HOME/feeds")
    assert settings.data_folder() == home / "feeds"


def test_airflow_config_names_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AIRFLOW_CONFIG says where the file is, as for Airflow."""
    other = home / "other.cfg"
    other.write_text("[directory_sync]\nplan_max_age = 1d\n", encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONFIG", str(other))
    assert settings.plan_max_age() == timedelta(days=1)


def test_script_modules_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are separated by commas; blanks do not matter."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__SCRIPT_MODULES", " transforms, corp.badges ,")
    assert settings.script_modules() == ("transforms", "corp.badges")


@pytest.mark.parametrize(
    ("option", "value", "accessor"),
    [
        ("plan_max_age", "six hours", settings.plan_max_age),
        ("lease_duration", "0s", settings.lease_duration),
        ("logged_changes", "many", settings.logged_changes),
        ("logged_changes", "-1", settings.logged_changes),
        ("script_modules", "os; rm", settings.script_modules),
        ("data_folder", " ", settings.data_folder),
    ],
)
def test_a_wrong_value_names_section_key_and_remedy(
    option: str, value: str, accessor: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads the message knows what to change and where."""
    monkeypatch.setenv(f"AIRFLOW__DIRECTORY_SYNC__{option.upper()}", value)
    assert callable(accessor)
    with pytest.raises(SettingsError) as caught:
        accessor()
    message = str(caught.value)
    assert f"[directory_sync] {option}" in message
    assert f"AIRFLOW__DIRECTORY_SYNC__{option.upper()}" in message


def test_a_wrong_database_url_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL holds a password, so the message does not repeat it."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", "user:swordfish@db")
    with pytest.raises(SettingsError) as caught:
        settings.database_url()
    assert "swordfish" not in str(caught.value)


def test_an_unreadable_file_is_named(home: Path) -> None:
    """A configuration file with a syntax error is reported with its path."""
    (home / "airflow.cfg").write_text("no section here\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"airflow\.cfg"):
        settings.plan_max_age()


def test_an_unknown_option_is_a_programming_error() -> None:
    """Only options of the table can be read."""
    with pytest.raises(KeyError):
        settings.read("databse_url")


def test_collections_folder_is_next_to_the_dag_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the option, definitions are looked for beside the file that builds their DAGs."""
    assert settings.collections_folder(home / "dags" / "job_collections.py") == home / "dags" / "collections"
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", "/srv/collections")
    assert settings.collections_folder(home / "dags" / "job_collections.py") == Path("/srv/collections")


def test_templates_folder_is_found_beside_the_dags(home: Path) -> None:
    """Without the option, `include/templates` of the project is taken, if there is one."""
    (home / "dags" / "collections").mkdir(parents=True)
    assert settings.templates_folder(home / "dags" / "collections") is None
    (home / "include" / "templates").mkdir(parents=True)
    assert settings.templates_folder(home / "dags" / "collections") == home / "include" / "templates"


def test_provider_info_has_every_option() -> None:
    """Airflow's own lists of options (`airflow config list`, its docs) show the same table."""
    options = get_provider_info()["config"]["directory_sync"]["options"]
    assert list(options) == [option.name for option in settings.OPTIONS]
    for option in settings.OPTIONS:
        described = options[option.name]
        assert described["default"] == option.default
        assert described["type"] == option.type
        assert described["example"] == option.example
        assert described["version_added"] == option.version_added
        assert described["description"].strip() == option.description
        assert described.get("sensitive", False) is option.sensitive


def test_the_page_in_the_docs_is_the_table() -> None:
    """docs/settings.md is what `make reference` writes."""
    assert (DOCS / "settings.md").read_text(encoding="utf-8") == reference_page()


def test_reading_needs_no_airflow() -> None:
    """The command line starts fast: settings are read without importing Airflow."""
    code = (
        "import sys; from directory_sync import settings; settings.database_url(); print('airflow' in"
        " sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
