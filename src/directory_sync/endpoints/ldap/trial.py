"""Tries a connection to a directory: logs in, asks the server what it is, and looks whether containers are
there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.ldap import errors, root_dse
from directory_sync.endpoints.ldap.connection import LdapSettings
from directory_sync.endpoints.ldap.root_dse import RootDse
from directory_sync.endpoints.ldap.session import connect
from directory_sync.errors import EndpointError


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found.

    Attributes:
        root: what the server says of itself.
        absent: containers that do not exist, or that this login may not see.
    """

    root: RootDse
    absent: tuple[str, ...] = ()


def try_connection(settings: LdapSettings, containers: Sequence[str] = ()) -> Trial:
    """Log in, read the root DSE and look for the containers. Raises EndpointError."""
    connection = connect(settings)
    try:
        found = connection.search_ext_s(
            "", ldap.SCOPE_BASE, attrlist=list(root_dse.ATTRIBUTES), timeout=settings.timeout
        )
        absent = tuple(dn for dn in containers if not _is_there(connection, dn, settings.timeout))
    except ldap.LDAPError as error:
        if isinstance(error, (*errors.CONNECTION_LOST, *errors.BUSY)):
            raise errors.unavailable(error, settings.label) from None
        raise EndpointError(
            f"it has accepted the login, but does not show its root DSE ({type(error).__name__}).",
            endpoint=settings.label,
            remedy="Let this login read the root DSE and its containers, and see the server's log.",
        ) from None
    finally:
        with contextlib.suppress(ldap.LDAPError):
            connection.unbind_s()
    return Trial(root_dse.interpret(found[0][1] if found else {}, settings.flavour), absent)


def _is_there(connection: SimpleLDAPObject, dn: str, seconds: float) -> bool:
    try:
        found = connection.search_ext_s(dn, ldap.SCOPE_BASE, attrlist=["1.1"], timeout=seconds)
    except (ldap.NO_SUCH_OBJECT, ldap.INVALID_DN_SYNTAX, ldap.REFERRAL, ldap.INSUFFICIENT_ACCESS):
        return False
    return any(name is not None for name, _ in found)
