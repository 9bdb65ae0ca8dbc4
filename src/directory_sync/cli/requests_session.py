"""Requests of a running Airflow, for someone who is logged in there: what its REST API gives and does, page
by page.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from directory_sync.cli.rest_address import Address, find_address
from directory_sync.cli.rest_client import Query, RestClient
from directory_sync.cli.rest_errors import strange
from directory_sync.cli.rest_login import find_login
from directory_sync.errors import EndpointError, RequestError
from directory_sync.portal.codes import Integrity
from directory_sync.portal.wire.answer import Answer, read_answer
from directory_sync.portal.wire.plans import ChangeAnswer, ChangesAnswer, PatternsAnswer
from directory_sync.portal.wire.requests import RequestAnswer, RequestDetailsAnswer, RequestListAnswer

_LONGEST_CHECK = 30.0
"""Seconds that a large plan is given to be checked."""
_PAUSE = 0.5
_PAGE = 200
"""Requests or changes that are asked for at once."""

_Answer = TypeVar("_Answer", bound=Answer)


@dataclass(frozen=True, slots=True)
class Found:
    """Requests of a list.

    Attributes:
        requests: the first ones, newest first; `data`: the same as the API gave them.
        total: how many there are.
    """

    requests: tuple[RequestAnswer, ...]
    data: list[Any]
    total: int


@contextmanager
def open_session(arguments: Namespace) -> Iterator[Session]:
    """Log in as the arguments say. Raises UsageError, NotAllowed, EndpointError."""
    address = find_address(arguments)
    login = find_login(arguments)
    with RestClient(address) as client:
        client.log_in(login)
        yield Session(client, address)


@dataclass(frozen=True, slots=True)
class Session:
    """What can be done with requests. Each call raises NotAllowed, RequestError, EndpointError."""

    client: RestClient
    address: Address

    def requests(self, query: Query, most: int) -> Found:
        """The first requests of a list, at most so many."""
        found: list[RequestAnswer] = []
        data: list[Any] = []
        before: int | None = None
        while True:
            answer = self.client.get(
                "/requests", {**query, "limit": min(most - len(found), _PAGE), "before": before}
            )
            page = self.read(RequestListAnswer, answer)
            found += page.requests
            data += answer["requests"]
            # A page that leads back would never end.
            forward = page.next is not None and page.requests and (before is None or page.next < before)
            if len(found) >= most or not forward:
                return Found(tuple(found[:most]), data[:most], max(page.total, len(found[:most])))
            before = page.next

    def details(self, number: int) -> RequestDetailsAnswer:
        """One request; see `details_data`."""
        return self.read(RequestDetailsAnswer, self.details_data(number))

    def details_data(self, number: int) -> dict[str, Any]:
        """One request as the API gives it.

        Waits a while for the check of a large plan, which Airflow makes meanwhile.
        """
        deadline = time.monotonic() + _LONGEST_CHECK
        while True:
            data: dict[str, Any] = self.client.get(f"/requests/{number}")
            checking = self.read(RequestDetailsAnswer, data).integrity == Integrity.CHECKING
            if not checking or time.monotonic() >= deadline:
                return data
            time.sleep(_PAUSE)

    def patterns(self, number: int) -> PatternsAnswer | None:
        """A request's changes by pattern; None where the server does not give them: it is of an earlier
        version, or they were altered, which the request's details say.
        """
        return self._patterns(f"/requests/{number}/patterns")

    def plan_patterns(self, plan: int) -> PatternsAnswer | None:
        """The changes of a plan by pattern; None as for a request."""
        return self._patterns(f"/plans/{plan}/patterns")

    def _patterns(self, path: str) -> PatternsAnswer | None:
        try:
            data = self.client.get(path)
        except (RequestError, EndpointError):
            return None
        found = self.read(PatternsAnswer, data)
        return found if found.known else None

    def changes(self, number: int, action: str | None) -> Iterator[ChangeAnswer]:
        """Yield a request's changes of one kind, or all, in the plan's order."""
        for data in self._change_pages(number, {"action": action}):
            yield from self.read(ChangesAnswer, data).changes

    def change_data(self, number: int) -> Iterator[list[Any]]:
        """Yield a request's changes as the API gives them, page by page, in the plan's order."""
        for data in self._change_pages(number, {}):
            yield data["changes"]

    def download(self, number: int, format_: str) -> Iterator[str]:
        """Yield a request's changes as CSV or LDIF."""
        return self.client.download(f"/requests/{number}/changes.{format_}")

    def act(self, number: int, action: str, body: Mapping[str, Any]) -> RequestDetailsAnswer:
        """Approve, deny, reroute or cancel; the request afterwards."""
        return self.read(RequestDetailsAnswer, self.client.post(f"/requests/{number}/{action}", body))

    def _change_pages(self, number: int, query: Query) -> Iterator[dict[str, Any]]:
        after: int | None = None
        while True:
            data: dict[str, Any] = self.client.get(
                f"/requests/{number}/changes", {**query, "after": after, "limit": _PAGE}
            )
            page = self.read(ChangesAnswer, data)
            yield data
            if page.next is None or (after is not None and page.next <= after):
                return
            after = page.next

    def read(self, kind: type[_Answer], data: Any) -> _Answer:
        """What the API has answered, as a model. Raises EndpointError for an answer of another form."""
        try:
            return read_answer(kind, data)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))
            raise strange(
                self.address, f"answers in a form that this version does not know ({where})"
            ) from None
