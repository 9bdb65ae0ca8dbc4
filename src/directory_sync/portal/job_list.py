"""All jobs of all collections that a visitor may see, with their latest attempts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from directory_sync.definition.models import Job
from directory_sync.portal.access import Visitor
from directory_sync.portal.collection_list import Listed, read_all
from directory_sync.portal.connections_there import CONNECTIONS
from directory_sync.portal.list_filters import Column, Condition, sort_rows
from directory_sync.portal.queries import JobQuery
from directory_sync.present.outcomes import outcome_text
from directory_sync.store.run_overview import LatestJob
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class ListedJob:
    """A job in the list.

    Attributes:
        listed: its collection.
        latest: its latest attempt; None if it has not run.
        missing: connections that it names and that cannot be found.
    """

    listed: Listed
    job: Job
    latest: LatestJob | None
    missing: tuple[str, ...] = ()

    @property
    def connections(self) -> tuple[str, ...]:
        """The connections that it names, the source's first."""
        return connections_of_job(self.job)

    @property
    def outcome(self) -> str:
        """How its last attempt ended, in words; empty if it has not run."""
        latest = self.latest
        return "" if latest is None else outcome_text(latest.state, wrote=latest.wrote)

    @property
    def last_run(self) -> datetime | None:
        """When its last attempt began."""
        return None if self.latest is None else self.latest.started

    @property
    def object_type(self) -> str:
        """In words."""
        return self.job.object.value.replace("_", " ")

    @property
    def enabled(self) -> str:
        """In words."""
        return "yes" if self.job.enabled else "no"


@dataclass(frozen=True, slots=True)
class JobPage:
    """A part of the list.

    Attributes:
        rows: those that a page shows.
        found: how many the filters let through.
        total: how many the visitor may see.
        missing: the connections that jobs of any of them name and that cannot be found.
        unread: collections whose jobs are not listed, because their definition cannot be used or read.
        folder_problem: as in `ListedPage`.
    """

    rows: tuple[ListedJob, ...]
    found: int
    total: int
    missing: tuple[str, ...]
    unread: int
    folder_problem: str


_COLUMNS: tuple[Column[ListedJob], ...] = (
    Column("job", "Job", lambda row: row.job.name),
    Column("description", "Description", lambda row: row.job.description or None),
    Column("collection", "Collection", lambda row: (row.listed.title, row.listed.name or "")),
    Column("source", "Source", lambda row: row.job.source.text),
    Column("destination", "Destination", lambda row: row.job.destination.text),
    Column("connection", "Connection", lambda row: row.connections),
    Column("object", "Object type", lambda row: row.object_type),
    Column("enabled", "Enabled", lambda row: row.enabled),
    Column("last_run", "Last run", lambda row: row.last_run, "time", late_first=True),
    Column("outcome", "Outcome", lambda row: row.outcome or None),
    Column("next_run", "Next run", lambda row: row.listed.dag.next_run if row.job.enabled else None, "time"),
    Column(
        "times", "Times run", lambda row: row.latest.times if row.latest else 0, "number", late_first=True
    ),
    Column("schedule", "Schedule", lambda row: row.listed.schedule),
    Column("changed", "Changed", lambda row: row.listed.changed, "time", late_first=True),
    Column("missing", "Connection that is gone", lambda row: row.missing),
)
JOB_COLUMNS: Mapping[str, Column[ListedJob]] = {column.name: column for column in _COLUMNS}
"""What the list can be filtered by, by the name in addresses; those that `JobSort` names sort it."""


def list_jobs(
    store: Store, visitor: Visitor, query: JobQuery, conditions: Iterable[Condition[ListedJob]] = ()
) -> JobPage:
    """The jobs that a query and further filters ask for. Raises SettingsError, StoreError."""
    collections, folder_problem = read_all(store, visitor)
    rows, missing = jobs_of(store, collections)
    wanted = tuple(conditions)
    found = [row for row in rows if _fits(row, query) and all(each.fits(row) for each in wanted)]
    found.sort(key=lambda row: (row.job.name, row.listed.title.casefold()))
    found = sort_rows(found, JOB_COLUMNS[query.sort.value], descending=query.descending)
    return JobPage(
        rows=tuple(found[query.skip : query.skip + query.limit]),
        found=len(found),
        total=len(rows),
        missing=tuple(sorted(missing)),
        unread=sum(listed.collection is None for listed in collections),
        folder_problem=folder_problem,
    )


def jobs_of(store: Store, collections: Iterable[Listed]) -> tuple[list[ListedJob], frozenset[str]]:
    """The jobs of these collections, and the connections that any of them names and that cannot be found."""
    listed = list(collections)
    named = {
        name
        for each in listed
        if each.collection is not None
        for job in each.collection.jobs
        for name in connections_of_job(job)
    }
    missing = CONNECTIONS.missing(sorted(named))
    return list(_jobs(listed, store.run_overview.latest_jobs(), missing)), missing


def connections_of_job(job: Job) -> tuple[str, ...]:
    """The connections that a job names, the source's first."""
    named = (job.source.connection, job.destination.connection)
    return tuple(dict.fromkeys(name for name in named if name))


def _jobs(
    collections: Iterable[Listed], latest: Mapping[tuple[str, str], LatestJob], missing: frozenset[str]
) -> Iterator[ListedJob]:
    for listed in collections:
        for job in () if listed.collection is None else listed.collection.jobs:
            gone = tuple(name for name in connections_of_job(job) if name in missing)
            yield ListedJob(listed, job, latest.get((listed.name or "", job.name)), gone)


def _fits(row: ListedJob, query: JobQuery) -> bool:
    if query.connection is not None and query.connection not in row.connections:
        return False
    return mentions(row, query.search)


def mentions(row: ListedJob, text: str) -> bool:
    """Whether a text is found in what people know a job by."""
    wanted = text.casefold()
    return not wanted or any(wanted in each.casefold() for each in _searched(row))


def _searched(row: ListedJob) -> Iterator[str]:
    yield from (row.job.name, row.job.description, row.listed.name or "", row.listed.title)
    yield from (row.job.source.text, row.job.destination.text)
