"""Matches the records of two listings by key while both are still being read, and finds duplicates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from directory_sync.endpoints.evidence import Evidence
from directory_sync.errors import IncompleteListing
from directory_sync.plan.listing import Rejected, Row, Totals, Unknown


class Waiting(NamedTuple):
    """A row whose partner has not been seen (yet)."""

    fingerprint: bytes
    offset: int


class Pair(NamedTuple):
    """A source record and its object that have to be looked at, as offsets into their spools."""

    source: int
    object: int


_SETTLED = (Pair, int)


@dataclass(slots=True)
class Join:
    """The state of matching. For pairs that are the same only the key and one offset are kept.

    Attributes:
        source_count, object_count: records seen, unusable ones included.
        same_count: pairs with equal fingerprints, before `settle`.
        rejected: source records that could not be used.
        unkeyed: offsets of objects that have no key, or that cannot be read.
        unreadable: objects that cannot be read.
        source: key → its record, or what it is: a pair to be looked at, or the offset of a record that
            is the same.
        objects: key → an object without a record so far.
        source_duplicates, object_duplicates: key → offsets of further records and objects that have it.
        several_keys: offset → keys of each object that has more than one.
        unknown: offset → identity of each object that the job does not know.
        met: key → offset of each object that was matched and not known before.
        source_totals, totals: of the source's listing and of the destination's.
    """

    source_count: int = 0
    object_count: int = 0
    same_count: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    unkeyed: list[int] = field(default_factory=list)
    unreadable: list[Rejected] = field(default_factory=list)
    source: dict[bytes, Waiting | Pair | int] = field(default_factory=dict)
    objects: dict[bytes, Waiting] = field(default_factory=dict)
    source_duplicates: dict[bytes, list[int]] = field(default_factory=dict)
    object_duplicates: dict[bytes, list[int]] = field(default_factory=dict)
    several_keys: dict[int, tuple[bytes, ...]] = field(default_factory=dict)
    unknown: dict[int, bytes] = field(default_factory=dict)
    met: dict[bytes, int] = field(default_factory=dict)
    source_totals: Totals = field(default_factory=Totals)
    totals: Totals = field(default_factory=Totals)

    def add_source(self, rows: Iterable[Row], rejected: Iterable[Rejected] = ()) -> None:
        """Take in source records; each has one key."""
        source, objects = self.source, self.objects
        for (key,), fingerprint, offset in rows:
            self.source_count += 1
            if key in source:
                self.source_duplicates.setdefault(key, []).append(offset)
                continue
            partner = objects.pop(key, None)
            if partner is None:
                source[key] = Waiting(fingerprint, offset)
            else:
                self._match(key, fingerprint, offset, partner)
        for item in rejected:
            self.source_count += 1
            self.rejected.append(item)

    def add_objects(
        self, rows: Iterable[Row], unknown: Iterable[Unknown] = (), unreadable: Iterable[Rejected] = ()
    ) -> None:
        """Take in the destination's objects; each has as many keys as its key field has values.

        `unknown`: those of them that the job does not know. `unreadable`: the keys of those that cannot be
        read, which are among the rows without any.
        """
        source, objects = self.source, self.objects
        self.unreadable.extend(unreadable)
        self.unknown.update(unknown)
        for keys, fingerprint, offset in rows:
            self.object_count += 1
            if not keys:
                self.unkeyed.append(offset)
            elif len(keys) > 1:
                self.several_keys[offset] = keys
            for key in keys:
                partner = source.get(key)
                if key in objects or isinstance(partner, _SETTLED):
                    self.object_duplicates.setdefault(key, []).append(offset)
                elif partner is None:
                    objects[key] = Waiting(fingerprint, offset)
                else:
                    self._match(key, partner.fingerprint, partner.offset, Waiting(fingerprint, offset))

    def _match(self, key: bytes, fingerprint: bytes, offset: int, found: Waiting) -> None:
        if self.unknown and found.offset in self.unknown:
            self.met[key] = found.offset
        if fingerprint and fingerprint == found.fingerprint:
            self.same_count += 1
            self.source[key] = offset
        else:
            self.source[key] = Pair(offset, found.offset)

    def recognise(self, offsets: Collection[int]) -> list[bytes]:
        """Let objects count as known that seemed not to be; their identities."""
        self.met = {key: offset for key, offset in self.met.items() if offset not in offsets}
        return [self.unknown.pop(offset) for offset in offsets]

    def settle(self) -> Settled:
        """Draw the conclusions when both listings are complete."""
        ambiguous: dict[bytes, str] = {}
        for key in self.source_duplicates:
            ambiguous[key] = "several source records have this key"
        for key in self.object_duplicates:
            ambiguous[key] = "several objects at the destination have this key"
        present: set[bytes] = set()
        for item in self.rejected:
            present.update(item.keys)
            for key in item.keys:
                if key in self.source:
                    ambiguous[key] = "several source records have this key, one of them unusable"
        unreadable: dict[bytes, str] = {}
        for item in self.unreadable:
            for key in item.keys:
                if isinstance(self.source.get(key), _SETTLED):
                    ambiguous[key] = (
                        "several objects at the destination have this key, one of them unreadable"
                    )
                unreadable[key] = item.message
        for keys in self.several_keys.values():
            matched = [key for key in keys if key in self.source]
            if len(matched) > 1:
                for key in matched:
                    ambiguous[key] = "one object at the destination has the keys of several source records"
        return Settled(self, ambiguous, present, unreadable)


@dataclass(frozen=True, slots=True)
class Settled:
    """What two complete listings say.

    Attributes:
        join: the matching it comes from.
        ambiguous: key → why nothing is done for it.
        present: keys of unusable source records; their objects are neither missing nor touched.
        unreadable: keys of objects that cannot be read, and why; what has them is not created, nor missing.
    """

    join: Join
    ambiguous: dict[bytes, str]
    present: set[bytes]
    unreadable: dict[bytes, str] = field(default_factory=dict)

    def source(self) -> FullListing | DoubtfulListing:
        """The source as what its listing is: one that knows what is missing, or one that does not.

        Raises IncompleteListing if it has not said how it ended.
        """
        evidence = _evidence(self.join.source_totals)
        doubt = _doubt(self, evidence)
        return FullListing(self, evidence) if doubt is None else DoubtfulListing(self, evidence, doubt)

    def destination(self) -> Evidence:
        """Why the destination's listing is complete. Raises IncompleteListing if it is not."""
        evidence = _evidence(self.join.totals)
        if not evidence.end.is_proven:
            raise IncompleteListing(_UNSAID, endpoint=evidence.place, remedy=_AGAIN)
        return evidence

    def met(self) -> Iterator[bytes]:
        """Identities of the objects that were matched, unambiguously, and not known before."""
        join = self.join
        for key, offset in join.met.items():
            if key not in self.ambiguous and join.unknown[offset]:
                yield join.unknown[offset]

    def unchanged_count(self) -> int:
        """Pairs that are the same and unambiguous."""
        return self.join.same_count - sum(
            1 for key in self.ambiguous if isinstance(self.join.source.get(key), int)
        )

    def pairs(self) -> Iterator[tuple[bytes, Pair]]:
        """Keys and places of the pairs that have to be looked at."""
        for key, found in self.join.source.items():
            if isinstance(found, Pair) and key not in self.ambiguous:
                yield key, found

    def only_in_source(self) -> Iterator[tuple[bytes, int]]:
        """Keys and spool offsets of source records without an object."""
        for key, found in self.join.source.items():
            if isinstance(found, Waiting) and key not in self.ambiguous and key not in self.unreadable:
                yield key, found.offset

    def unreadable_objects(self) -> Iterator[tuple[int, str]]:
        """Spool offset of each source record whose object cannot be read, and why."""
        for key, why in self.unreadable.items():
            found = self.join.source.get(key)
            if isinstance(found, Waiting) and key not in self.ambiguous:
                yield found.offset, why

    def unmatched(self) -> Iterator[int]:
        """Spool offsets of managed objects that no source record that was read, usable or not, stands for.

        That is not to say that their records are missing: see `FullListing.missing`.
        """
        join = self.join
        duplicates = {offset for offsets in join.object_duplicates.values() for offset in offsets}
        seen: set[int] = set()
        for key, found in join.objects.items():
            offset = found.offset
            if offset in seen or offset in duplicates:
                continue
            keys = join.several_keys.get(offset, (key,))
            if any(
                k in join.source or k in self.present or k in join.object_duplicates or k in self.unreadable
                for k in keys
            ):
                continue
            if len(keys) > 1:
                seen.add(offset)
            yield offset

    def doubled(self) -> Iterator[tuple[int, ...]]:
        """For each key that several objects have and no source record: their spool offsets, without those of
        objects that have a record by another key.
        """
        join = self.join
        for key, more in join.object_duplicates.items():
            if key not in join.objects or key in self.present or key in self.unreadable:
                continue
            offsets = tuple(
                offset
                for offset in dict.fromkeys((join.objects[key].offset, *more))
                if not any(k in join.source or k in self.present for k in join.several_keys.get(offset, ()))
            )
            if offsets:
                yield offsets

    def ambiguous_records(self) -> Iterator[tuple[int, str]]:
        """Spool offset of each source record that is not processed for ambiguity, and why."""
        for key, why in self.ambiguous.items():
            found = self.join.source.get(key)
            offsets = list(self.join.source_duplicates.get(key, ()))
            if isinstance(found, int):
                offsets.insert(0, found)
            elif isinstance(found, Waiting):
                offsets.insert(0, found.offset)
            elif isinstance(found, Pair):
                offsets.insert(0, found.source)
            for offset in offsets:
                yield offset, why


class Missing:
    """Objects of which it is certain that the source has no record; they are told by a `FullListing` alone.

    Attributes:
        offsets: where the spool holds them.
        unseen: identities of the known objects that the destination did not show, one after the other.
    """

    def __init__(self, listing: FullListing) -> None:
        self.offsets = tuple(listing.settled.unmatched())
        self.unseen = listing.settled.join.totals.unseen


class Doubt(StrEnum):
    """Why a record may be there although none was read."""

    CUT_OFF = "cut_off"
    UNREADABLE_KEY = "unreadable_key"


@dataclass(frozen=True, slots=True)
class FullListing:
    """A source of which everything was read, to a proven end, every record with its key: what is not in it is
    missing.

    Attributes:
        settled: what matching says.
        evidence: that nothing is lacking.

    Raises ValueError where something may be lacking.
    """

    settled: Settled
    evidence: Evidence

    def __post_init__(self) -> None:
        doubt = _doubt(self.settled, self.evidence)
        if doubt is not None:
            raise ValueError(doubt)

    def missing(self) -> Missing:
        """The objects whose record is missing at the source."""
        return Missing(self)


@dataclass(frozen=True, slots=True)
class DoubtfulListing:
    """A source that may hold more than was read: it says what there is, and never what is missing.

    Attributes:
        settled: what matching says.
        evidence: of how it ended.
        doubt: what may be lacking.
    """

    settled: Settled
    evidence: Evidence
    doubt: Doubt


def _doubt(settled: Settled, evidence: Evidence) -> Doubt | None:
    """Why nothing may be concluded from absence; None if that may be."""
    rejected = settled.join.rejected
    if not evidence.end.is_proven or any(item.cut_off for item in rejected):
        return Doubt.CUT_OFF
    return Doubt.UNREADABLE_KEY if any(not item.readable for item in rejected) else None


def _evidence(totals: Totals) -> Evidence:
    if totals.evidence is None:
        raise IncompleteListing(_UNSAID, remedy=_AGAIN)
    return totals.evidence


_UNSAID = "a listing ended without saying that it is complete."
_AGAIN = "Run the job again, and report this if it stays so."
