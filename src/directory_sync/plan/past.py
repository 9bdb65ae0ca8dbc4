"""What earlier runs of a job left on record: the objects that it knows, what it removed lately, what other
jobs claim.

A job knows an object that it has created or matched. Objects are told apart by what stays when they are
renamed (entryUUID, objectGUID, nsUniqueId); rows and entries of files, which have no such thing, by their
key.
"""

from __future__ import annotations

import hashlib
from binascii import unhexlify
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from directory_sync.definition.models import LimitKind

SIZE = 16
"""Bytes of an identity on record, and of the hash of a name."""
UNIDENTIFIED = b""
"""Stands for the identity of an object that shows none, to this login at least: no one can tell it from
another.
"""

_UUID_TEXT = 36  # RFC 4122, section 3


def compact(identity: bytes) -> bytes:
    """An identity as it is kept on record: an objectGUID as it is, the UUID that an entryUUID spells, else a
    hash.
    """
    if len(identity) == SIZE:
        return identity
    if len(identity) == _UUID_TEXT:
        try:
            uuid = unhexlify(identity.replace(b"-", b""))
        except ValueError:
            return _hash(identity)
        if len(uuid) == SIZE:
            return uuid
    return _hash(identity)


def key_identity(keys: Iterable[bytes]) -> bytes:
    """The identity of a row, or of an entry of a file: all normalised keys that it can stand for; none
    without a key.
    """
    found = sorted(keys)
    return _hash(b"".join(len(key).to_bytes(8, "little") + key for key in found)) if found else UNIDENTIFIED


def name_hash(id: str) -> bytes:
    """What an object is found by whose identity no one has seen: its id without regard to case."""
    return _hash(id.casefold().encode(errors="surrogatepass"))


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=SIZE).digest()


@dataclass(frozen=True)
class Identities:
    """A set of identities, or of hashed names, as one string of bytes: sorted, 16 bytes each.

    A million of them take 16 MB, where a Python set would take ten times as much; that is made only where it
    is asked.
    """

    data: bytes = b""

    @classmethod
    def of(cls, identities: Iterable[bytes]) -> Identities:
        """The set of these."""
        return cls(b"".join(sorted(set(identities))))

    @cached_property
    def members(self) -> frozenset[bytes]:
        """The same as a Python set."""
        return frozenset(self)

    def __iter__(self) -> Iterator[bytes]:
        data = self.data
        return (data[place : place + SIZE] for place in range(0, len(data), SIZE))

    def __len__(self) -> int:
        return len(self.data) // SIZE

    def __contains__(self, identity: object) -> bool:
        return identity in self.members

    def changed(self, *, added: Iterable[bytes] = (), removed: Collection[bytes] = ()) -> Identities:
        """The set with some more and some less; itself if that changes nothing."""
        added = set(added)
        if not added and not removed:
            return self
        more = added - self.members - set(removed)
        less = self.members.intersection(removed)
        return Identities.of((self.members | more) - less) if more or less else self


NOTHING = Identities()

ClaimedBy = Callable[[Collection[bytes]], Mapping[bytes, str]]
"""Which of these objects other jobs claim, by identity or `name_hash`: identity or hash → `COLLECTION.JOB`.
"""


@dataclass(frozen=True, slots=True)
class Past:
    """What is on record of one job at one destination.

    Attributes:
        known: the objects that it has created or matched in earlier runs.
        created_names: objects that an earlier version has created, and of which it noted only the name, by
            `name_hash`.
        absent: known objects that had no record at the last complete run.
        recent: removals that were made within the job's window and that no person let past a limit.
        claimed_by: asks what other jobs claim.
    """

    known: Identities = NOTHING
    created_names: Identities = NOTHING
    absent: Identities = NOTHING
    recent: Mapping[LimitKind, int] = field(default_factory=dict)
    claimed_by: ClaimedBy = lambda identities: {}

    def has_created(self, id: str) -> bool:
        """Whether it is an object that the job has created and not met since."""
        return len(self.created_names) > 0 and name_hash(id) in self.created_names


@dataclass(frozen=True, slots=True)
class Findings:
    """What a plan found out about the objects that its job knows. Counts once the plan has been applied.

    Attributes:
        matched: identities of objects that have a record and were not known before.
        absent: identities of known objects without a record; None where absence cannot be told.
        held: identities of further objects that have a record, though the job does not know them: the record
            cannot be used, or the object is outside base or filter.
        held_names: the same for objects that show no identity, by `name_hash`.
    """

    matched: Identities = NOTHING
    absent: Identities | None = None
    held: Identities = NOTHING
    held_names: Identities = NOTHING

    def pack(self) -> bytes:
        """As it is stored with its plan; `unpack` reads it back."""
        absent = b"-" if self.absent is None else b"+" + self.absent.data
        parts = (self.matched.data, absent, self.held.data, self.held_names.data)
        return b"".join(len(part).to_bytes(8, "little") + part for part in parts)

    @classmethod
    def unpack(cls, data: bytes | None) -> Findings:
        """Read what `pack` wrote; nothing was found out by a version that stored nothing."""
        if not data:
            return cls()
        parts = []
        while data:
            end = 8 + int.from_bytes(data[:8], "little")
            parts.append(data[8:end])
            data = data[end:]
        matched, absent, held, names = parts
        known_absent = Identities(absent[1:]) if absent[:1] == b"+" else None
        return cls(Identities(matched), known_absent, Identities(held), Identities(names))
