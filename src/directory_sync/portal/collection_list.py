"""All collections that a visitor may see, saved or from files, with their latest runs."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from directory_sync.collections.importing import connections_of
from directory_sync.collections.saving import SavingRules
from directory_sync.definition.loading import Broken, Loaded, refuse_same_names
from directory_sync.definition.models import Collection
from directory_sync.definition.problems import Problem
from directory_sync.definition.saved_documents import is_saved
from directory_sync.errors import DefinitionError
from directory_sync.portal import airflow_dags
from directory_sync.portal.access import Visitor
from directory_sync.portal.airflow_dags import DagState
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.list_filters import Column, Condition, Value, sort_rows
from directory_sync.portal.queries import CollectionKind, CollectionQuery, CollectionSort, CollectionState
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.schedule_text import schedule_text
from directory_sync.present.outcomes import outcome_of, outcome_text
from directory_sync.store.collection_versions import SavedVersion
from directory_sync.store.run_overview import LatestRun
from directory_sync.store.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listed:
    """A collection in the list.

    Attributes:
        name: of the collection; None for a file that does not tell it.
        file: path of the file that it is from; None for a saved one.
        collection: None if its definition cannot be used, or cannot be read from here.
        problem: the first thing that is wrong with it; None if nothing is.
        latest: its latest run; None if it has not run.
        dag: what Airflow knows of it.
        changed, changed_by: when it was saved, by whom; of a file, when that was written.
    """

    name: str | None
    file: str | None
    collection: Collection | None
    problem: Problem | None
    latest: LatestRun | None
    dag: DagState
    changed: datetime | None
    changed_by: str

    @property
    def schedule(self) -> str:
        """When it runs by itself, in words."""
        return "" if self.collection is None else schedule_text(self.collection)

    @property
    def title(self) -> str:
        """What people call it."""
        return (self.collection and self.collection.title) or self.name or self.file or ""

    @property
    def broken(self) -> bool:
        """Whether something keeps it from running."""
        return self.problem is not None or bool(self.dag.import_error)

    @property
    def on(self) -> bool:
        """Whether it is switched on in Airflow."""
        return self.dag.known and not self.dag.paused


@dataclass(frozen=True, slots=True)
class ListedPage:
    """A part of the list.

    Attributes:
        rows: those that a page shows.
        found: how many the filter lets through.
        total: how many the visitor may see.
        folder_problem: why files cannot be read from here; empty if they can.
    """

    rows: tuple[Listed, ...]
    found: int
    total: int
    folder_problem: str


def list_all(
    store: Store, visitor: Visitor, query: CollectionQuery, conditions: Iterable[Condition[Listed]] = ()
) -> ListedPage:
    """The collections that a query and further filters ask for. Raises SettingsError, StoreError."""
    rows, folder_problem = read_all(store, visitor)
    wanted = tuple(conditions)
    found = [row for row in rows if _fits(row, query) and all(each.fits(row) for each in wanted)]
    found.sort(key=lambda row: row.title.casefold())
    if query.sort is not CollectionSort.NAME or query.descending:
        found = sort_rows(found, COLLECTION_COLUMNS[query.sort.value], descending=query.descending)
    return ListedPage(
        tuple(found[query.skip : query.skip + query.limit]), len(found), len(rows), folder_problem
    )


def read_all(store: Store, visitor: Visitor) -> tuple[list[Listed], str]:
    """All collections that a visitor may see, and why files cannot be read from here, empty if they can.

    Raises SettingsError, StoreError.
    """
    rules = saving_rules(visitor, only_looks=True)
    latest = store.run_overview.latest()
    saved = {version.name: version for version in store.collections.newest()}
    files, folder_problem = _files(rules)
    named = {found.name for found in files if found.name is not None}
    only_run = [name for name, run in latest.items() if not is_saved(run.origin)]
    names = sorted({*saved, *named, *only_run})
    visible = frozenset(visitor.visible(names))
    dags = airflow_dags.dag_states(visible)
    rows = [
        *_saved(saved, visible, dags, latest, rules),
        *_of_files(files, visitor, visible, saved, dags, latest),
        *(
            Listed(name, latest[name].origin, None, None, latest[name], dags[name], None, "")
            for name in only_run
            # What is in no file that can be read here is there as long as Airflow has it.
            if name in visible and name not in saved and name not in named and dags[name].known
        ),
    ]
    return rows, folder_problem


def _files(rules: SavingRules) -> tuple[list[Loaded | Broken], str]:
    if rules.files is None:
        return [], ""
    try:
        read = [DEFINITIONS.judge(document, rules.templates) for document in rules.files.documents()]
    except DefinitionError as error:
        log.info("Definition files cannot be listed. %s", error)
        return [], "; ".join(problem.text for problem in error.problems)
    return refuse_same_names(read), ""


def _saved(
    saved: dict[str, SavedVersion],
    visible: frozenset[str],
    dags: dict[str, DagState],
    latest: dict[str, LatestRun],
    rules: SavingRules,
) -> Iterator[Listed]:
    for name, version in saved.items():
        if name in visible:
            found = DEFINITIONS.judge(version.document, rules.templates)
            collection, problem = _parts(found)
            yield Listed(
                name,
                None,
                collection,
                problem,
                latest.get(name),
                dags[name],
                version.saved,
                version.saved_by,
            )


def _of_files(
    files: list[Loaded | Broken],
    visitor: Visitor,
    visible: frozenset[str],
    saved: dict[str, SavedVersion],
    dags: dict[str, DagState],
    latest: dict[str, LatestRun],
) -> Iterator[Listed]:
    for found in files:
        name = found.name
        # Whose collection a file without a name is cannot be told.
        if name not in visible if name is not None else not visitor.administrator:
            continue
        collection, problem = _parts(found)
        if name in saved:
            message, hint = f"the name {name} belongs to a saved collection", "give one of them another name"
            problem = Problem(found.origin, 1, 1, "name", message, hint)
        run, dag = (None, DagState()) if name is None or name in saved else (latest.get(name), dags[name])
        yield Listed(name, found.origin, collection, problem, run, dag, _written(found.origin), "")


def _parts(found: Loaded | Broken) -> tuple[Collection | None, Problem | None]:
    if isinstance(found, Loaded):
        return found.collection, None
    return None, next((each for each in found.problems if each.severity == "error"), found.problems[0])


def _written(path: str) -> datetime | None:
    with contextlib.suppress(OSError):
        return datetime.fromtimestamp(Path(path).stat().st_mtime, UTC)
    return None


def _fits(row: Listed, query: CollectionQuery) -> bool:
    if query.kind is not None and (row.file is None) is not (query.kind is CollectionKind.SAVED):
        return False
    match query.state:
        case CollectionState.BROKEN if not row.broken:
            return False
        case CollectionState.ON if not row.on:
            return False
        case CollectionState.OFF if row.on:
            return False
    if query.outcome is not None and not _ended_so(row.latest, query.outcome):
        return False
    owners = () if row.collection is None else row.collection.owners
    if query.owner is not None and query.owner.casefold() not in map(str.casefold, owners):
        return False
    return mentions(row, query.search)


def mentions(row: Listed, text: str) -> bool:
    """Whether a text is found in what people know a collection by."""
    wanted = text.casefold()
    return not wanted or any(wanted in each.casefold() for each in _searched(row))


def _ended_so(latest: LatestRun | None, outcome: str) -> bool:
    return latest is not None and outcome in (latest.state, outcome_of(latest.state, wrote=latest.wrote))


def _searched(row: Listed) -> Iterator[str]:
    yield row.name or ""
    yield row.file or ""
    if (collection := row.collection) is not None:
        yield from (collection.title or "", collection.description, *collection.owners, *collection.tags)
        yield from (job.name for job in collection.jobs)


def _names(row: Listed) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in (row.title, row.name or "") if text))


def _told(read: Callable[[Collection], Value]) -> Callable[[Listed], Value]:
    """What a definition says, where it can be read."""
    return lambda row: None if row.collection is None else read(row.collection)


def _ran(read: Callable[[LatestRun], Value]) -> Callable[[Listed], Value]:
    """What the last run says, where there is one."""
    return lambda row: None if row.latest is None else read(row.latest)


_COLUMNS: tuple[Column[Listed], ...] = (
    Column("name", "Name", _names),
    Column("description", "Description", _told(lambda collection: collection.description)),
    Column(
        "jobs", "Number of jobs", _told(lambda collection: len(collection.jobs)), "number", late_first=True
    ),
    Column("job", "Job", _told(lambda collection: tuple(job.name for job in collection.jobs))),
    Column("connection", "Connection", _told(connections_of)),
    Column("tag", "Tag", _told(lambda collection: tuple(collection.tags))),
    Column("schedule", "Schedule", _told(schedule_text)),
    Column("next_run", "Next run", lambda row: row.dag.next_run, "time"),
    Column("last_run", "Last run", _ran(lambda run: run.started), "time", late_first=True),
    Column("outcome", "Outcome", _ran(lambda run: outcome_text(run.state, wrote=run.wrote))),
    Column(
        "times", "Times run", lambda row: row.latest.times if row.latest else 0, "number", late_first=True
    ),
    Column("owner", "Owner", _told(lambda collection: tuple(collection.owners))),
    Column("changed", "Changed", lambda row: row.changed, "time", late_first=True),
    Column("changed_by", "Changed by", lambda row: row.changed_by or None),
    Column("file", "File", lambda row: row.file),
)
COLLECTION_COLUMNS: Mapping[str, Column[Listed]] = {column.name: column for column in _COLUMNS}
"""What the list can be filtered by, by the name in addresses; those that `CollectionSort` names sort it."""
