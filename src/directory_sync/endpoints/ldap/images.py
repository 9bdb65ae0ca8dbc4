"""Reads objects as they are, with all attributes that this login may read: many at a time, before they are
removed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from functools import partial

import ldap
from ldap.controls import RequestControl

from directory_sync.endpoints.contract import Image
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.link import jitter
from directory_sync.endpoints.ldap.read import Attributes, Broken, rest_of_range, whole_values
from directory_sync.endpoints.ldap.root_dse import MANAGE_DSA_IT
from directory_sync.endpoints.ldap.server import Server
from directory_sync.errors import EndpointUnavailable

_WINDOW = 64
"""Searches underway at once."""
_ALL = "*"
"""Asks for all user attributes (RFC 4511, section 4.5.1.8)."""
_NOT_THERE = (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX)


def read_images(server: Server, dns: Collection[str], *, delays: Collection[float]) -> list[Image]:
    """Those of these objects that are there, each with what was read of it or why that cannot be.

    Args:
        server: holds the objects.
        dns: their names.
        delays: seconds between attempts to connect again.

    Raises EndpointUnavailable when it gives up.
    """
    for delay in delays:
        try:
            return list(_asked(server, dns))
        except EndpointUnavailable:
            time.sleep(delay * jitter())
    return list(_asked(server, dns))


def _asked(server: Server, dns: Collection[str]) -> Iterator[Image]:
    identity = server.identity_field
    attributes = [_ALL] if identity is None else [_ALL, identity]
    # What OpenLDAP's overlay dynlist computes is no part of the object; see `LdapDestination.stored`.
    stored = server.root.behaviour.computes_values and MANAGE_DSA_IT in server.root.controls
    controls = [RequestControl(MANAGE_DSA_IT, True)] if stored else None
    with server.pool.session() as connection:
        underway: dict[int, str] = {}
        waiting = iter(dns)
        while True:
            try:
                while len(underway) < _WINDOW and (dn := next(waiting, None)) is not None:
                    number = connection.search_ext(
                        dn, ldap.SCOPE_BASE, "(objectClass=*)", attributes, serverctrls=controls
                    )
                    underway[number] = dn
                if not underway:
                    return
                _, data, number, *_ = connection.result4(ldap.RES_ANY, ldap.MSG_ALL, connection.timeout)
                dn = underway.pop(number)
                found = next((each for each in data or () if each[0] is not None), None)
                if found is None:
                    # One that is not there would have been refused.
                    yield Image(dn, {}, problem="this login may not read it")
                else:
                    name, entry = found
                    yield _image(dn, entry, identity, partial(rest_of_range, connection, name))
            except (*errors.CONNECTION_LOST, *errors.BUSY) as error:
                raise errors.unavailable(error, server.label) from None
            except ldap.LDAPError as error:
                number = errors.details(error).get("msgid", 0)
                if number not in underway:
                    raise errors.unavailable(error, server.label) from None
                dn = underway.pop(number)
                if not isinstance(error, _NOT_THERE):
                    yield Image(dn, {}, problem=errors.server_text(error))


def _image(
    dn: str, entry: Attributes, identity: str | None, rest: Callable[[str, int], list[bytes]]
) -> Image:
    try:
        values = whole_values(entry, rest)
    except Broken as broken:
        return Image(dn, {}, problem=str(broken))
    except (*errors.CONNECTION_LOST, *errors.BUSY):
        raise
    except ldap.LDAPError as error:
        return Image(dn, {}, problem=errors.server_text(error))
    if identity is None:
        return Image(dn, values)
    shown = next((name for name in values if name.lower() == identity.lower()), None)
    held = values.pop(shown) if shown is not None else []
    return Image(dn, values, held[0] if held else None)
