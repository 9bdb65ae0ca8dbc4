"""Makes texts that come from elsewhere harmless for a terminal, and values readable.

Every text output of the command and every task log goes through here: a directory's value may hold escape
sequences that clear the screen, hide text, or answer back into the shell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

# Control characters (C0, DEL, C1: ECMA-48), line separators, and invisible characters that reorder or hide
# text (Unicode bidirectional controls, format characters, tags), lone surrogates. Joiners (U+200C, U+200D)
# stay: scripts and emoji need them.
_HARMFUL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}

_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")

VALUE_SEPARATOR = " | "
"""Between two values of one field."""


def printable(text: str) -> str:
    r"""Return the text on one line, with everything that a terminal might obey spelled out (`\n`, `\x1b`,
    `\u202e`).
    """
    return _HARMFUL.sub(_escaped, text)


def printable_lines(text: str) -> str:
    """As `printable`, but line breaks stay; further lines are indented, so that no text can pass for a
    message of its own.
    """
    return "\n  ".join(printable(line) for line in text.splitlines())


def printable_value(value: bytes) -> str:
    """One value for people: text where it is text, else its size."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return f"<{len(value)} bytes>"
    return f"<{len(value)} bytes>" if "\0" in text else printable(text)


def printable_values(values: Sequence[bytes]) -> str:
    """All values of one field for people, on one line."""
    return VALUE_SEPARATOR.join(map(printable_value, values))


def printable_json(data: Any, *, indent: int | None = None) -> str:
    """JSON that reads back as the same data and is harmless in a terminal too."""
    return _HARMFUL.sub(_json_escaped, json.dumps(data, ensure_ascii=False, indent=indent))


def storable(text: str) -> str:
    """Replace what PostgreSQL refuses in text: NUL (which Active Directory ends its messages with) and lone
    surrogates.
    """
    return _NOT_STORABLE.sub("\N{REPLACEMENT CHARACTER}", text) if _NOT_STORABLE.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _json_escaped(match: re.Match[str]) -> str:
    # Within strings json.dumps has escaped the line breaks already; those that are left are the
    # indentation's.
    return match[0] if match[0] == "\n" else json.dumps(match[0])[1:-1]
