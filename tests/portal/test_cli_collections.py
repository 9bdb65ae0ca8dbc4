"""`directory-sync collections …`, `export` and `import` against a real API server."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from directory_sync.cli import collections, importing
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result
from tests.portal.asking import ask
from tests.scenarios.airflow_cli import Output, run_as
from tests.scenarios.portal_server import COLLECTION, PortalServer
from tests.scenarios.saved import ADA, text_of

Call = Callable[..., Output]
_numbers = count(1)


@pytest.fixture
def call(simple: PortalServer, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command as a user, without a terminal."""
    return lambda user, *arguments: run_as(simple, user, capsys, *map(str, arguments))


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a person in front of the command who types this."""

    def sits(typed: str) -> None:
        for module in (collections, importing):
            monkeypatch.setattr(module, "is_terminal", lambda stream: stream is not sys.stdout)
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))

    return sits


@pytest.fixture
def name() -> str:
    """A name that no test has used."""
    return f"by_cli_{next(_numbers)}"


def write(folder: Path, text: str, file: str = "crew.yaml") -> Path:
    """A definition file."""
    (folder / file).write_text(text, encoding="utf-8")
    return folder / file


def test_a_collection_from_the_first_save_to_its_end(
    simple: PortalServer, call: Call, tmp_path: Path, name: str
) -> None:
    """Saved, edited, listed, shown, restored, deleted: each says what it did."""
    text = f"# mine\n{text_of(name, limits={'delete': 5})}"
    status, out, err = call("admin", "collections", "save", write(tmp_path, text), "--comment", "new")
    assert (status, out) == (0, f"{name}: version 1 saved\n  collection created\n")
    assert "Airflow has not read this version yet" in err
    looser = write(tmp_path, text.replace("delete: 5", "delete: none"))
    status, out, err = call("admin", "collections", "save", looser)
    assert (status, out) == (2, "")
    assert "--expected" in err
    status, out, _ = call("admin", "collections", "save", looser, "--expected", 1)
    assert (status, out) == (
        0, f"{name}: version 2 saved\n  ! people: limit on deletions removed: 5 → none\n"
    )  # fmt: skip
    status, out, err = call("admin", "collections", "save", looser, "--expected", 1)
    assert (status, out) == (0, f"{name}: version 2 was saved already\n")
    status, _, err = call("admin", "collections", "save", write(tmp_path, text), "--expected", 1)
    assert (status, "admin has saved" in err) == (1, True)

    assert call("vera", "collections", "show", name)[1] == text.replace("delete: 5", "delete: none")
    assert call("vera", "collections", "show", name, "--version", 1)[1] == text
    shown = json.loads(call("vera", "collections", "show", name, "--format", "json")[1])
    assert shown["version"]["number"] == 2
    [row] = [line for line in call("vera", "collections", "list")[1].splitlines() if line.startswith(name)]
    assert row.split("\t")[2:5] == ["people", "", "2"]
    listed = json.loads(call("vera", "collections", "list", "--format", "json")[1])
    assert name in {each["name"] for each in listed["collections"]}
    rows = [line.split("\t") for line in call("vera", "collections", "versions", name)[1].splitlines()]
    assert [row[0] for row in rows] == ["version", "2", "1"]
    assert rows[1][3] == "! people: limit on deletions removed: 5 → none"

    status, out, _ = call("admin", "collections", "restore", name, 1)
    assert (status, out.splitlines()[:2]) == (0, [f"{name}: version 3 saved", "  version 1 restored"])
    status, out, err = call("admin", "collections", "delete", name)
    assert (status, "--confirm" in err) == (2, True)
    assert call("admin", "collections", "delete", name, "--confirm", "x")[0] == 1
    status, out, _ = call("admin", "collections", "delete", name, "--confirm", name)
    assert (status, out) == (0, f"{name}: deleted; version 4 is the deletion\n")
    status, _, err = call("vera", "collections", "show", name)
    assert (status, "no saved collection" in err) == (1, True)
    status, out, _ = call("admin", "collections", "restore", name, 2)
    assert (status, out.splitlines()[0]) == (0, f"{name}: version 1 saved")


def test_who_may_not_gets_their_own_exit_status(
    simple: PortalServer, call: Call, tmp_path: Path, name: str
) -> None:
    """5, and nothing is done."""
    file = write(tmp_path, text_of(name))
    for arguments in (("collections", "save", file), ("import", file)):
        status, _, err = call("vera", *arguments)
        assert status == 5, err
    assert simple.store.collections.get(name) is None


def test_problems_are_told_with_the_files_lines(call: Call, tmp_path: Path, name: str) -> None:
    """Exit status 2, as `validate` tells them; also of a file whose name cannot be told."""
    file = write(tmp_path, text_of(name) + "colour: red\n")
    for expected in ((), ("--expected", 0)):
        status, out, err = call("admin", "collections", "save", file, *expected)
        assert (status, out) == (2, "")
        assert f"{file}:17: colour: unknown key" in err
    status, _, err = call("admin", "collections", "save", write(tmp_path, "jobs: []\n"))
    assert (status, "crew.yaml:1: name is missing" in err) == (2, True)
    assert call("admin", "collections", "save", tmp_path / "none.yaml")[0] == 2


def test_a_person_at_a_terminal_sees_what_changes_and_is_asked(
    simple: PortalServer, call: Call, at_a_terminal: Callable[[str], None], tmp_path: Path, name: str
) -> None:
    """Only `yes` saves, only the name deletes."""
    simple.store.collections.save(name, text_of(name), expected=0, by=ADA)
    file = write(tmp_path, text_of(name, title="\x1b[2J").replace("\\e", "\\e"))
    at_a_terminal("no\n")
    status, _, err = call("admin", "collections", "save", file)
    assert (status, "title: none → " in err, "\x1b" in err) == (1, True, False)
    at_a_terminal("yes\n")
    assert call("admin", "collections", "save", file)[0] == 0
    at_a_terminal("y\n")
    assert call("admin", "collections", "delete", name)[0] == 1
    at_a_terminal(f"{name}\n")
    assert call("admin", "collections", "delete", name)[0] == 0


def test_what_is_under_way_is_named(simple: PortalServer, call: Call, name: str) -> None:
    """Deleting says which requests wait."""
    simple.store.collections.save(name, text_of(name), expected=0, by=ADA)
    asked = ask(simple, name=name)
    status, _, err = call("admin", "collections", "delete", name, "--confirm", name)
    assert (status, f"request {asked.id}" in err) == (1, True)


def test_runs_and_previews_are_started(simple: PortalServer, call: Call) -> None:
    """Of a collection from a file, too; of nothing else."""
    ask(simple)  # it has run
    status, out, _ = call("olga", "collections", "preview", COLLECTION, "--job", "people", "--reason", "why")
    assert status == 0
    run_id = out.split()[2]
    [(conf,)] = simple.metadata("select conf from dag_run where run_id = ?", run_id)
    assert json.loads(conf) == {"jobs": ["people"], "reason": "why", "preview_only": True}
    assert call("olga", "collections", "run", COLLECTION)[1].startswith(f"{COLLECTION}: run ")
    assert call("vera", "collections", "run", COLLECTION)[0] == 5
    assert call("admin", "collections", "run", "etl")[0] == 1
    simple.metadata("update dag_run set state = 'success' where dag_id = ?", COLLECTION)


def test_the_report_of_a_run(simple: PortalServer, call: Call) -> None:
    """By pattern and one by one with results, filtered, and as files; only for those who may see it."""
    city = FieldChange("l", (b"Hamburg",), (b"Berlin",))
    secret = FieldChange("userPassword", (b"old",), (b"new",))
    changes = [Change(Action.UPDATE, f"e{n}", f"cn=e{n},dc=x", fields=(city, secret)) for n in range(6)]
    changes += [Change(Action.DELETE, f"\x1b[2J{n}", f"cn=d{n},dc=x") for n in range(3)]
    asked = ask(simple, changes=changes)
    outcomes = [Outcome(0, Result.DONE), Outcome(6, Result.CONFLICT, "It has changed.")]
    simple.store.plans.record_outcomes(asked.plan_id, outcomes)
    report = ("vera", "collections", "report", COLLECTION, asked.run_id)

    status, out, err = call(*report)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    begin = lines.index("changes of people:")
    told = [line for line in lines[begin:] if "cn=" in line]
    assert ["cn=d" in line for line in told] == [True] * 3 + [False] * 6
    assert any("l: Hamburg → Berlin" in line and "6 people" in line for line in lines[:begin])
    assert "conflict: It has changed." in out
    assert ("\x1b" in out, "old" in out.split()) == (False, False)

    shown = json.loads(call(*report, "--format", "json", "--action", "delete")[1])
    assert [each["sequence"] for each in shown["changes"]] == [6, 7, 8]
    assert (shown["total"], shown["jobs"][0]["plan"]) == (3, asked.plan_id)
    status, out, _ = call(*report, "--result", "open", "--field", "L", "--order", "plan")
    assert (out.count("cn=e"), "changes by pattern" in out) == (5, False)
    assert "5 changes of 9" in out
    rows = list(csv.DictReader(io.StringIO(call(*report, "--format", "csv", "--job", "people")[1])))
    assert len(rows) == 15
    assert {row["new"] for row in rows if row["field"] == "userPassword"} == {"***"}
    ldif = call(*report, "--format", "ldif", "--job", "people", "--pattern", "1")[1]
    assert ldif.count("changetype: delete") == 3

    assert call(*report, "--pattern", "1", "--job", "nobody")[0] == 2
    status, _, err = call(*report, "--result", "dome")
    assert (status, "done" in err) == (2, True)
    assert call("vera", "collections", "report", COLLECTION, "no such run")[0] == 1


def test_files_are_exported_without_airflow(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they are; a broken one, or a name that is given twice, writes nothing."""
    from directory_sync.cli.main import main

    monkeypatch.setenv("DIRECTORY_SYNC_URL", "http://127.0.0.1:1")
    one, two = f"# one\n{text_of('one')}", f"---\n{text_of('two')}"
    write(tmp_path, one, "a.yaml")
    write(tmp_path, two, "b.yaml")
    assert main(["export", str(tmp_path)]) == 0
    exported = capsys.readouterr().out
    assert exported == f"---\n{one}---\n{two}"
    target = tmp_path / "out" / "all.yml"
    target.parent.mkdir()
    assert main(["export", str(tmp_path / "b.yaml"), str(tmp_path / "a.yaml"), "--output", str(target)]) == 0
    assert target.read_text() == f"---\n{two}---\n{one}"
    assert [each.name for each in target.parent.iterdir()] == ["all.yml"]
    write(tmp_path, json.dumps({"name": "three", "jobs": []}), "c.json")
    capsys.readouterr()
    assert main(["export", str(tmp_path)]) == 2
    assert capsys.readouterr().out == ""
    write(tmp_path, one, "c.json")
    (tmp_path / "c.json").rename(tmp_path / "c.yaml")
    assert main(["export", str(tmp_path)]) == 2
    assert main(["export"]) == 2
    assert main(["export", str(tmp_path), "--all"]) == 2
    assert main(["export", str(tmp_path / "a.yaml"), "--output", str(tmp_path / "no" / "x")]) == 2


def test_what_is_exported_is_imported(
    simple: PortalServer, call: Call, at_a_terminal: Callable[[str], None], tmp_path: Path
) -> None:
    """A clash is refused, skipped, replaced, asked about, or renamed; the exit status says whether all is
    saved.
    """
    names = [f"by_cli_{next(_numbers)}" for _ in range(2)]
    for name in names:
        simple.store.collections.save(name, text_of(name), expected=0, by=ADA)
    file = tmp_path / "all.yaml"
    options = [option for name in names for option in ("--name", name)]
    assert call("vera", "export", *options, "--output", file)[0] == 0
    assert file.read_text() == "".join(f"---\n{text_of(name)}" for name in names)
    assert all(name in call("vera", "export", "--all")[1] for name in names)
    assert call("vera", "export", "--name", "nothing_there")[0] == 1
    status, out, _ = call("admin", "import", file)
    assert (status, out.count("unchanged")) == (0, 2)

    file.write_text(file.read_text().replace("object: user", "object: contact"))
    status, out, _ = call("admin", "import", file)
    assert (status, out.count("name is taken")) == (1, 2)
    status, out, _ = call("admin", "import", file, "--check")
    assert (status, "object: user → contact" in out) == (1, True)
    assert call("admin", "import", file, "--clash", "skip")[0] == 0
    copies = [f"{name}_copy" for name in names]
    renames = [
        option for old, new in zip(names, copies, strict=True) for option in ("--rename", f"{old}={new}")
    ]
    status, out, _ = call("admin", "import", file, *renames)
    assert (status, f"{names[0]} as {copies[0]}" in out) == (0, True)
    assert call("admin", "import", file, "--rename", "x=y")[0] == 2
    assert call("admin", "import", file, "--rename", "x")[0] == 2
    at_a_terminal(f"replace\n{names[1]}_third\n")
    status, out, err = call("admin", "import", file)
    assert (status, "object: user → contact" in err) == (0, True)
    versions = {each.name: each.number for each in simple.store.collections.newest()}
    assert (versions[names[0]], versions[names[1]], versions[f"{names[1]}_third"]) == (2, 1, 1)
    status, out, _ = call(
        "admin", "import", file, "--clash", "replace", "--format", "json", "--comment", "all"
    )
    assert [each["state"] for each in json.loads(out)["items"]] == ["unchanged", "saved"]

    file.write_text(f"{file.read_text()}---\nname: broken\njobs: []\n")
    status, _, err = call("admin", "import", file)
    line = len(file.read_text().splitlines())
    assert (status, f"{file}:{line}: jobs" in err) == (2, True)
