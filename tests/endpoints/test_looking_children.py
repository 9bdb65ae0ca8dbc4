"""Looks in processes of their own: what hangs is ended, what is too much is refused, nothing piles up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from directory_sync.definition.export import complete
from directory_sync.definition.models import Collection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import (
    AuthenticationError,
    EndpointError,
    EndpointUnavailable,
    LookError,
    LooksBusy,
    LookTimedOut,
    NoConnection,
)
from directory_sync.looking.answers import Examples, ServerFacts
from directory_sync.looking.bounds import IDLE_SECONDS
from directory_sync.looking.children import Children
from tests.scenarios import directories
from tests.scenarios.looks import given, listener, question, silent
from tests.scenarios.slapd import Slapd, free_port


@pytest.fixture
def children() -> Iterator[Children]:
    """Processes of one test, with little patience."""
    made = Children(seconds=2.0, patience=0.2)
    yield made
    made.close()


def ask(children: Children, connection: ConnectionInfo, by: str = "ada") -> Any:
    """Test a connection."""
    return children.answer(question("test", connection=connection.id), given(connection), by=by)


def refused(children: Children, connection: ConnectionInfo, kind: type[Exception], by: str = "ada") -> str:
    """How the test of a connection fails; the message holds no password."""
    with pytest.raises(kind) as caught:
        ask(children, connection, by)
    text = str(caught.value)
    assert connection.password not in text
    return text


def test_a_process_answers_many_questions(children: Children, shared_slapd: Slapd) -> None:
    """It is started once; errors do not end it."""
    connection = directories.slapd_connection(shared_slapd)
    assert isinstance(ask(children, connection), ServerFacts)
    (process,) = children._idle
    assert "password" in refused(
        children, ConnectionInfo(**{**vars_of(connection), "password": "wrong-one"}), AuthenticationError
    )
    assert isinstance(ask(children, connection), ServerFacts)
    assert list(children._idle) == [process]


def vars_of(connection: ConnectionInfo) -> dict[str, Any]:
    """The connection's parts."""
    return {name: getattr(connection, name) for name in ConnectionInfo.__dataclass_fields__}


def test_a_server_that_never_answers_is_given_up(children: Children) -> None:
    """In the time that a look has, also where it has sent half an answer, which no timeout of a library
    ends.
    """
    # The head of an answer that says that 100 more bytes follow.
    for first in (b"", b"\x30\x64\x02\x01\x01\x61"):
        with listener(first) as port:
            begun = time.monotonic()
            with pytest.raises((EndpointUnavailable, LookTimedOut)) as caught:
                ask(children, silent(port, timeout=1))
            assert time.monotonic() - begun < 6
            assert "throwaway-secret" not in str(caught.value)


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x84\x7f\xff\xff\xff\x02\x01\x01",
        b"\x00" * 4096,
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00" + b"\xff" * 500,
        b"\x30\x0c\x02\x01\x7f\x61\x07\x0a\x01\x00\x04\x00\x04\x00",
    ],
    ids=["http", "longest", "two gigabytes", "zeros", "login and garbage", "another answer"],
)
def test_what_is_no_directory_is_told(children: Children, garbage: bytes) -> None:
    """Whatever it sends, also after it has accepted the login; and it costs no memory."""
    with listener(garbage) as port:
        begun = time.monotonic()
        refused(children, silent(port, timeout=1), (EndpointError, LookTimedOut))
        assert time.monotonic() - begun < 6


def test_a_server_that_refuses_is_told_at_once(children: Children) -> None:
    """No port, no such host, a wrong type, a broken connection, one that is not there."""
    begun = time.monotonic()
    assert "nothing listens on that port" in refused(children, silent(free_port()), EndpointUnavailable)
    assert time.monotonic() - begun < 3
    database = ConnectionInfo(id="hr", type="postgres", host="localhost", password="throwaway-secret")
    assert "its type is postgres" in refused(children, database, EndpointError)
    assert "timeout" in refused(children, silent(1, timeout="soon"), EndpointError)
    with pytest.raises(NoConnection):
        children.answer(question("test", connection="nope"), given(), by="ada")


class Hung:
    """Looks at a server that never answers, each in a thread of its own."""

    def __init__(self, children: Children, port: int) -> None:
        self.children = children
        self.port = port
        self.ended: list[Exception] = []
        self.threads: list[threading.Thread] = []

    def _hang(self, name: str, by: str) -> None:
        try:
            ask(self.children, silent(self.port, name), by)
        except (EndpointError, LookError) as error:
            self.ended.append(error)

    def begin(self, *asked: tuple[str, str]) -> None:
        """Begin looks, by connection and person, and wait until all are being taken."""
        for name, by in asked:
            self.threads.append(threading.Thread(target=self._hang, args=(name, by)))
            self.threads[-1].start()
        until = time.monotonic() + 2
        while self.children._under_way < len(self.threads) and time.monotonic() < until:
            threading.Event().wait(0.01)
        assert self.children._under_way == len(self.threads)

    def join(self) -> None:
        """All have ended by themselves."""
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()
        assert len(self.ended) == len(self.threads)


def test_a_hung_look_leaves_places_for_others(children: Children, shared_slapd: Slapd) -> None:
    """Of one connection two at once, of one person three, of all four; more are told to come back; what hangs
    ends by itself, and leaves its place.
    """
    good = directories.slapd_connection(shared_slapd)
    ask(children, good)
    with listener() as port:
        hung = Hung(children, port)
        hung.begin(("slow", "ada"), ("slow", "ada"))
        assert "connection slow: 2 looks" in refused(children, silent(port, "slow"), LooksBusy, "bea")
        assert isinstance(ask(children, good), ServerFacts)
        hung.begin(("other", "ada"))
        assert "3 looks of yours" in refused(children, good, LooksBusy)
        assert isinstance(ask(children, good, "bea"), ServerFacts)
        assert not hung.ended
        hung.begin(("third", "bea"))
        assert "4 looks" in refused(children, good, LooksBusy, "cem")
        hung.join()
    assert isinstance(ask(children, good), ServerFacts)
    assert (children._under_way, children._waiting, +children._of, +children._by) == (0, 0, {}, {})


def test_only_some_wait_for_their_turn(shared_slapd: Slapd) -> None:
    """Each that waits keeps a place of the portal's; more are told at once to come back."""
    children = Children(seconds=2.0, patience=30.0, most_waiting=0)
    good = directories.slapd_connection(shared_slapd)
    with listener() as port:
        hung = Hung(children, port)
        hung.begin(("slow", "ada"), ("slow", "ada"))
        begun = time.monotonic()
        refused(children, silent(port, "slow"), LooksBusy)
        assert time.monotonic() - begun < 5
        hung.join()
    assert isinstance(ask(children, good), ServerFacts)
    children.close()


def test_files_have_places_of_their_own(children: Children, tmp_path: Path) -> None:
    """A data folder that hangs, on a file server say, leaves places as a directory does."""
    with (
        children._turn(("",), "ada"),
        children._turn(("",), "bea"),
        pytest.raises(LooksBusy, match="data folder"),
    ):
        children.answer(question("files"), given(folder=tmp_path), by="cem")
    assert children.answer(question("files"), given(folder=tmp_path), by="cem")


def test_a_process_is_told_no_password_but_through_its_pipe(children: Children, shared_slapd: Slapd) -> None:
    """Others on the machine read its command line, and its environment is inherited; it leaves no dump."""
    connection = directories.slapd_connection(shared_slapd)
    ask(children, connection)
    (process,) = children._idle
    about = Path(f"/proc/{process.pid}")
    for part in ("cmdline", "environ"):
        assert connection.password.encode() not in (about / part).read_bytes()
    core = next(line for line in (about / "limits").read_text().splitlines() if "core file" in line)
    assert core.split()[4:6] == ["0", "0"]


def test_a_script_of_the_deployment_may_print(
    children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found where Airflow finds it, and what it prints is no part of the answer."""
    (tmp_path / "chatty.py").write_text(
        "def shout(record):\n    print('{\"answer\": 1}', flush=True)\n    return record['name'][0].upper()\n"
        "shout.source_fields = ('name',)\n"
    )
    (tmp_path / "staff.csv").write_text("name\nann\n")
    monkeypatch.syspath_prepend(tmp_path)
    job = {
        "name": "copy",
        "object": "row",
        "source": {"file": "staff.csv"},
        "destination": {"file": "loud.csv"},
        "fields": {"name": {"from": "name", "key": True}, "loud": {"script": "chatty.shout"}},
    }
    collection = Collection.model_validate({"name": "c", "jobs": [job]})
    asked = question("example", collection=complete(collection), job="copy", destination_field="loud")
    found = children.answer(asked, given(folder=tmp_path, script_modules=("chatty",)), by="ada")
    assert isinstance(found, Examples)
    assert [value.text for value in found.rows[0][1].result] == ["ANN"]


def test_a_server_that_hangs_in_the_middle_is_given_up(children: Children, new_slapd: Any) -> None:
    """It was well when the look began, and no process is left."""
    slapd = new_slapd("dc=example,dc=org")
    connection = directories.slapd_connection(slapd)
    ask(children, connection)
    slapd.suspend()
    try:
        begun = time.monotonic()
        with pytest.raises((EndpointUnavailable, LookTimedOut)):
            children.answer(
                question("counts", connection="lab", under="dc=example,dc=org"), given(connection), by="ada"
            )
        assert time.monotonic() - begun < 6
    finally:
        slapd.resume()
    assert isinstance(ask(children, connection), ServerFacts)


def test_a_process_that_is_killed_is_replaced(children: Children, shared_slapd: Slapd) -> None:
    """While it does nothing: the next look starts another. No process stays behind."""
    connection = directories.slapd_connection(shared_slapd)
    ask(children, connection)
    (process,) = children._idle
    process.kill()
    process.wait()
    assert isinstance(ask(children, connection), ServerFacts)
    (other,) = children._idle
    assert other.pid != process.pid
    children.close()
    assert other.poll() is not None


def test_a_process_that_may_be_about_to_end_is_not_asked(children: Children, shared_slapd: Slapd) -> None:
    """It ends by itself after a minute without a question, and might do so between question and answer."""
    connection = directories.slapd_connection(shared_slapd)
    ask(children, connection)
    (process,) = children._idle
    children._idle[process] -= IDLE_SECONDS - 1
    assert isinstance(ask(children, connection), ServerFacts)
    assert process not in children._idle
    assert process.poll() is not None


def test_what_no_one_foresaw_says_only_its_kind(caplog: pytest.LogCaptureFixture) -> None:
    """Its text might hold anything. The log of the server says where it happened."""
    from directory_sync.looking.wire import answer_from_json, error_to_json

    try:
        raise KeyError("throwaway-secret")
    except KeyError as error:
        line = error_to_json(error)
    with pytest.raises(LookError) as caught:
        answer_from_json(line)
    assert "in test_what_no_one_foresaw_says_only_its_kind" in caplog.text
    assert "throwaway-secret" not in caplog.text
    assert "throwaway-secret" not in str(caught.value)
    assert "KeyError" in str(caught.value)
    for broken in (b"", b"{}", b'{"answer": 3}', b"[1]", b'{"error": {"kind": []}}'):
        with pytest.raises(LookError):
            answer_from_json(broken)
