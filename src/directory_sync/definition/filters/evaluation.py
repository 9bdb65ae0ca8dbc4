"""Whether an object that we hold in memory is selected by a filter, in the three-valued logic of RFC 4511,
section 4.5.1.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from directory_sync.definition.filters.tree import (
    And,
    Approx,
    Equality,
    Extensible,
    Filter,
    GreaterOrEqual,
    LessOrEqual,
    Not,
    Or,
    Present,
    Substrings,
)

BIT_AND = "1.2.840.113556.1.4.803"
"""All bits of the assertion are set (Active Directory, [MS-ADTS] 3.1.1.3.4.4.1)."""
BIT_OR = "1.2.840.113556.1.4.804"
"""At least one bit of the assertion is set ([MS-ADTS] 3.1.1.3.4.4.2)."""

Normalise = Callable[[str, bytes], bytes]


def matches(filter: Filter, values: Mapping[str, Sequence[bytes]], normalise: Normalise) -> bool | None:
    """Whether an object with these values is selected: true, false, or None for Undefined (RFC 4511, section
    4.5.1.7).

    Args:
        filter: the filter.
        values: attribute in lower case, with its options → values. An attribute that is not there has no
            values. The classes above an object's classes have to be listed in `objectclass` where a filter
            shall find them.
        normalise: gives, for an attribute in lower case and a value, the form in which equal values are equal
            bytes; raises ValueError for a value that the attribute cannot have.
    """
    match filter:
        case And(filters):
            return _all(matches(inner, values, normalise) for inner in filters)
        case Or(filters):
            return _negate(_all(_negate(matches(inner, values, normalise)) for inner in filters))
        case Not(inner):
            return _negate(matches(inner, values, normalise))
        case Present(attribute):
            return bool(_held(attribute, values))
        case Substrings():
            return _match_substrings(filter, values, normalise)
        case Extensible():
            return _match_extensible(filter, values, normalise)
        case _:
            return _match_value(filter, values, normalise)


def _match_value(
    filter: Equality | GreaterOrEqual | LessOrEqual | Approx,
    values: Mapping[str, Sequence[bytes]],
    normalise: Normalise,
) -> bool | None:
    if isinstance(filter, GreaterOrEqual):
        return _compare(filter, values, normalise, lambda held, asked: not _less(held, asked))
    if isinstance(filter, LessOrEqual):
        return _compare(filter, values, normalise, lambda held, asked: not _less(asked, held))
    equal = _compare(filter, values, normalise, bytes.__eq__)
    if isinstance(filter, Approx) and equal is False and _held(filter.attribute, values):
        # What is equal is surely alike; what else is alike, each server decides for itself.
        return None
    return equal


def _match_extensible(
    filter: Extensible, values: Mapping[str, Sequence[bytes]], normalise: Normalise
) -> bool | None:
    if filter.attribute is None or filter.dn_attributes:
        return None
    if filter.rule is None:
        return _compare(Equality(filter.attribute, filter.value), values, normalise, bytes.__eq__)
    return _match_bits(filter.rule, filter.value, _held(filter.attribute, values))


def _all(results: Iterator[bool | None]) -> bool | None:
    undefined = False
    for result in results:
        if result is False:
            return False
        undefined = undefined or result is None
    return None if undefined else True


def _negate(result: bool | None) -> bool | None:
    return None if result is None else not result


def _held(attribute: str, values: Mapping[str, Sequence[bytes]]) -> list[bytes]:
    """The values of an attribute and of its subtypes with more options (RFC 4512, section 2.5.2)."""
    name, *options = attribute.lower().split(";")
    held: list[bytes] = []
    for other, found in values.items():
        other_name, *other_options = other.split(";")
        if other_name == name and set(options) <= set(other_options):
            held.extend(found)
    return held


def _compare(
    filter: Equality | GreaterOrEqual | LessOrEqual | Approx,
    values: Mapping[str, Sequence[bytes]],
    normalise: Normalise,
    accept: Callable[[bytes, bytes], bool],
) -> bool | None:
    held = _held(filter.attribute, values)
    name = filter.attribute.lower()
    try:
        wanted = normalise(name, filter.value)
        return any(accept(normalise(name, value), wanted) for value in held)
    except ValueError:
        return None


_INTEGER = re.compile(rb"-?[0-9]{1,4000}")


def _less(one: bytes, other: bytes) -> bool:
    if _INTEGER.fullmatch(one) and _INTEGER.fullmatch(other):
        return int(one) < int(other)
    return one < other


def _match_bits(rule: str, value: bytes, held: Sequence[bytes]) -> bool | None:
    if rule not in (BIT_AND, BIT_OR) or not all(_INTEGER.fullmatch(number) for number in (value, *held)):
        return None
    mask = int(value)
    if rule == BIT_AND:
        return any(int(number) & mask == mask for number in held)
    return any(int(number) & mask != 0 for number in held)


def _match_substrings(
    filter: Substrings, values: Mapping[str, Sequence[bytes]], normalise: Normalise
) -> bool | None:
    name = filter.attribute.lower()
    try:
        initial, *middle, final = (
            _normalise_part(part, name, normalise)
            for part in (filter.initial or b"", *filter.any, filter.final or b"")
        )
        held = [normalise(name, value) for value in _held(filter.attribute, values)]
    except ValueError:
        return None
    return any(_holds_parts(value, initial, middle, final) for value in held)


def _normalise_part(part: bytes, name: str, normalise: Normalise) -> bytes:
    """Normalise a piece of a value so that blanks at its ends, which are inside the whole value, are not
    taken for outer ones.
    """
    if not part:
        return b""
    wrapped = normalise(name, b"x" + part + b"x")
    if wrapped[:1] == wrapped[-1:] == b"x" and len(wrapped) >= 2:
        return wrapped[1:-1]
    return normalise(name, part)


def _holds_parts(value: bytes, initial: bytes, middle: Sequence[bytes], final: bytes) -> bool:
    if not value.startswith(initial):
        return False
    at = len(initial)
    for part in middle:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - at >= len(final) and value.endswith(final)
