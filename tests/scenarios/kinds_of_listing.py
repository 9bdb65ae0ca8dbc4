"""A kind of listing that there is not yet, next to those that there are: what the type checker says of it.

mypy complains about an `ignore` that nothing needs, so each one here states that its line is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync.plan.join import DoubtfulListing, FullListing, Missing
from directory_sync.plan.missing import MissingObjects
from directory_sync.plan.planning import Planning
from directory_sync.plan.spool import Spool


@dataclass(frozen=True)
class Delta:
    """What has changed at a source since a bookmark: it says of a few records that they are gone, and nothing
    of all others.
    """

    changed: tuple[bytes, ...]
    gone: tuple[bytes, ...]
    bookmark: bytes


CHANGES_ONLY = Delta((b"ada",), (b"bob",), b"42")


def missing(listing: FullListing | DoubtfulListing | Delta) -> Missing | None:
    """What drafting does: only one kind of listing comes through."""
    return listing.missing() if isinstance(listing, FullListing) else None


def missing_of_changes(listing: Delta) -> Missing:
    """Absence in a delta."""
    return listing.missing()  # type: ignore[attr-defined, no-any-return]


def missing_of_doubtful(listing: DoubtfulListing) -> Missing:
    """Absence in a file that may have been cut off."""
    return listing.missing()  # type: ignore[attr-defined, no-any-return]


def removed_by_offsets(planning: Planning, listing: DoubtfulListing, objects: Spool) -> MissingObjects:
    """Removals made of what merely was not matched."""
    return MissingObjects(planning, listing.settled, objects, tuple(listing.settled.unmatched()))  # type: ignore[arg-type]


def removed_by_changes(
    planning: Planning, listing: FullListing, delta: Delta, objects: Spool
) -> MissingObjects:
    """Removals made of a delta."""
    return MissingObjects(planning, listing.settled, objects, delta)  # type: ignore[arg-type]
