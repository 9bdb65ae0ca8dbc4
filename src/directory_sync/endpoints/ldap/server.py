"""What is known of one directory server: its settings, connections, root DSE and schema, each read when first
needed.
"""

from __future__ import annotations

import socket
from functools import cached_property
from typing import Any

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.dn import NameSyntaxError
from directory_sync.endpoints.ldap import errors, root_dse
from directory_sync.endpoints.ldap.connection import LdapSettings
from directory_sync.endpoints.ldap.read import read_entry
from directory_sync.endpoints.ldap.root_dse import RootDse
from directory_sync.endpoints.ldap.schema import Schema
from directory_sync.endpoints.ldap.session import SessionPool
from directory_sync.endpoints.places import directory_place
from directory_sync.errors import EndpointError, MissingObjectError, SchemaError

_IDENTITY_ATTRIBUTES = ("nsUniqueId", "entryUUID", "objectGUID")
"""The first that an object has counts: 389 Directory Server has the first always, the second at times."""
_SCHEMA_ATTRIBUTES = ("attributeTypes", "objectClasses", "dITContentRules")


class Server:
    """A directory server, for everything that is about the server and not about one job's containers."""

    def __init__(self, settings: LdapSettings) -> None:
        self.settings = settings
        self.label = settings.label
        self.pool = SessionPool(settings)
        self._uniques: dict[str, str | None] = {}

    @cached_property
    def root(self) -> RootDse:
        """What the server says of itself."""
        return root_dse.interpret(
            self._search("", "(objectClass=*)", root_dse.ATTRIBUTES), self.settings.flavour
        )

    @cached_property
    def schema(self) -> Schema:
        """The server's schema. Raises SchemaError if it cannot be read."""
        subschema = self.root.subschema
        entry = (
            {}
            if subschema is None
            else self._search(subschema, "(objectClass=subschema)", _SCHEMA_ATTRIBUTES)
        )
        if not any(name.lower() == "attributetypes" for name in entry):
            raise SchemaError(
                f"the schema ({subschema or 'subschemaSubentry of the root DSE'}) cannot be read.",
                endpoint=self.label,
                remedy="Grant the connection's login read access to it.",
            )
        try:
            return Schema(
                entry,
                behaviour=self.root.behaviour,
                endpoint=self.label,
            )
        except (ValueError, KeyError, IndexError, AssertionError) as error:
            raise SchemaError(
                f"the schema in {subschema} does not follow RFC 4512: {error}.",
                endpoint=self.label,
                remedy="Repair it on the server.",
            ) from None

    @cached_property
    def identity_field(self) -> str | None:
        """The attribute that names an object permanently; None if the server has none."""
        names = self.root.behaviour.identity_attributes
        return next((name for name in names if self.schema.rule(name) is not None), None)

    def naming_context_of(self, dn: str) -> str:
        """The naming context that holds a DN. Raises MissingObjectError if the server holds none."""
        try:
            context = self.root.naming_context_of(dn)
        except NameSyntaxError as error:
            raise MissingObjectError(
                f"{error}.", endpoint=self.label, remedy="Correct it in the definition."
            ) from None
        if context is None:
            held = "; ".join(self.root.naming_contexts) or "none that this login can see"
            raise MissingObjectError(
                f"{dn} is in no naming context of this server. It holds: {held}.",
                endpoint=self.label,
                remedy=(
                    "Correct the container in the definition, or choose a connection to the server that holds"
                    " it."
                ),
            )
        return context

    def identity_of(self, context: str) -> str:
        """The same for all servers that hold replicas of a naming context: its name and what names its top
        object permanently.
        """
        return directory_place(
            self.schema.names.normalise(context),
            self._unique(context),
            address=f"{self.settings.host.lower()}:{self.settings.port}",
            instance=self.settings.instance,
        )

    def _unique(self, context: str) -> str | None:
        """What names a naming context's top object permanently; None if this login cannot read it."""
        if context in self._uniques:
            return self._uniques[context]
        with self.pool.session() as connection:
            entry = read_entry(self.pool, connection, context, list(_IDENTITY_ATTRIBUTES)) or {}
        held = {name.lower(): values[0] for name, values in entry.items() if values}
        # A server may show several, in any order, and every connection to it has to choose the same.
        value = next((held[name.lower()] for name in _IDENTITY_ATTRIBUTES if name.lower() in held), None)
        text = None
        if value is not None:
            text = value.decode() if len(value) > 16 and value.isascii() else value.hex()
        self._uniques[context] = text
        return text

    def reached_below(self, base: str) -> frozenset[str]:
        """Names of all places that a search below a base may reach: its naming context, and those that hang
        below the base.

        Each also by the server's addresses, so that two connections to one server are seen to be such,
        whatever they may read.
        """
        names = self.schema.names
        contexts = {self.naming_context_of(base)}
        contexts |= {context for context in self.root.naming_contexts if names.is_within(context, base)}
        return frozenset(
            name
            for context in contexts
            for name in (
                self.identity_of(context),
                *(f"{address} {names.normalise(context)}" for address in self.addresses),
            )
        )

    @cached_property
    def addresses(self) -> frozenset[str]:
        """Every address and port that the server's name leads to; the name itself where it cannot be
        resolved.
        """
        host, port = self.settings.host, self.settings.port
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            return frozenset({f"{host.lower()}:{port}"})
        return frozenset(f"{address[0]}:{port}" for *_, address in found)

    def close(self) -> None:
        """Close all idle connections."""
        self.pool.close()

    def _search(self, base: str, filter: str, attributes: tuple[str, ...]) -> dict[str, list[bytes]]:
        with self.pool.session() as connection:
            try:
                found: list[Any] = _base_search(connection, base, filter, attributes)
            except ldap.NO_SUCH_OBJECT:
                return {}
            except ldap.LDAPError as error:
                raise _problem(error, self.settings, base) from None
        return next((entry for name, entry in found if name is not None), {})


def _base_search(
    connection: SimpleLDAPObject, base: str, filter: str, attributes: tuple[str, ...]
) -> list[Any]:
    return connection.search_ext_s(  # type: ignore[no-any-return]
        base, ldap.SCOPE_BASE, filter, list(attributes), timeout=connection.timeout
    )


def _problem(error: ldap.LDAPError, settings: LdapSettings, base: str) -> EndpointError:
    if isinstance(error, (*errors.CONNECTION_LOST, *errors.BUSY)):
        return errors.unavailable(error, settings.label)
    return errors.search_error(error, endpoint=settings.label, base=base, login=settings.login)
