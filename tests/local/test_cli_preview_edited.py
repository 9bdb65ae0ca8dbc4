"""`directory-sync collections preview --edited` against a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from directory_sync.cli import previewing
from directory_sync.cli.main import main
from tests.scenarios.rest_server import TOKEN, Answer, Asked, RestServer
from tests.scenarios.saved import text_of

Output = tuple[int, str, str]
ID = "0123456789abcdef" * 2
PATH = "/dirsync/api/v1/previews"


def job(**given: Any) -> dict[str, Any]:
    """A job of a run as the API gives it."""
    return {
        "job": "people", "state": "previewed", "attempt": 1, "message": "Nothing was written.",
        "statistics": {"read": 9, "created": 0, "updated": 3, "moved": 0, "disabled": 0, "deleted": 2},
        "planned": None, "warnings": [], "problems": [], "started": None, "finished": None, "plan_id": 7,
        "request": None, "may_be_waived": False,
    } | given  # fmt: skip


def preview(state: str = "done", **given: Any) -> dict[str, Any]:
    """A preview as the API gives it."""
    effects = [{"number": 1, "presence": "only_new", "old": None, "new": "delete", "objects": 2,
                "text": "Delete, only with the edit"}]  # fmt: skip
    return {
        "id": ID, "collection": "crew", "kind": "text", "version": 3, "jobs_asked": [], "state": state,
        "state_text": f"It is {state}.", "remedy": "", "message": "", "asked": "2026-11-22T18:58:17Z",
        "finished": None, "progress": None, "newer": None, "url": "https://airflow.example/previews/x",
        "jobs": [{"job": "people", "asked": job(), "saved": job(), "effects": effects, "same_listing": True}],
    } | given  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    """A server, its address and a token in the environment."""
    monkeypatch.setattr(previewing, "_PAUSE", 0.0)
    monkeypatch.setattr(previewing, "_LONGEST_PAUSE", 0.0)
    with RestServer(lambda asked: Answer(500, {"detail": "not told what to say"})) as running:
        monkeypatch.setenv("DIRECTORY_SYNC_URL", running.url)
        monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
        yield running


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., Output]:
    """Runs the command with a file: exit status, standard output, standard error."""
    file = tmp_path / "crew.yaml"
    file.write_text(text_of(), encoding="utf-8")

    def run(*arguments: str) -> Output:
        capsys.readouterr()
        status = main(["collections", "preview", "crew", "--edited", str(file), *arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def says(server: RestServer, *answers: dict[str, Any]) -> None:
    """Answer so, one after the other; the last one from then on."""
    left = list(answers)

    def answer(asked: Asked) -> Answer:
        return Answer(body=left.pop(0) if len(left) > 1 else left[0])

    server.answers = answer


def test_it_asks_waits_and_shows(server: RestServer, call: Callable[..., Output]) -> None:
    """What each job would do and what the edit causes; no run is started."""
    held_up = preview("no_worker", remedy="Look at the workers.", jobs=[])
    says(server, preview("waiting", jobs=[]), held_up, held_up, preview("running", jobs=[]), preview())
    status, out, err = call("--job", "people")
    assert out == (
        "people: 2 deletions, 3 updates. Nothing was written.\n"
        "people: the edit itself causes\n"
        "  Delete, only with the edit: 2 objects\n"
        "See https://airflow.example/previews/x\n"
    )
    assert status == 10
    assert err.count("Look at the workers.") == 1
    first, *later = server.asked
    assert (first.method, first.path) == ("POST", PATH)
    assert first.json == {"collection": "crew", "text": text_of(), "jobs": ["people"]}
    assert {(each.method, each.path) for each in later} == {("GET", f"{PATH}/{ID}")}


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (preview(jobs=[]), 0),
        (preview("failed", message="phones:3: no", jobs=[]), 1),
        (preview("brand_new", jobs=[]), 1),
        (preview("cancelled"), 1),
        (preview(jobs=[{**preview()["jobs"][0], "asked": job(state="failed")}]), 1),
        (preview(jobs=[{**preview()["jobs"][0], "asked": job(state="stopped_by_limit")}]), 3),
        (preview(jobs=[{**preview()["jobs"][0], "asked": None, "effects": None}]), 0),
        (preview(jobs=[{**preview()["jobs"][0], "effects": []}]), 10),
    ],
    ids=str,
)
def test_its_exit_status_is_that_of_a_preview(
    server: RestServer, call: Callable[..., Output], answer: dict[str, Any], status: int
) -> None:
    """Also of states that only a newer server knows: what is not known to be done is not."""
    says(server, preview("waiting", jobs=[]), answer)
    assert call()[0] == status


def test_json_is_what_the_server_answers(server: RestServer, call: Callable[..., Output]) -> None:
    """Whole."""
    says(server, preview("waiting", jobs=[]), preview())
    assert json.loads(call("--format", "json")[1]) == preview()


def test_what_is_refused_is_told(server: RestServer, call: Callable[..., Output]) -> None:
    """With the file's lines; too many at a time; one that is gone; a reason without a run."""
    problem = {"file": "crew", "line": 3, "column": 1, "key": "jobs", "message": "no", "hint": "",
               "severity": "error"}  # fmt: skip
    body = {"detail": "no", "error": "DefinitionError", "definition_problems": [problem]}
    server.answers = lambda asked: Answer(422, body)
    status, _, err = call()
    assert (status, "crew.yaml:3" in err) == (2, True)
    for code, error in ((409, "PreviewError"), (404, "PreviewNotFound")):
        server.answers = lambda asked, code=code, error=error: Answer(  # type: ignore[misc]
            code, {"detail": "Three are under way.", "error": error}
        )
        status, _, err = call()
        assert (status, "Three are under way." in err) == (1, True)
    assert call("--reason", "why")[0] == 2


def test_what_is_interrupted_is_cancelled(
    server: RestServer, call: Callable[..., Output], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No worker goes on for no one."""
    says(server, preview("waiting", jobs=[]))

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(previewing.time, "sleep", interrupt)
    assert call()[0] == 130
    assert (server.asked[-1].method, server.asked[-1].path) == ("POST", f"{PATH}/{ID}/cancel")
