"""A server that follows the RFCs, and what every other flavour starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

PERSON = ("top", "person", "organizationalPerson")
_INET_ORG_PERSON = (*PERSON, "inetOrgPerson")
CLASSES = {
    "user": _INET_ORG_PERSON,
    "inetOrgPerson": _INET_ORG_PERSON,
    "contact": _INET_ORG_PERSON,
    "mail_user": _INET_ORG_PERSON,
    "mail_contact": _INET_ORG_PERSON,
    "group": ("top", "groupOfNames"),
    "organizationalUnit": ("top", "organizationalUnit"),
}
"""RFC 2798 (inetOrgPerson), RFC 4519 (the others)."""


class GenericServer:
    """How a server behaves."""

    # -- identity --------------------------------------------------------------------------------------------

    identity_attributes: tuple[str, ...] = ("entryUUID", "nsUniqueId")
    """What may name an object permanently (RFC 4530); the first that the schema has does."""

    def dn_of_identity(self, identity: bytes) -> str | None:  # noqa: ARG002 - no RFC has such a thing
        """A DN that finds the object of an identity under whatever name; None if there is no such form."""
        return None

    # -- classes ---------------------------------------------------------------------------------------------

    classes: Mapping[str, tuple[str, ...]] = CLASSES
    """Kind of object → the classes of a new one."""
    server_filled: frozenset[str] = frozenset()
    """Mandatory attributes, lower case, that the server fills in where they are not given."""
    auxiliaries_demand = False
    """What an auxiliary class of a content rule must have, every object of the structural class must have."""

    def category_of(self, classes: Sequence[str]) -> bytes | None:  # noqa: ARG002
        """The objectCategory of an object of these classes; None where there is no such thing."""
        return None

    # -- values ----------------------------------------------------------------------------------------------

    read_only: frozenset[str] = frozenset()
    """Attributes, lower case, that the server keeps though its schema does not say so."""
    compares_by_syntax = False
    """The schema names no matching rules: equality follows from the syntax."""
    compares_the_rest_by_syntax = False
    """Equality follows from the syntax for attributes of which the schema names no rule."""
    respells_references = False
    """A reference is shown as the object it names is spelled, whatever was written."""
    computes_values = True
    """It may show values that it computes, and leaves those out where ManageDsaIT is asked for (RFC 3296)."""
    repairs_references = True
    """It may change references to a renamed or deleted object itself, a moment later; see `repairs`."""
    says_where_names_end = False
    """Where an object is not there, it names the lowest one above that is (`matchedDN`, RFC 4511, section
    4.1.9), and never does so of one that a login may not see.
    """

    @property
    def transfers_as_binary(self) -> bool:
        """Whether some syntaxes have no other form than `;binary` (RFC 4522)."""
        return not (self.compares_by_syntax or self.compares_the_rest_by_syntax)
