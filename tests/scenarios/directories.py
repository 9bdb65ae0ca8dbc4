"""Connections, endpoints and entries of throwaway directories, so that tests say only what is special about
them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import ldap
import ldap.dn
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.definition.models import DirectoryDestination, DirectorySource
from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome
from directory_sync.endpoints.contract import ConnectionInfo, Record
from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.endpoints.ldap.source import LdapSource
from tests.scenarios.slapd import Slapd

Values = bytes | str | Sequence[bytes | str]


def slapd_connection(
    slapd: Slapd, connection_id: str = "lab", *, port: int | None = None, **extra: Any
) -> ConnectionInfo:
    """A connection as administrator of a throwaway slapd, without TLS unless `security` says so."""
    return ConnectionInfo(
        id=connection_id,
        type="ldap",
        host="127.0.0.1",
        port=port or slapd.port,
        login=slapd.admin,
        password=slapd.password,
        extra={"security": "none", **extra},
    )


def source(connection: ConnectionInfo, container: str, **definition: Any) -> LdapSource:
    """A source for a container."""
    return LdapSource(
        DirectorySource(connection=connection.id, container=container, **definition), connection
    )


def destination(
    connection: ConnectionInfo,
    container: str,
    *,
    reconnect_delays: tuple[float, ...] = (0.1, 0.2, 0.4, 0.8),
    **definition: Any,
) -> LdapDestination:
    """A destination for a container; it does not wait long for a server that is away."""
    model = DirectoryDestination(connection=connection.id, container=container, **definition)
    return LdapDestination(model, connection, reconnect_delays=reconnect_delays)


def administrator(slapd: Slapd) -> SimpleLDAPObject:
    """A plain python-ldap session, to look at or to change a directory behind the endpoint's back."""
    return slapd.administrator()


def delete_below(session: SimpleLDAPObject, dn: str, *, top: bool = True) -> None:
    """Delete everything below an entry, the lowest first, and with `top` the entry itself."""
    for patience in range(100, -1, -1):
        found = [found for found, _ in session.search_s(dn, ldap.SCOPE_SUBTREE, attrlist=["1.1"])]
        lowest_first = sorted(found, key=lambda each: -len(ldap.dn.str2dn(each)))
        try:
            for each in lowest_first if top else lowest_first[:-1]:
                session.delete_s(each)
        except ldap.NOT_ALLOWED_ON_NONLEAF:
            # The server is still at what a writer had sent before it was ended.
            if not patience:
                raise
            time.sleep(0.05)
        else:
            return


def as_bytes(values: Values) -> tuple[bytes, ...]:
    """One value or several, text or octets, as values of an attribute."""
    if isinstance(values, bytes | str):
        values = [values]
    return tuple(value.encode() if isinstance(value, str) else value for value in values)


def creation(dn: str, *, after: Sequence[str] = (), **attributes: Values) -> Change:
    """The creation of an object; without objectClass it is an inetOrgPerson."""
    attributes = (
        {"objectClass": "inetOrgPerson", **attributes} if "objectClass" not in attributes else attributes
    )
    fields = tuple(FieldChange(name, (), as_bytes(values)) for name, values in attributes.items())
    return Change(Action.CREATE, dn, dn, fields=fields, after=tuple(after))


def person(dn: str, **attributes: Values) -> Change:
    """The creation of an inetOrgPerson with the naming value as cn and sn."""
    value = ldap.dn.str2dn(dn)[0][0][1]
    return creation(dn, **{"cn": value, "sn": value, **attributes})


def update(dn: str, fields: Mapping[str, tuple[Values, Values]], **change: Any) -> Change:
    """An update: attribute → (old values, new values)."""
    changes = tuple(FieldChange(name, as_bytes(old), as_bytes(new)) for name, (old, new) in fields.items())
    return Change(Action.UPDATE, dn, dn, fields=changes, **change)


def deletion(record: Record, **change: Any) -> Change:
    """The deletion of an object that was read."""
    fields = tuple(
        FieldChange(name, tuple(values), ())
        for name, values in record.values.items()
        if name not in ("entryUUID", "objectGUID")
    )
    return Change(Action.DELETE, record.id, record.id, fields=fields, **change)


def write(
    endpoint: LdapDestination, changes: Iterable[Change], *, verify: Sequence[int] = ()
) -> list[Outcome]:
    """Carry changes out; the outcomes in the order of the changes."""
    numbered: Iterator[tuple[int, Change]] = enumerate(changes)
    return sorted(
        endpoint.write(numbered, before_send=lambda: None, verify=frozenset(verify)),
        key=lambda outcome: outcome.sequence,
    )


def write_one(endpoint: LdapDestination, change: Change) -> Outcome:
    """Carry one change out. What its outcome says begins with where."""
    (outcome,) = write(endpoint, [change])
    if outcome.message:
        assert outcome.message.startswith(f"{endpoint.settings.label}: {change.object}: ")
    return outcome


def records(endpoint: LdapSource, *fields: str) -> dict[str, Mapping[str, list[bytes]]]:
    """Everything that an endpoint lists: DN → values."""
    return {record.id: record.values for batch in endpoint.read(fields) for record in batch}


def ldif(*entries: tuple[str, Mapping[str, Values]]) -> str:
    """LDIF text of entries whose values are plain text."""
    lines = []
    for dn, attributes in entries:
        lines.append(f"dn: {dn}")
        lines += [
            f"{name}: {value.decode()}" for name, values in attributes.items() for value in as_bytes(values)
        ]
        lines.append("")
    return "\n".join(lines) + "\n"


def tree(suffix: str, *units: str) -> str:
    """LDIF of a naming context's top and organizational units in it."""
    attribute, value = suffix.partition(",")[0].split("=")
    top = {"dc": ["dcObject", "organization"], "o": ["organization"]}[attribute]
    return ldif(
        (suffix, {"objectClass": top, attribute: value, **({"o": value} if attribute == "dc" else {})}),
        *((f"ou={unit},{suffix}", {"objectClass": "organizationalUnit", "ou": unit}) for unit in units),
    )
