"""Attribute syntaxes (RFC 4517, section 3.3; Microsoft's from MS-ADTS 3.1.1.2.2.2): what a value may look
like.

A check returns what is wrong with a value, as the end of a sentence that begins with the attribute, or None.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import ldap.dn

from directory_sync.endpoints.ldap import matching

Check = Callable[[bytes], str | None]

DIRECTORY_STRING = "1.3.6.1.4.1.1466.115.121.1.15"
DISTINGUISHED_NAME = "1.3.6.1.4.1.1466.115.121.1.12"
OCTET_STRING = "1.3.6.1.4.1.1466.115.121.1.40"
OBJECT_IDENTIFIER = "1.3.6.1.4.1.1466.115.121.1.38"


def shown(value: bytes) -> str:
    """The value as a message shows it: short, and with nothing that could trouble a terminal."""
    text = (
        ascii(value.decode(errors="replace"))
        if len(value) <= 60
        else ascii(value[:57].decode(errors="replace") + "…")
    )
    return text.replace("\\u2026", "…")


def anything(_value: bytes) -> str | None:
    """Octets of any kind, none too."""
    return None


def text(value: bytes) -> str | None:
    """Directory String: UTF-8, at least one character."""
    if not value:
        return "is an empty text, which the schema does not allow. Leave the value out."
    return text_or_nothing(value)


def text_or_nothing(value: bytes) -> str | None:
    """UTF-8, possibly empty."""
    try:
        value.decode()
    except UnicodeDecodeError:
        return f"is not UTF-8 text: {shown(value)}. Convert it at the source."
    return None


def ia5_text(value: bytes) -> str | None:
    """IA5 String: ASCII, possibly empty."""
    if not value.isascii():
        return f"holds characters outside of ASCII: {shown(value)}. The schema allows only ASCII here."
    return None


def _matching(pattern: bytes, what: str) -> Check:
    compiled = re.compile(pattern)

    def check(value: bytes) -> str | None:
        return None if compiled.fullmatch(value) else f"is {shown(value)}, but must be {what}."

    return check


def distinguished_name(value: bytes) -> str | None:
    """DN (RFC 4514)."""
    try:
        ldap.dn.str2dn(value.decode())
    except (UnicodeDecodeError, ldap.DECODING_ERROR):
        return f"is {shown(value)}, but must be the DN of an object, such as cn=name,dc=example."
    return None


def generalized_time(value: bytes) -> str | None:
    """Generalized Time."""
    if matching.is_generalized_time(value):
        return None
    return f"is {shown(value)}, but must be a time such as 20261231235959Z."


@dataclass(frozen=True, slots=True)
class Syntax:
    """What a syntax means for us.

    Attributes:
        check: says what is wrong with a value.
        binary: values are not text.
        normalise: what makes two values the same where the schema names no equality rule (Active Directory).
        canonical: the only way to write a value, where there is only one.
    """

    check: Check
    binary: bool = False
    normalise: matching.Normalise = matching.exact
    canonical: matching.Normalise = matching.exact


_PRINTABLE = rb"[A-Za-z0-9'()+,\-./:? =]+"
_STANDARD = "1.3.6.1.4.1.1466.115.121.1."
_MICROSOFT = "1.2.840.113556.1.4."
TRANSFERRED_AS_BINARY = frozenset(_STANDARD + number for number in ("8", "9", "10", "49"))
"""Certificates, their lists and pairs, and supported algorithms: written with the option `;binary` only (RFC
4523, section 2).
"""
_whole_number = _matching(rb"-?(0|[1-9]\d*)", "a whole number, such as 200")
_INTEGER = Syntax(_whole_number, normalise=matching.integer, canonical=matching.integer)

SYNTAXES: dict[str, Syntax] = {
    _STANDARD + "4": Syntax(anything, binary=True),  # Audio
    _STANDARD + "5": Syntax(anything, binary=True),  # Binary
    _STANDARD + "6": Syntax(_matching(rb"'[01]*'B", "a bit string such as '0101'B")),
    _STANDARD + "7": Syntax(
        _matching(rb"TRUE|FALSE", "TRUE or FALSE"), normalise=matching.boolean, canonical=matching.boolean
    ),
    _STANDARD + "8": Syntax(anything, binary=True),  # Certificate
    _STANDARD + "9": Syntax(anything, binary=True),  # Certificate List
    _STANDARD + "10": Syntax(anything, binary=True),  # Certificate Pair
    _STANDARD + "11": Syntax(
        _matching(rb"[A-Za-z0-9'()+,\-./:? =]{2}", "a country code of two letters, such as DE")
    ),
    DISTINGUISHED_NAME: Syntax(distinguished_name),
    DIRECTORY_STRING: Syntax(text, normalise=matching.case_ignore),
    _STANDARD + "22": Syntax(anything),  # Facsimile Telephone Number
    _STANDARD + "23": Syntax(anything, binary=True),  # Fax
    _STANDARD + "24": Syntax(generalized_time, normalise=matching.generalized_time),
    _STANDARD + "26": Syntax(ia5_text, normalise=matching.case_exact),
    _STANDARD + "27": _INTEGER,
    _STANDARD + "28": Syntax(anything, binary=True),  # JPEG
    _STANDARD + "36": Syntax(_matching(rb"[0-9 ]+", "digits and spaces"), normalise=matching.numeric_string),
    OBJECT_IDENTIFIER: Syntax(
        _matching(rb"[A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)+", "a name or an object identifier")
    ),
    OCTET_STRING: Syntax(anything, binary=True),
    _STANDARD + "41": Syntax(text_or_nothing, normalise=matching.case_ignore),  # Postal Address
    _STANDARD + "43": Syntax(anything),  # Presentation Address
    _STANDARD + "44": Syntax(
        _matching(_PRINTABLE, "text of letters, digits and '()+,-./:? only"), normalise=matching.case_exact
    ),
    _STANDARD + "49": Syntax(anything, binary=True),  # Supported Algorithm
    _STANDARD + "50": Syntax(
        _matching(_PRINTABLE, "a telephone number of digits, spaces and '()+,-./:? only")
    ),
    _STANDARD + "53": Syntax(_matching(rb"\d{10}(\d\d)?(Z|[+-]\d{4})?", "a time such as 261231235959Z")),
    "1.3.6.1.1.16.1": Syntax(_matching(rb"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", "a UUID")),
    _MICROSOFT + "903": Syntax(anything),  # DN with binary
    _MICROSOFT + "904": Syntax(anything),  # DN with string
    _MICROSOFT + "905": Syntax(text, normalise=matching.case_ignore),  # Case-ignore string (teletex)
    _MICROSOFT + "906": _INTEGER,  # Large integer
    _MICROSOFT + "907": Syntax(anything, binary=True),  # Security descriptor
}
UNKNOWN = Syntax(anything)
"""What counts for a syntax that is not in the table: nothing is refused, and only equal octets are the same.
"""
