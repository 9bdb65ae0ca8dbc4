"""A search of a directory that may end early: what was found until then counts, and it is known why no more
was.

Listings of runs (`endpoints.ldap.read`) are complete or raise. A look only wants to see something.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ldap
from ldap.controls import RequestControl, SimplePagedResultsControl
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.read import NO_ATTRIBUTES, Attributes
from directory_sync.endpoints.ldap.root_dse import DOMAIN_SCOPE, PAGED_RESULTS
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.session import connect
from directory_sync.errors import EndpointError
from directory_sync.looking.bounds import ANSWER_SECONDS, PAGE_SIZE, Cut, Deadline

Entry = tuple[str, Attributes]

_LIMITS = (ldap.SIZELIMIT_EXCEEDED, ldap.ADMINLIMIT_EXCEEDED, ldap.TIMELIMIT_EXCEEDED)


def impatient(connection: ConnectionInfo) -> ConnectionInfo:
    """The connection with less patience than it has.

    Raises EndpointError for one that is none to a directory, or that is wrong.
    """
    if connection.type != "ldap":
        kind = connection.type or "none"
        raise EndpointError(
            f"its type is {kind}, not ldap.",
            endpoint=f"connection {connection.id}",
            remedy="Choose a connection to a directory, or correct its type under Admin → Connections.",
        )
    read = read_settings(connection)
    less = {"timeout": min(read.timeout, ANSWER_SECONDS), "page_size": min(read.page_size, PAGE_SIZE)}
    return ConnectionInfo(
        id=connection.id,
        type=connection.type,
        host=connection.host,
        port=connection.port,
        login=connection.login,
        password=connection.password,
        schema=connection.schema,
        extra={**connection.extra, **less},
    )


def open_server(connection: ConnectionInfo) -> Server:
    """Log in, once: what does not answer is told at once. Raises EndpointError."""
    server = Server(read_settings(impatient(connection)))
    server.pool.release(server.pool.adopt(connect(server.settings)))
    return server


class Walk:
    """A search, page by page.

    Attributes:
        cut: why it has ended before its end; NONE while it goes on, and where everything was seen.
    """

    def __init__(
        self,
        server: Server,
        until: Deadline,
        *,
        base: str,
        scope: int,
        filter: str,
        attributes: list[str] | None = None,
        names_only: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self.cut = Cut.NONE
        self._server = server
        self._until = until
        self._search: dict[str, Any] = {
            "base": base,
            "scope": scope,
            "filterstr": filter,
            "attrlist": attributes or [NO_ATTRIBUTES],
            "attrsonly": int(names_only),
        }
        self._page_size = min(page_size, server.settings.page_size)

    def pages(self) -> Iterator[list[Entry]]:
        """What is found. Raises EndpointError where nothing was."""
        server, seen = self._server, False
        connection = server.pool.open()
        idle = False
        try:
            for page in self._pages(connection):
                idle = self._is_idle
                if page:
                    yield page
                    seen = True
                if self._until.over and not (idle and self._is_last):
                    self.cut = Cut.TIME
                    return
        except _LIMITS as error:
            idle = True
            self.cut = Cut.SERVER
            if not seen and not isinstance(error, ldap.SIZELIMIT_EXCEEDED):
                raise self._problem(error) from None
        except ldap.TIMEOUT as error:
            if not seen:
                raise errors.unavailable(error, server.label) from None
            self.cut = Cut.TIME
        except ldap.LDAPError as error:
            raise self._problem(error) from None
        except UnicodeDecodeError as error:
            raise EndpointError(
                f"the server sent a name below {self._search['base']} that is not UTF-8: {error}.",
                endpoint=server.label,
                remedy="Repair the object on the server.",
            ) from None
        finally:
            (server.pool.release if idle else server.pool.discard)(connection)

    def entries(self, most: int) -> Iterator[Entry]:
        """The entries of its pages, at most so many."""
        number = 0
        for page in self.pages():
            for entry in page:
                if number == most:
                    self.cut = Cut.MOST
                    return
                yield entry
                number += 1

    def _problem(self, error: ldap.LDAPError) -> EndpointError:
        settings = self._server.settings
        if isinstance(error, (*errors.CONNECTION_LOST, *errors.BUSY)):
            return errors.unavailable(error, settings.label)
        return errors.search_error(
            error, endpoint=settings.label, base=self._search["base"], login=settings.login
        )

    def _pages(self, connection: SimpleLDAPObject) -> Iterator[list[Entry]]:
        controls: list[Any] = []
        self._is_idle = self._is_last = False
        if DOMAIN_SCOPE in self._server.root.controls:
            controls.append(RequestControl(DOMAIN_SCOPE, True))
        if PAGED_RESULTS not in self._server.root.controls or self._search["scope"] == ldap.SCOPE_BASE:
            yield from self._one_by_one(connection, controls)
            return
        page = SimplePagedResultsControl(True, size=self._page_size, cookie="")
        controls.append(page)
        while True:
            self._is_idle = False
            message = connection.search_ext(**self._search, serverctrls=controls)
            found = connection.result4(message, ldap.MSG_ALL, self._patience)
            self._is_idle = True
            page.cookie = next((c.cookie for c in found[3] or () if c.controlType == PAGED_RESULTS), b"")
            self._is_last = not page.cookie
            yield _without_references(found[1])
            if self._is_last:
                return

    def _one_by_one(self, connection: SimpleLDAPObject, controls: list[Any]) -> Iterator[list[Entry]]:
        """Without pages: an answer may be endless, so it is taken entry by entry."""
        message = connection.search_ext(**self._search, serverctrls=controls)
        while True:
            kind, found, *_ = connection.result4(message, ldap.MSG_ONE, self._patience)
            if kind == ldap.RES_SEARCH_RESULT:
                self._is_idle = self._is_last = True
                yield []
                return
            yield _without_references(found)

    @property
    def _patience(self) -> float:
        return min(self._server.settings.timeout, self._until.left)


def _without_references(entries: list[tuple[str | None, Any]]) -> list[Entry]:
    """What this server holds itself."""
    return [(name, found) for name, found in entries if name is not None]
