"""A preview as people and tools read it: a table, CSV for spreadsheets, LDIF for `ldapmodify`."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from directory_sync.cli.outcome_text import (
    count,
    error_lines,
    indented,
    listing_lines,
    message_line,
    tally,
    warning_lines,
)
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.secrets import IsSecret, secret_fields
from directory_sync.endpoints.change import WORST_FIRST, Action
from directory_sync.endpoints.exchanges import containers_above
from directory_sync.plan.model import ChangeSequence
from directory_sync.plan.patterns.model import MOST_LINES
from directory_sync.plan.patterns.subject import Subject
from directory_sync.plan.patterns.summing import patterns_of
from directory_sync.present.ldif import comments, ldif_records
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.patterns import pattern_lines
from directory_sync.present.rows import COLUMNS, change_rows
from directory_sync.present.shown import visible
from directory_sync.present.terminal import ChangeStyle, Colour, change_text, coloured
from directory_sync.printable import printable
from directory_sync.run.deployment import Deployment
from directory_sync.run.opening import open_job
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.verdict_text import forecast_text

_MANY = 10
"""Changes of a job that are summed up before they are listed."""


def write_table(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write all previews for people, each as soon as its result is there: the most serious changes first,
    with old and new values; nothing is wrapped.
    """
    style = ChangeStyle.of(stream)
    totals: Counter[Action] = Counter()
    jobs = 0
    for result in results:
        jobs += 1
        stream.write(f"{style.bold(result.job)}: {_heading(result)}\n")
        job = collection.job(result.job)
        is_secret = secret_fields(job)
        stream.write(indented(_patterns(result, job)))
        stream.writelines(_changes(result.changes, is_secret, style, totals))
        notes = [*listing_lines(result), *warning_lines(result), *error_lines(result)]
        if result.state.failed:
            notes.append(coloured(message_line(result), Colour.DANGER, use=style.colour))
        if result.forecast is not None and (told := forecast_text(result.forecast)):
            notes.append(printable(told))
        stream.write(indented(notes))
        stream.flush()
    if jobs > 1:
        kinds = ", ".join(f"{totals[action]} {action}" for action in WORST_FIRST if totals[action])
        stream.write(f"{jobs} jobs: {count(totals.total(), 'change')}{f' ({kinds})' if kinds else ''}\n")


def write_csv(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write all changes as they come, in the plan's order: one row for each field that changes; a change
    without fields is one row.
    """
    # Line ends as in everything else that is written to a pipe.
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        is_secret = secret_fields(collection.job(result.job))
        for change in result.changes:
            writer.writerows(change_rows(result.job, visible(change, is_secret)))
        stream.flush()


def write_ldif(
    stream: TextIO, collection: Collection, results: Iterable[JobResult], *, deployment: Deployment
) -> None:
    """Write all changes as LDIF change records (RFC 2849) as they come, in the plan's order; comments say
    what they belong to.

    Raises EndpointError if a destination cannot be asked any more.
    """
    stream.write("version: 1\n")
    for result in results:
        job = collection.job(result.job)
        destination = getattr(job.destination, "connection", None) or getattr(job.destination, "file", "")
        heading = f"job {job.name} to {destination}: {count(len(result.changes), 'change')}"
        notes = [*warning_lines(result), *error_lines(result)]
        if result.state.failed:
            notes += message_line(result).splitlines()
        stream.write("\n" + comments([heading, *notes]))
        if len(result.changes):
            stream.writelines(render_changes(collection, job, result.changes, deployment))
        stream.flush()


def render_changes(
    collection: Collection, job: Job, changes: ChangeSequence, deployment: Deployment
) -> Iterator[str]:
    """A plan as LDIF change records, or comments where the destination has no such form;
    asks the destination.
    """
    is_secret = secret_fields(job)
    with open_job(collection, job, deployment, roles=None, run_id="preview") as opened:
        destination = opened.destination
        shown = (visible(change, is_secret) for change in changes)
        yield from ldif_records(
            shown,
            destination.render,
            normalise=destination.names.normalise,
            above=containers_above(destination.names),
        )


def _heading(result: JobResult) -> str:
    if result.state.failed and result.state is not JobState.STOPPED_BY_LIMIT:
        return outcome_text(result.state, wrote=False)
    return f"{count(len(result.changes), 'change')}; {tally(result.statistics)}"


def _patterns(result: JobResult, job: Job) -> list[str]:
    """The changes by pattern, where reading them one by one would take long."""
    if len(result.changes) < _MANY:
        return []
    patterns = patterns_of(result.changes, Subject.of(job, result.evidence))
    return [
        "by pattern:",
        *(f"  {printable(line)}" for line in pattern_lines(patterns, job, most=MOST_LINES)),
    ]


def _changes(
    changes: ChangeSequence, is_secret: IsSecret, style: ChangeStyle, totals: Counter[Action]
) -> Iterator[str]:
    """Yield each change's lines, grouped by kind; within a kind in the plan's order.

    The plan may be larger than memory, so it is walked once for each kind that it has instead of being
    sorted.
    """
    found: Counter[Action] = Counter()
    for change in changes:
        found[change.action] += 1
        if change.action is WORST_FIRST[0]:
            yield change_text(visible(change, is_secret), style)
    totals.update(found)
    for action in WORST_FIRST[1:]:
        if found[action]:
            for change in changes:
                if change.action is action:
                    yield change_text(visible(change, is_secret), style)
