"""Checks of where a job reads: containers, filters, paths of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from directory_sync.definition.checks.syntax import dn_wrong, encoding_wrong, filter_wrong
from directory_sync.definition.models import ChangedSince, DirectorySource, FileEndpoint, Job
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem, suggest

FILE_ENDINGS = (".csv", ".tsv", ".ldif", ".xlsx")
"""Endings of files that can be read and written."""


def check_source(job: Job, path: Path, places: Places) -> Iterator[Problem]:
    """Check a job's source."""
    source, at = job.source, (*path, "source")
    if isinstance(source, DirectorySource):
        if wrong := dn_wrong(source.container):
            yield places.problem((*at, "container"), *wrong)
        if wrong := filter_wrong(source.filter):
            yield places.problem((*at, "filter"), *wrong)
    elif isinstance(source, FileEndpoint):
        yield from check_file(source, at, places)
    if job.records == "changed" and not isinstance(source, DirectorySource):
        yield places.problem(
            (*path, "records"), "only a directory tracks changes by itself", "write {changed_since: FIELD} with a timestamp field"
        )
    if isinstance(job.records, ChangedSince) and job.missing_at_source != "skip":
        yield places.problem(
            (*path, "missing_at_source"),
            "needs all records: among those that changed since a time, a deleted one cannot be told from an unchanged one",
            "write missing_at_source: skip here, or records: all",
        )


def check_file(endpoint: FileEndpoint, at: Path, places: Places) -> Iterator[Problem]:
    """Check a file as a source or destination."""
    name = endpoint.file
    path = PurePosixPath(name)
    where = "on the object store" if endpoint.connection else "in the data folder"
    if path.is_absolute() or PureWindowsPath(name).drive or name.startswith("\\") or "://" in name:
        yield places.problem((*at, "file"), "is not a relative path", f"give its path {where}, as in feeds/staff.csv")
    elif ".." in path.parts or ".." in PureWindowsPath(name).parts:
        yield places.problem((*at, "file"), "leaves its folder by ..", f"give a path {where}, as in feeds/staff.csv")
    ending = file_ending(endpoint)
    if ending not in FILE_ENDINGS:
        hint = suggest(ending, FILE_ENDINGS, f"a file ends in {', '.join(FILE_ENDINGS)}")
        yield places.problem((*at, "file"), "has no known ending", hint)
    if endpoint.delimiter is not None and (
        endpoint.delimiter == '"' or not (endpoint.delimiter.isprintable() or endpoint.delimiter == "\t")
    ):
        yield places.problem(
            (*at, "delimiter"), "cannot separate values", 'write one character as in ";" or "\\t", no quote or line end'
        )
    if wrong := encoding_wrong(endpoint.encoding):
        yield places.problem((*at, "encoding"), *wrong)
    encoding = None if endpoint.encoding.lower() in ("utf-8", "utf8") else endpoint.encoding
    for key, value, endings in (
        ("delimiter", endpoint.delimiter, (".csv", ".tsv")),
        ("encoding", encoding, (".csv", ".tsv")),
        ("sheet", endpoint.sheet, (".xlsx",)),
    ):
        if value is not None and ending in FILE_ENDINGS and ending not in endings:
            yield places.problem(
                (*at, key),
                f"has no effect on a {ending} file",
                f"it belongs to {', '.join(endings)}",
                severity="warning",
                at_key=True,
            )


def file_ending(endpoint: FileEndpoint) -> str:
    """The ending of the file's name, lower case, with its dot."""
    return PurePosixPath(endpoint.file).suffix.lower()
