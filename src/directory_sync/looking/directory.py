"""Looks at a directory as a whole: the server, its tree, its schema."""

from __future__ import annotations

import re
from collections.abc import Sequence

import ldap

from directory_sync.definition import filters
from directory_sync.dn import NameSyntaxError, comparable, format_rdn, inside, parse
from directory_sync.endpoints.contract import ConnectionInfo, FieldRule
from directory_sync.endpoints.ldap.connection import read_settings
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.trial import try_connection
from directory_sync.errors import MissingObjectError
from directory_sync.looking.answers import (
    AttributeFacts,
    Container,
    Counted,
    Holds,
    Level,
    SchemaFacts,
    ServerFacts,
)
from directory_sync.looking.bounds import (
    LONGEST_NAME,
    MOST_CONTAINERS,
    MOST_COUNTED,
    MOST_FIELDS,
    Cut,
    Deadline,
)
from directory_sync.looking.showing import IsSecret, secrets
from directory_sync.looking.walking import Walk, impatient, open_server

_CONTAINER_CLASSES = (
    *(
        "organizationalUnit",
        "organization",
        "locality",
        "country",
        "domain",
        "dcObject",
    ),  # RFC 4519, RFC 4524
    *("container", "builtinDomain", "nsContainer"),  # Active Directory, 389 Directory Server
)
CONTAINERS = "(|" + "".join(f"(objectClass={name})" for name in _CONTAINER_CLASSES) + ")"
"""Selects what holds other objects and is made for that."""

_NAMING_ATTRIBUTES = ("ou", "cn", "dc", "o", "l", "c")
_EVERYTHING = "(objectClass=*)"
_UNESCAPED_COMMA = re.compile(r"(?:[^\\,]|\\.)*", re.DOTALL)

_HOLDS = {
    "1.3.6.1.4.1.1466.115.121.1.7": Holds.TRUTH,
    "1.3.6.1.4.1.1466.115.121.1.24": Holds.TIME,
    "1.3.6.1.4.1.1466.115.121.1.53": Holds.TIME,
    "1.3.6.1.4.1.1466.115.121.1.27": Holds.NUMBER,
    "1.2.840.113556.1.4.906": Holds.NUMBER,
}


def test(connection: ConnectionInfo) -> ServerFacts:
    """Log in and ask the server what it is. Raises EndpointError."""
    settings = read_settings(impatient(connection))
    root = try_connection(settings).root
    return ServerFacts(
        settings.uri,
        settings.login,
        root.flavour.value,
        root.vendor[:LONGEST_NAME],
        root.naming_contexts[:MOST_CONTAINERS],
        settings.warnings,
    )


def containers(connection: ConnectionInfo, under: str, until: Deadline, *, named: str = "") -> Level:
    """The containers directly below one; the naming contexts where none is given.

    `named`: only those with this in their names; a server may have thousands.

    Raises EndpointError.
    """
    server = open_server(connection)
    try:
        if not under:
            contexts = server.root.naming_contexts
            found = tuple(Container(dn, dn) for dn in contexts[:MOST_CONTAINERS])
            return Level("", found, Cut.MOST if len(contexts) > MOST_CONTAINERS else Cut.NONE)
        require_place(server, under)
        walk = Walk(server, until, base=under, scope=ldap.SCOPE_ONELEVEL, filter=_containers(named))
        level = [Container(dn, _first_rdn(dn)) for dn, _ in walk.entries(MOST_CONTAINERS)]
        return Level(under, tuple(sorted(level, key=lambda each: each.name.casefold())), walk.cut)
    finally:
        server.close()


def _containers(named: str) -> str:
    if not named.strip():
        return CONTAINERS
    part = named.strip().encode()
    by_name = filters.Or(
        tuple(filters.Substrings(attribute, None, (part,), None) for attribute in _NAMING_ATTRIBUTES)
    )
    return f"(&{CONTAINERS}{filters.to_text(by_name)})"


def counts(
    connection: ConnectionInfo, under: str, until: Deadline, *, classes: Sequence[str] = ()
) -> Counted:
    """How many objects there are under each container directly below one.

    `classes`: only objects of one of these count; none for all.

    One listing answers for all of them: one search for each of 5,000 would not end. Raises EndpointError.
    """
    server = open_server(connection)
    try:
        require_place(server, under)
        return _counted(server, under, until, _of_classes(classes))
    finally:
        server.close()


def _counted(server: Server, under: str, until: Deadline, filter: str) -> Counted:
    walk = Walk(server, until, base=under, scope=ldap.SCOPE_SUBTREE, filter=filter)
    tail = f",{under}".lower()
    above, total = comparable(under), 0
    held: dict[str, int] = {}
    spelled: dict[str, str] = {}
    for dn, _ in walk.entries(MOST_COUNTED):
        if dn.lower().endswith(tail):
            rdns = dn[: -len(tail)]
            child = rdns if "," not in rdns else _last_rdn(rdns)
            own = child is rdns
        else:
            # The server spells the names above in another way.
            parts = parse(dn)
            if above is None or comparable(dn) == above or not inside(comparable(dn) or (), above):
                continue
            below = parts[: len(parts) - len(above)]
            child, own = format_rdn(below[-1]), len(below) == 1
        total += 1
        key = _key(child)
        if own:
            spelled[key] = dn
            held.setdefault(key, 0)
        elif key in held:
            held[key] += 1
        else:
            held[key] = 1
            spelled[key] = f"{child},{under}"
    # An object without others below it is no container that anyone asks about.
    filled = {key: number for key, number in held.items() if number}
    return Counted(under, {spelled[key]: number for key, number in filled.items()}, total, walk.cut)


def of_any_class(classes: Sequence[str]) -> filters.Filter:
    """Selects the objects of one of these classes."""
    return filters.Or(tuple(filters.Equality("objectClass", name.encode()) for name in classes))


def _of_classes(classes: Sequence[str]) -> str:
    return filters.to_text(of_any_class(classes)) if classes else _EVERYTHING


def schema(connection: ConnectionInfo, classes: Sequence[str]) -> SchemaFacts:
    """Classes, and the attributes of some or of all. Raises EndpointError."""
    server = open_server(connection)
    try:
        known = server.schema
        allowed = known.allowed(classes) if classes else None
        mandatory = {known.canonical(name) for name in known.mandatory(classes)} if classes else set()
        is_secret = secrets((), known.canonical, known.holds_password)
        facts: dict[str, AttributeFacts] = {}
        for name in sorted(known.attribute_names(), key=str.lower):
            canonical = known.canonical(name)
            if canonical in facts or (allowed is not None and name.lower() not in allowed):
                continue
            if canonical == name.lower():
                facts[canonical] = attribute_facts(known, name, canonical in mandatory, is_secret)
        names = tuple(sorted(known.class_names(), key=str.lower))
        cut = Cut.MOST if max(len(facts), len(names)) > MOST_FIELDS else Cut.NONE
        return SchemaFacts(
            names[:MOST_FIELDS],
            tuple(facts.values())[:MOST_FIELDS],
            bool(classes) and allowed is None,
            cut,
        )
    finally:
        server.close()


def attribute_facts(known: Schema, name: str, mandatory: bool, is_secret: IsSecret) -> AttributeFacts:
    """What the schema says of an attribute; one that it does not have holds texts."""
    rule = known.rule(name)
    return AttributeFacts(
        name[:LONGEST_NAME],
        _holds(known, name, rule),
        None if rule is None else rule.single,
        mandatory,
        rule is not None and rule.writable,
        is_secret(name),
    )


def _holds(known: Schema, name: str, rule: FieldRule | None) -> Holds:
    if rule is None:
        return Holds.TEXT
    if rule.reference:
        return Holds.REFERENCE
    return Holds.BINARY if rule.binary else _HOLDS.get(known.syntax(name), Holds.TEXT)


def require_place(server: Server, dn: str) -> None:
    """Raise MissingObjectError for what is no DN, or in no naming context of the server."""
    try:
        parse(dn)
    except NameSyntaxError:
        raise MissingObjectError(
            f"{dn[:LONGEST_NAME]!r} is not a DN.",
            endpoint=server.label,
            remedy="Pick a container from the tree, or write one such as ou=People,dc=example,dc=org.",
        ) from None
    server.naming_context_of(dn)


def _first_rdn(dn: str) -> str:
    """The name of an object in its container, as the server spells it."""
    found = _UNESCAPED_COMMA.match(dn)
    return found[0] if found else dn


def _last_rdn(rdns: str) -> str:
    if "\\" not in rdns:
        return rdns.rpartition(",")[2]
    return format_rdn(parse(rdns)[-1])


def _key(rdn: str) -> str:
    """The same for one RDN, however it is escaped."""
    return (rdn if "\\" not in rdn else format_rdn(parse(rdn)[0])).lower()
