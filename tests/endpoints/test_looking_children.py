"""Looks in processes of their own: what hangs is ended, what is too much is refused, nothing piles up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

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
from directory_sync.looking.answers import ServerFacts
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


def ask(children: Children, connection: ConnectionInfo) -> Any:
    """Test a connection."""
    return children.answer(question("test", connection=connection.id), given(connection))


def refused(children: Children, connection: ConnectionInfo, kind: type[Exception]) -> str:
    """How the test of a connection fails; the message holds no password."""
    with pytest.raises(kind) as caught:
        ask(children, connection)
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
    assert children._idle == [process]


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


def test_a_server_that_refuses_is_told_at_once(children: Children) -> None:
    """No port, no such host, a wrong type, a broken connection, one that is not there."""
    begun = time.monotonic()
    assert "nothing listens on that port" in refused(children, silent(free_port()), EndpointUnavailable)
    assert time.monotonic() - begun < 3
    database = ConnectionInfo(id="hr", type="postgres", host="localhost", password="throwaway-secret")
    assert "its type is postgres" in refused(children, database, EndpointError)
    assert "timeout" in refused(children, silent(1, timeout="soon"), EndpointError)
    with pytest.raises(NoConnection):
        children.answer(question("test", connection="nope"), given())


def test_a_hung_look_leaves_places_for_others(children: Children, shared_slapd: Slapd) -> None:
    """Of one connection two at once, of all four; more are told to come back; what hangs ends by itself."""
    good = directories.slapd_connection(shared_slapd)
    ask(children, good)
    with listener() as port:
        ended: list[Exception] = []

        def hang(name: str) -> None:
            try:
                ask(children, silent(port, name))
            except (EndpointError, LookError) as error:
                ended.append(error)

        threads = [threading.Thread(target=hang, args=("slow",)) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        assert "connection slow: 2 looks" in refused(children, silent(port, "slow"), LooksBusy)
        assert isinstance(ask(children, good), ServerFacts)
        assert not ended
        more = [threading.Thread(target=hang, args=(name,)) for name in ("other", "third")]
        for thread in more:
            thread.start()
        time.sleep(0.3)
        assert "4 looks" in refused(children, good, LooksBusy)
        for thread in (*threads, *more):
            thread.join(10)
            assert not thread.is_alive()
        assert len(ended) == 4
    assert isinstance(ask(children, good), ServerFacts)


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
                question("counts", connection="lab", under="dc=example,dc=org"), given(connection)
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


def test_what_no_one_foresaw_says_only_its_kind() -> None:
    """Its text might hold anything."""
    from directory_sync.looking.wire import answer_from_json, error_to_json

    with pytest.raises(LookError) as caught:
        answer_from_json(error_to_json(KeyError("throwaway-secret")))
    assert "throwaway-secret" not in str(caught.value)
    assert "KeyError" in str(caught.value)
    for broken in (b"", b"{}", b'{"answer": 3}', b"[1]", b'{"error": {"kind": []}}'):
        with pytest.raises(LookError):
            answer_from_json(broken)
