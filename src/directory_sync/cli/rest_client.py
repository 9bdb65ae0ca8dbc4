"""Speaks to the REST API of a running Airflow: bounded in time and size, never past TLS, never on to another
address.

What goes wrong becomes one of this package's own errors; `rest_errors` says which.
"""

from __future__ import annotations

import codecs
import io
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self

import httpx

from directory_sync import __version__
from directory_sync.cli.exit_status import UsageError
from directory_sync.cli.rest_address import Address
from directory_sync.cli.rest_errors import broken_off, label, refused, strange, too_large, too_slow
from directory_sync.cli.rest_login import Login, Token
from directory_sync.errors import NotAllowed

log = logging.getLogger(__name__)

API = "/dirsync/api/v1"
"""Path of the REST API below Airflow's own address."""

CONNECT_TIMEOUT = 10.0
"""Seconds until a connection has to be there."""
PAUSE_TIMEOUT = 60.0
"""Seconds that may pass without a byte."""
ANSWER_TIMEOUT = 120.0
"""Seconds until an answer has to be complete; downloads may take any time."""
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that is read into memory."""

Query = Mapping[str, str | int | list[str] | None]


class RestClient:
    """A session with one Airflow, as one user. Use it as a context manager."""

    def __init__(self, address: Address) -> None:
        self._address = address
        try:
            self._http = httpx.Client(
                headers={"User-Agent": f"directory-sync/{__version__}"},
                verify=address.tls() if address.url.startswith("https:") else True,
                timeout=httpx.Timeout(PAUSE_TIMEOUT, connect=CONNECT_TIMEOUT),
                follow_redirects=False,
                # The token says who asks; a session that a server would like to keep is of no use.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                # What stays on this machine needs no proxy, and a proxy would carry the login over the
                # network.
                trust_env=not address.local,
            )
        except (ValueError, ImportError) as error:
            # The text may quote a proxy's password.
            raise UsageError(
                f"A proxy that the environment names cannot be used ({type(error).__name__}). Correct"
                f" HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, or add {httpx.URL(address.url).host} to NO_PROXY."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._http.close()

    def log_in(self, login: Token | Login) -> None:
        """Be someone from now on. Raises NotAllowed if Airflow does not know name and password."""
        token = login.text if isinstance(login, Token) else self._token(login)
        self._http.headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str, query: Query | None = None) -> Any:
        """What the API answers, as JSON. `path`: below `API`, with a slash in front."""
        return self._json("GET", API + path, query=query)

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Have something done; what the API answers, as JSON."""
        return self._json("POST", API + path, body=body)

    def put(self, path: str, body: Mapping[str, Any]) -> Any:
        """Have something kept under this path; what the API answers, as JSON."""
        return self._json("PUT", API + path, body=body)

    def delete(self, path: str, query: Query) -> Any:
        """Have something deleted; what the API answers, as JSON."""
        return self._json("DELETE", API + path, query=query)

    def download(self, path: str, query: Query | None = None) -> Iterator[str]:
        """Yield a text as it comes, in parts of any length; every line ends with a line feed."""
        decoder = io.IncrementalNewlineDecoder(
            codecs.getincrementaldecoder("utf-8")(errors="replace"), translate=True
        )
        with self._answer("GET", API + path, query=query) as response:
            if not response.is_success:
                raise refused(self._address, response, self._body(response))
            if response.headers.get("content-type", "").startswith("text/html"):
                raise strange(self._address, "answers with a web page instead of data")
            for part in response.iter_bytes():
                yield decoder.decode(part)
        yield decoder.decode(b"", final=True)

    def _token(self, login: Login) -> str:
        path = "/auth/token"
        try:
            answer = self._json(
                "POST", path, body={"username": login.user, "password": login.password}, is_login=True
            )
        except NotAllowed:
            # Nothing of the answer is told: it may quote what was sent.
            raise NotAllowed(
                f"{label(self._address)} does not accept this user name and password. Try again."
            ) from None
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise strange(self._address, f"answers without a token at {path}")
        return token

    def _json(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None, is_login: bool = False
    ) -> Any:
        with self._answer(method, path, query=query, body=body) as response:
            content = self._body(response)
        if not response.is_success:
            raise refused(self._address, response, content, is_login=is_login)
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise strange(self._address, "answers with something that is not JSON") from None

    @contextmanager
    def _answer(
        self, method: str, path: str, *, query: Query | None = None, body: Any = None
    ) -> Iterator[httpx.Response]:
        """An answer whose content is still to be read; what fails meanwhile becomes an EndpointError."""
        given = {name: value for name, value in (query or {}).items() if value not in (None, [], "")}
        log.debug("Asking Airflow. method=%s path=%s", method, path)
        try:
            with self._http.stream(
                method, self._address.url + path, params=given or None, json=body
            ) as response:
                yield response
        except httpx.HTTPError as error:
            raise broken_off(self._address, error, may_be_done=method != "GET") from None
        except httpx.InvalidURL:
            raise UsageError(
                f"{self._address.url} is not an address. Write for example https://airflow.corp.example."
            ) from None

    def _body(self, response: httpx.Response) -> bytes:
        """The whole content of an answer, if it comes in time and is not endless."""
        may_be_done = response.request.method != "GET"
        until = time.monotonic() + ANSWER_TIMEOUT
        content = bytearray()
        for part in response.iter_bytes():
            content += part
            if len(content) > LARGEST_ANSWER:
                raise too_large(self._address, LARGEST_ANSWER, may_be_done=may_be_done)
            if time.monotonic() > until:
                raise too_slow(self._address, ANSWER_TIMEOUT, may_be_done=may_be_done)
        return bytes(content)
