"""Reads what stays of objects when they are renamed, of a few one by one and of many with one listing."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import ldap

from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.read import listing
from directory_sync.endpoints.ldap.server import Server
from directory_sync.errors import EndpointError

_SHARE = 4
"""Asking for each takes about four times as long as finding it in a listing."""
_WINDOW = 64


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
    found = _listed(server, attribute, base) if len(dns) * _SHARE > among else _asked(server, attribute, list(dns))
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


def _asked(server: Server, attribute: str, dns: list[str]) -> Iterator[tuple[str, bytes]]:
    """One base search each, many underway at once."""
    with server.pool.session() as connection:
        underway = 0
        waiting = iter(dns)
        while True:
            try:
                while underway < _WINDOW and (dn := next(waiting, None)) is not None:
                    connection.search_ext(dn, ldap.SCOPE_BASE, "(objectClass=*)", [attribute])
                    underway += 1
                if not underway:
                    return
                _, data, *_ = connection.result4(ldap.RES_ANY, ldap.MSG_ALL, connection.timeout)
            except ldap.NO_SUCH_OBJECT:
                data = []
            except (ldap.INVALID_DN_SYNTAX, ldap.INSUFFICIENT_ACCESS):
                data = []
            except ldap.LDAPError as error:
                raise _unreadable(server, error) from None
            underway -= 1
            for name, entry in data or ():
                if name is not None:
                    values = next((held for key, held in entry.items() if key.lower() == attribute.lower()), None)
                    if values:
                        yield name, values[0]


def _unreadable(server: Server, error: ldap.LDAPError) -> EndpointError:
    if isinstance(error, (*errors.CONNECTION_LOST, *errors.BUSY)):
        return errors.unavailable(error, server.label)
    return errors.search_error(error, endpoint=server.label, base="new objects", login=server.settings.login)
