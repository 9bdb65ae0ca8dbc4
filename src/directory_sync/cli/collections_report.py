"""`directory-sync collections report`: the changes of a run in Airflow, as its page shows them."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from typing import Any

from directory_sync.cli.answered_changes import change_lines, write_download
from directory_sync.cli.collections_session import Collections
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.outcome_text import count
from directory_sync.cli.requests_text import pattern_lines
from directory_sync.cli.terminal import data_output, warn
from directory_sync.plan.model import counts_a_change
from directory_sync.portal.codes import Integrity
from directory_sync.portal.wire.plans import ReportAnswer
from directory_sync.portal.wire.runs import RunAnswer
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.terminal import ChangeStyle
from directory_sync.printable import printable, printable_json

_FILTERS = ("search", "field", "action", "result", "pattern")


def report(collections: Collections, arguments: Namespace) -> ExitStatus:
    """Show the report of a run, or of one of its jobs."""
    name, run_id = arguments.name, arguments.run_id
    filters = {each: getattr(arguments, f"only_{each}") for each in _FILTERS}
    query = {"job": arguments.only_job, **filters}
    if arguments.format in ("csv", "ldif"):
        write_download(collections.download_report(name, run_id, {**query, "format": arguments.format}))
        return ExitStatus.OK
    pages = collections.report_pages(name, run_id, {**query, "order": arguments.order})
    if arguments.format == "json":
        _write_json(pages)
        return ExitStatus.OK
    run = collections.run(name, run_id)
    filtered = any(each is not None for each in filters.values())
    sys.stdout.writelines(_lines(collections, run, pages, filtered=filtered))
    return ExitStatus.OK


def _write_json(pages: Iterator[Any]) -> None:
    """The API's own answer with the changes of all pages as one list, because there may be very many."""
    stream = data_output()
    first: Mapping[str, Any] = next(pages)
    head = {each: told for each, told in first.items() if each not in ("changes", "next_job", "next")}
    stream.write(printable_json(head)[:-1] + ', "changes": [')
    separator = "\n"
    changes = first["changes"]
    while True:
        for change in changes:
            stream.write(separator + printable_json(change))
            separator = ",\n"
        page = next(pages, None)
        if page is None:
            break
        changes = page["changes"]
    stream.write("\n]}\n")


def _lines(
    collections: Collections, run: RunAnswer, pages: Iterator[Any], *, filtered: bool
) -> Iterator[str]:
    """First each job and its patterns, as on the page; then the changes, job by job."""
    style = ChangeStyle.of(sys.stdout)
    of_job = ""
    for number, data in enumerate(pages):
        page = collections.report_page(data)
        if not number:
            yield from _head(collections, run, page, filtered=filtered)
        for change in page.changes:
            if change.job != of_job:
                of_job = change.job
                yield f"changes of {printable(of_job)}:\n"
            yield from change_lines(change, style)


def _head(collections: Collections, run: RunAnswer, page: ReportAnswer, *, filtered: bool) -> Iterator[str]:
    if page.integrity != Integrity.INTACT:
        warn(page.integrity_message)
    told = {each.job: each for each in run.jobs}
    for each in page.jobs:
        job = told.get(each.job)
        outcome = "" if job is None else outcome_text(job.state, wrote=counts_a_change(job.statistics))
        yield f"{printable(each.job)}: {outcome}, {count(each.changes, 'change')}\n"
        if not filtered:
            for line in pattern_lines(collections.session.plan_patterns(each.plan)):
                yield f"{line}\n"
    if filtered:
        yield f"{count(page.total, 'change')} of {sum(each.changes for each in page.jobs):,}\n"
