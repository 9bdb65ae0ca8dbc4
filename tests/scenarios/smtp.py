"""A mail server that takes mail and keeps it, or misbehaves.

Speaks as much SMTP (RFC 5321) as clients need, strictly.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import TracebackType
from typing import Self


@dataclass(frozen=True, slots=True)
class Received:
    """A mail as it came over the wire.

    Attributes:
        sender, to: of the envelope.
        data: the mail, dots unstuffed.
        encrypted: whether it came over TLS.
    """

    sender: str
    to: tuple[str, ...]
    data: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        """Parsed."""
        return message_from_bytes(self.data, policy=default)


@dataclass
class SmtpServer:
    """A server on 127.0.0.1 with a port of its own; a context manager.

    Attributes:
        refuse: recipient → answer to RCPT, such as `550 5.1.1 no such user`.
        greeting: what a client is met with.
        drop_data: sessions that are broken off when the mail has been sent, instead of being answered: so
            many times.
        mails_per_session: afterwards the session is broken off.
        certificate: PEM file with certificate and key; then STARTTLS is offered.
        received: what has been accepted.
        sessions: how many there were; `commands`: what clients said, in order.
    """

    refuse: Mapping[str, str] = field(default_factory=dict)
    greeting: str = "220 mail.example ESMTP"
    drop_data: int = 0
    mails_per_session: int | None = None
    certificate: tuple[str, str] | None = None
    received: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    sessions: int = 0

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, name="smtp server", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.sessions += 1
            self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), name="smtp session", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        session = _Session(self, client)
        try:
            with contextlib.suppress(OSError, _Dropped):
                client.settimeout(20)
                session.talk()
        finally:
            self._open.discard(client)
            session.close()
            client.close()


class _Dropped(Exception):
    """The session is over."""


class _Session:
    def __init__(self, server: SmtpServer, client: socket.socket) -> None:
        self._server = server
        self._client = client
        self._file = client.makefile("rb")
        self._sender: str | None = None
        self._to: list[str] = []
        self._mails = 0

    def close(self) -> None:
        """Close the connection, which TLS may have replaced."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._client.close()

    def talk(self) -> None:
        self._say(self._server.greeting)
        while self._server.greeting.startswith("220"):
            line = self._line()
            self._server.commands.append(line)
            self._obey(*line.partition(" ")[::2])

    def _obey(self, verb: str, rest: str) -> None:
        match verb.upper():
            case "EHLO" | "HELO":
                self._say(
                    *(["250-mail.example", "250-STARTTLS"] if self._offers_tls() else []), "250 SIZE 10000000"
                )
            case "STARTTLS" if self._offers_tls():
                self._say("220 go ahead")
                self._encrypt()
            case "MAIL":
                self._sender, self._to = _path(rest), []
                self._say("250 ok")
            case "RCPT" if self._sender is not None:
                address = _path(rest)
                answer = self._server.refuse.get(address, "250 ok")
                self._to += [address] if answer.startswith("250") else []
                self._say(answer)
            case "DATA" if self._to:
                self._say("354 go ahead")
                self._take()
            case "RSET" | "NOOP":
                self._sender, self._to = None, []
                self._say("250 ok")
            case "QUIT":
                self._say("221 bye")
                raise _Dropped
            case _:
                self._say("503 not now")

    def _take(self) -> None:
        lines = []
        while (line := self._raw()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b".") else line)
        if self._server.drop_data > 0:
            self._server.drop_data -= 1
            raise _Dropped
        assert self._sender is not None
        encrypted = isinstance(self._client, ssl.SSLSocket)
        self._server.received.append(Received(self._sender, tuple(self._to), b"".join(lines), encrypted))
        self._sender, self._to = None, []
        self._mails += 1
        self._say("250 taken")
        if self._mails == self._server.mails_per_session:
            raise _Dropped

    def _offers_tls(self) -> bool:
        return self._server.certificate is not None and not isinstance(self._client, ssl.SSLSocket)

    def _encrypt(self) -> None:
        assert self._server.certificate is not None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._server.certificate)
        self._client = context.wrap_socket(self._client, server_side=True)
        self._file = self._client.makefile("rb")

    def _line(self) -> str:
        return self._raw().decode("ascii").rstrip("\r\n")

    def _raw(self) -> bytes:
        line = self._file.readline(1002)
        if not line:
            raise _Dropped
        if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
            # RFC 5321, section 2.3.8: a bare CR or LF, or a line longer than 1,000 octets.
            self._say("500 bad line")
            raise _Dropped
        return line

    def _say(self, *lines: str) -> None:
        self._client.sendall("".join(f"{line}\r\n" for line in lines).encode())


def _path(rest: str) -> str:
    return rest.partition("<")[2].partition(">")[0]
