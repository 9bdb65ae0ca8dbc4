"""When two attribute values are the same: matching rules (RFC 4517, section 4.2) and string preparation (RFC
4518).

A normalised form that is finer than the server's rule only costs a needless write; one that is coarser would
hide a difference. So where servers and RFC disagree (`ß` and `ss`, say), the finer reading counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from unicodedata import ucd_3_2_0

Normalise = Callable[[bytes], bytes]

_SEVERAL_SPACES = re.compile(b"  +")
_GENERALIZED_TIME = re.compile(rb"(\d{10})(\d\d)?(\d\d)?(?:[.,](\d{1,20}))?(Z|[+-]\d{2}(?:\d{2})?)")
_INTEGER = re.compile(rb"[+-]?[0-9]+")
_BLANKS = b" \t\r\n"


def exact(value: bytes) -> bytes:
    """Octet by octet (octetStringMatch), and everything of which nothing is known."""
    return value


def _squashed(value: bytes) -> bytes:
    """Insignificant spaces removed: none at the ends, one inside (RFC 4518, section 2.6.1)."""
    stripped = value.strip(b" ")
    if not stripped and value:
        return b" "
    return _SEVERAL_SPACES.sub(b" ", stripped) if b"  " in stripped else stripped


@lru_cache(maxsize=4096)
def _lower(character: str) -> str:
    """The small letter, as far as Unicode 3.2 knows one, on which RFC 4518 is based (section 2)."""
    lowered = character.lower()
    known = len(lowered) == 1 and ucd_3_2_0.category(character) != "Cn" != ucd_3_2_0.category(lowered)
    return lowered if known else character


def case_ignore(value: bytes) -> bytes:
    """Without regard to case: caseIgnoreMatch and its relatives."""
    if value.isascii():
        return _squashed(value.lower())
    try:
        # Character by character: str.lower() looks at neighbours (final sigma), servers do not.
        text = ucd_3_2_0.normalize("NFKC", "".join(map(_lower, ucd_3_2_0.normalize("NFKD", value.decode()))))
    except UnicodeDecodeError:
        return value
    return _squashed(text.encode())


def case_exact(value: bytes) -> bytes:
    """With regard to case: caseExactMatch and its relatives."""
    if value.isascii():
        return _squashed(value)
    try:
        return _squashed(ucd_3_2_0.normalize("NFKC", value.decode()).encode())
    except UnicodeDecodeError:
        return value


def numeric_string(value: bytes) -> bytes:
    """numericStringMatch: spaces do not count."""
    return value.replace(b" ", b"")


def telephone_number(value: bytes) -> bytes:
    """telephoneNumberMatch: spaces and hyphens do not count."""
    return value.replace(b" ", b"").replace(b"-", b"").lower()


def integer(value: bytes) -> bytes:
    """integerMatch: the same number; servers know it only without leading zeros, plus sign and blanks (RFC
    4517, 3.3.16).
    """
    number = value.strip(_BLANKS)
    if not _INTEGER.fullmatch(number):
        return value
    digits = number.lstrip(b"+-").lstrip(b"0")
    return (b"-" if number.startswith(b"-") and digits else b"") + (digits or b"0")


def boolean(value: bytes) -> bytes:
    """booleanMatch: TRUE and FALSE, however they are written."""
    upper = value.strip(_BLANKS).upper()
    return upper if upper in (b"TRUE", b"FALSE") else value


def generalized_time(value: bytes) -> bytes:
    """generalizedTimeMatch: the same moment, whatever the time zone and the trailing zeros (RFC 4517, section
    3.3.13).
    """
    found = _moment(value)
    if found is None:
        return value
    moment, fraction = found
    # strftime does not pad years before 1000 on every platform.
    return f"{moment.year:04}{moment:%m%d%H%M%S}".encode() + (b"." + fraction if fraction else b"") + b"Z"


def is_generalized_time(value: bytes) -> bool:
    """Whether a value is a time by RFC 4517, section 3.3.13."""
    return _moment(value) is not None


def _moment(value: bytes) -> tuple[datetime, bytes] | None:
    """The moment in UTC to the second, and the digits of the fraction of that second without trailing
    zeros.
    """
    match = _GENERALIZED_TIME.fullmatch(value)
    if match is None:
        return None
    hour, minute, second, fraction, zone = match.groups()
    # A leap second is allowed, but no datetime can hold it.
    second = b"59" if second == b"60" else second
    try:
        moment = datetime.strptime(
            (hour + (minute or b"00") + (second or b"00")).decode(), "%Y%m%d%H%M%S"
        ).replace(tzinfo=UTC)
        if not fraction:
            return moment - _offset(zone), b""
        # The fraction is one of the last unit that is written.
        unit = 1 if second is not None else 60 if minute is not None else 3600
        whole, part = divmod(int(fraction) * unit, 10 ** len(fraction))
        return moment - _offset(zone) + timedelta(seconds=whole), (b"%0*d" % (len(fraction), part)).rstrip(
            b"0"
        )
    except (ValueError, OverflowError):
        return None


def _offset(zone: bytes) -> timedelta:
    if zone == b"Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[3:5] or b"0")
    sign = -1 if zone.startswith(b"-") else 1
    return sign * timedelta(hours=hours, minutes=minutes)


RULES: dict[str, Normalise] = {
    "bitStringMatch": exact,
    "booleanMatch": boolean,
    "caseExactIA5Match": case_exact,
    "caseExactMatch": case_exact,
    "caseIgnoreIA5Match": case_ignore,
    "caseIgnoreListMatch": case_ignore,
    "caseIgnoreMatch": case_ignore,
    "generalizedTimeMatch": generalized_time,
    "integerMatch": integer,
    "numericStringMatch": numeric_string,
    "octetStringMatch": exact,
    "telephoneNumberMatch": telephone_number,
    "UUIDMatch": lambda value: value.lower(),
}
"""Normalised forms by equality matching rule. Rules that need the schema (DNs, OIDs) are in `schema`."""

RULE_NAMES = {
    "2.5.13.0": "objectIdentifierMatch",
    "2.5.13.1": "distinguishedNameMatch",
    "2.5.13.2": "caseIgnoreMatch",
    "2.5.13.5": "caseExactMatch",
    "2.5.13.8": "numericStringMatch",
    "2.5.13.11": "caseIgnoreListMatch",
    "2.5.13.13": "booleanMatch",
    "2.5.13.14": "integerMatch",
    "2.5.13.16": "bitStringMatch",
    "2.5.13.17": "octetStringMatch",
    "2.5.13.20": "telephoneNumberMatch",
    "2.5.13.23": "uniqueMemberMatch",
    "2.5.13.27": "generalizedTimeMatch",
    "1.3.6.1.1.16.2": "UUIDMatch",
    "1.3.6.1.4.1.1466.109.114.1": "caseExactIA5Match",
    "1.3.6.1.4.1.1466.109.114.2": "caseIgnoreIA5Match",
}
"""Names of the rules that a schema may give by their object identifier."""
