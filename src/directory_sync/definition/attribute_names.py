"""Attributes by whichever of their usual names, without a server's schema."""

from __future__ import annotations

_ONE_TYPE = {
    alias: name
    for name, *aliases in (
        ("objectclass", "2.5.4.0"),
        ("cn", "commonname", "2.5.4.3"),
        ("sn", "surname", "2.5.4.4"),
        ("serialnumber", "2.5.4.5"),
        ("c", "countryname", "2.5.4.6"),
        ("l", "localityname", "2.5.4.7"),
        ("st", "stateorprovincename", "2.5.4.8"),
        ("street", "streetaddress", "2.5.4.9"),
        ("o", "organizationname", "2.5.4.10"),
        ("ou", "organizationalunitname", "2.5.4.11"),
        ("title", "2.5.4.12"),
        ("uid", "userid", "0.9.2342.19200300.100.1.1"),
        ("mail", "rfc822mailbox", "0.9.2342.19200300.100.1.3"),
        ("dc", "domaincomponent", "0.9.2342.19200300.100.1.25"),
        ("email", "emailaddress", "e", "1.2.840.113549.1.9.1"),
    )
    for alias in aliases
}
"""Other names of the attributes that name entries, and of their classes (RFC 4512, RFC 4519, RFC 4524) → the
usual one, lower case.
"""


def one_type(type_: str) -> str:
    """The one lower-case name of an attribute type, whichever of its usual names is given."""
    lower = type_.lower()
    return _ONE_TYPE.get(lower, lower)
