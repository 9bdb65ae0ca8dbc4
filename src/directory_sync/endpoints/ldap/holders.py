"""Finds out which object has a value that the directory lets only one object have, after it refused to give
it to another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.ldap.operations import equals
from directory_sync.endpoints.ldap.read import NO_ATTRIBUTES
from directory_sync.endpoints.ldap.refusals import Refusal
from directory_sync.endpoints.ldap.server import Server

_ASKED = 20
"""So many values of one change are asked for."""
_SECONDS = 5
"""A search without an index may take long; the reason is not worth more."""


class Holders:
    """One search for each value that may be meant. A value that several objects have is not meant.

    Attributes:
        found: attribute, and the DN of the one other object that has the value.
    """

    def __init__(self, server: Server, change: Change, refused: Refusal) -> None:
        self._server = server
        self._own = {server.schema.names.normalise(name) for name in (change.object, change.final_object)}
        if change.action is Action.CREATE:
            self._own = set()
        context = server.root.naming_context_of(change.object)
        asked = (
            each for each in dict.fromkeys(refused.taken) if server.schema.canonical(each[0]) != "objectclass"
        )
        taken = [each for each in asked if server.schema.assertable(each[0])]
        self._context = context or ""
        self._open = deque(taken[:_ASKED] if context is not None else ())
        self.found: list[tuple[str, str]] = []

    @property
    def pointless(self) -> bool:
        """Whether there is nothing to ask."""
        return not self._open

    def send(self, connection: SimpleLDAPObject) -> int:
        """Ask for the next value."""
        name, value = self._open[0]
        return int(
            connection.search_ext(
                self._context,
                ldap.SCOPE_SUBTREE,
                equals(name, value),
                [NO_ATTRIBUTES],
                # The object itself may be one of them.
                sizelimit=3,
                timeout=_SECONDS,
            )
        )

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> bool:  # noqa: ARG002 - as every question
        """Note who has the value."""
        name, _ = self._open.popleft()
        normalise = self._server.schema.names.normalise
        others = [dn for dn, _ in data if dn is not None and normalise(dn) not in self._own]
        if len(others) == 1:
            self.found.append((name, others[0]))
        return not self._open

    def refused(self, error: ldap.LDAPError) -> bool:  # noqa: ARG002 - whatever it is, this value is not told
        """Too many have it, or it takes too long."""
        self._open.popleft()
        return not self._open
