"""One listing for two plans: what an edit causes is told from it only if both were made of the same records.

The first plan's reading process writes what it receives into a file as well; the second plan's reads it from
there, with the evidence of the one listing. Fields that only the second one needs are asked for by the first.
"""

from __future__ import annotations

import marshal
import pickle
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from directory_sync.definition.models import DirectoryDestination, Job
from directory_sync.endpoints.contract import Batch, Destination, Record, Source
from directory_sync.endpoints.evidence import Evidence
from directory_sync.plan.mapping.transform import CompiledMapping
from directory_sync.plan.spool import Spool

_END = b"end"
"""Begins the last entry of a recording that is complete."""


class Recording:
    """What one endpoint listed, for another plan of the same place.

    A recording that is not complete is not used: the place is read again then.
    """

    def __init__(self) -> None:
        self._spool = Spool()
        self.also: tuple[str, ...] = ()
        """Fields that the other plan needs."""

    def close(self) -> None:
        """Give the space back."""
        self._spool.close()

    def read(self, endpoint: Source, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """As `Source.read`, from the recording if it holds these fields."""
        entries = iter(self._spool)
        head = next(entries, None)
        if head is None:
            return (yield from self._record(endpoint, fields))
        spelled = {name.casefold(): name for name in marshal.loads(head)}  # noqa: S302 - our own file
        evidence = self._evidence()
        if evidence is None or not all(name.casefold() in spelled for name in fields):
            return (yield from endpoint.read(fields))
        wanted = [(name, spelled[name.casefold()]) for name in fields]
        for entry in entries:
            if entry.startswith(_END):
                break
            yield [_record(packed, wanted) for packed in marshal.loads(entry)]  # noqa: S302 - likewise
        return evidence

    def _record(self, endpoint: Source, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Read the endpoint, and keep what it yields. Runs in the first plan's reading process."""
        has = {name.casefold() for name in fields}
        known = endpoint.fields()
        there = None if known is None else {name.casefold().partition(";")[0] for name in known}
        more = [
            name
            for name in dict.fromkeys(self.also)
            if name.casefold() not in has and (there is None or name.casefold().partition(";")[0] in there)
        ]
        asked = [*fields, *{name.casefold(): name for name in more}.values()]
        self._spool.append(marshal.dumps(asked))
        listing = endpoint.read(asked)
        while True:
            try:
                batch = next(listing)
            except StopIteration as end:
                evidence = cast("Evidence", end.value)
                self._spool.append(_END + pickle.dumps(evidence))
                self._spool.flush()
                return evidence
            self._spool.append(marshal.dumps([_packed(record) for record in batch]))
            # What the other plan asked for besides is not there for this one.
            yield batch if len(asked) == len(fields) else [_with(record, has) for record in batch]

    def _evidence(self) -> Evidence | None:
        """Of a recording that is complete; None of any other."""
        last = b""
        for entry in self._spool:
            last = entry
        return pickle.loads(last[len(_END) :]) if last.startswith(_END) else None  # noqa: S301 - our own file


def _packed(record: Record) -> tuple[Any, ...]:
    return record.id, {name: list(values) for name, values in record.values.items()}, *record[2:]


def _record(packed: tuple[Any, ...], wanted: Sequence[tuple[str, str]]) -> Record:
    id, values, *rest = packed
    return Record(id, {name: values[kept] for name, kept in wanted if kept in values}, *rest)


def _with(record: Record, fields: set[str]) -> Record:
    kept = {name: values for name, values in record.values.items() if name.casefold() in fields}
    return record._replace(values=kept)


class _Recorded:
    """An endpoint whose listing is recorded, or comes from a recording; all else is its own."""

    def __init__(self, endpoint: Source, recording: Recording) -> None:
        self._endpoint = endpoint
        self._recording = recording

    def __getattr__(self, name: str) -> Any:
        return getattr(self._endpoint, name)

    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """As the endpoint's own."""
        return self._recording.read(self._endpoint, fields)


@dataclass(frozen=True, slots=True)
class SharedListings:
    """The listings of two plans of one job, by two definitions of it.

    Attributes:
        source, destination: None where the two are not of the same place.
        other: the job by the definition that is planned second.
    """

    other: Job
    source: Recording | None = field(default_factory=Recording)
    destination: Recording | None = field(default_factory=Recording)

    def of_source(self, source: Source) -> Source:
        """The source, with its listing shared."""
        return source if self.source is None else cast("Source", _Recorded(source, self.source))

    def of_destination(self, destination: Destination) -> Destination:
        """The destination, with its listing shared."""
        if self.destination is None:
            return destination
        return cast("Destination", _Recorded(destination, self.destination))

    def expect(self, mapping: CompiledMapping) -> None:
        """Have the first plan ask for what the other one needs too.

        `mapping`: of the other job, as far as it can be told.
        """
        if self.source is not None:
            self.source.also = tuple(mapping.source_fields)
        if self.destination is not None:
            self.destination.also = tuple(self.other.fields)

    def close(self) -> None:
        """Give the space back."""
        for recording in (self.source, self.destination):
            if recording is not None:
                recording.close()


def shared_listings(first: Job, other: Job) -> SharedListings | None:
    """What two definitions of a job can share; None for nothing.

    What a file means as a destination depends on more of the job than the file, so that is read twice.
    """
    same_source = first.source == other.source
    same_destination = (
        isinstance(first.destination, DirectoryDestination) and first.destination == other.destination
    )
    if not (same_source or same_destination):
        return None
    return SharedListings(
        other,
        Recording() if same_source else None,
        Recording() if same_destination else None,
    )
