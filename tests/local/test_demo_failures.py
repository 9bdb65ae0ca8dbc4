"""What the demo says when Airflow does not answer as it should: which call, what became of it, and where to
look.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from demo.airflow_api import AirflowApi
from demo.failures import failure_text
from demo.product_api import ProductApi

LOG = Path("/somewhere/standalone.log")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes calls and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def failing() -> Iterator[str]:
    """The address of a server that has an error for every call."""

    class Failing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.end_headers()
            self.wfile.write(b"database is\nlocked " + b"x" * 1000)

        do_POST = do_PATCH = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Failing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_call_that_is_not_answered_is_named(silent: str) -> None:
    """What was called, that no answer came, and what to do: not the words "timed out" alone."""
    with closing(AirflowApi(silent)) as api:
        api._client.timeout = httpx.Timeout(0.2)
        with pytest.raises(httpx.TimeoutException) as caught:
            api.trigger("crew", "a test")
    text = failure_text(caught.value, LOG)
    assert text == (
        f"POST {silent}/api/v2/dags/crew/dagRuns (Airflow's API server) was not answered in time. The machine"
        " may be too busy, "
        "or a part of Airflow hangs. Its log is /somewhere/standalone.log. Then start the demo again."
    )


def test_a_call_that_cannot_be_made_is_named() -> None:
    """The server may have ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(httpx.ConnectError) as caught:
        ProductApi(f"http://127.0.0.1:{port}", "bob", "bob")
    text = failure_text(caught.value, LOG)
    assert f"POST http://127.0.0.1:{port}/auth/token (Airflow's API server) failed: " in text
    assert "Connection refused. Airflow may have ended. Its log is /somewhere/standalone.log." in text


def test_an_answer_that_is_an_error_is_quoted(failing: str) -> None:
    """On one line, and not all of it."""
    with closing(AirflowApi(failing)) as api, pytest.raises(httpx.HTTPStatusError) as caught:
        api.task_states("crew", "one")
    text = failure_text(caught.value, LOG)
    assert (
        f"GET {failing}/api/v2/dags/crew/dagRuns/one/taskInstances (Airflow's API server) was answered with"
        " 500:" in text
    )
    assert "database is locked xxx" in text
    assert len(text) < 600


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            TimeoutError("Run one of crew is still running after 300 s."),
            "Run one of crew is still running after 300 s.",
        ),
        (TimeoutError(), "TimeoutError"),
        (httpx.ReadTimeout("timed out"), "A call of Airflow's REST API was not answered in time."),
    ],
    ids=["said", "silent", "without a call"],
)
def test_every_failure_says_something(error: Exception, said: str) -> None:
    """Whatever the error holds."""
    assert failure_text(error, LOG).startswith(said)
