"""What earlier runs of a job left on record: the objects that it knows, what it removed lately, what other jobs claim.

A job knows an object that it has created or matched. Objects are told apart by what stays when they are renamed
(entryUUID, objectGUID, nsUniqueId); rows and entries of files, which have no such thing, by their id (the key of a row).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from directory_sync.definition.models import LimitKind

SIZE = 16
"""Bytes of an identity on record, and of the hash of a name."""
UNIDENTIFIED = b""
"""Stands for the identity of an object that shows none, to this login at least: nobody can tell it from another."""

_UUID_TEXT = 36  # RFC 4122, section 3


def compact(identity: bytes) -> bytes:
    """An identity as it is kept on record: an objectGUID as it is, the UUID that an entryUUID spells, else a hash."""
    if len(identity) == SIZE:
        return identity
    if len(identity) == _UUID_TEXT:
        try:
            uuid = bytes.fromhex(identity.replace(b"-", b"").decode("ascii"))
        except ValueError:
            return _hash(identity)
        if len(uuid) == SIZE:
            return uuid
    return _hash(identity)


def identity_of_id(normalised_id: str) -> bytes:
    """The identity of an object of an endpoint that gives its objects none."""
    return _hash(normalised_id.encode(errors="surrogatepass"))


def name_hash(id: str) -> bytes:
    """What an object is found by whose identity nobody has seen: its id without regard to case."""
    return _hash(id.casefold().encode(errors="surrogatepass"))


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=SIZE).digest()


@dataclass(frozen=True)
class Identities:
    """A set of identities, or of hashed names, as one string of bytes: sorted, 16 bytes each.

    A million of them take 16 MB, where a Python set would take ten times as much; that is made only where it is asked.
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
"""Which of these identities other jobs claim: identity → `COLLECTION.JOB`."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is on record of one job at one destination.

    Attributes:
        known: the objects that it has created or matched in earlier runs.
        created_names: objects that it has created and whose identity nobody has seen yet, by `name_hash`.
        absent: known objects that had no record at the last complete run.
        recent: removals that were made within the job's window and that no person let past a limit.
        claimed_by: asks what other jobs claim.
    """

    known: Identities = NOTHING
    created_names: Identities = NOTHING
    absent: Identities = NOTHING
    recent: Mapping[LimitKind, int] = field(default_factory=dict)
    claimed_by: ClaimedBy = lambda identities: {}

    def knows(self, identity: bytes, id: str) -> bool:
        """Whether the job knows an object that shows this identity and has this id."""
        return identity in self.known or self.has_created(id)

    def has_created(self, id: str) -> bool:
        """Whether it is an object that the job has created and not met since."""
        return len(self.created_names) > 0 and name_hash(id) in self.created_names


@dataclass(frozen=True, slots=True)
class Findings:
    """What a plan found out about the objects that its job knows. Counts once the plan has been applied.

    Attributes:
        matched: identities of objects that have a record and were not known before.
        absent: identities of known objects without a record; None where absence cannot be told.
    """

    matched: Identities = NOTHING
    absent: Identities | None = None

    def pack(self) -> bytes:
        """As it is stored with its plan; `unpack` reads it back."""
        absent = b"-" if self.absent is None else b"+" + self.absent.data
        return len(self.matched.data).to_bytes(8, "little") + self.matched.data + absent

    @classmethod
    def unpack(cls, data: bytes | None) -> Findings:
        """Read what `pack` wrote; nothing was found out by a version that stored nothing."""
        if not data:
            return cls()
        length = int.from_bytes(data[:8], "little")
        matched, rest = Identities(data[8 : 8 + length]), data[8 + length :]
        return cls(matched, Identities(rest[1:]) if rest[:1] == b"+" else None)
