"""Reads what stays of objects when they are renamed, of a few one by one and of many with one listing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import ldap

from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.read import NO_ATTRIBUTES, listing
from directory_sync.endpoints.ldap.server import Server
from directory_sync.errors import EndpointError

_SHARE = 4
"""Asking for each takes about four times as long as finding it in a listing."""
_WINDOW = 64
_NOT_THERE = (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX, ldap.INSUFFICIENT_ACCESS)


def read_identities(server: Server, dns: Collection[str], *, base: str, among: int) -> dict[str, bytes]:
    """The identities of objects that are there, by the DN that was given.

    Args:
        server: holds the objects.
        dns: which objects.
        base: all of them are below it.
        among: about how many objects there are below it.

    Raises EndpointError.
    """
    attribute = server.identity_field
    if attribute is None or not dns:
        return {}
    normalise = server.schema.names.normalise
    asked = {normalise(dn): dn for dn in dns}
    found = (
        _listed(server, attribute, base)
        if len(dns) * _SHARE > among
        else _asked(server, attribute, list(dns))
    )
    return {asked[name]: identity for dn, identity in found if (name := normalise(dn)) in asked}


def _listed(server: Server, attribute: str, base: str) -> Iterator[tuple[str, bytes]]:
    for batch in listing(
        server.pool,
        server.root,
        server.schema,
        base=base,
        scope=ldap.SCOPE_SUBTREE,
        filter="(objectClass=*)",
        attributes=[attribute],
    ):
        for record in batch:
            if values := record.values.get(attribute):
                yield record.id, values[0]


def read_children(server: Server, dns: Collection[str]) -> dict[str, list[str]]:
    """For those of these objects that hold others: the DNs of what is directly below them.

    Raises EndpointError.
    """
    found: dict[str, list[str]] = {}
    for dn, entries in _searched(server, dns, ldap.SCOPE_ONELEVEL, [NO_ATTRIBUTES]):
        if entries:
            found[dn] = [name for name, _ in entries]
    return found


def _asked(server: Server, attribute: str, dns: list[str]) -> Iterator[tuple[str, bytes]]:
    for _, entries in _searched(server, dns, ldap.SCOPE_BASE, [attribute]):
        for name, entry in entries:
            values = next((held for key, held in entry.items() if key.lower() == attribute.lower()), None)
            if values:
                yield name, values[0]


def _searched(
    server: Server, dns: Collection[str], scope: int, attributes: list[str]
) -> Iterator[tuple[str, list[tuple[str, dict[str, list[bytes]]]]]]:
    """One search each, many underway at once; an object that is not there has no entries."""
    with server.pool.session() as connection:
        underway: dict[int, str] = {}
        waiting = iter(dns)
        while True:
            try:
                while len(underway) < _WINDOW and (dn := next(waiting, None)) is not None:
                    underway[connection.search_ext(dn, scope, "(objectClass=*)", attributes)] = dn
                if not underway:
                    return
                _, data, number, *_ = connection.result4(ldap.RES_ANY, ldap.MSG_ALL, connection.timeout)
            except ldap.LDAPError as error:
                number = errors.details(error).get("msgid", 0)
                if number not in underway or not isinstance(error, _NOT_THERE):
                    raise _unreadable(server, error) from None
                data = []
            yield underway.pop(number), [(name, entry) for name, entry in data or () if name is not None]


def _unreadable(server: Server, error: ldap.LDAPError) -> EndpointError:
    if isinstance(error, (*errors.CONNECTION_LOST, *errors.BUSY)):
        return errors.unavailable(error, server.label)
    return errors.search_error(error, endpoint=server.label, base="an object", login=server.settings.login)
