"""What a file is that is not what it was taken for, told by its first octets; for messages only."""

from __future__ import annotations

import codecs
from functools import lru_cache, partial

LOOKED_AT = 4096
"""Octets at the beginning of a file that are looked at."""
_MOST_OF_THE_UPPER_HALF = 100

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (codecs.BOM_UTF8, "utf-8"),
)
_OTHER_FILES = (
    (b"\x1f\x8b", "The file is compressed (gzip). Unpack it first."),
    (
        b"PK\x03\x04",
        "The file is an Excel workbook or a zip archive. Export the data as text, or unpack it first.",
    ),
    (b"\xd0\xcf\x11\xe0", "The file is an Excel workbook of an old version. Export the data as text."),
    (b"%PDF", "The file is a PDF document. Export the data as text."),
)


def other_file(head: bytes) -> str:
    """What to do about a file that is no text at all; empty if that is not known."""
    return next((advice for start, advice in _OTHER_FILES if head.startswith(start)), "")


def marked_encoding(head: bytes) -> str:
    """The encoding that the file's byte order mark says; empty without a mark."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), "")


def unmarked_encoding(head: bytes) -> str:
    """UTF-16 without a mark, as far as that can be guessed; else empty."""
    nulls, even = head.count(0), head[0::2].count(0)
    # A zero in every other octet, wherever the letters are those of Western languages.
    if nulls > len(head) // 3 and even in (0, nulls):
        return "utf-16-be" if even else "utf-16-le"
    return ""


@lru_cache
def has_one_octet_per_character(encoding: str) -> bool:
    """Whether nearly any octet is a character of an encoding, so that a wrong encoding is no error (cp1252,
    latin-1).
    """
    return sum(map(partial(_is_character, encoding), range(0x80, 0x100))) > _MOST_OF_THE_UPPER_HALF


def _is_character(encoding: str, octet: int) -> bool:
    try:
        return len(bytes([octet]).decode(encoding)) == 1
    except UnicodeError:
        return False


def is_utf_8(text: str, encoding: str) -> bool:
    """Whether a text that was read by an encoding is UTF-8 in truth."""
    try:
        text.encode(encoding).decode("utf-8")
    except UnicodeError:
        return False
    return True
