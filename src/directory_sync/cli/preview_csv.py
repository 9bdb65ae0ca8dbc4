"""A preview as CSV, for spreadsheets: one row for each field that changes."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from directory_sync.definition.models import Collection
from directory_sync.run.change_rows import COLUMNS, change_rows
from directory_sync.run.result import JobResult
from directory_sync.run.secrets import secret_fields


def write_csv(stream: TextIO, collection: Collection, results: Iterable[JobResult]) -> None:
    """Write all changes as they come, in the plan's order; a change without fields is one row."""
    # Line ends as in everything else that is written to a pipe.
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        is_secret = secret_fields(collection.job(result.job))
        for change in result.changes:
            writer.writerows(change_rows(result.job, change, is_secret))
        stream.flush()
