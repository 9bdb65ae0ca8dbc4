"""Reading LDIF content records (RFC 2849), with line numbers and without trusting the file.

Not python-ldap's `ldif`: it takes change records for entries, drops values at URLs without a word, decodes broken base64 to
something, and does not tell a file that was cut off from a whole one. Each of these would end in wrong deletes here.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from directory_sync.endpoints.files import names
from directory_sync.errors import EndpointError, IncompleteListing

MAX_LINE = 64 * 1024 * 1024
"""Bytes in one line of the file."""

_ATTRIBUTE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]*(?:;[A-Za-z0-9_-]+)*\Z")


@dataclass(slots=True)
class Entry:
    """One content record, or a block of comments.

    Attributes:
        line: number of its first line, from 1.
        raw: its bytes as they stand in the file, without the version line, blank lines behind it included.
        dn: None for comments only; `line N` if the name cannot be read.
        named: whether the name can be read.
        attributes: as the file spells them → values; spellings of one attribute are put together.
        problem: why the record cannot be used; then `attributes` holds what could be read.
    """

    line: int
    raw: bytes = b""
    dn: str | None = None
    attributes: dict[str, list[bytes]] = field(default_factory=dict)
    problem: str = ""
    named: bool = False

    def values(self, name: str) -> list[bytes]:
        """The values of an attribute, whatever its spelling."""
        lower = name.lower()
        return next((values for held, values in self.attributes.items() if held.lower() == lower), [])


def read_entries(stream: BinaryIO, label: str) -> Iterator[Entry]:
    """Yield all blocks of a file.

    Raises IncompleteListing for a file that is empty or cut off, EndpointError for one of change records. A record that cannot be
    read has a `problem` instead.
    """
    block: list[bytes] = []
    first, number = 1, 0
    line = b""
    ended = False
    try:
        while line := stream.readline(MAX_LINE):
            number += 1
            if not line.endswith(b"\n"):
                raise _cut_off(number, label, too_long=len(line) >= MAX_LINE)
            blank = line in (b"\n", b"\r\n")
            if ended and not blank:
                yield from _entry(block, first, label)
                block, first, ended = [], number, False
            block.append(line)
            # Blank lines belong to the block before them; those at the start of the file begin the first one.
            ended = blank and any(held not in (b"\n", b"\r\n") for held in block)
    except OSError as error:
        raise IncompleteListing(
            f"the file could not be read to its end ({error.strerror}).",
            endpoint=label,
            remedy="See that disk or network drive is in order.",
        ) from None
    if number == 0:
        raise IncompleteListing(
            "the file is empty.", endpoint=label, remedy="A file without entries holds at least the line version: 1."
        )
    yield from _entry(block, first, label)


def _entry(block: list[bytes], first: int, label: str) -> Iterator[Entry]:
    raw = list(block)
    lines = _logical_lines(block, first)
    if lines and lines[0][1].lower().startswith(b"version:"):
        number, version = lines.pop(0)
        if version[8:].strip() != b"1":
            raise EndpointError(
                f"line {number}: only version 1 of LDIF is known.", endpoint=label, remedy="Export the data again."
            )
        del raw[number - first]
    entry = Entry(lines[0][0] if lines else first, b"".join(raw))
    if lines:
        _fill(entry, lines, label)
    if lines or entry.raw.strip():
        yield entry


def _logical_lines(block: list[bytes], first: int) -> list[tuple[int, bytes]]:
    """Unfold lines that continue with a space, and leave comments out."""
    pieces: list[tuple[int, list[bytes]]] = []
    for number, line in enumerate(block, first):
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        if text.startswith(b" ") and pieces:
            pieces[-1][1].append(text[1:])
        elif text:
            pieces.append((number, [text]))
    return [(number, b"".join(parts)) for number, parts in pieces if not parts[0].startswith(b"#")]


def _fill(entry: Entry, lines: list[tuple[int, bytes]], label: str) -> None:
    number, text = lines[0]
    name, value, problem = _value(text)
    if name.lower() != "dn":
        entry.problem = f"{label}, line {number}: an entry begins with dn:, not with this. Correct the entry."
        entry.dn = f"line {number}"
    else:
        entry.dn, wrong = _name(value, problem)
        if wrong:
            entry.problem = f"{label}, line {number}: {wrong}. Correct the entry's dn:."
            entry.dn = f"line {number}"
    entry.named = not entry.problem
    spelled: dict[str, str] = {}
    for place, (number, text) in enumerate(lines[1:]):
        name, value, problem = _value(text)
        lower = name.lower()
        if place == 0 and lower in ("changetype", "control"):
            raise EndpointError(
                f"line {number}: this file holds changes, not entries.",
                endpoint=label,
                remedy="Apply them with ldapmodify; a job needs an export of entries (content records).",
            )
        if problem:
            entry.problem = entry.problem or f"{label}, line {number}: {problem}"
            # What the attribute holds is not known as a whole, so none of its values is passed on.
            entry.attributes.pop(spelled.setdefault(lower, name), None)
            spelled[lower] = ""
        elif spelled.setdefault(lower, name):
            entry.attributes.setdefault(spelled[lower], []).append(value)


def _name(value: bytes, problem: str) -> tuple[str, str]:
    if problem:
        return "", problem.rstrip(".")
    try:
        dn = value.decode()
        parsed = names.parse(dn)
    except UnicodeDecodeError:
        return "", "the DN is not UTF-8"
    except ValueError as error:
        return "", str(error)
    if not parsed:
        # The root of a directory: renaming or moving it would take every other entry along.
        return "", "the DN is empty, and only the root of a directory has no name"
    return dn, ""


def _value(text: bytes) -> tuple[str, bytes, str]:
    """Name, value and what is wrong with a line."""
    name, colon, rest = text.partition(b":")
    if not colon or not _ATTRIBUTE.match(name):
        return "", b"", "a line is NAME: VALUE, and this one is not. Correct it, or put a # in front."
    attribute = name.decode("ascii")
    if rest.startswith(b"<"):
        return (
            attribute,
            b"",
            f"the value of {attribute} is at a URL, and those are not followed. Export the data with its values.",
        )
    if rest.startswith(b":"):
        try:
            return attribute, b64decode(rest[1:].strip(b" "), validate=True), ""
        except binascii.Error:
            return attribute, b"", f"the value of {attribute} is not valid base64. Export the data again."
    value = rest.lstrip(b" ")
    if not value.isascii():
        # RFC 2849 wants base64 for all that is not ASCII; UTF-8 that stands there as it is means the same to everybody.
        try:
            value.decode()
        except UnicodeDecodeError:
            return attribute, b"", f"the value of {attribute} is neither UTF-8 nor base64. Export the data again, as UTF-8."
    return attribute, value, ""


def _cut_off(number: int, label: str, *, too_long: bool) -> IncompleteListing:
    if too_long:
        return IncompleteListing(f"line {number}: longer than {MAX_LINE} bytes.", endpoint=label, remedy="This is no LDIF file.")
    # Each line of LDIF ends with a separator (RFC 2849), the last one too.
    return IncompleteListing(
        f"line {number}: the file ends in the middle of a line.",
        endpoint=label,
        remedy="Get the whole file; if this is all of it, add a line break at its end.",
    )
