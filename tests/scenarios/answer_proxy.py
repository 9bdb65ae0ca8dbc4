"""A proxy between an LDAP client and its server that may replace each of the server's answers, one whole
message at a time.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

ENTRY, DONE, REFERENCE = 0x64, 0x65, 0x73
"""Tags of the answers to a search (RFC 4511, appendix B)."""


@dataclass(frozen=True)
class Answer:
    """One message of the server.

    Attributes:
        id: the message id, as its BER octets.
        tag: of the protocol operation.
        body: of the protocol operation.
        controls: everything behind it.
    """

    id: bytes
    tag: int
    body: bytes
    controls: bytes = b""

    def encoded(self) -> bytes:
        """The message."""
        return _element(0x30, self.id + _element(self.tag, self.body) + self.controls)

    def with_result(self, code: int) -> Answer:
        """The same with another result code."""
        assert self.body[:2] == b"\x0a\x01"
        return Answer(self.id, self.tag, b"\x0a\x01" + bytes([code]) + self.body[3:], self.controls)


def reference(to: Answer, url: str) -> Answer:
    """A search reference (RFC 4511, section 4.5.3) in the listing that an answer belongs to."""
    return Answer(to.id, REFERENCE, _element(0x04, url.encode()))


Replace = Callable[[Answer], Iterator[Answer]]


def unchanged(answer: Answer) -> Iterator[Answer]:
    """Let everything pass."""
    yield answer


class AnswerProxy:
    """Passes connections on to a port. A context manager.

    Attributes:
        replace: yields what the client gets instead of an answer; `silent` in it lets nothing pass any more.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.replace: Replace = unchanged
        self._listener = socket.socket()
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(16)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="answer-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for end in list(self._open):
            _close(end)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._open |= {client, server}
                for work in (self._pass_on, self._answer):
                    threading.Thread(target=work, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                server.sendall(data)
        _close(server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), server.makefile("rb") as stream:
            while True:
                for answer in self.replace(_read(stream.read)):
                    client.sendall(answer.encoded())
        _close(client)


def _close(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def _read(read: Callable[[int], bytes]) -> Answer:
    """Read one message (RFC 4511, section 5.1: definite lengths only). Raises EOFError."""
    head = read(2)
    if len(head) < 2:
        raise EOFError
    length = head[1]
    if length & 0x80:
        length = int.from_bytes(read(length & 0x7F), "big")
    content = read(length)
    if len(content) < length:
        raise EOFError
    id_end = 2 + content[1]
    tag = content[id_end]
    start, end = _extent(content, id_end)
    return Answer(content[:id_end], tag, content[start:end], content[end:])


def _extent(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at an offset begins and ends."""
    length, start = data[at + 1], at + 2
    if length & 0x80:
        more = length & 0x7F
        length, start = int.from_bytes(data[start : start + more], "big"), start + more
    return start, start + length


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content
