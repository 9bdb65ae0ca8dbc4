"""389 Directory Server."""

from __future__ import annotations

from directory_sync.endpoints.ldap.flavours.generic import GenericServer


class Directory389(GenericServer):
    """How 389 Directory Server behaves."""

    # The schema has both, but only nsUniqueId is on every object: entryUUID is the matter of a plug-in, which
    # may be off, and leaves objects without one that are older than itself.
    identity_attributes = ("nsUniqueId", "entryUUID")
    compares_the_rest_by_syntax = True
