"""Source and destination of one server: what they share is refused where a job removes, and is never written to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from directory_sync.definition.models import Job, MoveMissing
from directory_sync.endpoints.protocol import Destination, Source
from directory_sync.errors import EndpointError


def one_place(source: Source, destination: Destination) -> bool:
    """Whether both reach the same data: a naming context of one server, or a file."""
    return source.identity == destination.identity


def overlapping(source: Source, destination: Destination) -> bool:
    """Whether an object could be a record of the source and an object of the destination at the same time."""
    if not one_place(source, destination):
        return False
    here, there = source.region, destination.region
    return here is None or there is None or here.overlaps(there)


def refuse_overlap(job: Job, source: Source, destination: Destination) -> None:
    """Raise EndpointError if the job could remove a record of its own source; nothing was read then."""
    if job.missing_at_source == "skip" and source.region is not None:
        return
    remedy = "Choose containers of which neither holds the other, or write missing_at_source: skip."
    if overlapping(source, destination):
        if source.region is None:
            raise EndpointError(
                "source and destination are the same file.",
                endpoint=destination.label,
                remedy="Let the destination be another file.",
            )
        raise EndpointError(
            f"it overlaps the source ({source.label}), so records of the source could be removed as objects whose record is "
            "missing. Nothing was read.",
            endpoint=destination.label,
            remedy=remedy,
        )
    moves = job.missing_at_source.move if isinstance(job.missing_at_source, MoveMissing) else None
    if moves is not None and one_place(source, destination) and source.region is not None:
        target = destination.place_of(moves)
        if source.region.holds((*target, "")):
            raise EndpointError(
                f"missing_at_source moves objects to {moves}, which the source ({source.label}) reads: they would become its "
                "records. Nothing was read.",
                endpoint=destination.label,
                remedy="Choose another container to move them to.",
            )


def is_one_of(ids: Iterable[str], destination: Destination) -> Callable[[str], bool]:
    """A function that tells whether an id at the destination is one of these ids of source records."""
    normalise = destination.normalise_id
    found = frozenset(map(normalise, ids))

    def is_one(id: str) -> bool:
        return normalise(id) in found

    return is_one
