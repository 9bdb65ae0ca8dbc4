"""Hands one operation to the LDAP library, without waiting for its answer."""

from __future__ import annotations

import ldap
from ldap.controls import RequestControl
from ldap.controls.libldap import AssertionControl
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.ldap.operations import Add, Delete, Modify, Operation, Rename

_KINDS = {"add": ldap.MOD_ADD, "delete": ldap.MOD_DELETE, "replace": ldap.MOD_REPLACE}


def send(connection: SimpleLDAPObject, operation: Operation) -> int:
    """Send an operation and return its message id.

    Raises ldap.LDAPError, TypeError or ValueError if it cannot be sent.
    """
    return int(_sent(connection, operation))


def _sent(connection: SimpleLDAPObject, operation: Operation) -> int:
    match operation:
        case Add(dn, attributes):
            return connection.add_ext(dn, [(name, list(values)) for name, values in attributes])  # type: ignore[no-any-return]
        case Modify(dn, modifications, assertion):
            parts = [(_KINDS[part.kind], part.attribute, list(part.values) or None) for part in modifications]
            return connection.modify_ext(dn, parts, serverctrls=_asserting(assertion))  # type: ignore[no-any-return]
        case Rename(dn, new_rdn, new_superior, _, assertion):
            controls = _asserting(assertion)
            return connection.rename(dn, new_rdn, new_superior, delold=1, serverctrls=controls)  # type: ignore[no-any-return]
        case Delete(dn, assertion):
            return connection.delete_ext(dn, serverctrls=_asserting(assertion))  # type: ignore[no-any-return]


def _asserting(assertion: str | None) -> list[RequestControl]:
    # Critical, because a server that does not know the control would otherwise write without asking (RFC
    # 4511, section 4.1.11).
    return [] if assertion is None else [AssertionControl(True, assertion)]
