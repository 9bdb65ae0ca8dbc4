"""The components of an LDAP filter (RFC 4511, section 4.5.1.7) as frozen data, and the text of a filter (RFC
4515).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

OID = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)"
"""A short name or a numeric object identifier (RFC 4512, section 1.4)."""
DESCRIPTION = rf"{OID}(?:;[A-Za-z0-9-]+)*"
"""An attribute description (RFC 4512, section 2.5)."""

_ATTRIBUTE = re.compile(DESCRIPTION)


@dataclass(frozen=True, slots=True)
class And:
    """All of them; without any it is true (RFC 4526)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of them; without any it is false (RFC 4526)."""

    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not this."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class Equality:
    """`(attribute=value)`."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Substrings:
    """`(attribute=initial*any*any*final)`; the first and last part may be absent."""

    attribute: str
    initial: bytes | None
    any: tuple[bytes, ...]
    final: bytes | None


@dataclass(frozen=True, slots=True)
class GreaterOrEqual:
    """`(attribute>=value)`."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class LessOrEqual:
    """`(attribute<=value)`."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Approx:
    """`(attribute~=value)`."""

    attribute: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Present:
    """`(attribute=*)`."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Extensible:
    """`(attribute:dn:rule:=value)`; attribute or rule may be absent, not both."""

    attribute: str | None
    rule: str | None
    value: bytes
    dn_attributes: bool = False


Item = Equality | Substrings | GreaterOrEqual | LessOrEqual | Approx | Present | Extensible
Filter = And | Or | Not | Item


def is_attribute(name: str) -> bool:
    """Whether a text is an attribute description (RFC 4512, section 2.5): a name or OID, with options."""
    return _ATTRIBUTE.fullmatch(name) is not None


def to_text(filter: Filter) -> str:
    """Write a filter so that `parse` reads the same one back."""
    match filter:
        case And(filters):
            return f"(&{''.join(map(to_text, filters))})"
        case Or(filters):
            return f"(|{''.join(map(to_text, filters))})"
        case Not(inner):
            return f"(!{to_text(inner)})"
        case Equality(attribute, value):
            return f"({attribute}={_escape(value)})"
        case Substrings(attribute, initial, middle, final):
            return f"({attribute}={'*'.join(_escape(part or b'') for part in (initial, *middle, final))})"
        case GreaterOrEqual(attribute, value):
            return f"({attribute}>={_escape(value)})"
        case LessOrEqual(attribute, value):
            return f"({attribute}<={_escape(value)})"
        case Approx(attribute, value):
            return f"({attribute}~={_escape(value)})"
        case Present(attribute):
            return f"({attribute}=*)"
        case Extensible(attribute, rule, value, dn_attributes):
            return f"({attribute or ''}{':dn' if dn_attributes else ''}{f':{rule}' if rule else ''}:={_escape(value)})"  # noqa: E501


def _escape(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return "".join(f"\\{byte:02x}" for byte in value)
    return "".join(f"\\{ord(c):02x}" if c in "()*\\" or ord(c) < 0x20 or ord(c) == 0x7F else c for c in text)


def items(filter: Filter) -> Iterator[Item]:
    """The parts of a filter that ask something of an object, from left to right."""
    match filter:
        case And(filters) | Or(filters):
            for inner in filters:
                yield from items(inner)
        case Not(inner):
            yield from items(inner)
        case _:
            yield filter


def attributes(filter: Filter) -> frozenset[str]:
    """The attributes that a filter asks about, lower case, without options."""
    names = (item.attribute for item in items(filter))
    return frozenset(name.lower().partition(";")[0] for name in names if name is not None)


def compared(filter: Filter) -> tuple[str | None, ...]:
    """The attributes whose values a filter compares, as it spells them; None stands for attributes of any
    name. Whether there is a value at all (`Present`) is no comparison.
    """
    return tuple(dict.fromkeys(item.attribute for item in items(filter) if not isinstance(item, Present)))
