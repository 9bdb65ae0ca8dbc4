"""One logged-in connection to a directory, and the pool that keeps idle ones.

A forked child gets none of its parent's.
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.ldap import errors, tls
from directory_sync.endpoints.ldap.connection import LdapSettings, Security
from directory_sync.errors import EndpointError, EndpointUnavailable, SecurityError

RETRY_DELAYS = (0.5, 1.5)
"""Seconds to wait between attempts to connect to a server that cannot be reached."""

_LONGEST_WAIT = 0.5
"""Seconds after which an exception that a signal's handler raised gets its turn."""

_TLS_1_2 = 0x303
_KEEPALIVE_IDLE, _KEEPALIVE_PROBES, _KEEPALIVE_INTERVAL = 60, 3, 20


class _Connection(SimpleLDAPObject):  # type: ignore[misc]
    """A connection that a signal breaks only if its handler raises something, and then soon.

    By itself the LDAP library takes every signal that comes while it waits for a lost connection: a `SIGUSR1`
    that asks where a task hangs would end its job. Told to go on waiting (`LDAP_OPT_RESTART`), it makes
    Ctrl-C wait for the server's answer. So it is told to, and never waits for long.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.set_option(ldap.OPT_RESTART, True)

    def result4(
        self, msgid: int = ldap.RES_ANY, all: int = ldap.MSG_ALL, timeout: float | None = None, **more: Any
    ) -> Any:
        """As python-ldap's; every other way to an answer leads here."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while (left := deadline - time.monotonic()) > _LONGEST_WAIT:
            with contextlib.suppress(ldap.TIMEOUT):
                return super().result4(msgid, all, _LONGEST_WAIT, **more)
        return super().result4(msgid, all, max(left, 0.001), **more)


def connect(settings: LdapSettings) -> SimpleLDAPObject:
    """Connect and log in, once. Raises EndpointError that says why not and what to do."""
    if settings.security is not Security.NONE and (problem := tls.diagnose(settings)) is not None:
        # Asked first and not only when it fails: the LDAP library waits indefinitely for a handshake that no
        # one answers.
        raise problem
    connection = _Connection(settings.uri)
    connection.protocol_version = ldap.VERSION3
    connection.set_option(ldap.OPT_REFERRALS, 0)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, settings.timeout)
    connection.timeout = settings.timeout
    # Without it, sending to a server that has vanished blocks for as long as the kernel likes.
    connection.set_option(ldap.OPT_TCP_USER_TIMEOUT, int(settings.timeout * 1000))
    connection.set_option(ldap.OPT_X_KEEPALIVE_IDLE, _KEEPALIVE_IDLE)
    connection.set_option(ldap.OPT_X_KEEPALIVE_PROBES, _KEEPALIVE_PROBES)
    connection.set_option(ldap.OPT_X_KEEPALIVE_INTERVAL, _KEEPALIVE_INTERVAL)
    try:
        if settings.security is not Security.NONE:
            _protect(connection, settings)
        if settings.security is Security.STARTTLS:
            connection.start_tls_s()
    except ldap.LDAPError as error:
        raise _cause(error, settings) from None
    try:
        connection.simple_bind_s(settings.login, settings.password)
    except ldap.LDAPError as error:
        unanswered = isinstance(error, ldap.TIMEOUT) and settings.security is Security.NONE
        if unanswered or isinstance(error, ldap.SERVER_DOWN | ldap.CONNECT_ERROR):
            raise _cause(error, settings) from None
        raise errors.bind_error(error, settings.label, settings.login) from None
    return connection


def _protect(connection: SimpleLDAPObject, settings: LdapSettings) -> None:
    verify = ldap.OPT_X_TLS_DEMAND if settings.verify else ldap.OPT_X_TLS_NEVER
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, verify)
    connection.set_option(ldap.OPT_X_TLS_PROTOCOL_MIN, _TLS_1_2)
    trusted = tls.authorities(settings)
    if trusted is not None:
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, trusted)
    # Has to come last: only a new context takes over the options above.
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)


def _cause(error: ldap.LDAPError, settings: LdapSettings) -> EndpointError:
    if settings.security is Security.NONE and (found := tls.diagnose(settings)) is not None:
        return found
    if settings.security is Security.NONE:
        return tls.diagnose_plain(settings) or errors.unavailable(error, settings.label)
    if isinstance(error, ldap.CONNECT_ERROR) or settings.host == "localhost":
        return SecurityError(
            f"the LDAP library refuses the server's certificate: {errors.server_text(error)}.",
            endpoint=settings.label,
            remedy=(
                "Use the name that the certificate was issued for as the host (localhost is taken for this"
                " machine's name)."
            ),
        )
    return errors.unavailable(error, settings.label)


def connect_patiently(settings: LdapSettings, delays: tuple[float, ...] | None = None) -> SimpleLDAPObject:
    """`connect`, again after each of these delays (seconds; default `RETRY_DELAYS`) while the server cannot
    be reached.
    """
    for delay in RETRY_DELAYS if delays is None else delays:
        try:
            return connect(settings)
        except EndpointUnavailable:
            # Jitter, so that several workers do not come back in step.
            time.sleep(delay * random.uniform(0.75, 1.25))  # noqa: S311
    return connect(settings)


class SessionPool:
    """Connections to one directory: handed out one caller at a time, given back when they are still good."""

    def __init__(self, settings: LdapSettings) -> None:
        self.settings = settings
        self._idle: list[SimpleLDAPObject] = []
        # Sockets are noted here because asking a connection needs its lock, which another thread may hold
        # while we fork.
        self._sockets: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        _pools.add(self)

    def open(self) -> SimpleLDAPObject:
        """A connection that the caller owns and gives back with `release` or `discard`."""
        while self._idle:
            connection = self._idle.pop()
            if not _has_something_to_say(self._sockets[connection]):
                return connection
            self.discard(connection)
        return self.adopt(connect_patiently(self.settings))

    def adopt(self, connection: SimpleLDAPObject) -> SimpleLDAPObject:
        """Take care of a connection in forked children."""
        self._sockets[connection] = connection.fileno()
        return connection

    def release(self, connection: SimpleLDAPObject) -> None:
        """Give back a connection on which nothing is outstanding."""
        if _was_interrupted(connection):
            self.discard(connection)
        else:
            self._idle.append(connection)

    def discard(self, connection: SimpleLDAPObject) -> None:
        """Close a connection that may be broken or has operations outstanding."""
        self._sockets.pop(connection, None)
        if _was_interrupted(connection):
            # Every call would wait indefinitely; it is closed when the last reference to it goes.
            return
        with contextlib.suppress(ldap.LDAPError):
            connection.unbind_ext()

    @contextlib.contextmanager
    def session(self) -> Iterator[SimpleLDAPObject]:
        """A connection for the length of a `with` block; closed instead of given back if the block raises."""
        connection = self.open()
        try:
            yield connection
        except BaseException:
            self.discard(connection)
            raise
        self.release(connection)

    def close(self) -> None:
        """Close all idle connections. May be called twice; the pool can be used again afterwards."""
        while self._idle:
            self.discard(self._idle.pop())

    def forget(self) -> None:
        """In a forked child: cut the parent's connections off without a word to the server."""
        with Path(os.devnull).open("r+b", buffering=0) as nowhere:
            for descriptor in self._sockets.values():
                # Freeing a connection says goodbye on its socket, which is the parent's too; let that go to
                # nowhere.
                os.dup2(nowhere.fileno(), descriptor)
        self._idle.clear()
        self._sockets = weakref.WeakKeyDictionary()


def _was_interrupted(connection: SimpleLDAPObject) -> bool:
    """Whether Ctrl-C, or Airflow ending a task, came in the middle of a call: then python-ldap's lock is
    never given back.
    """
    # A connection has one user at a time, so no one else can hold it now.
    return bool(connection._ldap_object_lock._lock.locked())  # noqa: SLF001 - every public way waits for this lock


def _has_something_to_say(descriptor: int) -> bool:
    """Whether a connection on which nothing is outstanding has input: then the server is about to close it,
    or has done so.
    """
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


_pools: weakref.WeakSet[SessionPool] = weakref.WeakSet()


def _forget_inherited() -> None:
    for pool in list(_pools):
        pool.forget()


os.register_at_fork(after_in_child=_forget_inherited)
