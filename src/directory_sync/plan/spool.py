"""Data that does not fit into memory, in a file that nobody else can read and that is gone when the process is."""

from __future__ import annotations

import marshal
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

from directory_sync.endpoints.change import Action, Change, FieldChange


class Spool:
    """An append-only file of byte strings; each is found again by its offset.

    The file is unlinked as soon as it is open, so that neither a crash nor another user finds what was in it.
    A forked child may append while the parent reads.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="directory-sync-", buffering=1 << 20)  # noqa: SIM115 - it lives as long as the spool
        self._end = 0
        # A plan lives as long as anybody holds it, so its spool is closed when nobody does any more.
        self.close = weakref.finalize(self, self._file.close)
        """Give the space back; may be called twice."""

    def append(self, data: bytes) -> int:
        """Store the bytes and return the offset at which `read` finds them."""
        offset = self._end
        self._file.write(len(data).to_bytes(8, "little"))
        self._file.write(data)
        self._end += 8 + len(data)
        return offset

    def __iter__(self) -> Iterator[bytes]:
        """Everything that was appended, in order, whichever process did it."""
        self.flush()
        offset, end = 0, os.fstat(self._file.fileno()).st_size
        while offset < end:
            data = self.read(offset)
            yield data
            offset += 8 + len(data)

    def flush(self) -> None:
        """Make everything that was appended readable, also by another process."""
        self._file.flush()

    def read(self, offset: int) -> bytes:
        """Return what `append` stored at this offset; flush first."""
        descriptor = self._file.fileno()
        head = os.pread(descriptor, 4096, offset)
        length = int.from_bytes(head[:8], "little")
        data = head[8 : 8 + length]
        while len(data) < length:
            more = os.pread(descriptor, length - len(data), offset + 8 + len(data))
            if not more:
                raise OSError("A temporary file ended early; the disk may be full.")
            data += more
        return data


Packed = tuple[Any, ...]


def pack_field(field: FieldChange) -> Packed:
    """A field's change as plain values, for `marshal`: several times faster than pickling the object."""
    return (field.field, field.old, field.new, field.replace, field.late, field.partial)


def pack_change(change: Change) -> Packed:
    """A change as plain values; `unpack_change` reads it back."""
    fields = tuple(map(pack_field, change.fields))
    return (change.action.value, change.key, change.object, change.new_object, change.identity, fields, change.after)


def unpack_change(packed: Packed) -> Change:
    """The inverse of `pack_change`."""
    action, key, object_, new_object, identity, fields, after = packed
    return Change(Action(action), key, object_, new_object, identity, tuple(FieldChange(*field) for field in fields), after)


class SpooledChanges:
    """A plan's changes on disk, in the order they are carried out."""

    def __init__(self, spool: Spool, offsets: Sequence[int]) -> None:
        self._spool = spool
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[Change]:
        for offset in self._offsets:
            yield unpack_change(marshal.loads(self._spool.read(offset)))  # noqa: S302 - our own file
