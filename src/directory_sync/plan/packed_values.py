"""The part of a change that only those need who look at its values, as bytes.

Store and digest take the canonical form and leave this packed.
"""

from __future__ import annotations

import marshal
from typing import Any

from directory_sync.endpoints.change import Change, FieldChange, Mark, MarkKind

_MARKS = {kind.value: kind for kind in MarkKind}


def pack_values(change: Change) -> bytes:
    """Fields, what has to be dealt with before, marks and `via` of a change."""
    return marshal.dumps(plain_values(change))


def plain_values(change: Change) -> tuple[Any, ...]:
    """The same as plain values: fields, `after`, kind and subject of each mark, `via`."""
    marks = tuple((mark.kind.value, mark.subject) for mark in change.marks)
    return (tuple(map(tuple, change.fields)), change.after, marks, change.via)


def read_packed(packed: bytes) -> Any:
    """What `plain_values` gave."""
    return marshal.loads(packed)  # noqa: S302 - our own


def from_plain(
    fields: Any, after: Any, marks: Any, via: Any
) -> tuple[tuple[FieldChange, ...], tuple[str, ...], tuple[Mark, ...], str | None]:
    """The last members of `Change`, without the name."""
    return (
        tuple(map(FieldChange._make, fields)),
        after,
        tuple(Mark(_MARKS[kind], subject) for kind, subject in marks),
        via,
    )
