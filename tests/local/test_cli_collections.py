"""`directory-sync collections …`, `export` and `import` against a server that answers as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from directory_sync.cli.main import main
from tests.scenarios.job_results import HOSTILE
from tests.scenarios.rest_server import TOKEN, Answer, Asked, RestServer
from tests.scenarios.saved import text_of

Output = tuple[int, str, str]
BASE = "/dirsync/api/v1/collections"
DAG = {"state": "waiting", "paused": True, "parsed": None, "message": ""}


def version(number: int = 2, **given: Any) -> dict[str, Any]:
    """A version as the API gives it."""
    return {
        "name": "crew", "number": number, "revision": 7, "saved": "2026-11-22T18:58:17Z", "saved_by": "ida",
        "verified": True, "roles": [], "comment": "", "deleted": False, "changes": [],
    } | given  # fmt: skip


def change(**given: Any) -> dict[str, Any]:
    """A change as the API gives it."""
    return {
        "code": "brand_new", "job": "people", "key": "", "old": None, "new": None, "parts": [],
        "weakens": True, "text": "limit raised",
    } | given  # fmt: skip


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    """A server, its address and a token in the environment."""
    with RestServer(lambda asked: Answer(500, {"detail": "not told what to say"})) as running:
        monkeypatch.setenv("DIRECTORY_SYNC_URL", running.url)
        monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
        yield running


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Callable[..., Output]:
    """Runs a command without a terminal: exit status, standard output, standard error."""

    def run(*arguments: str | Path) -> Output:
        capsys.readouterr()
        status = main(list(map(str, arguments)))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A definition file."""
    path = tmp_path / "crew.yaml"
    path.write_text(text_of(), encoding="utf-8")
    return path


def test_what_is_sent_is_the_file_and_what_was_seen(
    server: RestServer, call: Callable[..., Output], file: Path
) -> None:
    """Name, text, number and comment; codes that only a newer server knows are shown as it words them."""
    answer = {"version": version(changes=[change()]), "is_new_version": True, "problems": [], "dag": DAG}
    server.answers = lambda asked: Answer(body=answer)
    status, out, _ = call("collections", "save", file, "--expected", "1", "--comment", "why")
    assert (status, out) == (0, "crew: version 2 saved\n  ! people: limit raised\n")
    [asked] = server.asked
    assert (asked.method, asked.path) == ("PUT", f"{BASE}/crew")
    assert asked.json == {"text": text_of(), "expected": 1, "comment": "why"}
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"


def test_nothing_that_a_server_says_commands_the_terminal(
    server: RestServer, call: Callable[..., Output], file: Path
) -> None:
    """Names, comments, changes, problems: spelled out."""
    hostile = version(
        name=HOSTILE, saved_by=HOSTILE, comment=HOSTILE, changes=[change(job=HOSTILE, text=HOSTILE)]
    )
    problem = {"file": HOSTILE, "line": 1, "column": 1, "key": HOSTILE, "message": HOSTILE, "hint": HOSTILE,
               "severity": "error"}  # fmt: skip
    listed = {
        "name": HOSTILE, "title": HOSTILE, "description": "", "owners": [], "tags": [], "jobs": [HOSTILE],
        "schedule": [HOSTILE], "usable": True, "number": 1, "saved": "2026-11-22T18:58:17Z",
        "saved_by": HOSTILE, "may_edit": False, "dag": {**DAG, "state": HOSTILE, "message": HOSTILE},
    }  # fmt: skip
    item = {
        "line": 1, "name": HOSTILE, "saved_as": HOSTILE, "state": HOSTILE, "clash": HOSTILE, "version": 1,
        "error": HOSTILE, "detail": HOSTILE, "problems": [problem], "changes": [],
        "missing_connections": [HOSTILE],
    }  # fmt: skip
    for body, arguments in (
        ({"collections": [listed], "may_create": True}, ("collections", "list")),
        ({"versions": [hostile]}, ("collections", "versions", "crew")),
        ({"version": hostile, "is_new_version": True, "problems": [problem],
          "dag": {**DAG, "message": HOSTILE}}, ("collections", "save", file, "--expected", "1")),
        ({"items": [item]}, ("import", file)),
        ({"dag_id": HOSTILE, "run_id": HOSTILE}, ("collections", "run", "crew")),
    ):  # fmt: skip
        server.answers = lambda asked, body=body: Answer(body=body)
        _, out, err = call(*arguments)
        assert "\x1b" not in out + err, arguments
        assert "\\x1b" in out + err, arguments
    refusal = {"detail": HOSTILE, "error": "DefinitionError", "definition_problems": [problem]}
    server.answers = lambda asked: Answer(422, refusal)
    status, _, err = call("collections", "save", file, "--expected", "1")
    assert (status, "\x1b" in err) == (2, False)


@pytest.mark.parametrize(
    ("status", "body", "ends", "says"),
    [
        (403, {"detail": "not yours", "error": "EditRefused"}, 5, "not yours"),
        (404, {"detail": "no such", "error": "CollectionNotFound"}, 1, "no such"),
        (404, {"detail": "Not Found"}, 1, "has nothing there"),
        (409, {"detail": "olga was first", "error": "CollectionChanged"}, 1, "olga was first"),
        (409, {"detail": "run 7 goes on", "error": "CollectionInUse"}, 1, "run 7 goes on"),
        (422, {"detail": "no", "error": "DefinitionError", "definition_problems": "x"}, 1, "no"),
        (422, {"detail": "x: wrong", "error": "QueryError"}, 2, "x: wrong"),
        (503, {"detail": "away", "error": "StoreError"}, 1, "not known whether it was done"),
        (200, {"version": 1}, 1, "a form that this version does not know"),
    ],
)
def test_refusals_end_as_documented(
    server: RestServer,
    call: Callable[..., Output],
    file: Path,
    status: int,
    body: dict[str, Any],
    ends: int,
    says: str,
) -> None:
    """With the server's words, and an exit status of their own."""
    server.answers = lambda asked: Answer(status, body)
    ended, out, err = call("collections", "save", file, "--expected", "1")
    assert (ended, out) == (ends, "")
    assert says in err


def test_a_broken_rule_is_told_with_its_place(
    server: RestServer, call: Callable[..., Output], file: Path
) -> None:
    """The person may not, so it is 5; what and where is told all the same."""
    problem = {"file": "crew", "line": 4, "column": 3, "key": "jobs[0].source.connection",
               "message": "may not be used", "hint": "", "severity": "error"}  # fmt: skip
    body = {"detail": "x", "error": "RulesBroken", "definition_problems": [problem]}
    server.answers = lambda asked: Answer(403, body)
    status, _, err = call("collections", "save", file, "--expected", "1")
    assert (status, "crew:4: jobs[0].source.connection: may not be used" in err) == (5, True)


def test_a_name_is_one_segment_of_the_path(server: RestServer, call: Callable[..., Output]) -> None:
    """Whatever was typed."""
    server.answers = lambda asked: Answer(404, {"detail": "no such", "error": "CollectionNotFound"})
    assert call("collections", "show", "../requests/1?x=#y")[0] == 1
    assert server.asked[0].path == f"{BASE}/..%2Frequests%2F1%3Fx%3D%23y"


def test_an_answer_that_breaks_off_leaves_the_older_export(
    server: RestServer, call: Callable[..., Output], tmp_path: Path
) -> None:
    """The file is replaced in one step, or not at all."""

    def cut_off(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/yaml")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"---\nname: crew\n")

    target = tmp_path / "all.yaml"
    target.write_text("older\n")
    server.answers = lambda asked: Answer(write=cut_off)
    assert call("export", "--all", "--output", target)[0] == 1
    assert target.read_text() == "older\n"
    assert [each.name for each in tmp_path.iterdir()] == ["all.yaml"]


def test_what_was_seen_when_names_were_compared_is_replaced(
    server: RestServer, call: Callable[..., Output], file: Path
) -> None:
    """And nothing is sent a second time where that is all that was asked for."""
    item = {
        "line": 1, "name": "crew", "saved_as": "crew", "state": "clash", "clash": "saved", "version": 4,
        "error": "", "detail": "", "problems": [], "changes": [], "missing_connections": [],
    }  # fmt: skip

    def answers(asked: Asked) -> Answer:
        state = "clash" if asked.json.get("check_only") else "saved"
        return Answer(body={"items": [{**item, "state": state}]})

    server.answers = answers
    assert call("import", file, "--check")[0] == 1
    assert len(server.asked) == 1
    assert call("import", file, "--clash", "replace")[0] == 0
    assert json.loads(server.asked[-1].body)["choices"] == {"crew": {"do": "replace", "expected": 4}}


def test_a_json_file_is_saved_as_yaml(
    server: RestServer, call: Callable[..., Output], tmp_path: Path
) -> None:
    """It means the same; a broken one is told before anything is sent."""
    import yaml

    file = tmp_path / "crew.json"
    file.write_text(json.dumps(yaml.safe_load(text_of())))
    answer = {"version": version(), "is_new_version": True, "problems": [], "dag": DAG}
    server.answers = lambda asked: Answer(body=answer)
    assert call("collections", "save", file, "--expected", "0")[0] == 0
    assert yaml.safe_load(server.asked[0].json["text"])["jobs"][0]["name"] == "people"
    file.write_text("{")
    assert call("collections", "save", file, "--expected", "0")[0] == 2
    assert len(server.asked) == 1
