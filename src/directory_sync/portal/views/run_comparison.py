"""*Compare with the run before*: figures of two runs side by side, and what only one of the two touched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest

from directory_sync.plan.model import Statistics
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.run_comparing import JobPair, OnlyIn, RunComparison, compare_runs
from directory_sync.portal.runs import RunJob, RunView
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.patterns import counted_text, line_text
from directory_sync.present.times import seconds_text
from directory_sync.present.words import VERBS
from directory_sync.store.request_model import NAME_LENGTH

router = APIRouter()

COLUMNS = ("read", "created", "updated", "moved", "disabled", "deleted", "conflicts", "errors")
_SLOWER = 1.5
"""A job that takes so many times as long, and a minute more, is pointed out."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One figure in both runs; None where it is not known. `differs`: they are worth a look."""

    name: str
    old: int | None
    new: int | None

    @property
    def differs(self) -> bool:
        """Whether both are known and not the same."""
        return self.old is not None and self.new is not None and self.old != self.new

    @property
    def difference(self) -> str:
        """By how much, with its sign; empty where it is none."""
        return f"{(self.new or 0) - (self.old or 0):+,}" if self.differs else ""


@dataclass(frozen=True, slots=True)
class OnlyShown:
    """What only one of the two touched: how many objects, the first of them, and lines of patterns with how
    many they count.
    """

    objects: int
    first: tuple[str, ...]
    patterns: tuple[tuple[str, str], ...]
    patterns_known: bool


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in both runs.

    Attributes:
        old_state, new_state: empty where a run does not have the job; with their labels.
        figures: in the order of `COLUMNS`; `old_time`, `new_time` its duration in words.
        slower: it took much longer.
        only_old, only_new: None where one of the two has no plan.
    """

    name: str
    old_state: str
    old_label: str
    new_state: str
    new_label: str
    figures: tuple[Pair, ...]
    old_time: str
    new_time: str
    slower: bool
    only_old: OnlyShown | None
    only_new: OnlyShown | None


@dataclass(frozen=True, slots=True)
class RunComparisonPage:
    """Two runs. `view` is the newer one; `totals` of all jobs."""

    view: RunView
    found: RunComparison
    jobs: tuple[JobRow, ...]
    totals: tuple[Pair, ...]
    columns = COLUMNS


@router.get("/runs/{collection}/{run_id}/comparison")
def compare_with_the_run_before(
    request: HttpRequest,
    collection: str,
    run_id: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    other: Annotated[str, Query(alias="with", max_length=NAME_LENGTH)] = "",
) -> Response:
    """A run and the one before it, or another one of the same collection."""
    found = compare_runs(store, visitor, collection, run_id, other)
    jobs = tuple(map(_row, found.jobs))
    page = RunComparisonPage(found.new, found, jobs, tuple(_totals(jobs)))
    return render(request, "run_comparison.html", frame, page)


def _row(pair: JobPair) -> JobRow:
    old, new = _figures(pair.old), _figures(pair.new)
    before, now = _time(pair.old), _time(pair.new)
    return JobRow(
        name=pair.name,
        old_state="" if pair.old is None else pair.old.state,
        old_label=_label(pair.old),
        new_state="" if pair.new is None else pair.new.state,
        new_label=_label(pair.new),
        figures=tuple(Pair(name, old.get(name), new.get(name)) for name in COLUMNS),
        old_time="" if before is None else seconds_text(before),
        new_time="" if now is None else seconds_text(now),
        slower=before is not None
        and now is not None
        and now > before * _SLOWER
        and now - before > timedelta(minutes=1),
        only_old=_only(pair.only_old, pair.old),
        only_new=_only(pair.only_new, pair.new),
    )


def _figures(job: RunJob | None) -> dict[str, int]:
    statistics: Statistics | None = None
    if job is not None:
        # What was not written counts as it was planned, so that the two can be compared.
        statistics = job.planned or (job.result.statistics if job.result is not None else None)
    return {} if statistics is None else dict(statistics.to_json())


def _time(job: RunJob | None) -> timedelta | None:
    if job is None or job.result is None or job.result.finished is None:
        return None
    return job.result.finished - job.result.started


def _label(job: RunJob | None) -> str:
    if job is None:
        return ""
    return outcome_text(job.state, wrote=job.result is not None and job.result.wrote)


def _only(only: OnlyIn | None, job: RunJob | None) -> OnlyShown | None:
    if only is None or job is None:
        return None
    first = tuple(f"{VERBS[each.told.action]}: {each.name or each.told.object}" for each in only.first)
    lines = only.patterns or ()
    patterns = tuple((line_text(line), counted_text(line.count, job.job)) for line in lines)
    return OnlyShown(only.objects, first, patterns, only.patterns is not None)


def _totals(jobs: Iterable[JobRow]) -> Iterable[Pair]:
    rows = list(jobs)
    for place, name in enumerate(COLUMNS):
        pairs = [row.figures[place] for row in rows]
        yield Pair(name, sum(pair.old or 0 for pair in pairs), sum(pair.new or 0 for pair in pairs))
