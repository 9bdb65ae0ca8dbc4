"""What a task writes into its log: progress while it works, one line per change, a closing tally.

Never a secret.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.plan.model import COUNTED_AS, Statistics
from directory_sync.plan.planning import Stage
from directory_sync.present.line import change_line
from directory_sync.present.outcomes import outcome_text, wrote_something
from directory_sync.present.shown import visible
from directory_sync.present.words import planned_text
from directory_sync.printable import printable, printable_lines
from directory_sync.run.result import JobResult, JobState

_PROGRESS_EVERY = 5.0

_STAGES: Mapping[str, tuple[str, str]] = {
    Stage.READ_SOURCE: ("Reading the source", "records"),
    Stage.READ_DESTINATION: ("Reading the destination", "objects"),
    Stage.COMPARE: ("Comparing", "records"),
    Stage.LOOK_UP: ("Looking up members and references", "objects"),
    Stage.APPLY: ("Applying", "changes"),
}

log = logging.getLogger(__name__)


class ProgressLog:
    """Tells every few seconds how far a job is."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _PROGRESS_EVERY

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Called by the job as often as it likes."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _PROGRESS_EVERY
        sentence, noun = _STAGES.get(stage, (stage.capitalize(), "records"))
        log.info(
            "%s: %s",
            sentence,
            f"{done:,} {noun} so far." if total is None else f"{done:,} of {total:,} {noun}.",
        )


def log_result(job: Job, result: JobResult, *, shown: int, answered: Collection[int] | None = None) -> None:
    """Write changes, problems, warnings and the tally of a job.

    Args:
        job: the job.
        result: how it ended.
        shown: the most changes that get a line of their own.
        answered: places of the changes that were dealt with, where that is not all of the plan.
    """
    _log_changes(job, result, shown, answered)
    for problem in result.problems[:shown]:
        log.warning("%s", printable_lines(f"{problem.key or problem.object or '?'}: {problem.message}"))
    _log_rest(len(result.problems) - shown, "records with problems")
    for warning in result.warnings:
        log.warning("%s", printable_lines(warning))
    for limit in result.limits:
        if limit.exceeded:
            log.warning("%s", printable(str(limit)))
    if result.planned is not None:
        waits = result.state is JobState.WAITING
        log.info("Job %s: %s.", result.job, planned_text(result.planned, waits=waits))
    if result.message and result.state is not JobState.FAILED:
        log.info("%s", printable_lines(result.message))
    log.info("%s", tally(result))


def tally(result: JobResult) -> str:
    """How a job ended, in one line: `Job people: success. read=100 created=3 … digest=… seconds=1.2`."""
    facts = [f"{name}={number}" for name, number in result.statistics.to_json().items()]
    if result.planned is not None and result.planned != result.statistics:
        named = COUNTED_AS.values()
        facts += [
            f"planned_{name}={number}"
            for name, number in result.planned.to_json().items()
            if name in named and number
        ]
    if result.digest:
        facts.append(f"digest={result.digest[:12]}")
    facts.append(f"seconds={result.duration:.1f}")
    outcome = outcome_text(result.state, wrote=wrote_something(result.statistics))
    return f"Job {result.job}: {outcome}. {' '.join(facts)}"


def _log_changes(job: Job, result: JobResult, shown: int, answered: Collection[int] | None) -> None:
    is_secret = secret_fields(job)
    for sequence, change in enumerate(islice(result.changes, shown)):
        outcome = result.outcomes.get(sequence)
        planned = result.state.only_planned or (answered is not None and sequence not in answered)
        text = printable(change_line(visible(change, is_secret, outcome=outcome), planned=planned))
        bad = outcome is not None and outcome.result.is_trouble
        log.log(logging.WARNING if bad else logging.INFO, "%s", text)
    _log_rest(len(result.changes) - shown, "changes")


def _log_rest(number: int, noun: str) -> None:
    if number > 0:
        log.info(
            "… and %s more %s; logged_changes in [directory_sync] says how many are shown.",
            f"{number:,}",
            noun,
        )


def table(rows: Mapping[str, tuple[str, Statistics | None]]) -> Iterator[str]:
    """The lines of a table of jobs, their states and figures, with a total."""
    names = list(Statistics().to_json())
    figures = {
        job: [str(number) for number in statistics.to_json().values()] if statistics else [""] * len(names)
        for job, (_, statistics) in rows.items()
    }
    lines = [["job", "state", *names]]
    lines += [
        [job, outcome_text(state, wrote=wrote_something(statistics)), *figures[job]]
        for job, (state, statistics) in rows.items()
    ]
    lines.append(
        ["total", "", *map(str, total(statistics for _, statistics in rows.values()).to_json().values())]
    )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    for line in lines:
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def total(each: Iterator[Statistics | None]) -> Statistics:
    """The sum of all figures."""
    sums = dict.fromkeys(Statistics().to_json(), 0)
    for statistics in each:
        if statistics is not None:
            for name, number in statistics.to_json().items():
                sums[name] += number
    return Statistics(**sums)
