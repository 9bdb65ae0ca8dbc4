"""A preview as LDIF change records (RFC 2849), which `ldapmodify` carries out; comments say what they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TextIO

from directory_sync.cli.outcome_text import count, error_lines, message_line, warning_lines
from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.model import ChangeSequence
from directory_sync.run.deployment import Deployment
from directory_sync.run.job import JobResult, render_changes
from directory_sync.run.printable import printable
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
        stream.write("\n" + _comments([heading, *notes]))
        if len(result.changes):
            is_secret = secret_fields(job)
            rendered = render_changes(collection, job, _Visible(result.changes, is_secret), deployment)
            stream.writelines(_records(result.changes, rendered, is_secret))
        stream.flush()


@dataclass(frozen=True, slots=True)
class _Visible:
    """A plan's changes without the values of secret fields, and without changes of which nothing is left."""

    changes: ChangeSequence
    is_secret: IsSecret

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return (visible for change in self.changes if (visible := _without_secrets(change, self.is_secret)) is not None)


def _without_secrets(change: Change, is_secret: IsSecret) -> Change | None:
    if not any(is_secret(field.field) for field in change.fields):
        return change
    fields = tuple(field for field in change.fields if not is_secret(field.field))
    nothing_left = not fields and change.action is Action.UPDATE and change.new_object is None
    return None if nothing_left else replace(change, fields=fields)


def _records(changes: ChangeSequence, rendered: Iterator[str], is_secret: IsSecret) -> Iterator[str]:
    for change in changes:
        hidden = [field.field for field in change.fields if is_secret(field.field)]
        comments = [f"{change.action} {change.key}", *(f"{name}: secret, not shown" for name in hidden)]
        record = "" if _without_secrets(change, is_secret) is None else next(rendered)
        yield "\n" + _comments(comments) + record.rstrip("\n") + ("\n" if record else "")


def _comments(lines: Iterable[str]) -> str:
    return "".join(f"# {printable(line)}\n" for line in lines)
