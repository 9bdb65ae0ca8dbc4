"""Data that does not fit into memory, in a file that no one else can read and that is gone when the process
is.

A plan's changes are kept there as they leave planning, in both forms that are needed later: canonical, for
the digest and the store, and as plain values, for code that looks at them or applies them. Each form is
made once.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from typing import IO, Any

from directory_sync.definition.secrets import IsSecret
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.canonical import StoredForm, canonical_and_search
from directory_sync.plan.packed_values import from_plain, pack_values, plain_values, read_packed

_BLOCK = 1 << 18
_RECORD = 4096


class Spool:
    """An append-only file of byte strings; each is found again by its offset.

    The file is unlinked as soon as it is open, so that neither a crash nor another user finds what was in it.
    A forked child may append while the parent reads.
    """

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="directory-sync-", buffering=1 << 20)  # noqa: SIM115 - it lives as long as the spool
        self._end = 0
        self._block = b""
        self._block_start = self._next = 0
        # A plan lives as long as anyone holds it, so its spool is closed when no one does any more.
        self.close = weakref.finalize(self, _discard, self._file)
        """Give the space back; may be called twice."""

    def append(self, data: bytes) -> int:
        """Store the bytes and return the offset at which `read` finds them."""
        offset, length = self._end, len(data)
        self._file.write(length.to_bytes(8, "little") + data)
        self._end = offset + 8 + length
        return offset

    def __iter__(self) -> Iterator[bytes]:
        """Everything that was appended, in order, whichever process did it."""
        self.flush()
        descriptor = self._file.fileno()
        offset, end = 0, os.fstat(descriptor).st_size
        while offset < end:
            block = os.pread(descriptor, _BLOCK, offset)
            place = 0
            while (start := place + 8) <= len(block):
                after = start + int.from_bytes(block[place:start], "little")
                if after > len(block):
                    break
                yield block[start:after]
                place = after
            if not place:
                # Larger than a block.
                data = self.read(offset)
                yield data
                place = 8 + len(data)
            offset += place

    def flush(self) -> None:
        """Make everything that was appended readable, also by another process."""
        self._file.flush()

    def read(self, offset: int) -> bytes:
        """Return what `append` stored at this offset; flush first."""
        place = offset - self._block_start
        if place >= 0 and (start := place + 8) <= len(self._block):
            after = start + int.from_bytes(self._block[place:start], "little")
            if after <= len(self._block):
                self._next = self._block_start + after
                return self._block[start:after]
        descriptor = self._file.fileno()
        # Who reads one record after the other gets many at a time: a call of the system costs more than
        # unpacking a record.
        head = os.pread(descriptor, _BLOCK if offset == self._next else _RECORD, offset)
        self._block, self._block_start = head, offset
        length = int.from_bytes(head[:8], "little")
        self._next = offset + 8 + length
        data = head[8 : 8 + length]
        while len(data) < length:
            more = os.pread(descriptor, length - len(data), offset + 8 + len(data))
            if not more:
                raise OSError("A temporary file ended early; the disk may be full.")
            data += more
        return data


def _discard(file: IO[bytes]) -> None:
    # Closing writes what is still in memory, which no one will read: on a full disk that is no error.
    with contextlib.suppress(OSError):
        file.close()


Packed = tuple[Any, ...]
_ACTIONS = {action.value: action for action in Action}


def pack_change(change: Change) -> Packed:
    """A change as plain values for `marshal`, which is several times faster than `pickle`; `unpack_change`
    reads it back.
    """
    action, key, object_, new_object, identity = change[:5]
    return (action.value, key, object_, new_object, identity, plain_values(change), change.name)


def unpack_change(packed: Packed) -> Change:
    """The inverse of `pack_change`."""
    action, key, object_, new_object, identity, rest, name = packed
    return Change(_ACTIONS[action], key, object_, new_object, identity, *from_plain(*rest), name)


def pack_finished(change: Change, met: str, is_secret: IsSecret) -> bytes:
    """A change that needs nothing more.

    Args:
        change: the change.
        met: where its source record was met, for messages.
        is_secret: the values of which fields are not searched.
    """
    action, key, object_, new_object, identity = change[:5]
    # The values are packed by themselves, so that the store can take the canonical form without unpacking
    # them.
    values = pack_values(change)
    canonical, search = canonical_and_search(change, is_secret)
    return marshal.dumps(
        (action.value, key, object_, new_object, identity, canonical, values, met, change.name, search)
    )


def unpack_finished(data: bytes) -> tuple[Change, str]:
    """The inverse of `pack_finished`."""
    action, key, object_, new_object, identity, _, values, met, name, _ = marshal.loads(data)  # noqa: S302 - our own file
    rest = from_plain(*read_packed(values))
    return Change(_ACTIONS[action], key, object_, new_object, identity, *rest, name), met


class SpooledChanges:
    """A plan's changes on disk, in the order they are applied."""

    def __init__(self, spool: Spool, offsets: Sequence[int]) -> None:
        self._spool = spool
        self._offsets = offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __iter__(self) -> Iterator[Change]:
        read = self._spool.read
        for offset in self._offsets:
            yield unpack_finished(read(offset))[0]

    def stored_forms(self) -> Iterator[StoredForm]:
        """What digest and store need of each, without making objects of the rest."""
        read = self._spool.read
        for offset in self._offsets:
            packed = marshal.loads(read(offset))  # noqa: S302 - our own file
            action, _, object_, new_object, identity, canonical, values, _, name, search = packed
            yield StoredForm(action, object_, new_object, identity, canonical, name, search, values)
