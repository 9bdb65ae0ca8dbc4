"""OpenLDAP: a generic server, whose overlays compute values (slapo-dynlist(5)) and keep references
(slapo-refint(5)).

Any server may be an OpenLDAP whose root DSE this login may not read, so only that is different here on which
no other server may be relied.
"""

from __future__ import annotations

from directory_sync.endpoints.ldap.flavours.generic import GenericServer


class OpenLdap(GenericServer):
    """How OpenLDAP behaves."""

    says_where_names_end = True
