"""A stored plan as CSV and LDIF to keep, made without asking its destination: whoever reads it may not be
able to reach that.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from functools import partial

from directory_sync.definition.endpoint_text import destination_text
from directory_sync.definition.models import DirectoryDestination, FileEndpoint, FileKind, Job
from directory_sync.endpoints.change import Change
from directory_sync.run.change_ldif import comments, ldif_records
from directory_sync.run.change_rows import COLUMNS, change_rows
from directory_sync.run.printable import printable
from directory_sync.run.secrets import secret_fields
from directory_sync.store.plan_pages import PlanHead, StoredChange

CSV_COLUMNS = (*COLUMNS, "result", "message")

_BATCH = 200
# What makes a spreadsheet compute: the first character of a cell. A sign before a number, as in +31 6 1234,
# is none of that.
_FORMULA = re.compile(r"[=@\t\r]|[+-](?![\d\s().,/–-]*$)")


def csv_parts(job: Job, changes: Iterable[StoredChange]) -> Iterator[str]:
    """A plan as CSV, in parts: the columns of a preview, and what became of each change.

    A cell that a spreadsheet would take for a formula begins with an apostrophe.
    """
    is_secret = secret_fields(job)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for number, stored in enumerate(changes, 1):
        outcome = stored.outcome
        end = ("", "") if outcome is None else (outcome.result.value, printable(outcome.message))
        writer.writerows(map(_inert, (*row, *end)) for row in change_rows(job.name, stored.change, is_secret))
        if number % _BATCH == 0:
            yield _taken(text)
    yield _taken(text)


def has_ldif(job: Job) -> bool:
    """Whether the job's changes have a form in LDIF: those of directories and LDIF files have, those of
    tables have not.
    """
    if isinstance(job.destination, FileEndpoint):
        return job.destination.kind is FileKind.LDIF
    return isinstance(job.destination, DirectoryDestination)


def ldif_parts(head: PlanHead, job: Job, changes: Iterable[StoredChange]) -> Iterator[str]:
    """A plan as LDIF change records, in parts; the job must have such a form.

    The destination's schema is not known here, so that values are compared byte by byte where it would know
    better: a preview by the command line, which asks the destination, may leave out a value that only differs
    in case.
    """
    changes_count = "1 change" if head.changes == 1 else f"{head.changes} changes"
    heading = [
        f"plan {head.id} of job {head.job}, collection {head.collection}, run {head.run_id}",
        f"for {destination_text(job.destination)}: {changes_count}, digest {head.digest}",
    ]
    parts = ["version: 1\n\n" + comments(heading)]
    for record in _records(job, (stored.change for stored in changes)):
        parts.append(record)
        if len(parts) >= _BATCH:
            yield "".join(parts)
            parts.clear()
    yield "".join(parts)


def _records(job: Job, changes: Iterable[Change]) -> Iterator[str]:
    is_secret = secret_fields(job)
    if isinstance(job.destination, FileEndpoint):
        from directory_sync.endpoints.files import names
        from directory_sync.endpoints.files.ldif_format import change_records
        from directory_sync.endpoints.files.ldif_source import DN_FIELD

        def above(id: str) -> Iterator[str]:
            container = names.parent(id)
            while container:
                yield names.normalise(container)
                container = names.parent(container)

        render = partial(change_records, pseudo_fields=(DN_FIELD,))
        return ldif_records(changes, render, is_secret, normalise=names.normalise, above=above)
    from directory_sync.endpoints.ldap.ldif import render_change
    from directory_sync.endpoints.ldap.schema import Schema

    schema = Schema({}, active_directory=False, endpoint="")
    return ldif_records(
        changes,
        lambda change, part: render_change(change, schema, part),
        is_secret,
        normalise=schema.names.normalise,
        above=schema.names.ancestors,
    )


def _inert(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _taken(text: io.StringIO) -> str:
    taken = text.getvalue()
    text.seek(0)
    text.truncate()
    return taken
