"""Headers that keep browsers from doing with our answers what no one meant, and the answer to what no one has
foreseen.
"""

from __future__ import annotations

import logging

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from directory_sync.portal.typed_texts import HeldForm, RefuseForm

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'self'"
)

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
UNEXPECTED = (
    "An unexpected error occurred. Its cause is in the log of Airflow's API server. Please report it."
)

log = logging.getLogger(__name__)


class SecurityHeaders:
    """ASGI middleware around everything else: sets the headers on every answer, also to errors, and answers
    unexpected errors.
    """

    def __init__(self, app: ASGIApp, *, refuse: RefuseForm) -> None:
        """Take the app and what answers an unexpected error."""
        self._app = app
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                # Pages hold what only this user may see; static files say themselves how long they last.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        held = HeldForm(scope, receive)
        try:
            await self._app(scope, held.receive, send_with_headers)
        except Exception:
            if begun:
                raise  # what has been sent cannot be taken back: the connection is cut, so that no one takes it for complete  # noqa: E501
            log.exception("A request ended unexpectedly. method=%s path=%s", scope["method"], scope["path"])
            refusal = self._refuse(Request(scope), 500, UNEXPECTED, sent=await held.form())
            await refusal(scope, receive, send_with_headers)
