"""One change to one object, as data: what a plan consists of, what an endpoint can write, and the
result.

A change says what it saw (`old`) and what shall be (`new`), so that a writer can refuse to overwrite what it
does not know. Named tuples, because they are made several times faster than frozen dataclasses, and a first
load makes millions.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

Values = tuple[bytes, ...]

_control_character = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


class Action(StrEnum):
    """What happens to an object. A rename in place is an update."""

    CREATE = "create"
    UPDATE = "update"
    MOVE = "move"
    DISABLE = "disable"
    DELETE = "delete"


WORST_FIRST = (Action.DELETE, Action.DISABLE, Action.MOVE, Action.UPDATE, Action.CREATE)
"""Kinds of change by their consequences, for people."""


class FieldChange(NamedTuple):
    """Old and new values of one field of one object.

    Attributes:
        field: the destination's name for it.
        old: the values that were seen; those of a field that is not touched are not listed as a change.
        new: the values that shall be there.
        replace: the field has no equality rule (RFC 4517, section 4.2), so values cannot be deleted one by
            one.
        late: the values name objects that are created by the same plan in a circle: written after all
            creations.
        partial: `old` holds only the values that go and `new` only those that come; values in neither stay
            (group members).
    """

    field: str
    old: Values
    new: Values
    replace: bool = False
    late: bool = False
    partial: bool = False

    @property
    def added(self) -> Values:
        """Values that come, in order."""
        return tuple(value for value in self.new if value not in set(self.old))

    @property
    def removed(self) -> Values:
        """Values that go, in order."""
        return tuple(value for value in self.old if value not in set(self.new))


class MarkKind(StrEnum):
    """What approvers have to know of a change in addition to what it does."""

    NEVER_MATCHED = "never_matched"
    CLAIMED_BY = "claimed_by"


class Mark(NamedTuple):
    """Something that sets a removal apart.

    Attributes:
        kind: `never_matched`: the job has neither created the object nor ever matched it; `claimed_by`:
            another job keeps it.
        subject: for `claimed_by` that job, as `COLLECTION.JOB`; else empty.
    """

    kind: MarkKind
    subject: str = ""


class Change(NamedTuple):
    """What happens to one object at the destination.

    Attributes:
        action: the kind of change.
        key: the record's key as people read it.
        object: the object's id now: a DN, or a row's key. For a creation the id it will have.
        new_object: its id afterwards, where that differs (rename, move).
        identity: what stays the same when the object is renamed (entryUUID, objectGUID), if the endpoint has
            such a thing.
        fields: old and new values. A deletion lists the old values of all mapped fields, a creation starts
            with objectClass.
        after: ids of objects that have to be dealt with before this change is sent.
        marks: what sets a removal apart.
        via: the id that the object has in between, where it exchanges names with others.
        name: what people call it, where that is known and is not the key. It is for people alone, and no part
            of the canonical form.
    """

    action: Action
    key: str
    object: str
    new_object: str | None = None
    identity: bytes | None = None
    fields: tuple[FieldChange, ...] = ()
    after: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    via: str | None = None
    name: str | None = None

    @property
    def final_object(self) -> str:
        """The object's id when the change is done."""
        return self.new_object or self.object


def mark_to_json(mark: Mark) -> dict[str, str]:
    """A mark as it is stored, hashed and printed."""
    return {"kind": mark.kind.value, "subject": mark.subject} if mark.subject else {"kind": mark.kind.value}


def value_to_json(value: bytes) -> str | dict[str, str]:
    """Text where the value is readable UTF-8, else `{"base64": …}`."""
    text = text_of(value)
    return text if text is not None else {"base64": base64_of(value)}


def text_of(value: bytes) -> str | None:
    """The value where it is readable UTF-8; None otherwise."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    # NUL cannot be stored as text by PostgreSQL, and other control characters do not belong into anyone's
    # terminal.
    return text if text.isprintable() or not _control_character.search(text) else None


def base64_of(value: bytes) -> str:
    """The value in base64 (RFC 4648), on one line."""
    return binascii.b2a_base64(value, newline=False).decode()


def value_from_json(value: str | Mapping[str, str]) -> bytes:
    """The inverse of `value_to_json`."""
    if isinstance(value, str):
        return value.encode()
    try:
        return base64.b64decode(value["base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from None


class Result(StrEnum):
    """The result of a change."""

    DONE = "done"
    FOUND_DONE = "found_done"
    CONFLICT = "conflict"
    FAILED = "failed"
    NOT_DONE = "not_done"
    UNCERTAIN = "uncertain"

    @property
    def is_trouble(self) -> bool:
        """Whether it belongs among the errors: the object is, or may be, not as the change wanted it."""
        return self not in (Result.DONE, Result.FOUND_DONE)


class Outcome(NamedTuple):
    """The result of one change.

    Attributes:
        sequence: the change's place in its plan, from 0.
        result: done; found done (it was written, and found so by looking at the object); conflict (the object
            is not as it was seen); failed. Where the run broke off, and its objects were looked at
            afterwards, also: not done; uncertain (the object does not tell whether it was written).
        message: why, in words that say what to do; empty when done.
    """

    sequence: int
    result: Result
    message: str = ""
