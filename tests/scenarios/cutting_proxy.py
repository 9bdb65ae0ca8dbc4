"""A TCP proxy on 127.0.0.1 that counts what it carries, stops at an octet that was asked for, and can break in many ways."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Self

_ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER that makes `close` send a reset."""
_CHUNK = 16_384


class Direction(Enum):
    """Which way octets go."""

    TO_SERVER = "to server"
    TO_CLIENT = "to client"


@dataclass(frozen=True)
class Breakpoint:
    """A place in the stream: what is before it has been passed on when `reached` is set; the rest waits for `go_on`."""

    direction: Direction
    octets: int
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def go_on(self) -> None:
        """Let the octets behind it pass."""
        self.released.set()


class CuttingProxy:
    """Passes connections on to a port, a thread for each direction. A context manager.

    Attributes:
        port: where it listens.
        delay: seconds that everything takes, one way.
        refuses: new connections are reset at once.
        stalled: nothing is passed on, as when a cable is pulled; what has come meanwhile is passed on afterwards.
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
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._listener = socket.socket()
        self._closed = False

    def __enter__(self) -> Self:
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, name="cutting-proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._closed = True
        self.heal()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    # -- what happens to the network ----------------------------------------------------------------------------------

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
        for pair in list(self._pairs):
            self._drop(pair)

    def truncate(self) -> None:
        """Pass on only one half of what the server says next, then end that connection as if it had said all."""
        self._truncates = True

    def heal(self) -> None:
        """Be a good network again."""
        self.delay, self.refuses, self.stalled, self._truncates = 0.0, False, False, False
        if self._breakpoint is not None:
            self._breakpoint.go_on()
            self._breakpoint = None

    # -- carrying -----------------------------------------------------------------------------------------------------

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
                self._drop((client, server))
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = (client, server)
            self._pairs.add(pair)
            for direction, origin, target in ((Direction.TO_SERVER, client, server), (Direction.TO_CLIENT, server, client)):
                threading.Thread(target=self._pump, args=(pair, direction, origin, target), daemon=True).start()

    def _pump(
        self, pair: tuple[socket.socket, socket.socket], direction: Direction, origin: socket.socket, target: socket.socket
    ) -> None:
        try:
            while data := origin.recv(_CHUNK):
                if self.delay:
                    time.sleep(self.delay)
                while self.stalled:
                    time.sleep(0.005)
                if self._truncates and direction is Direction.TO_CLIENT:
                    self._truncates = False
                    target.sendall(data[: len(data) // 2])
                    break
                self._pass_on(direction, data, target)
            if pair not in self._pairs:
                return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(pair)
            return
        if direction is Direction.TO_CLIENT:
            # A server that hangs up is done with the connection; so is a truncated one.
            self._drop(pair, abort=False)

    def _pass_on(self, direction: Direction, data: bytes, target: socket.socket) -> None:
        with self._lock:
            before = self.carried[direction]
            self.carried[direction] = before + len(data)
            waiting = self._breakpoint
        if waiting is not None and waiting.direction is direction and before + len(data) >= waiting.octets:
            head = max(0, waiting.octets - before)
            target.sendall(data[:head])
            data = data[head:]
            waiting.reached.set()
            waiting.released.wait()
        target.sendall(data)

    def _drop(self, pair: tuple[socket.socket, socket.socket], *, abort: bool = True) -> None:
        self._pairs.discard(pair)
        for end in pair:
            with contextlib.suppress(OSError):
                if abort:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                # Wakes the thread that reads it: as long as that one waits, closing has no effect.
                end.shutdown(socket.SHUT_RD)
            with contextlib.suppress(OSError):
                end.close()
