"""The plan: everything a job would change now, as frozen data that can be printed, stored, hashed and
applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.evidence import Evidence
from directory_sync.plan.past import Findings


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many records a job met and what it does to them. Keys and order are those of the report."""

    read: int = 0
    created: int = 0
    updated: int = 0
    moved: int = 0
    disabled: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    conflicts: int = 0
    errors: int = 0

    def to_json(self) -> dict[str, int]:
        """As a mapping in the report's order."""
        return asdict(self)


COUNTED_AS: Mapping[Action, str] = {
    Action.DELETE: "deleted",
    Action.DISABLE: "disabled",
    Action.MOVE: "moved",
    Action.UPDATE: "updated",
    Action.CREATE: "created",
}
"""Kind of change → the figure of `Statistics` that counts it; the worst kind first."""


def counts_a_change(figures: Mapping[str, int] | None) -> bool:
    """Whether figures, as `Statistics.to_json` gives them, count a change."""
    return figures is not None and any(figures.get(name, 0) for name in COUNTED_AS.values())


@dataclass(frozen=True, slots=True)
class RecordProblem:
    """Why one record was not processed.

    Attributes:
        key: the record's key, as far as it is known.
        object: where it was met: DN or line.
        message: what is wrong and what to do about it.
    """

    key: str
    object: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As in the report."""
        return {"key": self.key, "object": self.object, "message": self.message}


class WhyLeftAlone(StrEnum):
    """Why objects without a record are not removed although the job removes such objects."""

    UNKNOWN = "unknown"
    UNIDENTIFIED = "unidentified"
    CLAIMED = "claimed"
    PLACE_UNIDENTIFIED = "place_unidentified"
    HOLDS_OTHERS = "holds_others"


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Objects without a record that a job leaves alone.

    Attributes:
        why: the job has neither created nor matched them (`unknown`); they show no identity, so that it
            cannot tell (`unidentified`); another job keeps them (`claimed`); no one can tell whether another
            job does, because the place shows no identity (`place_unidentified`); objects below them would go
            with them (`holds_others`).
        by: for `claimed` that job, as `COLLECTION.JOB`; else empty.
        count: how many.
        examples: ids of some of them.
    """

    why: WhyLeftAlone
    by: str
    count: int
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As it is stored and printed; `from_json` reads it back."""
        return {"why": self.why.value, "by": self.by, "count": self.count, "examples": list(self.examples)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LeftAlone:
        """Read what `to_json` wrote."""
        return cls(WhyLeftAlone(data["why"]), data["by"], data["count"], tuple(data["examples"]))


@dataclass(frozen=True, slots=True)
class PlanEvidence:
    """Why both listings that a plan was made from are taken to be complete."""

    source: Evidence
    destination: Evidence

    def to_json(self) -> dict[str, Any]:
        """As it is stored and printed; `from_json` reads it back."""
        return {"source": self.source.to_json(), "destination": self.destination.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> PlanEvidence | None:
        """Read what `to_json` wrote; None for a plan of a version that recorded none."""
        if data is None:
            return None
        return cls(Evidence.from_json(data["source"]), Evidence.from_json(data["destination"]))


EMPTY_SOURCE = "empty_source"
"""Kind of the check that no definition can lift: a source without records, or without values of a field,
removes nothing.
"""


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """How one limit stands against one plan.

    Attributes:
        kind: what is counted, as the definition names it (`delete`, or `delete+disable+move` for the default
            together), or `empty_source`.
        subject: the field (clear, empty source) or group (members) it is about; empty otherwise.
        planned: number of changes of that kind in this plan.
        base: number that a percentage counts against; what was removed recently included.
        allowed: the most that is allowed; None for no limit.
        limit: the limit as a definition writes it; empty for an empty source.
        recent: changes of that kind that were made within the limit's window before this plan, and count too.
    """

    kind: str
    subject: str
    planned: int
    base: int
    allowed: int | None
    limit: str
    recent: int = 0

    @property
    def exceeded(self) -> bool:
        """Whether the plan goes past it.

        A plan that changes nothing of the kind never does, whatever was done before it.
        """
        return self.allowed is not None and self.planned > 0 and self.planned + self.recent > self.allowed

    @property
    def asked(self) -> tuple[str, str, str, int]:
        """What someone agrees to who lets this plan past it: kind, subject, rule and the plan's own number.

        Neither what a percentage came to nor what was removed before: both move while a request waits.
        """
        return (self.kind, self.subject, self.limit, self.planned)

    def to_json(self) -> dict[str, Any]:
        """As it is stored; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LimitCheck:
        """Read what `to_json` wrote, in this version or an earlier one."""
        return cls(**data)

    @property
    def text(self) -> str:
        """How the limit stands, in words that follow the word *limit*, or *exceeded*."""
        if self.kind == EMPTY_SOURCE and self.subject:
            return (
                f"empty source: no record has a value for {self.subject}, but {self.planned} objects would"
                " lose theirs"
            )
        if self.kind == EMPTY_SOURCE:
            return f"empty source: it holds no record, but {self.planned} objects would be removed"
        subject = f" of {self.subject}" if self.subject else ""
        if self.allowed is None:
            return f"{self.kind}{subject}: {self.planned} planned, no limit"
        why = f" ({self.limit} of {self.base})" if "%" in self.limit else ""
        recent = f" and {self.recent} made recently" if self.recent else ""
        return f"{self.kind}{subject}: {self.planned} planned{recent}, {self.allowed} allowed{why}"

    def __str__(self) -> str:
        return self.text if self.kind == EMPTY_SOURCE else f"limit {self.text}"


def same_limits(one: Iterable[LimitCheck], other: Iterable[LimitCheck]) -> bool:
    """Whether two plans go past the same limits by the same numbers of their own; see `LimitCheck.asked`."""
    return {check.asked for check in one} == {check.asked for check in other}


class ChangeSequence(Protocol):
    """The changes of a plan in the order they are applied.

    May be on disk; can be iterated again and again.
    """

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Change]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What one job would do now.

    Attributes:
        collection, job: names.
        destination: identity of the place that would be written to (`Destination.identity`).
        changes: in the order they are applied.
        digest: SHA-256 over the changes' canonical forms (`directory_sync.plan.digest`), hexadecimal.
        statistics: what would be counted if every change succeeded.
        managed: number of objects that the destination's listing holds.
        problems: records that cannot be processed.
        warnings: what the user should know, one sentence each.
        limits: every limit that counts, exceeded or not.
        left_alone: objects without a record that are not removed.
        findings: what the job will know once the plan has been applied; not covered by the digest.
        evidence: of both listings; not covered by the digest. None for plans of versions that recorded none.
    """

    collection: str
    job: str
    destination: str
    changes: ChangeSequence
    digest: str
    statistics: Statistics
    managed: int
    problems: tuple[RecordProblem, ...] = ()
    warnings: tuple[str, ...] = ()
    limits: tuple[LimitCheck, ...] = ()
    left_alone: tuple[LeftAlone, ...] = ()
    findings: Findings = Findings()  # noqa: RUF009 - frozen
    evidence: PlanEvidence | None = None

    @property
    def exceeded(self) -> tuple[LimitCheck, ...]:
        """The limits that the plan goes past."""
        return tuple(limit for limit in self.limits if limit.exceeded)

    def header(self) -> dict[str, Any]:
        """Everything but the changes, as JSON."""
        return {
            "collection": self.collection,
            "job": self.job,
            "destination": self.destination,
            "digest": self.digest,
            "statistics": self.statistics.to_json(),
            "managed": self.managed,
            "problems": [problem.to_json() for problem in self.problems],
            "warnings": list(self.warnings),
            "limits": [limit.to_json() for limit in self.limits],
            "left_alone": [item.to_json() for item in self.left_alone],
            "evidence": self.evidence and self.evidence.to_json(),
            "changes": len(self.changes),
        }
