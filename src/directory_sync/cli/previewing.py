"""`directory-sync collections preview --edited`: what an edited or new definition would do, and what the edit
itself causes, as a running Airflow answers it to the person who asks.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Iterator

from directory_sync.cli.collections_session import Collections, read_text
from directory_sync.cli.exit_status import ExitStatus, most_serious
from directory_sync.cli.outcome_text import count
from directory_sync.cli.terminal import data_output, message
from directory_sync.plan.model import counts_a_change
from directory_sync.portal.codes import PreviewStanding
from directory_sync.portal.wire.previews import PreviewAnswer, PreviewJobAnswer
from directory_sync.present.words import changes_text
from directory_sync.printable import printable, printable_json

_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
"""Seconds between two looks; doubled from the first to the longest."""


def preview_edited(collections: Collections, arguments: Namespace) -> ExitStatus:
    """Ask, wait for the answer, and show it. What is interrupted is cancelled.

    Raises what asking raises: NotAllowed, DefinitionError, CollectionError, RequestError, EndpointError.
    """
    body = {
        "collection": arguments.name,
        "text": read_text(arguments.edited),
        "jobs": arguments.job or [],
    }
    data = collections.ask_preview(body)
    asked = collections.preview(data)
    message(f"{printable(asked.collection)}: preview {asked.id} asked for.")
    try:
        data = _waited(collections, asked)
    except KeyboardInterrupt:
        collections.cancel_preview(asked.id)
        raise
    answer = collections.preview(data)
    if arguments.format == "json":
        print(printable_json(data, indent=2), file=data_output())
    else:
        for line in _lines(answer):
            print(line, file=data_output())
    return _status(answer)


def _waited(collections: Collections, asked: PreviewAnswer) -> object:
    """The answer once it is complete, or will never be; the person hears of what holds it up."""
    pause, told = _PAUSE, ""
    while True:
        data = collections.preview_data(asked.id)
        answer = collections.preview(data)
        try:
            goes_on = PreviewStanding(answer.state).goes_on
        except ValueError:  # of a newer server
            goes_on = False
        if not goes_on:
            return data
        if answer.remedy and answer.state != told:
            message(f"{answer.state_text} {answer.remedy}")
            told = answer.state
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE)


def _lines(answer: PreviewAnswer) -> Iterator[str]:
    if answer.state != PreviewStanding.DONE:
        yield printable(" ".join(filter(None, (answer.state_text, answer.message, answer.remedy))))
    for job in answer.jobs:
        if job.asked is not None:
            planned = changes_text(job.asked.planned or job.asked.statistics or {})
            yield f"{printable(job.job)}: {planned}. {printable(job.asked.message)}".rstrip()
    for job in answer.jobs:
        yield from _effects(job)
    yield f"See {printable(answer.url)}"


def _effects(job: PreviewJobAnswer) -> Iterator[str]:
    if job.effects is None:
        return
    if not job.effects:
        yield f"{printable(job.job)}: the edit itself causes nothing."
        return
    yield f"{printable(job.job)}: the edit itself causes"
    for group in job.effects:
        yield f"  {printable(group.text)}: {count(group.objects, 'object')}"


def _status(answer: PreviewAnswer) -> ExitStatus:
    if answer.state != PreviewStanding.DONE:
        return ExitStatus.FAILED
    return most_serious([_status_of(job) for job in answer.jobs])


def _status_of(job: PreviewJobAnswer) -> ExitStatus:
    # Only here: it brings along all that runs jobs.
    from directory_sync.run.result import JobState

    if job.asked is None:
        return ExitStatus.OK
    if job.asked.state == JobState.STOPPED_BY_LIMIT:
        return ExitStatus.STOPPED_BY_LIMIT
    if job.asked.state != JobState.PREVIEWED:
        return ExitStatus.FAILED
    planned = job.asked.planned or job.asked.statistics or {}
    return ExitStatus.CHANGES if counts_a_change(planned) else ExitStatus.OK
