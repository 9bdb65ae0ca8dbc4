"""What a file probably is that cannot be read as CSV the way it was meant to be: sentences for messages,
which decide nothing.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Sequence

from directory_sync.definition.problems import nearest
from directory_sync.endpoints.blanks import BLANKS
from directory_sync.endpoints.files.recognising import marked_encoding, other_file, unmarked_encoding

_DELIMITERS = {",": '","', ";": '";"', "\t": '"\\t"', "|": '"|"'}
"""Usual delimiters, and how a definition writes them."""
_MARK_READ_WRONGLY = tuple(codecs.BOM_UTF8.decode(encoding) for encoding in ("cp1252", "latin-1"))
_LINE_ENDS = {"\x85": "NEL (U+0085)", "\u2028": "U+2028", "\u2029": "U+2029", "\x1e": "U+001E"}


def advice_on_encoding(head: bytes, encoding: str) -> str:
    """What to do about octets that are not of the encoding that the definition says."""
    if advice := other_file(head):
        return advice
    marked = marked_encoding(head)
    if marked and not _is_same(marked, encoding):
        return f"The file begins with the mark of {marked.upper()}: write encoding: {marked}."
    if 0 in head:
        probably = unmarked_encoding(head)
        if probably and not _is_same(probably, encoding):
            return f"The file is probably {probably.upper()} without a mark: write encoding: {probably}."
        return "The file is damaged, or no text file."
    example = "cp1252" if _is_same("utf-8", encoding) else "utf-8"
    return (
        f"Give the file's encoding in the definition, for example encoding: {example}, or get the whole file."
    )


def advice_on_header(text: str, names: Sequence[str], delimiter: str) -> str:
    """What is wrong with a header in which a name cannot be one; empty if nothing is found."""
    for character, called in _LINE_ENDS.items():
        if character in text:
            return f"The lines of the file end with {called}, which CSV does not know. Convert the line ends."
    trailing = len(names) - len(text_end) if (text_end := _without_trailing(names)) else 0
    if trailing and all(text_end):
        return (
            f"The header ends with {_counted(trailing, delimiter)}, so what follows has no name. Take it out"
            " of the header and of all rows, or export the file again."
        )
    return ""


def advice_on_quotes(text: str, delimiter: str) -> str:
    """What to do about a line whose quotes do not stand around values."""
    for other, written in _DELIMITERS.items():
        if other != delimiter and f'"{other}"' in text:
            return f"The delimiter is probably {other!r}: write delimiter: {written}."
    return "Write a quote inside a quoted value twice."


def advice_on_row(cells: Sequence[str], width: int, delimiter: str) -> str:
    """What to do about a row with more or fewer cells than the header."""
    extra = len(cells) - width
    if extra > 0 and not any(cell.strip(BLANKS) for cell in cells[width:]):
        return (
            f"The row ends with {_counted(extra, delimiter)} that the header does not have. Take it out of"
            " all rows, or export the file again."
        )
    if any(cell.startswith(' "') for cell in cells):
        return "A blank stands before a quoted value. Take it out of all rows, or export the file again."
    if len(cells) == 1:
        for other in _DELIMITERS:
            if other != delimiter and cells[0].count(other) == width - 1:
                return (
                    f"The row is delimited by {other!r}, the header by {delimiter!r}. Use one delimiter in"
                    " the whole file."
                )
    return f"Quote values that hold the delimiter {delimiter!r}."


def advice_on_column(wanted: str, header: str, columns: Sequence[str], delimiter: str) -> str:
    """What to do where a column is not there. `header`: the header's text."""
    found = f"Its columns, read with the delimiter {delimiter!r}, are: {', '.join(columns)}."
    if header.startswith(_MARK_READ_WRONGLY):
        return f"{found} The file begins with the mark of UTF-8: write encoding: utf-8."
    if header.lstrip(BLANKS)[:1] in ("<", "{"):
        return f"{found} The file looks like HTML, XML or JSON. Export the data as CSV."
    for other, written in _DELIMITERS.items():
        if other != delimiter and wanted.lower() in _split(header, other):
            return f"{found} The delimiter is probably {other!r}: write delimiter: {written}."
    # `{{ E-Mail }}` is a subtraction to a template.
    part_of = next(
        (column for column in columns if not column.isidentifier() and wanted in re.split(r"\W+", column)),
        None,
    )
    if part_of is not None:
        return f'{found} In a template {part_of} is written as record["{part_of}"].'
    near = nearest(wanted, columns)
    return f"Did you mean {near!r}? {found}" if near else found


def _split(header: str, delimiter: str) -> set[str]:
    try:
        cells = next(csv.reader([header.strip("\r\n")], delimiter=delimiter), [])
    except csv.Error:
        return set()
    return {cell.strip(BLANKS).lower() for cell in cells}


def _without_trailing(names: Sequence[str]) -> list[str]:
    kept = list(names)
    while kept and not kept[-1]:
        kept.pop()
    return kept


def _counted(number: int, delimiter: str) -> str:
    return f"a delimiter ({delimiter!r})" if number == 1 else f"{number} delimiters ({delimiter!r})"


def _is_same(one: str, other: str) -> bool:
    return codecs.lookup(one).name == codecs.lookup(other).name or (
        one == "utf-8" and codecs.lookup(other).name == "utf-8-sig"
    )
