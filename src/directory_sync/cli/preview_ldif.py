"""A preview as LDIF change records (RFC 2849), which `ldapmodify` carries out; comments say what they belong
to.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from directory_sync.cli.outcome_text import count, error_lines, message_line, warning_lines
from directory_sync.definition.models import Collection
from directory_sync.run.change_ldif import comments
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import render_changes
from directory_sync.run.result import JobResult


def write_ldif(
    stream: TextIO, collection: Collection, results: Iterable[JobResult], *, deployment: Deployment
) -> None:
    """Write all changes as they come, in the plan's order.

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
