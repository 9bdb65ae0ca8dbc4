"""`directory-sync collections watch` and `stop`: how far a run in Airflow is, and stopping it for good."""

from __future__ import annotations

import sys
import time
from argparse import Namespace

from directory_sync.cli.collections_session import Collections
from directory_sync.cli.exit_status import ExitStatus
from directory_sync.cli.terminal import data_output, message
from directory_sync.plan.model import counts_a_change
from directory_sync.portal.wire.runs import RunJobAnswer
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.progress import progress_text
from directory_sync.printable import printable, printable_json
from directory_sync.store.run_progress import JobProgress

_PAUSE = 2.0


def watch(collections: Collections, arguments: Namespace) -> ExitStatus:
    """Tell how far a run is until it has ended; with `--once`, now."""
    if arguments.format == "json":
        print(printable_json(collections.run_data(arguments.name, arguments.run_id)), file=data_output())
        return ExitStatus.OK
    return _follow(collections, arguments.name, arguments.run_id, seconds=0 if arguments.once else None)


def stop(collections: Collections, arguments: Namespace) -> ExitStatus:
    """Stop a run; with `--wait`, tell how it goes on until it has ended."""
    name, run_id = arguments.name, arguments.run_id
    stopped = collections.stop(name, run_id, reason=arguments.reason)
    requests = f"; requests cancelled: {', '.join(map(str, stopped.requests))}" if stopped.requests else ""
    how = "ended" if stopped.ended else "its worker finishes what is under way"
    print(
        f"{printable(name)}: run {printable(run_id)} stopped by {printable(stopped.stop.by)}; {how}{requests}"
    )
    if stopped.ended or not arguments.wait:
        return ExitStatus.OK
    status = _follow(collections, name, run_id, seconds=arguments.wait)
    if status is ExitStatus.OK:
        return ExitStatus.OK
    message(
        f"It has not ended within {arguments.wait} s. Its page in Airflow says whether a worker has answered,"
        " and what can be done."
    )
    return ExitStatus.FAILED


def _follow(collections: Collections, name: str, run_id: str, *, seconds: float | None) -> ExitStatus:
    """Print each line that is new. OK when the run has ended, whatever its jobs did, or was looked at once;
    FAILED if it went on for longer than that.
    """
    until = None if seconds is None else time.monotonic() + seconds
    told: dict[str, str] = {}
    while True:
        run = collections.run(name, run_id)
        for job in run.jobs:
            if told.get(job.job) != (line := _line(job)):
                told[job.job] = line
                print(line)
        sys.stdout.flush()
        if run.ended:
            return ExitStatus.OK
        if until is not None and time.monotonic() >= until:
            return ExitStatus.OK if not seconds else ExitStatus.FAILED
        time.sleep(_PAUSE)


def _line(job: RunJobAnswer) -> str:
    text = f"{printable(job.job)}: {outcome_text(job.state, wrote=counts_a_change(job.statistics))}"
    if job.progress is None:
        return text
    told = job.progress
    progress = JobProgress(told.stage, told.read, told.listed, told.planned, told.applied, told.total)
    return f"{text}, {progress_text(progress)}"
