"""Looks at throwaway endpoints, and endpoints that do not answer as they should."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.looking.answering import Given
from directory_sync.looking.questions import QUESTION, AnyQuestion


def question(look: str, **given: Any) -> AnyQuestion:
    """A question as it comes from a page."""
    return QUESTION.validate_python({"look": look, **given})


def given(*connections: ConnectionInfo, folder: Path = Path("/nowhere"), **more: Any) -> Given:
    """What a look may use."""
    return Given({each.id: each for each in connections}, folder, **more)


@contextlib.contextmanager
def listener(first: bytes = b"") -> Iterator[int]:
    """A port that takes every connection, sends a few bytes to each, and never says anything more."""
    taken: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    taken.append(connection)
                    if first:
                        connection.recv(1)
                        connection.sendall(first)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    for connection in taken:
        connection.close()


def silent(port: int, name: str = "silent", **extra: Any) -> ConnectionInfo:
    """A connection to such a port."""
    return ConnectionInfo(
        id=name,
        type="ldap",
        host="127.0.0.1",
        port=port,
        login="cn=admin",
        password="throwaway-secret",
        extra={"security": "none", **extra},
    )
