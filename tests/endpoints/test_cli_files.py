"""The command on files: the endpoints that need no server, and no connection either."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from directory_sync.cli import query
from directory_sync.cli.main import main

DEFINITION = """
name: crew
jobs:
  - name: phones
    source: {file: people.csv}
    destination: {file: phones.csv}
    object: row
    missing_at_source: delete
    remove: all
    fields:
      uid: {from: uid, key: true}
      cn: cn
      pin: {from: code, secret: true}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A definition in a folder with its data, some of it hostile."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    (tmp_path / "people.csv").write_text("uid,cn,code\nfry,\x1b[2JPhilip,1077\nleela,[red]Turanga,1078\n")
    path = tmp_path / "crew.yaml"
    path.write_text(DEFINITION)
    return path


def without_secrets(path: Path) -> Path:
    """The same definition without the field that cannot be carried out yet."""
    path.write_text("\n".join(line for line in DEFINITION.splitlines() if "secret" not in line))
    return path


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
def test_query_shows_no_secret_and_nothing_harmful(
    file: Path, format_: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a secret field is made of is `***` in every format, and escape sequences are spelled out."""
    assert main(["query", str(file), "--job", "phones", "--format", format_]) == 0
    shown = capsys.readouterr().out

    assert "***" in shown
    assert "1077" not in shown
    assert "\x1b" not in shown
    assert "leela" in shown


def test_query_in_a_terminal_is_a_table(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With boxes, and with values that look like markup as they are."""
    monkeypatch.setattr(query, "is_terminal", lambda stream: True)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["query", str(file), "--job", "phones"]) == 0
    shown = capsys.readouterr().out

    assert "│" in shown
    assert "[red]Turanga" in shown
    assert r"\x1b[2JPhilip" in shown
    assert "\x1b[2J" not in shown


def test_what_cannot_be_carried_out_is_refused_before_anything_is_read(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`preview` and `run` end with 1 and name the place; `validate` calls it valid, with a warning."""
    assert main(["validate", str(file)]) == 0
    assert "crew.yaml:13: jobs[0].fields.pin.secret: warning: " in capsys.readouterr().out
    (file.parent / "people.csv").unlink()
    for command in ("preview", "run"):
        assert main([command, str(file)]) == 1
        error = capsys.readouterr().err
        assert f"{file}:13: jobs[0].fields.pin.secret: " in error
        assert "people.csv" not in error


def test_a_run_needs_the_store(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without tables: exit status 1, the command to run, and nothing written; with them the run is
    recorded.
    """
    without_secrets(file)
    assert main(["run", str(file)]) == 1
    assert "directory-sync db upgrade" in capsys.readouterr().err
    assert not (file.parent / "phones.csv").exists()

    assert main(["db", "check"]) == 1
    assert main(["db", "upgrade"]) == 0
    assert main(["db", "check"]) == 0
    assert main(["run", str(file)]) == 0
    assert (file.parent / "phones.csv").read_text().splitlines()[1:] == [
        "fry,\x1b[2JPhilip",
        "leela,[red]Turanga",
    ]
    assert main(["preview", str(file)]) == 0


def test_options_name_the_folders(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--data-folder` counts more than the setting."""
    without_secrets(file)
    other = tmp_path / "other"
    other.mkdir()
    (other / "people.csv").write_text("uid,cn\namy,Amy\n")
    assert main(["preview", str(file), "--data-folder", str(other), "--format", "json"]) == 10
    (job,) = json.loads(capsys.readouterr().out)["jobs"]

    assert [change["key"] for change in job["changes"]] == ["amy"]


def test_the_history_knows_who_ran_it(file: Path) -> None:
    """A run from a terminal is recorded with the operating system's user, unverified, and its reason."""
    from directory_sync import settings
    from directory_sync.cli.deployment import operating_system_user
    from directory_sync.store.store import Store

    without_secrets(file)
    main(["db", "upgrade"])
    assert main(["run", str(file), "--reason", "New crew"]) == 0

    with Store.open(settings.database_url()) as store:
        (recorded,) = store.runs.recent("crew")
    assert (recorded.requester, recorded.verified) == (operating_system_user(), False)
    assert (recorded.trigger, recorded.reason, recorded.state) == ("terminal", "New crew", "success")
    assert recorded.finished is not None
