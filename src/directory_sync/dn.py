"""Distinguished names (RFC 4514): taken apart and put together, always by the library, never by splitting at
commas.

When two names are the same is told by `endpoints/dn_names.py`, which knows how values are compared.
python-ldap is loaded when it is needed: importing it takes longer than all else that a task needs to find its
definition.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from string import whitespace
from typing import Any, NamedTuple

SPECIAL = re.compile(r'[\\"+;<>#\x00]')
"""Characters that make a piece of a DN something other than what it looks like."""
PLAIN_RDN = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*([^\s=,](?:[^=,]*[^\s=,])?)\s*", re.ASCII)
"""An RDN of one attribute, blanks around its parts included, in a DN without `SPECIAL` characters."""
_SIMPLE_RDN = r"[A-Za-z][A-Za-z0-9-]*=[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9._-])?"
_SIMPLE_DN = re.compile(f"{_SIMPLE_RDN}(,{_SIMPLE_RDN})*")
"""Without anything that would have to be escaped, and without blanks around signs: nearly every DN of a
definition.
"""

MAX_DN = 8_000
"""Characters of a DN in a definition."""

Comparable = tuple[frozenset[tuple[str, str]], ...]


class Ava(NamedTuple):
    """One attribute and value of an RDN: text, or the hexadecimal digits of a BER-encoded value (`#04…`)."""

    attribute: str
    value: str
    hexadecimal: bool = False


Rdn = tuple[Ava, ...]


class NameSyntaxError(ValueError):
    """A text is not a DN."""


@cache
def _library() -> Any:
    import ldap
    import ldap.dn

    return ldap


def parse(dn: str) -> list[Rdn]:
    """Take a DN apart, leaf first. Raises NameSyntaxError."""
    ldap = _library()
    try:
        parts = ldap.dn.str2dn(dn)
    except (ldap.DECODING_ERROR, UnicodeError, ValueError) as error:
        # ValueError: a NUL character, which the C library cannot be given.
        raise NameSyntaxError(f"{dn!r} is not a DN") from error
    binary = ldap.AVA_BINARY
    return [tuple(_ava(name, value, flags & binary) for name, value, flags in rdn) for rdn in parts]


def _ava(attribute: str, value: str | None, binary: int) -> Ava:
    if binary:
        return Ava(attribute, (value or "").encode().hex(), hexadecimal=True)
    return Ava(attribute, value or "")


def naming(dn: str) -> Rdn:
    """The RDN of a DN, taken apart; empty for the empty DN. Raises NameSyntaxError."""
    if not SPECIAL.search(dn):
        match = PLAIN_RDN.fullmatch(dn.partition(",")[0])
        if match is not None:
            return (Ava(match[1], match[2]),)
    parts = parse(dn)
    return parts[0] if parts else ()


def naming_values(dn: str) -> list[tuple[str, bytes]]:
    """Attributes and values of the RDN, as far as they are text; none of what is no DN."""
    try:
        rdn = naming(dn)
    except NameSyntaxError:
        return []
    return [(ava.attribute, ava.value.encode()) for ava in rdn if ava.value and not ava.hexadecimal]


def format_rdn(rdn: Sequence[Ava]) -> str:
    """Write an RDN so that `parse` reads the same one back."""
    return "+".join(
        f"{ava.attribute}={'#' + ava.value if ava.hexadecimal else escaped(ava.value)}" for ava in rdn
    )


def escaped(value: str) -> str:
    """A value as it is written in a DN."""
    if value.isalnum():
        return value
    # Line breaks are legal in a DN, but would tear messages and file formats apart.
    return re.sub(
        r"[\x01-\x1f\x7f]", lambda match: f"\\{ord(match[0]):02X}", str(_library().dn.escape_dn_chars(value))
    )


def split(dn: str) -> tuple[str, str]:
    """A DN as (RDN, parent), each in its original spelling where that is safe. Raises NameSyntaxError."""
    if not SPECIAL.search(dn):
        rdn, _, parent = dn.partition(",")
        if PLAIN_RDN.fullmatch(rdn):
            # Only ASCII blanks are insignificant around the parts; a no-break space belongs to the value.
            return rdn.strip(whitespace), parent.strip(whitespace)
    parts = parse(dn)
    if not parts:
        raise NameSyntaxError("the empty DN has no RDN")
    return format_rdn(parts[0]), ",".join(map(format_rdn, parts[1:]))


def join(rdn: str, parent: str) -> str:
    """The DN of an object in a container."""
    return f"{rdn},{parent}" if parent else rdn


def parent_of(dn: str) -> str | None:
    """The container's DN; None above the top."""
    try:
        return split(dn)[1] or None
    except NameSyntaxError:
        return None


def depth(dn: str) -> int:
    """The number of RDNs. Raises NameSyntaxError."""
    return len(parse(dn))


def rebased(dn: str, old: str, new: str) -> str:
    """The DN of what is at or below `old` after that was renamed to `new`. Raises NameSyntaxError."""
    below = len(parse(dn)) - len(parse(old))
    return ",".join(map(format_rdn, [*parse(dn)[:below], *parse(new)])) if below else new


@lru_cache(maxsize=1024)
def comparable(text: str) -> Comparable | None:
    """A DN in a form in which spelling does not matter, as far as no schema is needed; None if it is none."""
    if _SIMPLE_DN.fullmatch(text):
        pairs = (rdn.partition("=") for rdn in text.split(","))
        return tuple(frozenset({(name.lower(), _folded(value))}) for name, _, value in pairs)
    return _comparable_any(text)


def _comparable_any(text: str) -> Comparable | None:
    try:
        parsed = parse(text)
    except NameSyntaxError:
        return None
    return tuple(
        frozenset(
            (ava.attribute.lower(), f"#{ava.value}" if ava.hexadecimal else _folded(ava.value)) for ava in rdn
        )
        for rdn in parsed
    )


def inside(dn: Comparable, container: Comparable) -> bool:
    """Whether an object is the container or below it."""
    return dn[len(dn) - len(container) :] == container if len(dn) >= len(container) else False


def _folded(value: str) -> str:
    return " ".join(value.split()).casefold()
