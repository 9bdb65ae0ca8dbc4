"""Reads the text of an LDAP filter (RFC 4515), bounded in length and depth; errors say at which character."""

from __future__ import annotations

import re

from directory_sync.definition.filters.tree import (
    DESCRIPTION,
    OID,
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

MAX_LENGTH = 20_000
"""Characters of a filter."""
MAX_DEPTH = 50
"""Components inside each other."""

_COMPARISON = rf"(?P<dn>:[dD][nN])?(?::(?P<rule>{OID}))?(?P<type>:=|>=|<=|~=|=)"
_ITEM = re.compile(rf"\s*(?P<attribute>{DESCRIPTION})?{_COMPARISON}")
_COLUMN_ITEM = re.compile(
    rf"\s*(?P<attribute>[^\s()=<>~:*\\\0&|!;](?:[^()=<>~:*\\\0;]*[^\s()=<>~:*\\\0;])?)?\s*{_COMPARISON}"
)
_VALUE = re.compile(r"[^()\0]*")
_ESCAPE = re.compile(r"\\(?P<hex>[0-9A-Fa-f]{2})?")
_BLANKS = re.compile(r"\s*")


class FilterError(ValueError):
    """The text is no filter.

    Attributes:
        position: place in the text, from 0.
    """

    def __init__(self, message: str, position: int) -> None:
        self.position = position
        super().__init__(f"{message} (at character {position + 1})")


def parse(text: str, *, columns: bool = False) -> Filter:
    """Read a filter. Blanks and line ends around components are allowed. Raises FilterError.

    With `columns` a name may be any that a column has, as in `(First name=Amy)`, but for the characters that
    a filter is made of.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"a filter has at most {MAX_LENGTH} characters", MAX_LENGTH)
    parser = _Parser(text, _COLUMN_ITEM if columns else _ITEM)
    found = parser.component(1)
    parser.skip_blanks()
    if parser.at != len(text):
        raise FilterError(
            "the filter ends here, but more text follows; combine filters as (&(…)(…)) or (|(…)(…))",
            parser.at,
        )
    return found


class _Parser:
    """Goes through the text once. One instance reads one filter."""

    def __init__(self, text: str, item: re.Pattern[str]) -> None:
        self.text = text
        self.at = 0
        self._item = item

    def skip_blanks(self) -> None:
        match = _BLANKS.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def next_is(self, character: str) -> bool:
        self.skip_blanks()
        return self.text.startswith(character, self.at)

    def component(self, depth: int) -> Filter:
        if not self.next_is("("):
            raise FilterError("a filter or component begins with (", self.at)
        if depth > MAX_DEPTH:
            raise FilterError(f"a filter is nested at most {MAX_DEPTH} levels deep", self.at)
        opened = self.at
        self.at += 1
        found: Filter
        if self.next_is("&"):
            self.at += 1
            found = And(self.components(depth))
        elif self.next_is("|"):
            self.at += 1
            found = Or(self.components(depth))
        elif self.next_is("!"):
            self.at += 1
            found = Not(self.component(depth + 1))
        else:
            found = self.item()
        if not self.next_is(")"):
            raise FilterError(
                f"the ( at character {opened + 1} needs its ) here; a bracket in a value is written \\28 or"
                " \\29",
                self.at,
            )
        self.at += 1
        return found

    def components(self, depth: int) -> tuple[Filter, ...]:
        found = []
        while self.next_is("("):
            found.append(self.component(depth + 1))
        return tuple(found)

    def item(self) -> Filter:
        match = self._item.match(self.text, self.at)
        if not match:
            raise FilterError("expected an attribute name and one of = >= <= ~= :=", self.at)
        attribute, rule, type_ = match["attribute"], match["rule"], match["type"]
        value = _VALUE.match(self.text, match.end())
        raw = value[0] if value else ""
        start, self.at = match.end(), match.end() + len(raw)
        if type_ == ":=":
            if attribute is None and rule is None:
                raise FilterError("an extensible match needs an attribute or a matching rule", start)
            return Extensible(attribute, rule, self.value(raw, start), match["dn"] is not None)
        if attribute is None or rule is not None or match["dn"] is not None:
            raise FilterError(
                "expected an attribute name before the comparison; a matching rule needs :=", start
            )
        if type_ == ">=":
            return GreaterOrEqual(attribute, self.value(raw, start))
        if type_ == "<=":
            return LessOrEqual(attribute, self.value(raw, start))
        if type_ == "~=":
            return Approx(attribute, self.value(raw, start))
        if raw.strip() == "*":
            return Present(attribute)
        if "*" not in raw:
            return Equality(attribute, self.value(raw, start))
        return self.substrings(attribute, raw, start)

    def substrings(self, attribute: str, raw: str, start: int) -> Substrings:
        pieces = raw.split("*")
        parts = []
        for index, piece in enumerate(pieces):
            if not piece and 0 < index < len(pieces) - 1:
                raise FilterError("two * follow each other", start)
            parts.append(self.value(piece, start))
            start += len(piece) + 1
        initial, *middle, final = parts
        return Substrings(attribute, initial or None, tuple(middle), final or None)

    def value(self, raw: str, start: int) -> bytes:
        if "*" in raw:
            raise FilterError("a * in this value is written \\2a", start + raw.index("*"))
        parts, end = [], 0
        for escape in _ESCAPE.finditer(raw):
            if escape["hex"] is None:
                raise FilterError(
                    "a \\ is followed by two hexadecimal digits; a \\ itself is written \\5c",
                    start + escape.start(),
                )
            parts += [_utf8(raw[end : escape.start()], start + end), bytes.fromhex(escape["hex"])]
            end = escape.end()
        return b"".join([*parts, _utf8(raw[end:], start + end)])


def _utf8(text: str, position: int) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise FilterError("half of a surrogate pair is no character", position + error.start) from None
