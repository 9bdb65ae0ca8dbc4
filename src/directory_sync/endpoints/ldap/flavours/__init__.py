"""What differs between directory servers: one module for each flavour.

A server is told by its root DSE (`root_dse.interpret`), or the connection names its flavour.
"""

from __future__ import annotations

import re

from directory_sync.endpoints.ldap.connection import Flavour
from directory_sync.endpoints.ldap.flavours.active_directory import ActiveDirectory
from directory_sync.endpoints.ldap.flavours.directory_389 import Directory389
from directory_sync.endpoints.ldap.flavours.generic import GenericServer
from directory_sync.endpoints.ldap.flavours.openldap import OpenLdap

_389 = re.compile(r"^389 Project\b|\b389-Directory/")

GENERIC = GenericServer()
_BY_FLAVOUR = {
    Flavour.ACTIVE_DIRECTORY: ActiveDirectory(),
    Flavour.OPENLDAP: OpenLdap(),
    Flavour.GENERIC: GENERIC,
}
_DIRECTORY_389 = Directory389()


def behaviour_of(flavour: Flavour, vendor: str) -> GenericServer:
    """How a server behaves; `vendor` is name and version as its root DSE has them.

    389 Directory Server has no name of its own among the flavours: it is what it says it is, also as a part
    of FreeIPA; Red Hat's calls itself the same.
    """
    if flavour is not Flavour.ACTIVE_DIRECTORY and _389.search(vendor):
        return _DIRECTORY_389
    return _BY_FLAVOUR[flavour]
