"""A writer's connection: taken from the pool, made again when it breaks, and given up after too many
attempts.
"""

from __future__ import annotations

import random
import time

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.session import connect
from directory_sync.errors import EndpointUnavailable

RECONNECT_DELAYS = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait between attempts to connect again; after the last one the writer gives up."""


class Link:
    """One connection at a time.

    Attributes:
        failures: attempts since the last answer.
    """

    def __init__(self, server: Server, delays: tuple[float, ...]) -> None:
        self._server = server
        self._delays = delays
        self._connection: SimpleLDAPObject | None = server.pool.open()
        self.failures = 0

    @property
    def connection(self) -> SimpleLDAPObject:
        """The connection there is now."""
        assert self._connection is not None, "the connection was given back"
        return self._connection

    def drop(self) -> None:
        """Close the connection; it is broken."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._server.pool.discard(connection)

    def reconnect(self, error: ldap.LDAPError) -> None:
        """Make a new connection.

        Raises EndpointUnavailable after too many attempts without any answer in between.
        """
        unavailable = errors.unavailable(error, self._server.label)
        while self.failures <= len(self._delays):
            if self.failures:
                time.sleep(self._delays[self.failures - 1] * jitter())
            self.failures += 1
            try:
                self._connection = self._server.pool.adopt(connect(self._server.settings))
            except EndpointUnavailable as problem:
                unavailable = problem
            else:
                return
        raise EndpointUnavailable(
            f"gave up after {self.failures} attempts to connect: {unavailable.message}",
            endpoint=self._server.label,
            remedy="Run the job again when the server is back; it goes on where it stopped.",
        )

    def let_go(self, *, idle: bool) -> None:
        """Give the connection back; `idle`: nothing is outstanding on it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            (self._server.pool.release if idle else self._server.pool.discard)(connection)


def jitter() -> float:
    """A factor, so that several workers do not come back in step."""
    return random.uniform(0.75, 1.25)  # noqa: S311
