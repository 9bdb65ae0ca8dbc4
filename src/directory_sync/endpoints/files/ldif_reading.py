"""Reading LDIF content records (RFC 2849), with line numbers and without trusting the file.

Not python-ldap's `ldif`: it takes change records of any kind for entries, drops values at URLs without a
word, decodes broken base64 to something, and does not tell a file that was cut off from a whole one. Each of
these would end in wrong deletes here.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from codecs import BOM_UTF8
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from directory_sync.dn import NameSyntaxError, naming_values, parse
from directory_sync.endpoints.evidence import End
from directory_sync.endpoints.files.recognising import marked_encoding, other_file, unmarked_encoding
from directory_sync.endpoints.files.wholeness import CUT_OFF
from directory_sync.errors import EndpointError, IncompleteListing

MAX_LINE = 64 * 1024 * 1024
"""Bytes in one line of the file."""

_ATTRIBUTE = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]*(?:;[A-Za-z0-9_-]+)*\Z")


@dataclass(slots=True)
class Entry:
    """One content record, or a block of comments.

    Attributes:
        line: number of its first line, from 1.
        raw: its bytes as they stand in the file, without the version line, blank lines after it included.
        dn: None for comments only; `line N` if the name cannot be read.
        named: whether the name can be read.
        attributes: as the file spells them → values; spellings of one attribute are put together.
        problem: why the record cannot be used; then `attributes` holds what could be read.
        unreadable: attributes, lower case, of which a value cannot be read.
        doubtful: a line cannot be read at all, so any attribute may lack a value.
        cut_off: the file ends here without a line break, so more may have followed.
        is_change: it is a change record that adds the entry.
    """

    line: int
    raw: bytes = b""
    dn: str | None = None
    attributes: dict[str, list[bytes]] = field(default_factory=dict)
    problem: str = ""
    named: bool = False
    unreadable: set[str] = field(default_factory=set)
    doubtful: bool = False
    cut_off: bool = False
    is_change: bool = False

    def values(self, name: str) -> list[bytes]:
        """The values of an attribute, whatever its spelling; those in the name, if it stands nowhere else.

        An entry has the values of its RDN, whether it repeats them or not (RFC 4512, section 2.3.1).
        """
        lower = name.lower()
        held = next((values for held, values in self.attributes.items() if held.lower() == lower), None)
        return self.named_values(lower) if held is None else held

    def named_values(self, lower: str) -> list[bytes]:
        """The values of an attribute (lower case) in the entry's name."""
        # Taking each name apart for each absent attribute would take longer than all else.
        if not self.named or lower in self.unreadable or lower not in (self.dn or "").lower():
            return []
        return [value for type_, value in naming_values(self.dn or "") if type_.lower() == lower]


def read_entries(stream: BinaryIO, label: str, *, complete: bool = False) -> Generator[Entry, None, End]:
    """Yield all blocks of a file, and return how it ended.

    Raises IncompleteListing for a file that is empty or does not tell where it ends, EndpointError for one of
    change records, unless they add entries. A record that cannot be read has a `problem` instead.

    `complete`: the file is whole although its last line has no line break.
    """
    block: list[bytes] = []
    first, number = 1, 0
    line = b""
    begun = ended = False
    try:
        while line := stream.readline(MAX_LINE):
            number += 1
            if number == 1:
                line = _without_mark(line, label)
            if not line.endswith(b"\n") and len(line) >= MAX_LINE:
                raise IncompleteListing(
                    f"line {number}: longer than {MAX_LINE} bytes.",
                    endpoint=label,
                    remedy="This is no LDIF file.",
                )
            # Within an entry a line that begins with a space goes on with the one before it.
            blank = line in (b"\n", b"\r\n") or (not line.strip() and (ended or not begun))
            if ended and not blank:
                yield from _entry(block, first, label)
                block, first, begun = [], number, False
            block.append(line if not blank or line.endswith(b"\n") else b"\n")
            # Blank lines belong to the block before them; those at the start of the file begin the first one.
            begun = begun or not blank
            ended = blank and begun
    except OSError as error:
        raise IncompleteListing(
            f"the file could not be read to its end ({error.strerror}).",
            endpoint=label,
            remedy="See that disk or network drive is in order.",
        ) from None
    if number == 0:
        raise IncompleteListing(
            "the file is empty.",
            endpoint=label,
            remedy="A file without entries holds at least the line version: 1.",
        )
    if complete or block[-1].endswith(b"\n"):
        yield from _entry(block, first, label)
        return End.LINE_BREAK if block[-1].endswith(b"\n") else End.DECLARED_WHOLE
    yield from _cut_off(block, first, label)
    return End.CUT_OFF


def _without_mark(line: bytes, label: str) -> bytes:
    """The first line without the mark of UTF-8.

    Raises IncompleteListing for a file that is something else.
    """
    encoding = unmarked_encoding(line) if 0 in line else marked_encoding(line)
    advice = other_file(line)
    if encoding not in ("", "utf-8"):
        advice = advice or f"Convert it from {encoding.upper()} to UTF-8."
    if advice or 0 in line:
        message = "line 1: this is no LDIF, which is text in UTF-8."
        raise IncompleteListing(
            message, endpoint=label, remedy=advice or "Get the file again; it is damaged or no text file."
        )
    return line.removeprefix(BOM_UTF8)


def _cut_off(block: list[bytes], first: int, label: str) -> Iterator[Entry]:
    """The last block of a file whose last line has no line break: it may go on, and others may follow."""
    last = first + len(block) - 1
    start = len(block) - 1
    while start and block[start].startswith(b" "):
        start -= 1
    entry = next(_entry(block[:start], first, label), None) or Entry(first + start)
    if entry.dn is None:
        entry.dn = f"line {last}"
    # What the last line was to hold is not known as a whole.
    name = block[start].partition(b":")[0]
    if _ATTRIBUTE.match(name):
        entry.unreadable.add(lost := name.decode("ascii").lower())
        entry.attributes = {held: values for held, values in entry.attributes.items() if held.lower() != lost}
    elif not name.startswith(b"#"):
        entry.doubtful = True
    entry.raw = b"".join(block)
    entry.problem = f"{label}, line {last}: the file ends here without a line break, {CUT_OFF}"
    entry.cut_off = True
    yield entry


def _entry(block: list[bytes], first: int, label: str) -> Iterator[Entry]:
    raw = list(block)
    lines = _logical_lines(block, first)
    if lines and lines[0][1].lower().startswith(b"version:"):
        number, version = lines.pop(0)
        if version[8:].strip() != b"1":
            raise EndpointError(
                f"line {number}: only version 1 of LDIF is known.",
                endpoint=label,
                remedy="Export the data again.",
            )
        del raw[number - first]
    entry = Entry(lines[0][0] if lines else first, b"".join(raw))
    if lines and not _is_end_of_search(lines, label):
        _fill(entry, lines, label)
    if lines or entry.raw.strip():
        yield entry


def _is_end_of_search(lines: list[tuple[int, bytes]], label: str) -> bool:
    """Whether this is what `ldapsearch` writes after the entries.

    Raises IncompleteListing if the search did not end well.
    """
    if not lines[0][1].lower().startswith(b"search:"):
        return False
    for number, text in lines:
        name, _, value = text.partition(b":")
        if name.lower() == b"result" and value.split()[:1] != [b"0"]:
            raise IncompleteListing(
                f"line {number}: the search that wrote the file did not end well:"
                f" {value.decode(errors='replace').strip()}.",
                endpoint=label,
                remedy="Export the data again, without that limit or with a login that may read everything.",
            )
    return True


def _logical_lines(block: list[bytes], first: int) -> list[tuple[int, bytes]]:
    """Unfold lines that continue with a space, and leave comments out."""
    pieces: list[tuple[int, list[bytes]]] = []
    for number, line in enumerate(block, first):
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        if text.startswith(b" ") and pieces:
            pieces[-1][1].append(text[1:])
        elif text.strip():
            pieces.append((number, [text]))
    return [(number, b"".join(parts)) for number, parts in pieces if not parts[0].startswith(b"#")]


def _fill(entry: Entry, lines: list[tuple[int, bytes]], label: str) -> None:
    number, text = lines[0]
    name, value, problem = _value(text)
    if name.lower() != "dn":
        wrong = "an entry begins with dn:, not with this. Correct the entry."
        if name.lower() == "ref":
            wrong = (
                "this refers to another server, whose entries are not in the file. Export them too, or take"
                " this out."
            )
        entry.problem = f"{label}, line {number}: {wrong}"
        entry.dn = f"line {number}"
    else:
        entry.dn, wrong = _name(value, problem)
        if wrong:
            entry.problem = f"{label}, line {number}: {wrong}. Correct the entry's dn:."
            entry.dn = f"line {number}"
    entry.named = not entry.problem
    spelled: dict[str, str] = {}
    for number, text in _without_change_type(entry, lines[1:], label):
        name, value, problem = _value(text)
        lower = name.lower()
        if lower == "dn":
            problem = "a second dn: in one entry. Part entries by an empty line."
        if problem:
            entry.problem = entry.problem or f"{label}, line {number}: {problem}"
            entry.doubtful = entry.doubtful or lower in ("", "dn")
            entry.unreadable.add(lower)
            # What the attribute holds is not known as a whole, so none of its values is passed on.
            entry.attributes.pop(spelled.setdefault(lower, name), None)
            spelled[lower] = ""
        elif spelled.setdefault(lower, name):
            entry.attributes.setdefault(spelled[lower], []).append(value)
    if "dn" in entry.unreadable:
        # Which values are whose cannot be told.
        entry.dn, entry.named = f"line {entry.line}", False
        entry.attributes.clear()


def _without_change_type(entry: Entry, lines: list[tuple[int, bytes]], label: str) -> list[tuple[int, bytes]]:
    """The lines of an entry, or of a change record that adds one.

    Raises EndpointError for any other change record.
    """
    place = 0
    while place < len(lines) and lines[place][1].lower().startswith(b"control:"):
        place += 1
    kind = None
    if place < len(lines) and lines[place][1].lower().startswith(b"changetype:"):
        kind = _value(lines[place][1])[1].strip().lower()
    if kind == b"add":
        entry.is_change = True
        return lines[place + 1 :]
    if kind is None and place == 0:
        return lines
    number = lines[min(place, len(lines) - 1)][0]
    what = "" if kind is None else f" (changetype: {kind.decode(errors='replace')})"
    raise EndpointError(
        f"line {number}: this file holds changes{what}, not entries.",
        endpoint=label,
        remedy=(
            "Apply them with ldapmodify; a job needs an export of entries (content records), or records with"
            " changetype: add."
        ),
    )


def _name(value: bytes, problem: str) -> tuple[str, str]:
    if problem:
        return "", problem.rstrip(".")
    try:
        dn = value.decode()
    except UnicodeDecodeError:
        return "", "the DN is not UTF-8"
    try:
        parsed = parse(dn)
    except NameSyntaxError:
        return "", f"{dn!r} is no DN"
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
            (
                f"the value of {attribute} is at a URL, and those are not followed. Export the data with its"
                " values."
            ),
        )
    if rest.startswith(b":"):
        try:
            return attribute, b64decode(rest[1:].strip(b" "), validate=True), ""
        except binascii.Error:
            return attribute, b"", f"the value of {attribute} is not valid base64. Export the data again."
    value = rest.lstrip(b" ")
    if not value.isascii():
        # RFC 2849 wants base64 for all that is not ASCII; UTF-8 that stands there as it is means the same to
        # everyone.
        try:
            value.decode()
        except UnicodeDecodeError:
            return (
                attribute,
                b"",
                f"the value of {attribute} is neither UTF-8 nor base64. Export the data again, as UTF-8.",
            )
    return attribute, value, ""
