"""Looks at the object of one change: under its present name, its future name, and by what names it for ever."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.ldap.operations import equals
from directory_sync.endpoints.ldap.progress import Seen
from directory_sync.endpoints.ldap.read import NO_ATTRIBUTES, Spelling, rest_of_range
from directory_sync.endpoints.ldap.schema import WRITE_ONLY
from directory_sync.endpoints.ldap.server import Server


class _Search(NamedTuple):
    base: str
    scope: int
    filter: str


class Lookup:
    """A few searches, one after the other, each sent without waiting. `begin` starts again.

    Attributes:
        seen: the object, once it was found under one of its names.
        elsewhere: DN of the object if it was found under another name; empty if another object has its name; else None.
    """

    def __init__(self, server: Server, change: Change) -> None:
        self._server = server
        self._change = change
        # Made when it is first needed: most changes are never looked for.
        self._searches: list[_Search] | None = None
        self._spelling: Spelling | None = None
        self.seen: Seen | None = None
        self.elsewhere: str | None = None

    def begin(self) -> None:
        """Forget what was seen."""
        self._searches = self.seen = self.elsewhere = None

    def _begun(self) -> list[_Search]:
        if self._searches is not None:
            return self._searches
        change = self._change
        names = dict.fromkeys((change.object, change.final_object))
        self._searches = [_Search(name, ldap.SCOPE_BASE, "(objectClass=*)") for name in names]
        identity, attribute = change.identity, self._server.identity_field
        if identity is not None and attribute is not None and change.action is not Action.CREATE:
            self._searches.append(self._by_identity(identity, attribute))
        return self._searches

    def _by_identity(self, identity: bytes, attribute: str) -> _Search:
        if self._server.root.active_directory and len(identity) == 16:
            # MS-ADTS 3.1.1.3.1.2.4: a DN of this form finds the object under whatever name.
            return _Search(f"<GUID={UUID(bytes_le=identity)}>", ldap.SCOPE_BASE, "(objectClass=*)")
        context = self._server.root.naming_context_of(self._change.object) or ""
        return _Search(context, ldap.SCOPE_SUBTREE, equals(attribute, identity))

    def send(self, connection: SimpleLDAPObject) -> int:
        """Send the next search and return its message id."""
        if self._spelling is None:
            self._spelling = Spelling(self._server.schema, self._attributes())
        search = self._begun()[0]
        return int(connection.search_ext(search.base, search.scope, search.filter, self._spelling.asked or [NO_ATTRIBUTES]))

    def _attributes(self) -> Sequence[str]:
        fields = [field.field for field in self._change.fields if self._server.schema.canonical(field.field) not in WRITE_ONLY]
        identity = self._server.identity_field
        return [*fields, identity] if identity else fields

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> bool:
        """Take the answer to a search. True if the looking is over."""
        assert self._spelling is not None
        searches = self._begun()
        last = searches.pop(0)
        found = next(((name, entry) for name, entry in data if name is not None), None)
        if found is not None:
            name, entry = found
            attributes = self._spelling.apply(entry, partial(rest_of_range, connection, name))
            identity = self._server.identity_field
            mine = (
                self._change.identity is None or identity is None or attributes.get(identity) in ([self._change.identity], None)
            )
            if self._change.action is Action.CREATE or mine:
                if last.scope == ldap.SCOPE_SUBTREE or last.base.startswith("<GUID="):
                    self.elsewhere = name
                else:
                    self.seen, self.elsewhere = Seen(name, attributes), None
                return True
            self.elsewhere = ""
        return not searches
