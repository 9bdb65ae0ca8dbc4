"""Looks users up in a directory: where mail reaches them, and who their manager is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import ldap

from directory_sync.endpoints.contract import Connections, Record
from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.operations import equals
from directory_sync.endpoints.ldap.read import listing
from directory_sync.endpoints.ldap.server import Server
from directory_sync.errors import EndpointError, MissingObjectError
from directory_sync.printable import printable
from directory_sync.settings.people import PeopleDirectory

_EVERYTHING = "(objectClass=*)"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Person:
    dn: str
    names: tuple[str, ...]
    mails: tuple[str, ...]
    managers: tuple[str, ...]


class People:
    """Answers from one directory, over one session. Use it for one round of questions and close it: it
    remembers all answers.

    A directory that has failed once is not asked again, so that many questions to one that is down end soon.
    """

    def __init__(self, where: PeopleDirectory, connections: Connections) -> None:
        self._where = where
        self._connections = connections
        self._server: Server | None = None
        self._known: dict[str, _Person | None] = {}
        self._failure: EndpointError | None = None

    def mail_of(self, user: str) -> str | None:
        """The user's mail address, the first one if there are several; None if none is known.

        Raises EndpointError.
        """
        person = self._find(user)
        return person.mails[0] if person is not None and person.mails else None

    def manager_of(self, user: str) -> str | None:
        """The user name of the user's manager; None if none is known for certain. Raises EndpointError.

        A manager counts only if they are themselves found by that name in the container of the people: an
        entry elsewhere that someone's `manager` points at approves nothing.
        """
        person = self._find(user)
        if person is None or not person.managers:
            return None
        if len(person.managers) > 1:
            log.warning(
                "%s has %d managers in the people directory, so none of them counts.",
                printable(user),
                len(person.managers),
            )
            return None
        manager = self._read(person.managers[0])
        if manager is None or len(manager.names) != 1:
            what = (
                "is not there"
                if manager is None
                else f"has {len(manager.names)} values of {self._where.name}"
            )
            log.warning(
                "The manager of %s, %s, %s, so it counts as none.",
                printable(user),
                printable(person.managers[0]),
                what,
            )
            return None
        name = manager.names[0]
        found = self._find(name)
        if found is None or found.dn != manager.dn:
            log.warning(
                "The manager of %s, %s, is not the one person named %s below %s, so it counts as none.",
                *(printable(text) for text in (user, manager.dn, name, self._where.base)),
            )
            return None
        return name

    def close(self) -> None:
        """End the session. May be called twice."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _find(self, user: str) -> _Person | None:
        if user and user not in self._known:
            self._known[user] = self._found(user)
        return self._known.get(user)

    def _found(self, user: str) -> _Person | None:
        where = self._where
        try:
            records = self._search(
                where.base, ldap.SCOPE_SUBTREE, equals(where.name, user.encode("utf-8", "replace"))
            )
        except MissingObjectError as error:
            self._failure = EndpointError(
                f"the container {where.base} of the people cannot be read.",
                endpoint=error.endpoint,
                remedy="Correct the setting people_base, or grant the connection's login read access.",
            )
            raise self._failure from None
        if len(records) > 1:
            log.warning(
                "%d entries of the people directory have %s=%s, so none of them is used: %s",
                len(records),
                where.name,
                printable(user),
                printable("; ".join(record.id for record in records[:3])),
            )
        return self._person(records[0]) if len(records) == 1 else None

    def _read(self, dn: str) -> _Person | None:
        try:
            records = self._search(dn, ldap.SCOPE_BASE, _EVERYTHING)
        except MissingObjectError:
            return None
        return self._person(records[0]) if records else None

    def _person(self, record: Record) -> _Person:
        names, mails, managers = (
            tuple(filter(None, (_text(value) for value in record.values.get(attribute, ()))))
            for attribute in (self._where.name, self._where.mail, self._where.manager)
        )
        return _Person(record.id, names, mails, managers)

    def _search(self, base: str, scope: int, filter: str) -> Sequence[Record]:
        if self._failure is not None:
            raise self._failure
        try:
            if self._server is None:
                self._server = Server(read_settings(self._connections.get(self._where.connection)))
            server, where = self._server, self._where
            attributes = list(dict.fromkeys((where.name, where.mail, where.manager)))
            pages = listing(
                server.pool,
                server.root,
                server.schema,
                base=base,
                scope=scope,
                filter=filter,
                attributes=attributes,
            )
            return [record for page in pages for record in page]
        except MissingObjectError:
            raise
        except EndpointError as error:
            self._failure = error
            raise


def _text(value: bytes) -> str:
    """A value as text; empty for what is none."""
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        return ""
