"""Checks of where a job reads: containers, filters, paths of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath

from directory_sync.definition.addresses import endings, kinds_with
from directory_sync.definition.checks.syntax import dn_wrong, encoding_wrong, filter_wrong
from directory_sync.definition.models import (
    ChangedSince,
    DirectorySource,
    FileEndpoint,
    FileMode,
    Job,
    SqlSource,
)
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem, suggest


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
        if source.mode is not FileMode.MERGE:
            yield places.problem(
                (*at, "mode"),
                "says how a file is written",
                "give it to the destination, or leave it out",
                at_key=True,
            )
    if isinstance(source, FileEndpoint | SqlSource) and source.filter is not None:
        columns = not (isinstance(source, FileEndpoint) and source.has_entries)
        if wrong := filter_wrong(source.filter, columns=columns):
            yield places.problem((*at, "filter"), *wrong)
    if job.records == "changed" and not isinstance(source, DirectorySource):
        yield places.problem(
            (*path, "records"),
            "only a directory tracks changes by itself",
            "write {changed_since: FIELD} with a timestamp field",
        )
    if isinstance(job.records, ChangedSince) and job.missing_at_source != "skip":
        yield places.problem(
            (*path, "missing_at_source"),
            "needs all records: among those that changed since a time, a deleted one cannot be told from an"
            " unchanged one",
            "write missing_at_source: skip here, or records: all",
        )


def check_file(endpoint: FileEndpoint, at: Path, places: Places) -> Iterator[Problem]:
    """Check a file as a source or destination."""
    name = endpoint.file
    path = PurePosixPath(name)
    where = "on the object store" if endpoint.connection else "in the data folder"
    if path.is_absolute() or PureWindowsPath(name).drive or name.startswith("\\") or "://" in name:
        yield places.problem(
            (*at, "file"), "is not a relative path", f"give its path {where}, as in feeds/staff.csv"
        )
    elif ".." in path.parts or ".." in PureWindowsPath(name).parts:
        yield places.problem(
            (*at, "file"), "leaves its folder by ..", f"give a path {where}, as in feeds/staff.csv"
        )
    if endpoint.kind is None:
        known = endings()
        hint = (
            f"a file ends in {', '.join(known)}; any other is read as CSV if you say what is between two"
            " values, as in"
            ' delimiter: ";" or delimiter: "\\t"'
        )
        yield places.problem((*at, "file"), "has no known ending", suggest(endpoint.ending, known, hint))
    if endpoint.delimiter is not None and (
        endpoint.delimiter == '"' or not (endpoint.delimiter.isprintable() or endpoint.delimiter == "\t")
    ):
        yield places.problem(
            (*at, "delimiter"),
            "cannot separate values",
            'write one character as in ";" or "\\t", no quote or line end',
        )
    if wrong := encoding_wrong(endpoint.encoding):
        yield places.problem((*at, "encoding"), *wrong)
    yield from _without_effect(endpoint, at, places)


def _without_effect(endpoint: FileEndpoint, at: Path, places: Places) -> Iterator[Problem]:
    """Warn of keys that files of the endpoint's kind do not have."""
    encoding = None if endpoint.encoding.lower() in ("utf-8", "utf8") else endpoint.encoding
    for key, given in (
        ("delimiter", endpoint.delimiter is not None),
        ("encoding", encoding is not None),
        ("sheet", endpoint.sheet is not None),
        ("complete", endpoint.complete),
    ):
        if given and endpoint.kind is not None and key not in endpoint.kind.keys:
            message, hint = (
                f"has no effect on a {endpoint.ending} file",
                f"it belongs to {' and '.join(kinds_with(key))} files",
            )
            yield places.problem((*at, key), message, hint, severity="warning", at_key=True)
