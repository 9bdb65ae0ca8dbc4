"""Looks at the records of a directory: the first ones, their number, and what their attributes hold.

Which attributes entries have is asked without values (`typesOnly`, RFC 4511, section 4.5.1.6), and values
only of those that hold no passwords: a password does not even reach this process.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import ldap

from directory_sync.definition import filters
from directory_sync.definition.addresses import DirectorySource, Scope
from directory_sync.endpoints.compared import refuse_comparison
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.endpoints.ldap.filter_check import check_filter
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.endpoints.ldap.server import Server
from directory_sync.errors import EndpointError, SchemaError
from directory_sync.looking.answers import FieldFacts, Fields, Holds, Records
from directory_sync.looking.bounds import (
    LONGEST_NAME,
    MOST_COUNTED,
    MOST_FIELDS,
    MOST_SAMPLED,
    MOST_VALUED,
    Deadline,
)
from directory_sync.looking.directory import attribute_facts, of_any_class, require_place
from directory_sync.looking.showing import IsSecret, Samples, record_of, secrets
from directory_sync.looking.walking import Walk, open_server

_SCOPES = {Scope.BASE: ldap.SCOPE_BASE, Scope.ONE: ldap.SCOPE_ONELEVEL, Scope.SUBTREE: ldap.SCOPE_SUBTREE}
_ALL = "*"


class _Place:
    """The objects that a source selects, through a server that answers."""

    def __init__(
        self,
        server: Server,
        definition: DirectorySource,
        secret: Collection[str],
        classes: Sequence[str],
        until: Deadline,
    ) -> None:
        self.server = server
        self.until = until
        require_place(server, definition.container)
        self.schema: Schema = server.schema
        self.is_secret: IsSecret = secrets(secret, self.schema.canonical, self.schema.holds_password)
        self.filter = _usable(definition.filter, classes, self.is_secret, server)
        self._base, self._scope = definition.container, _SCOPES[definition.scope]

    def walk(self, attributes: Sequence[str] = (), *, names_only: bool = False, page_size: int = 500) -> Walk:
        """A search for them."""
        return Walk(
            self.server,
            self.until,
            base=self._base,
            scope=self._scope,
            filter=self.filter,
            attributes=list(attributes),
            names_only=names_only,
            page_size=page_size,
        )

    def attributes_of(self, names: Collection[str]) -> list[str]:
        """Those of which values may be asked for."""
        return [name for name in names if not self.is_secret(name)][:MOST_FIELDS]

    def is_binary(self, name: str) -> bool:
        """Whether an attribute's values are no texts."""
        rule = self.schema.rule(name)
        return rule is not None and rule.binary


def records(
    connection: ConnectionInfo,
    definition: DirectorySource,
    *,
    most: int,
    secret: Collection[str],
    classes: Sequence[str],
    until: Deadline,
) -> Records:
    """The first objects, and how many there are.

    `classes`: only objects of one of these; none for all.

    Raises EndpointError.
    """
    server = open_server(connection)
    try:
        place = _Place(server, definition, secret, classes, until)
        names = _names(
            entry for _, entry in place.walk([_ALL], names_only=True, page_size=most).entries(most)
        )
        hidden = tuple(sorted(name for name in names if place.is_secret(name)))
        asked = place.attributes_of(names)
        first = list(place.walk(asked, page_size=most).entries(most)) if names else []
        shown = tuple(
            record_of(dn, _without_ranges(entry), place.is_secret, place.is_binary) for dn, entry in first
        )
        counting = place.walk()
        count = sum(1 for _ in counting.entries(MOST_COUNTED))
        return Records(place.filter, shown, max(count, len(shown)), counting.cut, hidden)
    finally:
        server.close()


def fields(
    connection: ConnectionInfo,
    definition: DirectorySource,
    *,
    kind: str,
    secret: Collection[str],
    classes: Sequence[str],
    until: Deadline,
) -> Fields:
    """What the attributes of the objects hold.

    Args:
        kind: the type of objects that a job makes there: what these may have is listed too; empty for none.
        connection, definition, secret, classes, until: as in `records`.

    Raises EndpointError.
    """
    server = open_server(connection)
    try:
        place = _Place(server, definition, secret, classes, until)
        filled: dict[str, int] = {}
        sampled = 0
        walk = place.walk([_ALL], names_only=True)
        for _, entry in walk.entries(MOST_SAMPLED):
            sampled += 1
            for name in dict.fromkeys(each.partition(";range=")[0] for each in entry):
                filled[name] = filled.get(name, 0) + 1
        samples: dict[str, Samples] = {}
        # Samples of pictures would be many bytes that no one sees.
        asked = [name for name in place.attributes_of(filled) if not place.is_binary(name)]
        if asked and not until.over:
            for _, entry in place.walk(asked, page_size=MOST_VALUED).entries(MOST_VALUED):
                for name, values in _without_ranges(entry).items():
                    samples.setdefault(name, Samples()).add(values)
        return Fields(_facts(place, filled, samples, kind), sampled, walk.cut)
    finally:
        server.close()


def _facts(
    place: _Place, filled: dict[str, int], samples: dict[str, Samples], kind: str
) -> tuple[FieldFacts, ...]:
    known = place.schema
    of_kind = place.server.root.behaviour.classes.get(kind, ()) if kind else ()
    of_kind = tuple(name for name in of_kind if known.has_class(name))
    try:
        mandatory = {known.canonical(name) for name in known.mandatory(of_kind)} if of_kind else set()
        allowed = (known.allowed(of_kind) or frozenset()) if of_kind else frozenset()
    except SchemaError:
        mandatory, allowed = set(), frozenset()
    names = dict.fromkeys(filled)
    listed = {known.canonical(name) for name in names}
    for name in sorted(known.attribute_names(), key=str.lower) if allowed else ():
        if name.lower() in allowed and known.canonical(name) == name.lower() and name.lower() not in listed:
            names[name] = None
    found = []
    for name in names:
        facts = attribute_facts(known, name, known.canonical(name) in mandatory, place.is_secret)
        held = samples.get(name)
        shown = () if held is None or facts.secret else held.shown(binary=facts.holds is Holds.BINARY)
        found.append(FieldFacts(facts, filled.get(name, 0), shown))
    found.sort(key=lambda each: (not each.facts.mandatory, -each.filled, each.facts.name.lower()))
    return tuple(found[:MOST_FIELDS])


def _usable(text: str, classes: Sequence[str], is_secret: IsSecret, server: Server) -> str:
    """The filter as the server gets it: taken apart and put together again.

    Raises EndpointError, also for one that compares what is secret.
    """
    try:
        parsed = filters.parse(text)
    except filters.FilterError as error:
        raise EndpointError(
            f"the filter {text[:LONGEST_NAME]} cannot be read: {error}.",
            endpoint=server.label,
            remedy="Correct it (RFC 4515), as in (&(objectClass=person)(mail=*)).",
        ) from None
    refuse_comparison(parsed, is_secret, label=server.label)
    check_filter(parsed, server.schema, label=server.label)
    if classes:
        parsed = filters.And((parsed, of_any_class(classes)))
    return filters.to_text(parsed)


def _names(entries: Iterable[Iterable[str]]) -> dict[str, None]:
    return dict.fromkeys(name.partition(";range=")[0] for entry in entries for name in entry)


def _without_ranges(entry: dict[str, list[bytes]]) -> dict[str, list[bytes]]:
    """Values under the attribute's name, as many as the server sends at once (MS-ADTS 3.1.1.3.1.3.3)."""
    found: dict[str, list[bytes]] = {}
    for name, values in entry.items():
        if values:
            found.setdefault(name.partition(";range=")[0], []).extend(values)
    return found
