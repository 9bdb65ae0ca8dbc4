"""The root DSE (RFC 4512, section 5.1): what a server can do, and which naming contexts it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from directory_sync.dn import NameSyntaxError, comparable, inside, parse
from directory_sync.endpoints.ldap.connection import Flavour
from directory_sync.endpoints.ldap.flavours import behaviour_of
from directory_sync.endpoints.ldap.flavours.generic import GenericServer

PAGED_RESULTS = "1.2.840.113556.1.4.319"
ASSERTION = "1.3.6.1.1.12"
DOMAIN_SCOPE = "1.2.840.113556.1.4.1339"
MANAGE_DSA_IT = "2.16.840.1.113730.3.4.2"
_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_OPENLDAP = "OpenLDAProotDSE"

ATTRIBUTES = (
    "objectClass",
    "namingContexts",
    "subschemaSubentry",
    "supportedCapabilities",
    "supportedControl",
    "vendorName",
    "vendorVersion",
)


@dataclass(frozen=True, slots=True)
class RootDse:
    """What a server says of itself.

    Attributes:
        flavour: never `auto`.
        naming_contexts: DNs of the trees it holds.
        subschema: DN of the entry that holds the schema.
        controls: identifiers of the controls it supports.
        vendor: name and version, as far as it tells.
    """

    flavour: Flavour
    naming_contexts: tuple[str, ...]
    subschema: str | None
    controls: frozenset[str]
    vendor: str

    @property
    def behaviour(self) -> GenericServer:
        """How it behaves."""
        return behaviour_of(self.flavour, self.vendor)

    def naming_context_of(self, dn: str) -> str | None:
        """The naming context that holds a DN: the deepest one above it.

        Raises NameSyntaxError for what is no DN.
        """
        # The schema is not known yet; naming contexts are compared without regard to case everywhere.
        wanted = comparable(dn)
        if wanted is None:
            raise NameSyntaxError(f"{dn!r} is not a DN")
        best: str | None = None
        length = -1
        for context in self.naming_contexts:
            held = comparable(context)
            if held is not None and len(held) > length and inside(wanted, held):
                best, length = context, len(held)
        return best


def interpret(entry: Mapping[str, Sequence[bytes]], configured: Flavour) -> RootDse:
    """Read the root DSE's attributes; a configured flavour other than `auto` wins over what is recognised."""
    values = {
        name.lower(): [value.decode(errors="replace") for value in found] for name, found in entry.items()
    }

    def first(name: str) -> str | None:
        found = values.get(name.lower())
        return found[0] if found else None

    contexts = tuple(context for context in values.get("namingcontexts", ()) if _is_dn(context))
    if configured is not Flavour.AUTO:
        flavour = configured
    elif _ACTIVE_DIRECTORY in values.get("supportedcapabilities", ()):
        flavour = Flavour.ACTIVE_DIRECTORY
    elif _OPENLDAP in values.get("objectclass", ()):
        flavour = Flavour.OPENLDAP
    else:
        flavour = Flavour.GENERIC
    return RootDse(
        flavour=flavour,
        naming_contexts=contexts,
        subschema=first("subschemaSubentry"),
        controls=frozenset(values.get("supportedcontrol", ())),
        vendor=" ".join(filter(None, (first("vendorName"), first("vendorVersion")))),
    )


def _is_dn(text: str) -> bool:
    try:
        parse(text)
    except NameSyntaxError:
        return False
    return True
