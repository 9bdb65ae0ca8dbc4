"""A TCP proxy on 127.0.0.1 that is as slow or as unreliable as a network can be."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class DelayProxy:
    """Passes connections on to a port, in a thread of its own. A context manager.

    Args:
        target: port on 127.0.0.1.
        delay: seconds that everything takes, one way.
        cut_after: cut a connection once it has carried this many octets to the server; None for never.
    """

    def __init__(self, target: int, *, delay: float = 0.0, cut_after: int | None = None) -> None:
        self.target = target
        self.delay = delay
        self.cut_after = cut_after
        self.port = 0
        self.connections = 0
        """How many were accepted."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delay-proxy", daemon=True)
        self._open: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            self._loop.create_server(lambda: _Half(self, None), "127.0.0.1", self.port), self._loop
        ).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop_listening()
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def cut(self) -> None:
        """Cut all connections now, without a word."""

        def abort_all() -> None:
            for transport in list(self._open):
                transport.abort()

        self._in_loop(abort_all)

    def stop_listening(self) -> None:
        """Refuse new connections from now on."""
        if self._server is not None:
            self._in_loop(self._server.close)

    def _in_loop(self, action: Callable[[], object]) -> None:
        done = threading.Event()

        def run() -> None:
            action()
            done.set()

        self._loop.call_soon_threadsafe(run)
        done.wait(10)


class _Half(asyncio.Protocol):
    """One side of one proxied connection; the client's side makes the server's."""

    def __init__(self, proxy: DelayProxy, client: _Half | None) -> None:
        self._proxy = proxy
        self._peer = client
        self._is_client = client is None
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self._carried = 0
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._proxy._open.add(transport)
        if self._is_client:
            self._proxy.connections += 1
            self._connecting = self._proxy._loop.create_task(self._connect())

    async def _connect(self) -> None:
        try:
            _, peer = await self._proxy._loop.create_connection(
                lambda: _Half(self._proxy, self), "127.0.0.1", self._proxy.target
            )
        except OSError:
            assert self._transport is not None
            self._transport.abort()
            return
        self._peer = peer
        early, self._early = self._early, []
        for data in early:
            self._pass_on(data)

    def data_received(self, data: bytes) -> None:
        if self._peer is None:
            self._early.append(data)
        else:
            self._pass_on(data)

    def _pass_on(self, data: bytes) -> None:
        self._carried += len(data)
        limit = self._proxy.cut_after
        if self._is_client and limit is not None and self._carried > limit:
            data = data[: max(0, len(data) - (self._carried - limit))]
            self._write(data)
            self._proxy._loop.call_later(self._proxy.delay, self._abort)
        elif self._proxy.delay:
            self._proxy._loop.call_later(self._proxy.delay, self._write, data)
        else:
            # Timers for the same moment may fire in any order.
            self._write(data)

    def _write(self, data: bytes) -> None:
        if (
            self._peer is not None
            and self._peer._transport is not None
            and not self._peer._transport.is_closing()
        ):
            self._peer._transport.write(data)

    def _abort(self) -> None:
        for half in (self, self._peer):
            if half is not None and half._transport is not None:
                # What was written before is still delivered to the server; the client hears nothing more.
                with contextlib.suppress(RuntimeError):
                    half._transport.close() if half is not self else half._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        assert self._transport is not None
        self._proxy._open.discard(self._transport)
        if self._peer is not None and self._peer._transport is not None:
            self._proxy._loop.call_later(self._proxy.delay, self._peer._transport.close)
