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


# -- report --------------------------------------------------------------------------------------------------

RUN = "/dirsync/api/v1/runs/crew/manual__1%20a"


def reported(sequence: int, **given: Any) -> dict[str, Any]:
    """A change of a report as the API gives it."""
    return {
        "job": "people", "plan": 7, "sequence": sequence, "action": "delete", "key": f"k{sequence}",
        "name": "", "object": f"cn={sequence},dc=x", "new_object": "", "fields": [], "marks": [], "text": "",
        "result": None, "message": "",
    } | given  # fmt: skip


def report_page(*changes: dict[str, Any], next: int | None = None, **given: Any) -> dict[str, Any]:
    """A page of a report, which leads to another one if `next` is given."""
    jobs = [{"job": "people", "plan": 7, "changes": 9}]
    following = {"next_job": None if next is None else "people", "next": next}
    return {
        "jobs": jobs, "changes": list(changes), "total": 9, **following, "integrity": "intact",
        "integrity_message": "",
    } | given  # fmt: skip


def test_filters_of_a_report_are_the_ones_of_the_api(server: RestServer, call: Callable[..., Output]) -> None:
    """Each option is sent under the API's name for it, and nothing else is; for a file, too."""
    server.answers = lambda asked: Answer(body=report_page())
    filters = {
        "job": "people",
        "search": "50 % & co",
        "field": "mail",
        "action": "update",
        "result": "open",
        "pattern": "0",
    }
    options = [part for name, value in filters.items() for part in (f"--{name}", value)]
    given = {name: [value] for name, value in filters.items()}
    command = ("collections", "report", "crew", "manual__1 a", *options)
    assert call(*command, "--format", "json")[0] == 0
    [asked] = server.asked
    assert (asked.method, asked.path) == ("GET", f"{RUN}/changes")
    assert asked.query == given | {"order": ["consequence"], "limit": ["200"]}
    server.answers = lambda asked: Answer(
        body=b"job,action\n=1,\x1b[2J\n", headers={"Content-Type": "text/csv"}
    )
    assert call(*command, "--format", "csv")[:2] == (0, "job,action\n=1,\\x1b[2J\n")
    assert server.asked[-1].path == f"{RUN}/report"
    assert server.asked[-1].query == given | {"format": ["csv"]}


def test_a_report_is_read_page_by_page(server: RestServer, call: Callable[..., Output]) -> None:
    """Each page once, also of a server whose pages lead in a circle; keys that are not known are kept."""
    pages = {
        None: report_page(reported(0, brand_new=1), next=0, more=[2]),
        "0": report_page(reported(1), next=1),
        "1": report_page(reported(2), next=0),
    }
    server.answers = lambda asked: Answer(body=pages[asked.query.get("after", [None])[0]])
    status, out, _ = call("collections", "report", "crew", "manual__1 a", "--format", "json")
    shown = json.loads(out)
    assert (status, [each["sequence"] for each in shown["changes"]]) == (0, [0, 1, 2])
    assert (shown["more"], shown["changes"][0]["brand_new"], "next" in shown) == ([2], 1, False)


def test_an_altered_plan_is_told(server: RestServer, call: Callable[..., Output]) -> None:
    """Next to the report, which shows what the store holds; nothing of it can command the terminal."""
    job = {
        "job": "people", "state": "conflicts", "attempt": 1, "message": "", "statistics": {"deleted": 1},
        "warnings": [], "problems": [], "started": None, "finished": None, "plan_id": 7, "request": None,
        "may_be_waived": False,
    }  # fmt: skip
    run = {
        "collection": "crew", "run_id": "manual__1 a", "trigger": "manual", "requester": "ida",
        "requester_verified": True, "reason": "", "preview_only": False, "started": "2026-11-22T18:58:17Z",
        "origin": "", "version": "", "id_used_again": False, "jobs": [job],
    }  # fmt: skip

    def answers(asked: Asked) -> Answer:
        if asked.path == RUN:
            return Answer(body=run)
        if asked.path.endswith("/patterns"):
            return Answer(409, {"detail": "altered", "error": "PlanAltered"})
        told = reported(0, key=HOSTILE, result="conflict", message=HOSTILE)
        return Answer(body=report_page(told, integrity="altered", integrity_message="The plan is another."))

    server.answers = answers
    status, out, err = call("collections", "report", "crew", "manual__1 a")
    assert status == 0
    assert "warning: The plan is another." in err
    assert out.splitlines()[:2] == ["people: conflicts, 9 changes", "changes of people:"]
    assert "\x1b" not in out
