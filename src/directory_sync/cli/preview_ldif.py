"""A preview as LDIF change records (RFC 2849), which `ldapmodify` carries out; comments say what they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from directory_sync.cli.outcome_text import count, error_lines, message_line, warning_lines
from directory_sync.definition.models import Collection
from directory_sync.plan.model import ChangeSequence
from directory_sync.run.change_ldif import VisibleChanges, change_record, comments, without_secrets
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import render_changes
from directory_sync.run.result import JobResult
from directory_sync.run.secrets import IsSecret, secret_fields


def write_ldif(stream: TextIO, collection: Collection, results: Iterable[JobResult], *, deployment: Deployment) -> None:
    """Write all changes as they come, in the plan's order. Raises EndpointError if a destination cannot be asked any more."""
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
            is_secret = secret_fields(job)
            rendered = render_changes(collection, job, VisibleChanges(result.changes, is_secret), deployment)
            stream.writelines(_records(result.changes, rendered, is_secret))
        stream.flush()


def _records(changes: ChangeSequence, rendered: Iterator[str], is_secret: IsSecret) -> Iterator[str]:
    for change in changes:
        nothing_visible = without_secrets(change, is_secret) is None
        yield change_record(change, "" if nothing_visible else next(rendered), is_secret)
