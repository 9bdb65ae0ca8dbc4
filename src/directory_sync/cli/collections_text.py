"""Saved collections in lines for people. Everything is harmless for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from directory_sync.cli.requests_text import time_text
from directory_sync.portal.wire.collections import (
    DagAnswer,
    DefinitionChangeAnswer,
    ImportItemAnswer,
    ListedCollection,
    SavedAnswer,
    VersionAnswer,
)
from directory_sync.printable import printable

COLUMNS = ("name", "title", "jobs", "schedule", "version", "saved", "by", "airflow")
VERSION_COLUMNS = ("version", "saved", "by", "changes", "comment")
IMPORT_COLUMNS = ("line", "name", "result", "version", "detail")

_STATES = {
    "in_airflow": "in Airflow",
    "waiting": "not in Airflow yet",
    "import_error": "import error",
    "no_bundle": "no bundle in Airflow",
}
_RESULTS = {"ready": "would be saved", "clash": "name is taken"}


def list_row(collection: ListedCollection) -> tuple[str, ...]:
    """One line of a list, in the order of `COLUMNS`."""
    return (
        printable(collection.name),
        printable(collection.title),
        printable(", ".join(collection.jobs)) if collection.usable else "broken definition",
        printable("; ".join(collection.schedule)),
        str(collection.number),
        time_text(collection.saved),
        printable(collection.saved_by),
        _dag(collection.dag),
    )


def _dag(dag: DagAnswer) -> str:
    return f"{_STATES.get(dag.state, printable(dag.state))}{', paused' if dag.paused else ''}"


def version_row(version: VersionAnswer) -> tuple[str, ...]:
    """One line of a list of versions, in the order of `VERSION_COLUMNS`."""
    return (
        str(version.number),
        time_text(version.saved),
        printable(version.saved_by),
        "deleted" if version.deleted else "; ".join(change_texts(version.changes)),
        printable(version.comment),
    )


def import_row(item: ImportItemAnswer) -> tuple[str, ...]:
    """One line about an imported file, in the order of `IMPORT_COLUMNS`."""
    details = [item.detail.splitlines()[0]] if item.detail else list(change_texts(item.changes))
    if item.missing_connections:
        details.append(f"connections not found: {', '.join(item.missing_connections)}")
    renamed = "" if item.saved_as in (None, item.name) else f" as {item.saved_as}"
    return (
        str(item.line),
        printable(f"{item.name or '?'}{renamed}"),
        printable(_RESULTS.get(item.state, item.state)),
        str(item.version or ""),
        printable("; ".join(details)),
    )


def change_texts(changes: Iterable[DefinitionChangeAnswer]) -> Iterator[str]:
    """What changed, one text each; what protects less begins with an exclamation mark."""
    for change in changes:
        job = f"{change.job}: " if change.job else ""
        yield printable(f"{'! ' if change.weakens else ''}{job}{change.text}")


def saved_lines(saved: SavedAnswer) -> Iterator[str]:
    """What was saved, and what that changes."""
    version = saved.version
    done = "saved" if saved.is_new_version else "was saved already"
    yield f"{printable(version.name)}: version {version.number} {done}"
    if saved.is_new_version:
        yield from (f"  {text}" for text in change_texts(version.changes))
