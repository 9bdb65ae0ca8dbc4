"""A preview for people: each job's changes, the most serious ones first, with old and new values; nothing is
wrapped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TextIO

from directory_sync.cli.change_table import MOST_SERIOUS_FIRST, ChangeStyle, change_text
from directory_sync.cli.outcome_text import count, error_lines, indented, message_line, tally, warning_lines
from directory_sync.cli.terminal import Colour, coloured
from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action
from directory_sync.plan.model import ChangeSequence
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.secrets import secret_fields


def write_table(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write all previews, each as soon as its result is there."""
    totals: Counter[Action] = Counter()
    jobs = 0
    for result in results:
        jobs += 1
        style = ChangeStyle.of(stream, secret_fields(collection.job(result.job)))
        stream.write(f"{style.bold(result.job)}: {_heading(result)}\n")
        stream.writelines(_changes(result.changes, style, totals))
        notes = [*warning_lines(result), *error_lines(result)]
        if result.state.failed:
            notes.append(coloured(message_line(result), Colour.DANGER, use=style.colour))
        stream.write(indented(notes))
        stream.flush()
    if jobs > 1:
        kinds = ", ".join(f"{totals[action]} {action}" for action in MOST_SERIOUS_FIRST if totals[action])
        stream.write(f"{jobs} jobs: {count(totals.total(), 'change')}{f' ({kinds})' if kinds else ''}\n")


def _heading(result: JobResult) -> str:
    if result.state.failed and result.state is not JobState.STOPPED_BY_LIMIT:
        return result.state.value.replace("_", " ")
    return f"{count(len(result.changes), 'change')}; {tally(result.statistics)}"


def _changes(changes: ChangeSequence, style: ChangeStyle, totals: Counter[Action]) -> Iterator[str]:
    """Yield each change's lines, grouped by kind; within a kind in the plan's order.

    The plan may be larger than memory, so it is walked once for each kind that it has instead of being
    sorted.
    """
    found: Counter[Action] = Counter()
    for change in changes:
        found[change.action] += 1
        if change.action is MOST_SERIOUS_FIRST[0]:
            yield change_text(change, style)
    totals.update(found)
    for action in MOST_SERIOUS_FIRST[1:]:
        if found[action]:
            yield from (change_text(change, style) for change in changes if change.action is action)
