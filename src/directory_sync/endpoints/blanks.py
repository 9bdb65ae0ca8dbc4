"""Blanks: characters that no one sees. A value of nothing else is no value, and those around a name are no
part of it.

Which these are follows from how directories prepare texts before they compare them (RFC 4518, section 2.2):
what is mapped to a space there, or to nothing. Control characters are left out, for a value of these is
binary.
"""

from __future__ import annotations

_SPACES = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"  # noqa: E501
_INVISIBLE = (
    "\xad\u034f\u1806\u180b\u180c\u180d\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e"
    "\u2060\u2061\u2062\u2063\u2064\u206a\u206b\u206c\u206d\u206e\u206f\ufeff"
    # Letters without a shape, which people type where a form insists on a value.
    "\u115f\u1160\u2800\u3164\uffa0"
)
BLANKS = _SPACES + _INVISIBLE
"""All of them, for `str.strip`."""

_ASCII_BLANKS = b"\t\n\v\f\r "
SEEN_FIRST = tuple(octet not in {character.encode()[0] for character in BLANKS} for octet in range(256))
"""For each octet whether no blank begins with it: nearly all values are told by one look at their first one.
"""
SEEN_LAST = tuple(octet not in {character.encode()[-1] for character in BLANKS} for octet in range(256))
"""For each octet whether no blank ends with it."""


def is_blank(value: bytes) -> bool:
    """Whether a value is empty or holds blanks only."""
    if value and SEEN_FIRST[value[0]]:
        return False
    try:
        return not value.decode().strip(BLANKS)
    except UnicodeDecodeError:
        return False


def stripped(value: bytes) -> bytes:
    """The value without blanks at its ends; octets that are not UTF-8 lose blanks of ASCII only."""
    if value and SEEN_FIRST[value[0]] and SEEN_LAST[value[-1]]:
        return value
    try:
        return value.decode().strip(BLANKS).encode()
    except UnicodeDecodeError:
        return value.strip(_ASCII_BLANKS)
