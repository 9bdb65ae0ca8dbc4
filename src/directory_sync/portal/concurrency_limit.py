"""Keeps the portal from taking all threads of Airflow's API server while its store hangs: running tasks need
them too.
"""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from directory_sync.portal.typed_texts import RefuseForm, sent_form

MOST = 15
"""Requests worked on at a time in one process: as many as the store has connections, and less than half of
the 40 threads.
"""

PATIENCE = 5.0
"""Seconds that one more waits before it is told to come back."""

FULL = (
    "The store answers too slowly, and too many wait for it already. Nothing was done; try again in a moment."
)


class ConcurrencyLimit:
    """ASGI middleware: serves so many requests at a time, and answers 503 to those that have waited too long.

    A server that is stopped, or a network that swallows packets, makes calls of the driver hang for minutes;
    nothing can end such a call from outside, so what is limited is how many can hang.
    """

    def __init__(
        self, app: ASGIApp, *, refuse: RefuseForm, most: int = MOST, patience: float = PATIENCE
    ) -> None:
        """Take the app, what answers a refused request, how many are let in, and the seconds that others
        wait.
        """
        self._app = app
        self._refuse = refuse
        self._places = asyncio.Semaphore(most)
        self._patience = patience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._patience):
                await self._places.acquire()
        except TimeoutError:
            refusal = self._refuse(Request(scope), 503, FULL, sent=await sent_form(Request(scope, receive)))
            await refusal(scope, receive, send)
            return
        inside = True

        def leave() -> None:
            nonlocal inside
            if inside:
                inside = False
                self._places.release()

        async def send_outside(message: Message) -> None:
            # The person who reads a long download slowly has had their answer from the store.
            leave()
            await send(message)

        try:
            await self._app(scope, receive, send_outside)
        finally:
            leave()
