"""The results of jobs, in lines for people: tallies, warnings, limits, records with errors."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from directory_sync.plan.model import RecordProblem, Statistics
from directory_sync.present.listings import shown_listings
from directory_sync.printable import printable, printable_lines

if TYPE_CHECKING:
    # It brings everything along that runs jobs.
    from directory_sync.run.result import JobResult


def tally(statistics: Statistics) -> str:
    """All numbers that are not zero, in the report's order; `read` always."""
    numbers = statistics.to_json()
    return ", ".join(f"{number} {name}" for name, number in numbers.items() if number or name == "read")


def count(number: int, thing: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def warning_lines(result: JobResult) -> Iterator[str]:
    """The job's warnings, and the limits that its plan goes past."""
    for warning in result.warnings:
        yield f"warning: {printable(warning)}"
    for check in result.limits:
        if check.exceeded:
            yield f"exceeded: {printable(str(check))}"


def listing_lines(result: JobResult) -> Iterator[str]:
    """What both listings said of how they ended; nothing for a job that has no plan."""
    if result.evidence is not None:
        for listing in shown_listings(result.evidence):
            yield f"{listing.side}: {printable(listing.line)}"


def error_lines(result: JobResult, *, at_most: int | None = None, rest: str = "") -> Iterator[str]:
    """One line for each record or object that was not processed.

    Args:
        result: the job's.
        at_most: how many lines; None for all.
        rest: says where those are that are left out.
    """
    problems = record_errors(result)
    yield from (f"error: {problem_text(problem)}" for problem in itertools.islice(problems, at_most))
    left_out = sum(1 for _ in problems)
    if left_out:
        yield f"… and {count(left_out, 'more error')}{rest}"


def record_errors(result: JobResult) -> Iterator[RecordProblem]:
    """Everything that was not processed: records that could not be planned, then changes that failed or
    were in conflict.
    """
    yield from result.problems
    wrong = {number: outcome for number, outcome in result.outcomes.items() if outcome.result.is_trouble}
    if wrong:
        for number, change in enumerate(result.changes):
            if number in wrong:
                yield RecordProblem(change.key, change.object, wrong[number].message)


def problem_text(problem: RecordProblem) -> str:
    """A record's error on one line."""
    place = " ".join(part for part in (problem.key, f"({problem.object})" if problem.object else "") if part)
    return printable(f"{place}: {problem.message}" if place else problem.message)


def indented(lines: Iterable[str]) -> str:
    """Lines below a heading, each with its line end."""
    return "".join(f"  {line}\n" for line in lines)


def message_line(result: JobResult) -> str:
    """How the job ended, as a sentence; further lines are indented."""
    return printable_lines(result.message)
