"""`validate` shows every problem of every file, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from directory_sync.cli import definitions
from directory_sync.cli.main import main

GOOD = """name: {name}
jobs:
  - name: people
    object: row
    source: {{file: people.csv}}
    destination: {{file: phones.csv}}
    fields: {{uid: {{from: uid, key: true}}, cn: cn}}
"""


@pytest.fixture(autouse=True)
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment with nothing in it."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)


def write(folder: Path, name: str, text: str = GOOD) -> Path:
    """A definition file; `name` is also the collection's."""
    path = folder / f"{name}.yaml"
    path.write_text(text.format(name=name) if text is GOOD else text)
    return path


def test_good_files_have_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output holds problems only; what was checked is told on standard error, with what happens
    next.
    """
    status = main(["validate", str(write(tmp_path, "crew")), str(write(tmp_path, "guests"))])
    output = capsys.readouterr()

    assert (status, output.out) == (0, "")
    assert "crew.yaml: collection crew, 1 job, paused until it is switched on" in output.err


def test_each_problem_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`FILE:LINE: key: what is wrong, what would be right`, of all files, whatever the definition holds."""
    one = write(tmp_path, "one", GOOD.format(name="one").replace("object: row", "objekt: row"))
    two = write(
        tmp_path,
        "two",
        GOOD.format(name="two").replace("people.csv", r'"/etc/\e[2Jpasswd"').replace("{{", "{"),
    )
    assert main(["validate", str(one), str(two)]) == 2
    lines = capsys.readouterr().out.splitlines()

    assert any(line.startswith(f"{one}:4: jobs[0].objekt: ") and "object" in line for line in lines)
    assert all(line.startswith((f"{one}:", f"{two}:")) for line in lines)
    assert not any("\x1b" in line for line in lines)


def test_what_cannot_be_carried_out_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script of a module that is not allowed here is told, with its line; the definition is valid all the
    same.
    """
    path = write(tmp_path, "crew", GOOD.format(name="crew").replace("cn: cn", "cn: {script: badges.number}"))

    assert main(["validate", str(path)]) == 0
    assert capsys.readouterr().out.startswith(
        f"{path}:7: jobs[0].fields.cn.script: warning: the module badges"
    )


def test_folders_stand_for_their_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All definition files of a folder are checked; one that is also named is checked once."""
    crew = write(tmp_path, "crew")
    write(tmp_path, "broken", "name: [")
    (tmp_path / "notes.txt").write_text("no definition")
    status = main(["validate", "--format", "json", str(tmp_path), str(crew)])
    files = json.loads(capsys.readouterr().out)["files"]

    assert status == 2
    assert [Path(file["file"]).name for file in files] == ["broken.yaml", "crew.yaml"]


def test_one_name_in_two_files_is_a_problem_of_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also when the files are in different folders; each problem names the other file, once."""
    (tmp_path / "more").mkdir()
    one, two = write(tmp_path, "crew"), write(tmp_path / "more", "crew")
    assert main(["validate", str(one), str(tmp_path / "more")]) == 2
    lines = capsys.readouterr().out.splitlines()

    assert len(lines) == 2
    assert lines[0].startswith(f"{one}:1: name: ")
    assert str(two) in lines[0]
    assert lines[1].startswith(f"{two}:1: name: ")
    assert str(one) in lines[1]


def test_two_files_of_one_folder_are_not_told_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The name they share is one problem of each."""
    write(tmp_path, "crew")
    write(tmp_path, "copy", GOOD.format(name="crew"))

    assert main(["validate", str(tmp_path)]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_json_holds_everything_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For each file whether it is valid, and every problem with its parts."""
    good, bad = (
        write(tmp_path, "good"),
        write(tmp_path, "bad", GOOD.format(name="bad").replace("object: row", "objekt: row")),
    )
    assert main(["validate", "--format", "json", str(good), str(bad)]) == 2
    files = json.loads(capsys.readouterr().out)["files"]

    assert [(file["collection"], file["valid"]) for file in files] == [
        ("good", True),
        (files[1]["collection"], False),
    ]
    assert {"file", "line", "column", "key", "message", "hint", "severity"} == set(files[1]["problems"][0])
    assert {problem["severity"] for problem in files[1]["problems"]} == {"error"}


def test_a_terminal_shows_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """People in front of a terminal see the lines of the file and a caret; the first line stays the same."""
    path = write(tmp_path, "crew", GOOD.format(name="crew").replace("object: row", "objekt: row"))
    main(["validate", str(path)])
    plain = capsys.readouterr().out
    monkeypatch.setattr(definitions, "is_terminal", lambda stream: True)
    main(["validate", str(path)])
    shown = capsys.readouterr().out

    assert set(plain.splitlines()) <= set(shown.splitlines())
    assert "^" in shown
    assert "objekt: row" in shown


def test_templates_come_from_the_folder_that_is_named(tmp_path: Path) -> None:
    """`--templates` gives the folder; without it the template is not known."""
    (tmp_path / "templates" / "jobs").mkdir(parents=True)
    (tmp_path / "templates" / "jobs" / "rows.yaml").write_text("object: row\n")
    path = write(tmp_path, "crew", GOOD.format(name="crew").replace("object: row", "template: rows"))

    assert main(["validate", str(path)]) == 2
    assert main(["validate", str(path), "--templates", str(tmp_path / "templates")]) == 0


def test_an_empty_folder_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No definition at all is no error, but probably not what was meant."""
    assert main(["validate", str(tmp_path)]) == 0
    assert "no definition file" in capsys.readouterr().err
