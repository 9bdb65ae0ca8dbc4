"""One job of a run, or of a preview, as a row of a table: its state, figures, problems and request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from directory_sync.approval.request import MessageCode, Request
from directory_sync.approval.states import RequestState
from directory_sync.plan.model import COUNTED_AS, RecordProblem, Statistics
from directory_sync.portal.runs import RunJob
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.progress import applied_share, progress_text
from directory_sync.present.times import seconds_text
from directory_sync.present.words import KindCount, count_kinds, kinds_text
from directory_sync.run import approval_text
from directory_sync.run.result import JobState
from directory_sync.store.runs import RUNNING

COLUMNS = tuple(Statistics().to_json())
_CHANGES = frozenset(COUNTED_AS.values())
SHOWN_PROBLEMS = 100
_PLAIN = frozenset((RUNNING, JobState.SUCCESS, JobState.PREVIEWED, JobState.NOT_RUN))


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job of a run.

    Attributes:
        label: of its state.
        figures: its statistics in the order of `COLUMNS`; empty if nothing was counted.
        kinds: what it has changed, worst first.
        planned: what its plan would do, where nothing of it was written, in the order of `COLUMNS`; empty
            otherwise.
        planned_kinds: the same as kinds of change; `waits`: it may still be written.
        source, destination: where it reads and writes, in words.
        duration: in words; empty while it runs or if it has not begun.
        request: what waits for approval, or was approved for it.
        may_be_waived: its limits can be asked to be waived.
        progress: how far it is while it runs, in words; empty otherwise. `share`: changes that have been
            applied, and their total, for a bar; None while that is not known.
    """

    name: str
    state: str
    label: str
    figures: tuple[int, ...]
    kinds: tuple[KindCount, ...]
    planned: tuple[int, ...]
    planned_kinds: tuple[KindCount, ...]
    waits: bool
    source: str
    destination: str
    duration: str
    message: str
    warnings: tuple[str, ...]
    problems: tuple[RecordProblem, ...]
    problems_more: int
    request: Request | None
    has_plan: bool
    may_be_waived: bool
    progress: str
    share: tuple[int, int] | None

    @property
    def kinds_text(self) -> str:
        """What it has changed, in words."""
        return kinds_text(self.kinds)

    @property
    def cells(self) -> tuple[tuple[int, bool], ...]:
        """The cells of a table in the order of `COLUMNS`: a number, and whether it is only planned."""
        if not self.planned:
            return tuple((number, False) for number in self.figures)
        counted = self.figures or (0,) * len(COLUMNS)
        return tuple(
            (planned, True) if name in _CHANGES else (number, False)
            for name, number, planned in zip(COLUMNS, counted, self.planned, strict=True)
        )

    @property
    def planned_text(self) -> str:
        """What its plan would do, in words."""
        return kinds_text(self.planned_kinds)

    @property
    def awaited(self) -> bool:
        """Whether all there is to say of it is that its request waits for a decision."""
        return self.state == JobState.WAITING and self.request is not None and self.request.pending

    @property
    def asked_text(self) -> str:
        """What its request asks for, in words."""
        return "" if self.request is None else kinds_text(count_kinds(self.request.statistics))

    @property
    def notable(self) -> bool:
        """Whether there is more to say than its figures do."""
        return bool(self.request or self.warnings or self.problems) or self.state not in _PLAIN


def job_row(job: RunJob) -> JobRow:
    """One job of a run as pages show it."""
    result = job.result
    statistics = result.statistics.to_json() if result is not None and result.statistics is not None else {}
    request = job.request
    duration = ""
    if result is not None and result.finished is not None:
        duration = seconds_text(result.finished - result.started)
    elif result is not None:
        duration = f"for {seconds_text(datetime.now(UTC) - result.started)}"
    problems = result.problems if result is not None else ()
    planned = job.planned.to_json() if job.planned is not None else {}
    progress = None if result is None or job.state != RUNNING else result.progress
    label = outcome_text(job.state, wrote=result is not None and result.wrote)
    return JobRow(
        name=job.job.name,
        state=job.state,
        label=label,
        figures=tuple(statistics[name] for name in COLUMNS) if statistics else (),
        kinds=count_kinds(statistics),
        planned=tuple(planned[name] for name in COLUMNS) if planned else (),
        planned_kinds=count_kinds(planned),
        waits=bool(planned) and job.state == JobState.WAITING,
        source=job.job.source.text,
        destination=job.job.destination.text,
        duration=duration,
        message="" if result is None or result.code is MessageCode.DONE else result.message,
        warnings=result.warnings if result is not None else (),
        problems=problems[:SHOWN_PROBLEMS],
        problems_more=max(0, len(problems) - SHOWN_PROBLEMS),
        request=request,
        has_plan=result is not None and result.plan_id is not None,
        may_be_waived=job.may_be_waived and not (request is not None and request.pending),
        progress="" if progress is None else progress_text(progress),
        share=None if progress is None else applied_share(progress),
    )


def is_live(row: JobRow) -> bool:
    """Whether it changes by itself within seconds."""
    return row.state == RUNNING or _is_about_to_be_applied(row.request)


def _is_about_to_be_applied(request: Request | None) -> bool:
    return (
        request is not None
        and request.state is RequestState.APPROVED
        and not approval_text.needs_someone(request)
    )
