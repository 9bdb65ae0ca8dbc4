"""Questions about objects that a writer asks between its writes, each a few searches that are sent without
waiting.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import ldap
from ldap.controls import RequestControl
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.ldap.errors import matched
from directory_sync.endpoints.ldap.operations import equals
from directory_sync.endpoints.ldap.progress import Seen
from directory_sync.endpoints.ldap.read import NO_ATTRIBUTES, Attributes, Spelling, rest_of_range
from directory_sync.endpoints.ldap.root_dse import MANAGE_DSA_IT
from directory_sync.endpoints.ldap.server import Server

EVERYTHING = "(objectClass=*)"


class Question(Protocol):
    """Something to be found out by searches."""

    def send(self, connection: SimpleLDAPObject) -> int:
        """Send the next search and return its message id."""

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> bool:
        """Take the answer to a search. True if nothing more is to be asked."""

    def refused(self, error: ldap.LDAPError) -> bool:
        """Take a refusal, likewise; raises it where it is no answer."""


class _Search(NamedTuple):
    base: str
    scope: int
    filter: str


class Sight:
    """How the objects of changes are read: what is asked for, and how the server spells it.

    One for all lookups of a writer.
    """

    def __init__(self, server: Server) -> None:
        self.server = server
        self._spellings: dict[tuple[str, ...], Spelling] = {}

    def spelling(self, change: Change, fields: Collection[str] | None) -> Spelling:
        """What to ask for: these fields of a change, or all, without those that no one can read, and the
        identity.
        """
        names = tuple(
            dict.fromkeys(field.field for field in change.fields if fields is None or field.field in fields)
        )
        known = self._spellings.get(names)
        if known is None:
            readable = [name for name in names if not self.server.schema.holds_password(name)]
            identity = self.server.identity_field
            known = Spelling(self.server.schema, [*readable, identity] if identity else readable)
            self._spellings[names] = known
        return known


class Lookup:
    """Looks at the object of one change: under its present name, the ones it gets, and by what names it
    permanently.

    Attributes:
        seen: the object, once it was found under one of its names.
        elsewhere: DN of the object if it was found under another name; empty if another object has its name;
            else None.
        hidden: under one of its names there may be an object that this login may not read: the server says
            neither that there is one nor that there is none, or not which one it is.
    """

    __slots__ = (
        "_change",
        "_searches",
        "_sight",
        "_spelling",
        "_stored",
        "elsewhere",
        "hidden",
        "looked_at",
        "seen",
    )

    def __init__(self, sight: Sight, change: Change) -> None:
        self._sight = sight
        self._change = change
        # Made when it is first needed: many changes are never looked for.
        self._searches: list[_Search] = []
        self._spelling: Spelling | None = None
        self._stored = False
        self.looked_at: Collection[str] | None = None
        self.seen: Seen | None = None
        self.elsewhere: str | None = None
        self.hidden = False

    def begin(self, *, only: Collection[str] | None = None, stored: bool = False) -> None:
        """Forget what was seen, and look again.

        Args:
            only: names of the fields to look at; None for all.
            stored: at the values that are stored, not at those that the server shows: it may compute some
                (`dynlist`).
        """
        self.looked_at = only
        self._stored = stored and MANAGE_DSA_IT in self._sight.server.root.controls
        self._spelling = self._sight.spelling(self._change, only)
        self.seen = self.elsewhere = None
        self.hidden = False
        change = self._change
        names = (change.object, change.via, change.final_object)
        self._searches = [
            _Search(name, ldap.SCOPE_BASE, EVERYTHING) for name in dict.fromkeys(names) if name is not None
        ]

    @property
    def is_hidden(self) -> bool:
        """Whether the object was not found, and may be there nevertheless."""
        return self.hidden and self.seen is None and self.elsewhere is None

    @property
    def sought_by(self) -> str | None:
        """The attribute by which the object is looked for under whatever name; None where there is no such
        search.
        """
        if not self._can_ask_by_identity() or self._dn_of_identity() is not None:
            return None
        return self._sight.server.identity_field

    @property
    def spelling(self) -> Spelling:
        """What is asked for; the same object for all lookups that ask for the same."""
        if self._spelling is None:
            self.begin()
        assert self._spelling is not None
        return self._spelling

    def found(self, dn: str, attributes: Attributes) -> bool:
        """Take the object of this change, found by its identity, as if it had been looked for.

        False if that is not enough.
        """
        same = self._sight.server.schema.names.same
        if dn == self._change.object or any(
            same(dn, name) for name in (self._change.object, self._change.final_object)
        ):
            self.seen, self.elsewhere = Seen(dn, attributes), None
            return True
        return False

    def send(self, connection: SimpleLDAPObject) -> int:
        """Send the next search and return its message id."""
        spelling = self.spelling
        search = self._searches[0] if self._searches else self._by_identity()
        controls = [RequestControl(MANAGE_DSA_IT, True)] if self._stored else None
        return int(
            connection.search_ext(
                search.base, search.scope, search.filter, spelling.asked, serverctrls=controls
            )
        )

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> bool:
        """Take the answer to a search. True if nothing more is to be asked."""
        spelling = self.spelling
        by_identity = not self._searches
        if not by_identity:
            self._searches.pop(0)
        for name, entry in data:
            if name is None:
                continue
            attributes = (
                entry
                if entry.keys() <= spelling.right
                else spelling.apply(entry, partial(rest_of_range, connection, name))
            )
            if by_identity:
                if not self.found(name, attributes):
                    self.elsewhere = name
                return True
            is_mine = self._is_mine(attributes)
            if is_mine:
                self.seen, self.elsewhere = Seen(name, attributes), None
                return True
            if is_mine is None:
                self.hidden = True
            else:
                self.elsewhere = ""
            break
        else:
            # A filter finds nothing where there is no such object; a search for a name would be refused.
            self.hidden = self.hidden or not by_identity or self._dn_of_identity() is not None
        return by_identity or not (self._searches or self._can_ask_by_identity())

    def refused(self, error: ldap.LDAPError) -> bool:
        """No such object is an answer, everything else is not."""
        if not isinstance(error, ldap.NO_SUCH_OBJECT):
            raise error
        by_identity = not self._searches
        if not by_identity:
            self._searches.pop(0)
            if self._sight.server.root.behaviour.says_where_names_end:
                self.hidden = self.hidden or not matched(error)
        return by_identity or not (self._searches or self._can_ask_by_identity())

    def _is_mine(self, attributes: Any) -> bool | None:
        """Whether it is the object that was planned for; None if what tells that cannot be read any more."""
        identity = self._sight.server.identity_field
        if self._change.action is Action.CREATE or self._change.identity is None or identity is None:
            return True
        held = attributes.get(identity)
        return None if held is None else held == [self._change.identity]

    def _can_ask_by_identity(self) -> bool:
        return (
            self._change.identity is not None
            and self._sight.server.identity_field is not None
            and self._change.action is not Action.CREATE
        )

    def _dn_of_identity(self) -> str | None:
        identity = self._change.identity
        return None if identity is None else self._sight.server.root.behaviour.dn_of_identity(identity)

    def _by_identity(self) -> _Search:
        server, identity = self._sight.server, self._change.identity
        assert identity is not None
        if (dn := self._dn_of_identity()) is not None:
            return _Search(dn, ldap.SCOPE_BASE, EVERYTHING)
        context = server.root.naming_context_of(self._change.object) or ""
        return _Search(context, ldap.SCOPE_SUBTREE, equals(server.identity_field or "", identity))


_EMPTY = {"hasSubordinates": b"FALSE", "numSubordinates": b"0"}
"""What OpenLDAP and 389 Directory Server say of an entry without children."""


_NOTHING_SEEN = (
    ldap.SIZELIMIT_EXCEEDED,
    ldap.NO_SUCH_OBJECT,
    ldap.INSUFFICIENT_ACCESS,
    ldap.ADMINLIMIT_EXCEEDED,
)


class Visibility:
    """Asks whether this login sees anything in a container: without a right to read, each object looks as if
    it were gone.

    Attributes:
        container: its DN.
        sought_by: the attribute by which the object was looked for under other names: what does not show it
            says nothing, because an object that has another name would not be found either.
        sees: the answer.
        is_missing: the server says that there is no such container, and up to which one there are any.
    """

    def __init__(self, container: str, sought_by: str | None = None) -> None:
        self.container = container
        self.sought_by = sought_by
        self._is_second = False
        self.sees = False
        self.is_missing = False

    def send(self, connection: SimpleLDAPObject) -> int:
        """Ask for one object in it; then how many there are."""
        if self._is_second:
            # The number does not depend on who asks; where the server does not give it, nothing is proven.
            asked = [*_EMPTY, self.sought_by] if self.sought_by else list(_EMPTY)
            return int(connection.search_ext(self.container, ldap.SCOPE_BASE, EVERYTHING, attrlist=asked))
        wanted = f"({self.sought_by}=*)" if self.sought_by else EVERYTHING
        return int(
            connection.search_ext(self.container, ldap.SCOPE_ONELEVEL, wanted, [NO_ATTRIBUTES], sizelimit=1)
        )

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> bool:  # noqa: ARG002 - as every question
        """An object in it, or that there is none."""
        if not self._is_second:
            self.sees = bool(data)
            self._is_second = True
            return self.sees
        held = {name.lower(): values for _, values in data for name, values in (values or {}).items()}
        is_empty = any(held.get(name.lower()) == [empty] for name, empty in _EMPTY.items())
        self.sees = is_empty and (self.sought_by is None or self.sought_by.lower() in held)
        return True

    def refused(self, error: ldap.LDAPError) -> bool:
        """Where there are more than were asked for, it sees them."""
        if not isinstance(error, _NOTHING_SEEN):
            raise error
        self.sees = isinstance(error, ldap.SIZELIMIT_EXCEEDED)
        self.is_missing = isinstance(error, ldap.NO_SUCH_OBJECT) and bool(matched(error))
        return True


class Existence:
    """Asks whether objects of certain names exist.

    Attributes:
        answers: name → whether an object has it.
    """

    def __init__(self, names: Sequence[bytes]) -> None:
        self._names = list(names)
        self.answers: dict[bytes, bool] = {}

    @property
    def gone(self) -> frozenset[bytes]:
        """The names that no object has."""
        return frozenset(name for name, there in self.answers.items() if not there)

    def send(self, connection: SimpleLDAPObject) -> int:
        """Ask for the next name."""
        name = self._names[0].decode(errors="surrogateescape")
        return int(connection.search_ext(name, ldap.SCOPE_BASE, EVERYTHING, [NO_ATTRIBUTES]))

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> bool:  # noqa: ARG002 - as every question
        """An answer without an entry says that the login may not see it: then it may be there."""
        self.answers[self._names.pop(0)] = True
        return not self._names

    def refused(self, error: ldap.LDAPError) -> bool:
        """That there is no such object is what is asked."""
        if not isinstance(error, ldap.NO_SUCH_OBJECT):
            raise error
        self.answers[self._names.pop(0)] = False
        return not self._names
