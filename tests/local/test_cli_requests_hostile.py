"""Whatever a server answers, `directory-sync requests` ends in bounded time and memory, with one message that
says what to do.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from directory_sync.cli import rest_client
from directory_sync.cli.main import main
from tests.scenarios.rest_server import CHANGES, TOKEN, Answer, RestServer, as_agreed, details, summary

COMMANDS = [
    ["list"],
    ["show", "12"],
    ["show", "12", "--changes"],
    ["approve", "12", "--digest", "0123456789ab"],
    ["cancel", "12"],
]
PAGE = b"<!doctype html><html><title>502 Bad Gateway</title><script>alert('secret page')</script></html>"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestServer]:
    """A server, its address and a token in the environment."""
    with RestServer(as_agreed(details())) as running:
        monkeypatch.setenv("DIRECTORY_SYNC_URL", running.url)
        monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
        yield running


def failed(capsys: pytest.CaptureFixture[str], arguments: list[str], *, status: int = 1) -> str:
    """The one message with which a command ends."""
    capsys.readouterr()
    assert main(["requests", *arguments]) == status
    output = capsys.readouterr()
    assert output.err.startswith("directory-sync: ")
    assert "Traceback" not in output.err
    assert "unexpected error" not in output.err
    assert len(output.err) < 5_000
    return output.err


def raw(content: bytes) -> Answer:
    """These very bytes instead of an HTTP answer; then the connection is closed."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(content)
        handler.wfile.flush()
        handler.connection.close()

    return Answer(write=write)


DEEP = b'{"requests": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"
STRANGE: list[tuple[str, Answer]] = [
    ("page", Answer(200, PAGE, {"Content-Type": "text/html"})),
    ("bad gateway", Answer(502, PAGE, {"Content-Type": "text/html"})),
    ("not found", Answer(404, PAGE, {"Content-Type": "text/html"})),
    ("teapot", Answer(418, PAGE, {"Content-Type": "text/html"})),
    ("nothing", Answer(200, b"")),
    ("no content", Answer(204, b"")),
    ("half JSON", Answer(200, b'{"requests": [')),
    ("no text", Answer(200, b"\xff\xfe\x00")),
    ("deep", Answer(200, DEEP)),
    ("number", Answer(200, 7)),
    ("null", Answer(200, None)),
    ("list", Answer(200, [])),
    ("empty", Answer(200, {})),
    ("huge number", Answer(200, b'{"total": ' + b"9" * 10_000 + b"}")),
    ("error 500", Answer(500, {"detail": {"a": [1]}})),
    ("error list", Answer(500, {"detail": [1, None, {"msg": "x" * 100_000, "loc": 7}]})),
    ("long error", Answer(500, {"detail": "y" * 100_000})),
    ("broken gzip", Answer(200, b"no gzip", {"Content-Encoding": "gzip"})),
    ("no HTTP", raw(b"SSH-2.0-OpenSSH_9.2\r\n")),
    ("closed", raw(b"")),
    ("half an answer", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")),
    ("bad chunks", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("answer", [answer for _, answer in STRANGE], ids=[name for name, _ in STRANGE])
def test_strange_answers(
    server: RestServer, capsys: pytest.CaptureFixture[str], command: list[str], answer: Answer
) -> None:
    """Exit status 1, a message that names the server, and no piece of a web page."""
    server.answers = lambda asked: answer
    err = failed(capsys, command)

    assert server.url in err
    assert "secret page" not in err


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "x"}, {"digest": None}, {"changes": "many"}, {"filed": "yesterday"}, {"filed": 1e300}, {"statistics": [1]},  # noqa: E501
        {"statistics": {"created": "x"}}, {"waives": "all"}, {"state": 7}, {"requester": {}},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(
    "command", [["list"], ["show", "12"], ["approve", "12", "--digest", "0123456789ab"]], ids=" ".join
)
def test_requests_of_another_form(
    server: RestServer, capsys: pytest.CaptureFixture[str], command: list[str], wrong: dict[str, Any]
) -> None:
    """What does not have the agreed form is neither shown nor decided; the message says where it differs."""
    request = summary() | wrong
    answer = (
        {"requests": [request], "next": None, "total": 1}
        if command == ["list"]
        else {**details(), "request": request}
    )
    server.answers = lambda asked: Answer(body=answer)
    err = failed(capsys, command)

    assert "a form that this version does not know" in err
    assert next(iter(wrong)) in err
    assert not server.posted("/approve")


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": 7}, {"key": 7}, {"object": None}, {"fields": "x"}, {"fields": [{"old": [], "new": []}]},
        {"fields": [{"field": "x", "old": [7], "new": []}]}, {"fields": [{"field": "x", "old": [{"base64": "?"}], "new": []}]},  # noqa: E501
        {"fields": [{"field": "x", "old": [{}], "new": []}]},
    ],
    ids=str,
)  # fmt: skip
def test_changes_of_another_form(
    server: RestServer, capsys: pytest.CaptureFixture[str], wrong: dict[str, Any]
) -> None:
    """A change that cannot be read ends the output with a message."""
    agreed = as_agreed(details())
    page = Answer(body={"changes": [CHANGES[0] | wrong], "next": None, "total": 1})
    server.answers = lambda asked: page if asked.path.endswith("/changes") else agreed(asked)

    assert "a form that this version does not know" in failed(capsys, ["show", "12", "--changes"])


def test_pages_of_changes_that_lead_in_a_circle_end(
    server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """A server that names the same next page again and again is not asked for ever."""
    agreed = as_agreed(details())
    page = Answer(body={"changes": [CHANGES[0]], "next": 0, "total": 1})
    server.answers = lambda asked: page if asked.path.endswith("/changes") else agreed(asked)

    assert main(["requests", "show", "12", "--changes", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["changes"]) == 2


def test_an_endless_answer(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is cut off, whether or not its length was announced."""
    monkeypatch.setattr(rest_client, "LARGEST_ANSWER", 1024 * 1024)

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" " * 65536)

    for answer in (Answer(200, b" " * (1024 * 1024 + 1)), Answer(write=endless)):
        server.answers = lambda asked, answer=answer: answer
        assert "more than 1 MiB" in failed(capsys, ["list"])


def test_an_answer_in_drops(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """However often a byte comes, the whole answer has to be there in time."""
    monkeypatch.setattr(rest_client, "ANSWER_TIMEOUT", 0.3)

    def drops(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    server.answers = lambda asked: Answer(write=drops)
    started = time.monotonic()
    assert "had not finished its answer" in failed(capsys, ["list"])
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("command", [["list"], ["cancel", "12"]], ids=" ".join)
def test_no_answer(
    monkeypatch: pytest.MonkeyPatch,
    server: RestServer,
    capsys: pytest.CaptureFixture[str],
    command: list[str],
) -> None:
    """A server that says nothing is given up; where it may have done what was asked, that is told."""
    monkeypatch.setattr(rest_client, "PAUSE_TIMEOUT", 0.2)
    server.answers = lambda asked: Answer(write=lambda handler: time.sleep(1))
    err = failed(capsys, command)

    assert "does not answer" in err
    assert ("not known whether" in err) is (command[0] == "cancel")


def test_nobody_there(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A refused connection names the address and the remedy, and leaves no doubt that nothing was done."""
    with RestServer(lambda asked: Answer(500)) as gone:
        url = gone.url
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)
    err = failed(capsys, ["cancel", "12", "--url", url])

    assert url in err
    assert "cannot be reached" in err
    assert "--url" in err
    assert "not known" not in err


def test_a_name_that_does_not_resolve(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told like any other address that cannot be reached."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DIRECTORY_SYNC_TOKEN", TOKEN)

    assert "cannot be reached" in failed(capsys, ["list", "--url", "https://airflow.invalid"])


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (Answer(200, PAGE, {"Content-Type": "text/html; charset=utf-8"}), "a web page instead of data"),
        (Answer(403, {"detail": "Not yours."}), "Not yours."),
        (Answer(404, {"detail": "No such request.", "error": "RequestNotFound"}), "No such request."),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na,b\n"), "broke off its answer"),
    ],
    ids=["page", "forbidden", "missing", "cut off"],
)
def test_downloads_that_fail(
    server: RestServer, capsys: pytest.CaptureFixture[str], answer: Answer, text: str
) -> None:
    """A file that is not complete, or none at all, is never taken for one: there is a message and a
    status.
    """
    server.answers = lambda asked: answer

    assert text in failed(capsys, ["show", "12", "--format", "ldif"], status=5 if answer.status == 403 else 1)


def test_a_long_download_may_take_its_time(
    monkeypatch: pytest.MonkeyPatch, server: RestServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Size and time of a download are not bounded, because it is not held in memory; a character in two parts
    stays whole.
    """
    monkeypatch.setattr(rest_client, "LARGEST_ANSWER", 10)
    monkeypatch.setattr(rest_client, "ANSWER_TIMEOUT", 0.0)
    text = "dn: uid=k\u00e4pt'n\r\n" * 50

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/plain")
        handler.end_headers()
        for byte in text.encode():
            handler.wfile.write(bytes([byte]))
            handler.wfile.flush()

    server.answers = lambda asked: Answer(write=write)
    assert main(["requests", "show", "12", "--format", "ldif"]) == 0
    assert capsys.readouterr().out == text.replace("\r\n", "\n")


def test_every_status_has_an_end(server: RestServer) -> None:
    """Whatever status an answer has that is no success, and whatever stands in it, the command ends with 1 or
    5.
    """
    ended = {}
    for status in range(300, 600, 7):
        server.answers = lambda asked, status=status: Answer(
            status, {"detail": "no", "error": "X", "by": ["x"], "at": {}}
        )
        ended[status] = main(["requests", "list"])

    assert set(ended.values()) == {1}
    for status in (401, 403):
        server.answers = lambda asked, status=status: Answer(status, {"detail": 7})
        assert main(["requests", "list"]) == 5
