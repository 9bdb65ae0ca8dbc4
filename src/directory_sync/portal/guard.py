"""Refuses forged posts: requests that a page of another origin makes the browser send with the user's cookie.

The session cookie alone does not say who composed a request (SimpleAuthManager sets it without SameSite), so
every request that may change something must prove that it comes from the portal's own pages, or carry a token
that no browser attaches by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))

REFUSAL = (
    "This request does not come from a page of this Airflow, so nothing was done. Open the page in Airflow"
    " itself and try again; programs send a bearer token, and no cookie."
)

Refuse = Callable[[Request, int, str], Response]


class SameOriginGuard:
    """ASGI middleware: lets requests that may change something through only from the same origin, or with a
    token.
    """

    def __init__(
        self, app: ASGIApp, *, refuse: Refuse, own_hosts: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        """Take the app, what answers a refused request, and further hosts (with port) under which Airflow is
        reached.
        """
        self._app = app
        self._refuse = refuse
        self._own_hosts = own_hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            if not is_same_origin(headers, self._own_hosts()):
                await self._refuse(Request(scope), 403, REFUSAL)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_same_origin(headers: Headers, own_hosts: frozenset[str] = frozenset()) -> bool:
    """Whether the browser says that the request comes from the same origin, or it comes from no browser and
    carries a token.

    Browsers send `Sec-Fetch-Site` on https and on localhost, and `Origin` with every post. Each that is there
    must agree.
    """
    sites = headers.getlist("sec-fetch-site")
    if any(site != "same-origin" for site in sites):
        return False
    origins = headers.getlist("origin")
    hosts = own_hosts | frozenset(headers.getlist("host")[:1])
    if any((_host(origin) or None) not in hosts for origin in origins):
        return False
    if sites or origins:
        return True
    return headers.get("authorization", "").lower().startswith("bearer ")


def _host(url: str) -> str:
    """Host and port of an address, as it writes them; empty if it has none, or cannot be read."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
