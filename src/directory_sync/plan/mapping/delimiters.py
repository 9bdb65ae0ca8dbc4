"""Several values in one text and back, where only one side of a mapping holds several."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from directory_sync.endpoints.blanks import is_blank, stripped
from directory_sync.errors import RecordError


class Delimiter:
    """A delimiter between a field that holds one value and one that holds several.

    Args:
        text: the delimiter.
        join: the destination holds one value.
        split: the source holds one value; None: that cannot be told, so a single one counts as such.
        ordered: the values have an order of their own (a list in the definition, what a script returns); else
            they are a set.
    """

    def __init__(self, text: str, *, join: bool, split: bool | None, ordered: bool = False) -> None:
        self._bytes = text.encode()
        self._shown = text
        self._join = join
        self._split = split
        self._ordered = ordered

    def apply(self, values: Sequence[bytes]) -> list[bytes]:
        """Join or split. Parts keep their order; blank ones and duplicates go, and so do blanks around a
        part.

        Raises RecordError for a value that holds the delimiter it would be joined with: it would be read back
        as several.
        """
        splits = self._split or (self._split is None and len(values) == 1)
        parts = (
            list(dict.fromkeys(part for value in values for part in parts_of(value, self._bytes)))
            if splits
            else list(values)
        )
        return self._joined(parts, checked=not splits) if self._join else parts

    def _joined(self, values: Sequence[bytes], *, checked: bool) -> list[bytes]:
        if not all(map(_is_text, values)):
            if len(values) == 1:
                return list(values)
            raise RecordError(
                f"binary values cannot be joined with {self._shown!r}. Choose one, or leave the field out."
            )
        if checked and any(self._bytes in value for value in values):
            raise RecordError(
                f"a value holds {self._shown!r} itself, so it would be read back as several. Use another"
                " delimiter, or change the value at the source."
            )
        # A server sends the values of a set in any order; equal sets are to give equal texts.
        parts = values if self._ordered or not checked else sorted(values)
        # Blanks around a part would not be read back.
        return [self._bytes.join(dict.fromkeys(map(stripped, parts)))] if parts else []


def parts_of(value: bytes, delimiter: bytes) -> list[bytes]:
    """The values in a joined text, without blank ones and without blanks around them."""
    # A picture may hold any octet by chance.
    if delimiter not in value or not _is_text(value):
        return [value]
    return [part for raw in value.split(delimiter) if not is_blank(part := stripped(raw))]


def as_set(delimiter: str, normalise: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A form of joined texts that is equal for equal sets of values, whatever their order.

    `normalise`: that of one value.
    """
    between = delimiter.encode()

    def normalised(value: bytes) -> bytes:
        return between.join(sorted(set(map(normalise, parts_of(value, between)))))

    return normalised


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
