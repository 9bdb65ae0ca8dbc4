"""An address with a slash too many at its end shows the page without it, instead of leading there."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class TrailingSlashes:
    """ASGI middleware: takes slashes from the end of the path.

    No answer of the portal leads to another host that way.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Take the app."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["path"].endswith("/"):
            start: str = scope.get("root_path", "")
            path: str = scope["path"].rstrip("/")
            scope = {**scope, "path": path if len(path) > len(start) else f"{start}/"}
        await self._app(scope, receive, send)
