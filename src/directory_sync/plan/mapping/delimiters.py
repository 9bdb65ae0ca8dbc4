"""Several values in one text and back, where only one side of a mapping holds several."""

from __future__ import annotations

from collections.abc import Sequence

from directory_sync.errors import RecordError


class Delimiter:
    """A delimiter between a field that holds one value and one that holds several.

    `join` says that the destination holds one value, `split` that the source does; None: a source with a single value does.
    """

    def __init__(self, text: str, *, join: bool, split: bool | None) -> None:
        self._bytes = text.encode()
        self._shown = text
        self._join = join
        self._split = split

    def apply(self, values: Sequence[bytes]) -> list[bytes]:
        """Join or split. Parts keep their order; empty ones and duplicates go, and so do spaces around a part."""
        if self._join:
            return self._joined(values)
        if self._split is False or (self._split is None and len(values) != 1):
            return list(values)
        return list(dict.fromkeys(part for value in values for part in self._parts(value)))

    def _joined(self, values: Sequence[bytes]) -> list[bytes]:
        if len(values) < 2:
            return list(values)
        for value in values:
            if not _is_text(value):
                raise RecordError(f"binary values cannot be joined with {self._shown!r}. Choose one, or leave the field out.")
        return [self._bytes.join(values)]

    def _parts(self, value: bytes) -> list[bytes]:
        # A picture may hold any byte by chance.
        if self._bytes not in value or not _is_text(value):
            return [value]
        return [part for raw in value.split(self._bytes) if (part := raw.strip(b" "))]


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
