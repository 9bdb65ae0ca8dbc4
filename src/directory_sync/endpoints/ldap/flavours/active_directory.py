"""Active Directory, and Samba as one of its domain controllers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from directory_sync.endpoints.ldap.flavours.generic import PERSON, GenericServer

# Filters may name an object's category by the class's short name (MS-ADTS 3.1.1.3.1.3.5).
_CATEGORIES = {"user": b"person", "contact": b"person", "inetorgperson": b"person"}


class ActiveDirectory(GenericServer):
    """How Active Directory behaves."""

    identity_attributes = ("objectGUID",)
    classes = {  # noqa: RUF012 - read only
        "user": (*PERSON, "user"),
        # In Active Directory inetOrgPerson is a kind of user ([MS-ADSC] 2.62).
        "inetOrgPerson": (*PERSON, "user", "inetOrgPerson"),
        "contact": (*PERSON, "contact"),
        "mail_user": (*PERSON, "user"),
        "mail_contact": (*PERSON, "contact"),
        "group": ("top", "group"),
        "organizationalUnit": ("top", "organizationalUnit"),
    }
    # MS-ADTS 3.1.1.5.2.4
    server_filled = frozenset(
        (
            "instancetype",
            "objectcategory",
            "ntsecuritydescriptor",
            "objectsid",
            "objectguid",
            "samaccountname",
            "samaccounttype",
            "grouptype",
            "useraccountcontrol",
        )
    )
    auxiliaries_demand = True
    read_only = frozenset(("objectsid", "samaccounttype", "primarygrouptoken", "ntsecuritydescriptor"))
    compares_by_syntax = True
    respells_references = True
    computes_values = False
    # References are kept by the object itself.
    repairs_references = False

    def dn_of_identity(self, identity: bytes) -> str | None:
        """The form that MS-ADTS 3.1.1.3.1.2.4 gives to an objectGUID."""
        return f"<GUID={UUID(bytes_le=identity)}>" if len(identity) == 16 else None

    def category_of(self, classes: Sequence[str]) -> bytes:
        """That of the last class."""
        last = classes[-1].lower()
        return _CATEGORIES.get(last, last.encode())
