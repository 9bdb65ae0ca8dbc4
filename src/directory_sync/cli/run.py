"""`directory-sync run`: plans and applies the jobs of a collection here and now, and records them in the
store.
"""

from __future__ import annotations

import contextlib
import sys
from argparse import Namespace
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path

from directory_sync import settings
from directory_sync.cli.definitions import choose_jobs, load_definition
from directory_sync.cli.deployment import holder, new_run_id, operating_system_user, terminal_deployment
from directory_sync.cli.exit_status import ExitStatus, UsageError, most_serious
from directory_sync.cli.outcome_text import count, error_lines, indented, message_line, tally, warning_lines
from directory_sync.cli.progress import ProgressDisplay
from directory_sync.cli.run_approved import RequestPending, find_approved, next_step, run_approved
from directory_sync.cli.terminal import discard_output, message
from directory_sync.definition.loading import Loaded
from directory_sync.definition.models import Collection
from directory_sync.errors import RunStopped
from directory_sync.plan.model import Statistics
from directory_sync.present.outcomes import outcome_text, wrote_something
from directory_sync.present.report import report_file, write_report
from directory_sync.present.terminal import Colour, coloured, has_colour
from directory_sync.present.words import planned_text
from directory_sync.run.closing import close_run
from directory_sync.run.collection import run_collection
from directory_sync.run.deployment import Deployment
from directory_sync.run.result import JobResult, JobState, state_of_run, state_of_stopped_run
from directory_sync.run.terminal import definition_of_airflow
from directory_sync.store.leases import Lease
from directory_sync.store.runs import TERMINAL
from directory_sync.store.store import Store

_STATUS = {
    JobState.FAILED: ExitStatus.FAILED,
    JobState.INCOMPLETE: ExitStatus.FAILED,
    JobState.STOPPED: ExitStatus.FAILED,
    JobState.STOPPED_BY_LIMIT: ExitStatus.STOPPED_BY_LIMIT,
    JobState.SUCCESS_WITH_ERRORS: ExitStatus.RECORD_ERRORS,
    JobState.CONFLICTS: ExitStatus.RECORD_ERRORS,
    JobState.WAITING: ExitStatus.WAITING,
}
_COLOURS = {
    ExitStatus.OK: Colour.GOOD,
    ExitStatus.RECORD_ERRORS: Colour.WARNING,
    ExitStatus.WAITING: Colour.CHANGE,
    ExitStatus.FAILED: Colour.DANGER,
    ExitStatus.STOPPED_BY_LIMIT: Colour.DANGER,
}
_SHOWN_ERRORS = 20


def main(arguments: Namespace) -> ExitStatus:
    """Run the jobs and tell how each ended; with `--approved`, apply what someone has agreed to.

    Raises:
        UnsupportedError: a job is not supported here; nothing was read or recorded.
        RunInAirflow: something could be written that needs approval in Airflow; nothing was read or recorded.
        StoreError: the store is missing, not migrated, or stopped answering.
        RequestError: with `--approved`, the request cannot be applied from here.
    """
    if arguments.approved is not None and (arguments.job is not None or arguments.reason):
        raise UsageError(
            "--approved: the request says which job is meant and why; leave out --job and --reason."
        )
    loaded = load_definition(arguments.file, arguments.templates)
    deployment = terminal_deployment(arguments)
    names = []
    if not arguments.approved:
        jobs = choose_jobs(loaded, arguments.job, deployment)
        if disabled := next((job.name for job in jobs if not job.enabled), None):
            raise UsageError(
                f"--job: {disabled} is not enabled, so it is left out of runs. Remove enabled: false from it."
            )
        names = [job.name for job in jobs]
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Store.open(settings.database_url()))
        display = stack.enter_context(ProgressDisplay())
        collection = loaded.collection
        if arguments.approved is None:
            running = _run(loaded, names, store, deployment, display, reason=arguments.reason)
        else:
            try:
                approved = find_approved(collection, arguments.approved, store)
            except RequestPending as error:
                message(str(error))
                return ExitStatus.WAITING
            collection = approved.snapshot.collection
            running = run_approved(approved, deployment=deployment, store=store, display=display)
        # Closed here and not by the garbage collector, so that the run is recorded as ended however this
        # ends.
        results = stack.enter_context(contextlib.closing(running))
        statuses: list[ExitStatus] = []
        told = _tell(
            results, display, statuses, has_report=arguments.report is not None, verbose=arguments.verbose > 0
        )
        told = _say_what_follows(
            told, collection, store, arguments.file, is_approved=arguments.approved is not None
        )
        if arguments.report is not None:
            statuses += _write_report(arguments.report, collection, told)
        for _ in told:
            pass
    return most_serious(statuses)


def job_status(state: JobState) -> ExitStatus:
    """What one job's end means for the exit status."""
    return _STATUS.get(state, ExitStatus.OK)


def _run(
    loaded: Loaded,
    names: Sequence[str],
    store: Store,
    deployment: Deployment,
    display: ProgressDisplay,
    *,
    reason: str,
) -> Generator[JobResult]:
    """Run the jobs as one recorded run, which is closed however it ends."""
    collection = loaded.collection
    jobs = [collection.job(name) for name in names]
    airflows = definition_of_airflow(
        store, collection, jobs, deployment.approval_minimum, deployment.templates
    )
    run_id = new_run_id()
    snapshot = store.runs.start(
        collection,
        run_id,
        trigger=TERMINAL,
        requester=operating_system_user(),
        verified=False,
        reason=reason,
        origin=loaded.origin,
        version=loaded.document.version,
    )
    state = JobState.FAILED
    alive: Lease | None = None
    try:
        alive = store.leases.hold_run(snapshot.id, holder=holder(), duration=deployment.lease_duration)
        states: set[JobState] = set()
        for result in run_collection(
            snapshot,
            [snapshot.collection.job(name) for name in names],
            deployment=deployment,
            store=store,
            holder=holder(),
            now=airflows,
            progress=display.of,
        ):
            states.add(result.state)
            yield result
        stopped = store.run_stops.of(snapshot.collection.name, run_id) is not None
        state = (state_of_stopped_run if stopped else state_of_run)(states)
    finally:
        try:
            close_run(store, snapshot, state, elsewhere=airflows)
        finally:
            if alive is not None:
                alive.release()


def _tell(
    results: Iterable[JobResult],
    display: ProgressDisplay,
    statuses: list[ExitStatus],
    *,
    has_report: bool,
    verbose: bool,
) -> Iterator[JobResult]:
    """Print how each job ended as soon as it has, and pass it on."""
    rest = "; the report has all of them." if has_report else "; --report FILE would write all of them."
    for result in results:
        display.hide()
        # What a stop has kept from beginning has not failed, but the run did not come to its end.
        kept = isinstance(result.error, RunStopped)
        status = ExitStatus.FAILED if kept else job_status(result.state)
        statuses.append(status)
        colour = _COLOURS[status] if result.state is not JobState.NOT_RUN else Colour.FAINT
        state = outcome_text(result.state, wrote=wrote_something(result.statistics))
        state = coloured(state, colour, use=has_colour(sys.stdout))
        lines = [
            *warning_lines(result),
            *error_lines(result, at_most=None if verbose else _SHOWN_ERRORS, rest=rest),
            message_line(result),
        ]
        numbers = (
            ""
            if result.statistics == Statistics() and status is not ExitStatus.OK
            else f"; {tally(result.statistics)}"
        )
        if result.planned is not None:
            planned = planned_text(result.planned, waits=result.state is JobState.WAITING)
            numbers = f"; {count(len(result.changes), 'change')}; {planned}{numbers}"
        if not _print(f"{result.job}: {state}{numbers} ({result.duration:.1f} s)\n{indented(lines)}"):
            statuses.append(ExitStatus.FAILED)
        yield result


def _say_what_follows(
    results: Iterable[JobResult], collection: Collection, store: Store, file: Path, *, is_approved: bool
) -> Iterator[JobResult]:
    """Pass results on; afterwards say on standard error how that what waits for approval goes on, because
    no one here waits.
    """
    lines = []
    for result in results:
        if result.state is JobState.WAITING and result.request is not None:
            lines.append(next_step(store.requests.get(result.request).request, file))
        elif is_approved and not result.state.failed and _others_waited(collection, result.job):
            lines.append(f"Jobs after {result.job} waited for this: directory-sync run {file} runs them.")
        yield result
    for line in lines:
        message(line)


def _others_waited(collection: Collection, job: str) -> bool:
    return collection.job(job).wait_for_approval and collection.enabled_jobs[-1].name != job


def _print(text: str) -> bool:
    # A reader who has gone away (`| head`), or a full disk, is no reason to leave the other jobs undone.
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    except OSError as error:
        discard_output()
        message(f"standard output cannot be written ({error.strerror}); the run goes on without it.")
        return False
    return True


def _write_report(path: Path, collection: Collection, results: Iterator[JobResult]) -> list[ExitStatus]:
    """Run everything while writing the report. Returns what that means for the exit status."""
    is_open = False
    try:
        with report_file(path) as stream:
            is_open = True
            write_report(stream, collection, results)
    except OSError as error:
        if not is_open:
            raise UsageError(
                f"--report: {path} cannot be written ({error.strerror}). Nothing was run."
            ) from None
        message(f"--report: writing {path} failed ({error.strerror}); the run goes on without it.")
        return [ExitStatus.FAILED]
    return []
