"""The commands keep to the rules of connections, and say at which line a definition breaks them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from directory_sync.cli.main import main
from directory_sync.errors import ConnectionRulesError
from tests.scenarios.new_store import new_store
from tests.scenarios.rules import rules_of

DOCUMENT = Path(__file__).parents[2] / "docs" / "rights.md"

DEFINITION = """\
name: phones
jobs:
  - name: people
    object: row
    source: {file: people.csv}
    destination: {file: phones.csv}
    fields:
      uid: {from: uid, key: true}
      Phone: phone
"""
FORBIDS = "data_folder:\n  destination:\n    never_write: [PHONE]\n"
BROKEN_AT = "jobs[0].fields.Phone: "


@pytest.fixture(autouse=True)
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment with a file to read, a store, and a place for rules."""
    home = tmp_path / "airflow"
    (home / "directory_sync").mkdir(parents=True)
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(tmp_path / "rules.yaml"))
    (home / "directory_sync" / "people.csv").write_text("uid,phone\n1,555\n")
    (tmp_path / "phones.yaml").write_text(DEFINITION)
    new_store(home / "directory_sync.db")


def call(folder: Path, *arguments: str) -> int:
    command, *rest = arguments
    return main([command, str(folder / "phones.yaml"), *rest])


def written(folder: Path) -> bool:
    return (folder / "airflow" / "directory_sync" / "phones.csv").exists()


@pytest.mark.parametrize(
    "command", [["run"], ["preview"], ["preview", "--format", "ldif"], ["run", "--job", "people"]]
)
def test_a_definition_that_breaks_a_rule_does_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    """It is a broken definition: exit status 2, with file and line, and nothing is read."""
    (tmp_path / "rules.yaml").write_text(FORBIDS)
    (tmp_path / "airflow" / "directory_sync" / "people.csv").unlink()
    assert call(tmp_path, *command) == 2
    output = capsys.readouterr()
    assert (
        f"{tmp_path / 'phones.yaml'}:9: {BROKEN_AT}by the rules of the deployment, no job writes"
        in output.err
    )
    assert not written(tmp_path)


def test_a_definition_that_keeps_to_the_rules_runs(tmp_path: Path) -> None:
    """Whatever they say of other fields and connections, and whose they are: files have no author."""
    (tmp_path / "rules.yaml").write_text(
        "connections: {lab: {source: {roles: []}}}\n"
        "data_folder: {destination: {roles: [], never_write: [x]}}\n"
    )
    assert call(tmp_path, "preview") == 10
    assert call(tmp_path, "run") == 0
    assert written(tmp_path)


@pytest.mark.parametrize("command", [["run"], ["preview"], ["query", "--job", "people"]])
@pytest.mark.parametrize("content", [None, "", "data_folder: {destinaton: {}}\n", "\tx: 1\n", "\0"])
def test_rules_that_cannot_be_read_stop_everything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str], content: str | None
) -> None:
    """A file that is not there, is empty or wrong; the message names it, with the line, and the setting."""
    if content is not None:
        (tmp_path / "rules.yaml").write_text(content)
    assert call(tmp_path, *command) == 1
    output = capsys.readouterr()
    assert f"{tmp_path / 'rules.yaml'}:1: " in output.err
    assert "connection_rules" in output.err
    assert not written(tmp_path)


def test_rules_must_not_be_where_jobs_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job could write other rules; neither a link nor a detour hides the place."""
    data = tmp_path / "airflow" / "directory_sync"
    (data / "rules.yaml").write_text("{data_folder: {}}\n")
    (tmp_path / "rules.yaml").symlink_to(data / "rules.yaml")
    assert call(tmp_path, "run") == 1
    assert "in the data folder" in capsys.readouterr().err
    detour = tmp_path / "airflow" / "x" / ".." / "directory_sync" / "rules.yaml"
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(detour))
    assert call(tmp_path, "preview") == 1
    assert not written(tmp_path)


def test_validate_warns_of_broken_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The definition is right; it only may not run here."""
    (tmp_path / "rules.yaml").write_text(FORBIDS)
    assert call(tmp_path, "validate") == 0
    output = capsys.readouterr()
    assert output.out.startswith(f"{tmp_path / 'phones.yaml'}:9: {BROKEN_AT}warning: by the rules")
    assert "0 errors, 1 warnings" in output.err
    assert call(tmp_path, "validate", "--format", "json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [(each["key"], each["severity"]) for each in file["problems"]] == [
        ("jobs[0].fields.Phone", "warning")
    ]


def test_validate_says_that_the_rules_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And checks everything else."""
    (tmp_path / "phones.yaml").write_text(DEFINITION.replace("object: row", "objekt: row"))
    assert call(tmp_path, "validate") == 2
    output = capsys.readouterr()
    assert "jobs[0].objekt" in output.out
    assert "nothing runs" in output.err


def test_a_query_minds_the_rules_of_its_side(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What may not be written can still be looked for."""
    (tmp_path / "rules.yaml").write_text(FORBIDS)
    assert call(tmp_path, "query", "--job", "people") == 0
    (tmp_path / "rules.yaml").write_text("data_folder: {source: {objects: [user]}}\n")
    assert call(tmp_path, "query", "--job", "people") == 2
    assert "jobs[0].object: " in capsys.readouterr().err


def test_the_schema_of_rules_says_what_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    """The example of the documentation is right by both, and what the reader refuses is wrong by both."""
    assert main(["schema", "--connection-rules"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    example = re.search(r"```yaml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert example is not None
    assert rules_of(example[1]).of("lab_ad").destination.never_write == ["userAccountControl", "employeeID"]
    validator.validate(yaml.safe_load(example[1]))
    for wrong in ("{conections: {}}", "{connections: {a: {source: {never_write: [x]}}}}", "{data_folder: 7}"):
        with pytest.raises(ConnectionRulesError):
            rules_of(wrong)
        assert not validator.is_valid(yaml.safe_load(wrong))
