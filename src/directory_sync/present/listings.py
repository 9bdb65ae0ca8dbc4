"""Evidence of listings in words: what was received, how its end was proven, and what was asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from directory_sync.endpoints.evidence import End, Evidence
from directory_sync.plan.model import PlanEvidence

NOT_RECORDED = "not recorded, because an earlier version made the plan"

_ENDS = {
    End.LAST_PAGE: "complete: the server sent its last page",
    End.WHOLE_ANSWER: "complete: the server ended its answer with success",
    End.LINE_BREAK: "complete: the file ends with a line break",
    End.QUOTED_CELL: "complete: the file ends with a closing quote",
    End.DECLARED_WHOLE: (
        "taken as complete: the definition says complete: true, but the file ends without a line break"
    ),
    End.NO_FILE: "empty: the file does not exist yet",
    End.PLANNED_CONTAINER: "empty: an earlier job creates the container",
    End.CUT_OFF: "may be cut off: the file ends without a line break, so nothing is removed",
}


@dataclass(frozen=True, slots=True)
class ShownListing:
    """One side's evidence in words.

    Attributes:
        side: `source` or `destination`.
        received: how many entries, in how many pages; empty if nothing was recorded.
        end: how the end was proven, or that nothing was recorded.
        asked: connection, place, scope and filter; empty if nothing was recorded.
        ended: when all of it was there.
    """

    side: str
    received: str
    end: str
    asked: str
    ended: datetime | None

    @property
    def line(self) -> str:
        """All of it on one line."""
        if self.ended is None:
            return self.end
        return f"{self.received}; {self.end} ({self.asked}; {self.ended.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def shown_listings(evidence: PlanEvidence | None) -> Iterator[ShownListing]:
    """Both sides of a plan; `evidence`: None for a plan of a version that recorded none."""
    for side in ("source", "destination"):
        if evidence is None:
            yield ShownListing(side, "", NOT_RECORDED, "", None)
        else:
            yield _shown(side, getattr(evidence, side))


def _shown(side: str, evidence: Evidence) -> ShownListing:
    received = _count(evidence.entries, "entry", "entries")
    if evidence.pages:
        received += f" in {_count(evidence.pages, 'page', 'pages')}"
    asked = f"connection {evidence.connection}: {evidence.place}" if evidence.connection else evidence.place
    rest = (evidence.scope, evidence.filter and f"filter {evidence.filter}")
    return ShownListing(
        side,
        received,
        # A newer server, which the command line speaks to, may know others.
        _ENDS.get(evidence.end, f"ended in a way that this version does not know ({evidence.end})"),
        ", ".join((asked, *filter(None, rest))),
        evidence.ended,
    )


def _count(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"
