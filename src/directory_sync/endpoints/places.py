"""What names a place that jobs write to: a naming context of a directory, or a file. Equal names are one
place.

A naming context is told by what names its top object permanently, through whichever connection and replica.
Where that cannot be read, the server's address stands in for it, and the place is uncertain: through another
connection it may have another name.
"""

from __future__ import annotations

import re

_UUID = r"[0-9a-fA-F-]{32,36}"
_CERTAIN = re.compile(rf"ldap:(?P<context>.*)#(?:{_UUID}|(?:{_UUID})?~.+)", re.DOTALL)
_UNCERTAIN = re.compile(r"ldap:(?P<context>.*)@[^@]*:\d+", re.DOTALL)


def directory_place(context: str, unique: str | None, *, address: str, instance: str = "") -> str:
    """The name of a naming context.

    Args:
        context: its normalised DN.
        unique: what names its top object permanently, as hexadecimal digits and hyphens; None if that cannot
            be read.
        address: host and port of the server.
        instance: tells this server from a copy with the same data.
    """
    if instance:
        return f"ldap:{context}#{unique or ''}~{instance}"
    return f"ldap:{context}@{address}" if unique is None else f"ldap:{context}#{unique}"


def is_certain(place: str) -> bool:
    """Whether the name of a place is the same through every connection."""
    return _CERTAIN.fullmatch(place) is not None or _UNCERTAIN.fullmatch(place) is None


def may_be_one(one: str, other: str) -> bool:
    """Whether two names may be of one place: they are equal, or of the same context, and one of them is
    uncertain.
    """
    return one == other or (
        not (is_certain(one) and is_certain(other)) and _context(one) == _context(other) != ""
    )


def _context(place: str) -> str:
    found = _CERTAIN.fullmatch(place) or _UNCERTAIN.fullmatch(place)
    return found["context"] if found else ""
