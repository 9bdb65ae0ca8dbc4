"""Every way in which a command can end has its own exit status and one clear message."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest

from directory_sync.cli import db, preview, run, schema
from directory_sync.cli.main import main
from directory_sync.definition.models import Collection
from directory_sync.errors import (
    DirectorySyncError,
    EndpointUnavailable,
    SettingsError,
    StoreError,
    UnsupportedError,
)
from directory_sync.run.result import JobResult, JobState
from directory_sync.store.database import Database
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store
from tests.scenarios.job_results import HOSTILE, ended, previewed, stopped, with_failed_changes

DEFINITION = """
name: crew
jobs:
{jobs}
"""
JOB = """
  - name: {name}
    object: inetOrgPerson
    source: {{connection: ship, container: "ou=people,dc=ship"}}
    destination: {{connection: office, container: "ou=people,dc=office"}}
    fields: {{uid: {{from: uid, key: true}}, cn: cn, sn: sn}}
"""

Results = list[JobResult | BaseException]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A collection of three jobs, in a deployment with nothing in it."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    monkeypatch.delenv("AIRFLOW_CONFIG", raising=False)
    path = tmp_path / "crew.yaml"
    path.write_text(
        DEFINITION.format(jobs="".join(JOB.format(name=name) for name in ("one", "two", "three")))
    )
    return path


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store that records nothing."""
    store = create_autospec(Store(Database("sqlite:////nowhere/store.db")), instance=True)
    store.__enter__.return_value = store
    snapshot = create_autospec(Snapshot, instance=True)

    def start_run(collection: Collection, _run_id: str, **_: object) -> Snapshot:
        snapshot.collection = collection
        return snapshot

    store.runs.start.side_effect = start_run
    store.collections.get.return_value = None
    store.run_stops.of.return_value = None
    monkeypatch.setattr(Store, "open", lambda url: store)
    return store


def gives(results: Results) -> Callable[..., Iterator[JobResult]]:
    """Stands for `run_collection` and `preview_collection`: gives these results, raising those that are
    exceptions.
    """

    def collection(*_: object, **__: object) -> Iterator[JobResult]:
        for result in results:
            if isinstance(result, BaseException):
                raise result
            yield result

    return collection


def named(*states: JobState) -> Results:
    """Results of the jobs one, two, three, in these states."""
    return [ended(state, job) for state, job in zip(states, ("one", "two", "three"), strict=False)]


S = JobState
RUNS: list[tuple[tuple[JobState, ...], int]] = [
    ((S.SUCCESS,), 0),
    ((S.SUCCESS, S.SUCCESS), 0),
    ((S.FAILED,), 1),
    ((S.INCOMPLETE,), 1),
    ((S.STOPPED_BY_LIMIT,), 3),
    ((S.SUCCESS_WITH_ERRORS,), 6),
    ((S.CONFLICTS,), 6),
    ((S.FAILED, S.NOT_RUN, S.NOT_RUN), 1),
    ((S.STOPPED_BY_LIMIT, S.NOT_RUN), 3),
    ((S.STOPPED_BY_LIMIT, S.FAILED), 1),
    ((S.SUCCESS_WITH_ERRORS, S.STOPPED_BY_LIMIT), 3),
    ((S.SUCCESS_WITH_ERRORS, S.SUCCESS), 6),
    ((S.CONFLICTS, S.STOPPED_BY_LIMIT, S.FAILED), 1),
    ((S.WAITING,), 4),
    ((S.WAITING, S.SUCCESS), 4),
    ((S.WAITING, S.NOT_RUN), 4),
    ((S.WAITING, S.CONFLICTS), 6),
    ((S.WAITING, S.STOPPED_BY_LIMIT), 3),
    ((S.WAITING, S.FAILED), 1),
]


@pytest.mark.parametrize(("states", "expected"), RUNS, ids=["-".join(states) for states, _ in RUNS])
@pytest.mark.usefixtures("store")
def test_run(
    monkeypatch: pytest.MonkeyPatch, file: Path, states: tuple[JobState, ...], expected: int
) -> None:
    """Of several jobs the first of failed (1), stopped (3), record errors or conflicts (6), waiting (4)
    counts.
    """
    monkeypatch.setattr(run, "run_collection", gives(named(*states)))

    assert main(["run", str(file)]) == expected


PREVIEWS: list[tuple[str, Results, int]] = [
    ("nothing to change", [previewed("one", changes=())], 0),
    ("changes", [previewed("one")], 10),
    ("changes in the second", [previewed("one", changes=()), previewed("two")], 10),
    ("changes and record errors", [previewed("one", errors=2)], 10),
    ("record errors only", [previewed("one", changes=(), errors=2)], 1),
    ("limit", [stopped("one")], 3),
    ("limit and changes", [previewed("one"), stopped("two")], 3),
    ("failed", [ended(S.FAILED, "one")], 1),
    ("incomplete", [ended(S.INCOMPLETE, "one")], 1),
    ("failed, limit and changes", [previewed("one"), stopped("two"), ended(S.FAILED, "three")], 1),
]


@pytest.mark.parametrize("format_", ["table", "json", "csv"])
@pytest.mark.parametrize(
    ("results", "expected"), [each[1:] for each in PREVIEWS], ids=[each[0] for each in PREVIEWS]
)
def test_preview(
    monkeypatch: pytest.MonkeyPatch, file: Path, results: Results, expected: int, format_: str
) -> None:
    """Failed (1) comes before a limit (3), which comes before changes (10); the format does not matter."""
    monkeypatch.setattr(preview, "preview_collection", gives(results))

    assert main(["preview", str(file), "--format", format_]) == expected


ERRORS: list[tuple[DirectorySyncError, int]] = [
    (StoreError("store x: not migrated. Run directory-sync db upgrade."), 1),
    (SettingsError("Setting x is wrong."), 1),
    (UnsupportedError("This cannot be carried out yet."), 1),
    (EndpointUnavailable("refused.", endpoint="connection office", remedy="Start it."), 1),
]


@pytest.mark.parametrize(("error", "expected"), ERRORS, ids=[type(error).__name__ for error, _ in ERRORS])
@pytest.mark.usefixtures("store")
def test_errors_are_one_message(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    file: Path,
    error: DirectorySyncError,
    expected: int,
) -> None:
    """What this package raises is told in its own words, without a traceback."""
    monkeypatch.setattr(run, "run_collection", gives([error]))

    assert main(["run", str(file)]) == expected
    assert capsys.readouterr().err == f"directory-sync: {error}\n"


@pytest.mark.usefixtures("store")
def test_a_traceback_is_there_for_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """Our own mistakes are told in one sentence; -vv shows where they are."""
    monkeypatch.setattr(run, "run_collection", gives([ZeroDivisionError("division by zero")]))

    assert main(["run", str(file)]) == 1
    plain = capsys.readouterr().err
    assert main(["run", str(file), "-vv"]) == 1
    verbose = capsys.readouterr().err

    assert "ZeroDivisionError" in plain
    assert "Traceback" not in plain
    assert "Traceback" in verbose


@pytest.mark.usefixtures("store")
def test_an_error_cannot_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """A server's text within a message is harmless, and cannot look like a message of its own."""
    monkeypatch.setattr(run, "run_collection", gives([EndpointUnavailable(HOSTILE)]))
    main(["run", str(file)])

    assert capsys.readouterr().err == "directory-sync: \\x1b[2J\\u202eevil\n  directory-sync: all is well\n"


def test_every_run_is_closed_in_the_store(monkeypatch: pytest.MonkeyPatch, file: Path, store: Store) -> None:
    """A run is recorded with its requester, and as failed if it did not end by itself."""
    monkeypatch.setattr(run, "run_collection", gives([*named(S.SUCCESS), KeyboardInterrupt()]))
    monkeypatch.setattr(run, "operating_system_user", lambda: "leela")

    def start_run(collection: Collection, run_id: str, **more: Any) -> Any:
        started = datetime(2026, 1, 1, tzinfo=UTC)
        return SimpleNamespace(
            id=1, collection=collection, run_id=run_id, preview_only=False, started=started
        )

    store.runs.start.side_effect = start_run  # type: ignore[attr-defined]
    assert main(["run", str(file), "--reason", "Delivery"]) == 130
    (collection, run_id), options = store.runs.start.call_args  # type: ignore[attr-defined]
    assert run_id.startswith("terminal__")
    assert (options.pop("origin"), len(options.pop("version"))) == (str(file), 64)
    assert options == {"trigger": "terminal", "requester": "leela", "verified": False, "reason": "Delivery"}
    store.runs.finish.assert_called_once_with(collection.name, run_id, "failed", jobs=None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((S.SUCCESS, S.CONFLICTS), "success_with_errors"),
        ((S.SUCCESS, S.DENIED), "denied"),
        ((S.WAITING, S.SUCCESS), "waiting"),
        ((S.WAITING, S.NOT_RUN), "waiting"),
        ((S.WAITING, S.FAILED), "failed"),
        ((S.STOPPED_BY_LIMIT, S.NOT_RUN), "failed"),
    ],
    ids=str,
)
def test_the_state_of_a_run_is_honest(
    monkeypatch: pytest.MonkeyPatch, file: Path, store: Store, states: tuple[JobState, ...], expected: str
) -> None:
    """A run of which a job waits for approval has neither succeeded nor failed."""
    monkeypatch.setattr(run, "run_collection", gives(named(*states)))
    main(["run", str(file)])

    assert store.runs.finish.call_args.args[2] == expected  # type: ignore[attr-defined]


@pytest.mark.usefixtures("store")
def test_an_interrupted_run_reports_what_it_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """Ctrl-C: exit status 130, one message, and a report of the jobs before it."""
    monkeypatch.setattr(run, "run_collection", gives([*named(S.SUCCESS), KeyboardInterrupt()]))
    report = file.with_name("report.json")

    assert main(["run", str(file), "--report", str(report)]) == 130
    assert capsys.readouterr().err == "directory-sync: interrupted.\n"
    assert [job["job"] for job in json.loads(report.read_text())["jobs"]] == ["one"]


@pytest.mark.parametrize(
    "result", [stopped("one"), ended(S.FAILED, "one"), with_failed_changes("one")], ids=lambda r: r.state
)
@pytest.mark.usefixtures("store")
def test_the_report_is_written_however_the_jobs_ended(
    monkeypatch: pytest.MonkeyPatch, file: Path, result: JobResult
) -> None:
    """A failed or stopped job is in the report."""
    monkeypatch.setattr(run, "run_collection", gives([result]))
    report = file.with_name("report.json")
    main(["run", str(file), "--report", str(report)])

    assert [job["state"] for job in json.loads(report.read_text())["jobs"]] == [result.state.value]


@pytest.mark.usefixtures("store")
def test_a_report_that_cannot_be_written_is_wrong_usage(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """It is told before anything is run."""
    monkeypatch.setattr(run, "run_collection", lambda *_, **__: pytest.fail("was run"))

    assert main(["run", str(file), "--report", str(file.parent / "missing" / "report.json")]) == 2
    assert "--report" in capsys.readouterr().err


@pytest.mark.parametrize("report", [False, True])
@pytest.mark.usefixtures("store")
def test_a_full_disk_leaves_no_job_undone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path, report: bool
) -> None:
    """Neither the log file that standard output is, nor the report; but the exit status tells it."""
    left = named(S.SUCCESS, S.SUCCESS)
    monkeypatch.setattr(run, "run_collection", lambda *_, **__: (left.pop(0) for _ in range(2)))
    with open("/dev/full", "w") as full:  # noqa: PTH123 - as a shell opens it
        if not report:
            monkeypatch.setattr(sys, "stdout", full)
        status = main(["run", str(file), *(["--report", "/dev/full"] if report else [])])
        monkeypatch.undo()
    told = capsys.readouterr().err
    assert (status, left) == (1, [])
    assert "No space left on device); the run goes on without it" in told
    assert "unexpected" not in told


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["validate"],
        ["preview"],
        ["preview", "{file}", "--format", "xml"],
        ["preview", "{file}", "--job", "nobody"],
        ["preview", "{folder}"],
        ["preview", "{file}", "--data-folder", "{folder}/missing"],
        ["preview", "{file}", "--templates", "{folder}/missing"],
        ["run", "{file}", "--form", "json"],
        ["query", "{file}"],
        ["query", "{file}", "--job", "one", "--first", "0"],
        ["db"],
        ["db", "downgrade"],
    ],
    ids=" ".join,
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], file: Path, arguments: list[str]) -> None:
    """Wrong arguments end every command with 2 and a message on standard error."""
    status = main([argument.format(file=file, folder=file.parent) for argument in arguments])
    output = capsys.readouterr()

    assert (status, output.out) == (2, "")
    assert "directory-sync" in output.err


@pytest.mark.parametrize(
    "command", [["validate"], ["preview"], ["run"], ["query", "--job", "one"]], ids=lambda c: c[0]
)
@pytest.mark.parametrize(
    "text", ["name: Crew!", "name: [", "", "\0", "- list"], ids=["name", "syntax", "empty", "nul", "list"]
)
def test_broken_definition(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str], text: str
) -> None:
    """Every command ends with 2 and names file and line."""
    path = tmp_path / "broken.yaml"
    path.write_text(text)
    status = main([command[0], str(path), *command[1:]])
    output = capsys.readouterr()

    assert status == 2
    assert re.search(rf"^{re.escape(str(path))}:\d: .", output.out + output.err, re.MULTILINE)


@pytest.mark.parametrize(
    "command", [["validate"], ["preview"], ["run"], ["query", "--job", "one"]], ids=lambda c: c[0]
)
def test_missing_definition(capsys: pytest.CaptureFixture[str], tmp_path: Path, command: list[str]) -> None:
    """A file that is not there is a broken definition."""
    path = tmp_path / "nowhere.yaml"

    assert main([command[0], str(path), *command[1:]]) == 2
    output = capsys.readouterr()
    assert str(path) in output.out + output.err


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["run", "--help"]], ids=" ".join)
def test_help_is_no_error(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    """Who asks for help gets it on standard output."""
    assert main(arguments) == 0
    assert capsys.readouterr().out.strip()


class GoneReader(io.TextIOBase):
    """Standard output whose reader has gone away after so many writes."""

    def __init__(self, writes: int) -> None:
        self.left = writes

    def write(self, text: str) -> int:
        """Take the text, or fail as a broken pipe does."""
        if self.left == 0:
            raise BrokenPipeError
        self.left -= 1
        return len(text)

    def fileno(self) -> int:
        """Nothing that could be redirected."""
        raise io.UnsupportedOperation


def test_a_reader_who_has_gone_away_ends_a_preview_quietly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], file: Path
) -> None:
    """`preview | head`: no message, and the status that a shell gives such a program."""
    monkeypatch.setattr(preview, "preview_collection", gives([previewed("one")]))
    monkeypatch.setattr(sys, "stdout", GoneReader(1))

    assert main(["preview", str(file)]) == 141
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("store")
def test_a_reader_who_has_gone_away_does_not_stop_a_run(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    """`run | head`: the jobs after the one whose line could not be written are run all the same."""
    monkeypatch.setattr(run, "run_collection", gives(named(S.SUCCESS, S.SUCCESS, S.CONFLICTS)))
    monkeypatch.setattr(sys, "stdout", GoneReader(1))

    assert main(["run", str(file)]) == 6


def test_db(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`db upgrade` and `db check` end with 0, or with 1 and the store's own words; the password is not
    shown.
    """
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATABASE_URL", "postgresql://sync:geheim@db.example/sync")
    monkeypatch.setattr(db.migrate, "upgrade", lambda url: "0001")
    monkeypatch.setattr(db.migrate, "check", lambda url: None)
    assert main(["db", "upgrade"]) == main(["db", "check"]) == 0

    def fail(_url: str) -> None:
        raise StoreError("store x: Its tables have not been created. Run directory-sync db upgrade.")

    monkeypatch.setattr(db.migrate, "check", fail)
    assert main(["db", "check"]) == 1
    output = capsys.readouterr()
    assert "directory-sync db upgrade" in output.err
    assert "geheim" not in output.out + output.err


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    """The schema is JSON on standard output."""
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == schema.json_schema()
