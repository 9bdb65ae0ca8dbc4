"""`directory-sync preview`: plans the jobs of a collection and shows what would change; writes nothing."""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TextIO

from directory_sync import settings
from directory_sync.cli.definitions import choose_jobs, load_definition
from directory_sync.cli.deployment import operating_system_user, terminal_deployment
from directory_sync.cli.exit_status import ExitStatus, most_serious
from directory_sync.cli.outcome_text import error_lines, indented, message_line, warning_lines
from directory_sync.cli.preview_formats import write_csv, write_ldif, write_table
from directory_sync.cli.progress import ProgressDisplay
from directory_sync.cli.terminal import data_output
from directory_sync.definition.models import Collection, Job
from directory_sync.errors import DefinitionError, RunInAirflow
from directory_sync.present.report import write_report
from directory_sync.run.collection import preview_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState
from directory_sync.run.terminal import definition_of_airflow
from directory_sync.run.verdict import Start
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store

Writer = Callable[[TextIO, Collection, Iterable[JobResult]], None]


def main(arguments: Namespace) -> ExitStatus:
    """Show what the jobs would change. Raises UnsupportedError if one of them cannot be planned here."""
    loaded = load_definition(arguments.file, arguments.templates)
    deployment = terminal_deployment(arguments)
    jobs = choose_jobs(loaded, arguments.job, deployment)
    statuses: list[ExitStatus] = []
    with contextlib.ExitStack() as stack:
        # Without a store nothing is known, as in the first run of all.
        store = Store.open_existing(settings.database_url())
        if store is not None:
            stack.enter_context(store)
        display = stack.enter_context(ProgressDisplay())
        start, now = _what_would_run(store, loaded.collection, jobs, deployment)
        results = preview_collection(
            loaded.collection,
            jobs,
            deployment=deployment,
            store=store,
            start=start,
            now=now,
            progress=display.of,
        )
        observed = _observe(results, display, statuses, tell=arguments.format != "table")
        output = sys.stdout if arguments.format == "table" else data_output()
        _writer(arguments.format, deployment)(output, loaded.collection, observed)
    return most_serious(statuses)


def _what_would_run(
    store: Store | None, collection: Collection, jobs: Sequence[Job], deployment: Deployment
) -> tuple[Start, Collection | None]:
    """The run that the preview is about, and the definition that counts for it too: one from this terminal,
    or where that would be refused, one in Airflow that someone starts by hand.
    """
    here = Start(None, TERMINAL, operating_system_user())
    if store is None:
        return here, None
    try:
        return here, definition_of_airflow(
            store, collection, jobs, deployment.approval_minimum, deployment.templates
        )
    except (RunInAirflow, DefinitionError):
        return Start(None, "manual", ""), None


def job_status(result: JobResult) -> ExitStatus:
    """What one job's preview means for the exit status."""
    if result.state is JobState.STOPPED_BY_LIMIT:
        return ExitStatus.STOPPED_BY_LIMIT
    if result.state.failed:
        return ExitStatus.FAILED
    if len(result.changes):
        return ExitStatus.CHANGES
    # Nothing to change, but not because both sides agree.
    return ExitStatus.FAILED if result.statistics.errors else ExitStatus.OK


def _writer(format_: str, deployment: Deployment) -> Writer:
    match format_:
        case "json":
            return write_report
        case "csv":
            return write_csv
        case "ldif":
            return partial(write_ldif, deployment=deployment)
        case _:
            return write_table


def _observe(
    results: Iterable[JobResult], display: ProgressDisplay, statuses: list[ExitStatus], *, tell: bool
) -> Iterator[JobResult]:
    """Pass results on; with `tell`, what a data format has no place for goes to standard error."""
    for result in results:
        display.hide()
        statuses.append(job_status(result))
        if tell:
            lines = [*warning_lines(result), *error_lines(result)]
            if result.state.failed:
                lines.append(message_line(result))
            if lines:
                with contextlib.suppress(BrokenPipeError):
                    print(f"{result.job}:\n{indented(lines)}", end="", file=sys.stderr)
        yield result
