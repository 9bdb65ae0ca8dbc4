"""Source and destination of one server: what they share is refused where a job removes, and is never written
to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from directory_sync.definition.models import Job, MoveMissing
from directory_sync.endpoints.contract import Destination, Source
from directory_sync.endpoints.places import may_be_one
from directory_sync.errors import EndpointError


def one_place(source: Source, destination: Destination) -> bool:
    """Whether both certainly reach the same data: a naming context of one server, or a file."""
    return not source.reached.isdisjoint(destination.reached)


def overlapping(source: Source, destination: Destination) -> bool:
    """Whether an object is certainly a record of the source and an object of the destination at the same
    time, if it is there.
    """
    return _meet(source, destination) and one_place(source, destination)


def _meet(source: Source, destination: Destination) -> bool:
    """Whether both look at the same part of a tree, if it is the same tree."""
    here, there = source.region, destination.region
    return here.overlaps(there) if here is not None and there is not None else here is there


def refuse_overlap(job: Job, source: Source, destination: Destination) -> None:
    """Raise EndpointError if the job could remove a record of its own source; nothing was read then."""
    if source.region is None:
        if overlapping(source, destination):
            raise EndpointError(
                "source and destination are the same file.",
                endpoint=destination.label,
                remedy="Let the destination be another file.",
            )
        return
    if job.missing_at_source == "skip" or destination.region is None:
        return
    if overlapping(source, destination):
        raise EndpointError(
            f"it overlaps the source ({source.label}), so records of the source could be removed as objects"
            " whose record is missing. Nothing was read.",
            endpoint=destination.label,
            remedy="Choose containers of which neither holds the other, or write missing_at_source: skip. If"
            " this is a copy of the source's server, give its connection an instance in its extra.",
        )
    if _meet(source, destination) and may_be_one(source.identity, destination.identity):
        raise EndpointError(
            f"this may be the server of the source ({source.label}), which cannot be told: this login, or the"
            " source's, may not read entryUUID, objectGUID or nsUniqueId of the top entry. Records of the"
            " source could be removed. Nothing was read.",
            endpoint=destination.label,
            remedy="Let both logins read that attribute, or, if these are two servers, give one of the"
            " connections an instance in its extra.",
        )
    moves = job.missing_at_source.move if isinstance(job.missing_at_source, MoveMissing) else None
    if (
        moves is not None
        and one_place(source, destination)
        and source.region.holds((*destination.names.path(moves), ""))
    ):
        raise EndpointError(
            f"missing_at_source moves objects to {moves}, which the source ({source.label}) reads: they would"
            " become its records. Nothing was read.",
            endpoint=destination.label,
            remedy="Choose another container to move them to.",
        )


def is_one_of(ids: Iterable[str], destination: Destination) -> Callable[[str], bool]:
    """A function that tells whether an id at the destination is one of these ids of source records."""
    normalise = destination.names.normalise
    found = frozenset(map(normalise, ids))

    def is_one(id: str) -> bool:
        return normalise(id) in found

    return is_one
