"""A small directory schema for tests without a server."""

from __future__ import annotations

from directory_sync.endpoints.ldap.flavours import GENERIC
from directory_sync.endpoints.ldap.schema import Schema

_SYNTAX = "1.3.6.1.4.1.1466.115.121.1"
ATTRIBUTE_TYPES = (
    f"( 2.5.4.0 NAME 'objectClass' EQUALITY objectIdentifierMatch SYNTAX {_SYNTAX}.38 )",
    f"( 2.5.4.41 NAME 'name' EQUALITY caseIgnoreMatch SYNTAX {_SYNTAX}.15 )",
    "( 2.5.4.3 NAME ( 'cn' 'commonName' ) SUP name )",
    "( 2.5.4.4 NAME ( 'sn' 'surname' ) SUP name )",
    "( 2.5.4.11 NAME ( 'ou' 'organizationalUnitName' ) SUP name )",
    f"( 0.9.2342.19200300.100.1.1 NAME ( 'uid' 'userid' ) EQUALITY 2.5.13.2 SYNTAX {_SYNTAX}.15 )",
    f"( 0.9.2342.19200300.100.1.3 NAME 'mail' EQUALITY caseIgnoreIA5Match SYNTAX {_SYNTAX}.26 )",
    f"( 0.9.2342.19200300.100.1.60 NAME 'jpegPhoto' SYNTAX {_SYNTAX}.28 )",
    f"( 0.9.2342.19200300.100.1.25 NAME 'dc' EQUALITY caseIgnoreIA5Match SYNTAX {_SYNTAX}.26 SINGLE-VALUE )",
    f"( 2.5.4.35 NAME 'userPassword' EQUALITY octetStringMatch SYNTAX {_SYNTAX}.40 )",
    f"( 2.5.4.36 NAME 'userCertificate' EQUALITY certificateExactMatch SYNTAX {_SYNTAX}.8 )",
    f"( 2.5.4.49 NAME 'distinguishedName' EQUALITY distinguishedNameMatch SYNTAX {_SYNTAX}.12 )",
    "( 2.5.4.31 NAME 'member' SUP distinguishedName )",
    "( 1.2.3.4 NAME 'manager' SUP distinguishedName )",
    f"( 1.2.3.5 NAME 'gecos' EQUALITY caseExactIA5Match SYNTAX {_SYNTAX}.26 SINGLE-VALUE )",
    (
        "( 1.3.6.1.1.16.4 NAME 'entryUUID' EQUALITY UUIDMatch SYNTAX 1.3.6.1.1.16.1 SINGLE-VALUE"
        " NO-USER-MODIFICATION USAGE directoryOperation )"
    ),
)
OBJECT_CLASSES = (
    "( 2.5.6.0 NAME 'top' ABSTRACT MUST objectClass )",
    "( 2.5.6.6 NAME 'person' SUP top STRUCTURAL MUST ( sn $ cn ) MAY userPassword )",
    (
        "( 2.16.840.1.113730.3.2.2 NAME 'inetOrgPerson' SUP person STRUCTURAL"
        " MAY ( uid $ mail $ jpegPhoto $ manager $ userCertificate ) )"
    ),
    "( 2.5.6.9 NAME 'groupOfNames' SUP top STRUCTURAL MUST ( member $ commonName ) )",
    "( 1.2.3.9 NAME 'posixAccount' SUP top AUXILIARY MUST uid MAY gecos )",
    "( 1.3.6.1.4.1.1466.101.120.111 NAME 'extensibleObject' SUP top AUXILIARY )",
)


def small_schema(*attribute_types: str) -> Schema:
    """People and groups as RFC 4519 and RFC 2798 have them, in short; or with these attributes."""
    subentry = {
        "attributeTypes": [text.encode() for text in attribute_types or ATTRIBUTE_TYPES],
        "objectClasses": [text.encode() for text in OBJECT_CLASSES],
    }
    return Schema(subentry, behaviour=GENERIC, endpoint="connection lab")
