"""A TCP proxy on 127.0.0.1 that counts what it carries, stops at an octet that was asked for, and can break
in many ways.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER that makes `close` send a reset."""
_CHUNK = 16_384
_LOOK_EVERY = 0.02
"""Seconds after which a thread that waits for something else looks whether its connection was broken."""


class Direction(Enum):
    """Which way octets go."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


@dataclass(frozen=True)
class Breakpoint:
    """A place in the stream: what is before it has been passed on when `reached` is set; the rest waits for
    `go_on`.
    """

    direction: Direction
    octets: int
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        """Let the octets behind it pass."""
        self.released.set()


class _Link:
    """A client's connection and the one to the server that goes with it.

    Two threads use both sockets, so whoever breaks the link closes neither: another connection would get
    their numbers while a thread is about to read or write them. The thread that ends last closes them.
    """

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.ends = (client, server)
        self._broken = threading.Event()
        self._lock = threading.Lock()
        self._threads = 2

    def broken_within(self, seconds: float) -> bool:
        """Wait; whether the link is broken by then."""
        return self._broken.wait(seconds)

    def receive(self, origin: socket.socket) -> bytes:
        """What has come; nothing at the end, or when the link is broken."""
        data = origin.recv(_CHUNK)
        return b"" if self._broken.is_set() else data

    def send(self, target: socket.socket, data: bytes) -> None:
        """Send all of it, unless the link is broken."""
        rest = memoryview(data)
        poll = select.poll()
        poll.register(target, select.POLLOUT)
        while rest and not self._broken.is_set():
            poll.poll(_LOOK_EVERY * 1000)
            with contextlib.suppress(BlockingIOError):
                rest = rest[target.send(rest, socket.MSG_DONTWAIT) :]

    def drop(self, *, abort: bool = True) -> None:
        """Break it; with `abort`, by a reset."""
        with self._lock:
            if self._broken.is_set() or not self._threads:
                return
            for end in self.ends:
                with contextlib.suppress(OSError):
                    if abort:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            self._broken.set()
            for end in self.ends:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RD)  # wakes the thread that reads it

    def thread_ends(self) -> bool:
        """Called by each of the two threads when it is done; whether it was the last."""
        with self._lock:
            self._threads -= 1
            if self._threads:
                return False
            for end in self.ends:
                end.close()
            return True


class CuttingProxy:
    """Passes connections on to a port, a thread for each direction. A context manager.

    Attributes:
        port: where it listens.
        delay: seconds that everything takes, one way.
        refuses: new connections are reset at once.
        stalled: nothing is passed on, as when a cable is pulled; what has come meanwhile is passed on
            afterwards.
        carried: octets passed on since `count_anew`.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.delay = 0.0
        self.refuses = False
        self.stalled = False
        self.carried = dict.fromkeys(Direction, 0)
        self._truncates = False
        self._breakpoint: Breakpoint | None = None
        self._lock = threading.Lock()
        self._links: set[_Link] = set()
        self._listener = socket.socket()
        self._closed = False

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="cutting-proxy", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    # -- what happens to the network -------------------------------------------------------------------------

    def break_at(self, direction: Direction, octets: int) -> Breakpoint:
        """Stop this direction once so many octets have been carried since `count_anew`."""
        self._breakpoint = Breakpoint(direction, octets)
        return self._breakpoint

    def count_anew(self) -> None:
        """Begin to count at zero, and forget the breakpoint."""
        self.heal()
        self.carried = dict.fromkeys(Direction, 0)

    def reset(self) -> None:
        """Break every connection with a reset."""
        for link in list(self._links):
            link.drop()

    def truncate(self) -> None:
        """Pass on only one half of what the server says next, then end that connection as if it had said
        all.
        """
        self._truncates = True

    def heal(self) -> None:
        """Be a good network again."""
        self.delay, self.refuses, self.stalled, self._truncates = 0.0, False, False, False
        if self._breakpoint is not None:
            self._breakpoint.go_on()
            self._breakpoint = None

    # -- carrying --------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket()
            try:
                if self.refuses:
                    raise ConnectionRefusedError
                server.connect(("127.0.0.1", self.target))
            except OSError:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                client.close()
                server.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(client, server)
            self._links.add(link)
            for direction, origin, target in (
                (Direction.TO_SERVER, client, server),
                (Direction.TO_CLIENT, server, client),
            ):
                threading.Thread(
                    target=self._pump, args=(link, direction, origin, target), daemon=True
                ).start()

    def _pump(self, link: _Link, direction: Direction, origin: socket.socket, target: socket.socket) -> None:
        try:
            self._carry(link, direction, origin, target)
            target.shutdown(socket.SHUT_WR)
            if direction is Direction.TO_CLIENT:
                # A server that hangs up is done with the connection; so is a truncated one.
                link.drop(abort=False)
        except OSError:
            link.drop()
        finally:
            if link.thread_ends():
                self._links.discard(link)

    def _carry(self, link: _Link, direction: Direction, origin: socket.socket, target: socket.socket) -> None:
        """Pass on until there is nothing more. Raises OSError when the link is broken."""
        while data := link.receive(origin):
            broken = link.broken_within(self.delay)
            while self.stalled and not broken:
                broken = link.broken_within(_LOOK_EVERY / 4)
            if self._truncates and direction is Direction.TO_CLIENT:
                self._truncates = False
                link.send(target, data[: len(data) // 2])
                return
            self._pass_on(link, direction, data, target)
        if link.broken_within(0):
            raise ConnectionAbortedError

    def _pass_on(self, link: _Link, direction: Direction, data: bytes, target: socket.socket) -> None:
        with self._lock:
            before = self.carried[direction]
            self.carried[direction] = before + len(data)
            waiting = self._breakpoint
        if waiting is not None and waiting.direction is direction and before + len(data) >= waiting.octets:
            head = max(0, waiting.octets - before)
            link.send(target, data[:head])
            data = data[head:]
            waiting.reached.set()
            while not (waiting.released.wait(_LOOK_EVERY) or link.broken_within(0)):
                pass
        link.send(target, data)
