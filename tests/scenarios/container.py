"""A container of its own in a shared slapd, for one test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.contract import Record
from directory_sync.endpoints.ldap.destination import LdapDestination
from directory_sync.endpoints.ldap.source import LdapSource
from tests.scenarios import directories
from tests.scenarios.slapd import Slapd


@dataclass(frozen=True)
class Container:
    """A container of its own in the shared slapd.

    Attributes:
        dn: of the container.
        slapd: where it is.
        admin: a plain session as administrator.
    """

    dn: str
    slapd: Slapd
    admin: SimpleLDAPObject

    def destination(self, **definition: Any) -> LdapDestination:
        """A destination for it."""
        return directories.destination(directories.slapd_connection(self.slapd), self.dn, **definition)

    def source(self, **definition: Any) -> LdapSource:
        """A source for it."""
        return directories.source(directories.slapd_connection(self.slapd), self.dn, **definition)

    def add(self, rdn: str, **attributes: directories.Values) -> str:
        """Create an entry in it behind the endpoint's back; its DN."""
        dn = f"{rdn},{self.dn}"
        change = (
            directories.creation(dn, after=(), **attributes)
            if "objectClass" in attributes
            else directories.person(dn, **attributes)
        )
        self.admin.add_s(dn, [(field.field, list(field.new)) for field in change.fields])
        return dn

    def record(self, dn: str, *fields: str) -> Record:
        """An entry as a source lists it, with its identity."""
        return Record(dn, directories.records(self.source(), *fields, "entryUUID")[dn])

    def values(self, dn: str, *attributes: str) -> dict[str, list[bytes]]:
        """What an entry holds now."""
        found: dict[str, list[bytes]] = self.admin.search_s(
            dn, ldap.SCOPE_BASE, attrlist=list(attributes) or None
        )[0][1]
        return found
