"""One collection as its page shows it, wherever it is kept: definition, versions, runs, and what Airflow has
made of it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from directory_sync.approval.request import Request
from directory_sync.approval.states import UNDER_WAY
from directory_sync.collections.saving import SavingRules, no_such_collection
from directory_sync.definition.loading import Broken, Loaded
from directory_sync.definition.models import Collection
from directory_sync.definition.problems import Problem, has_errors
from directory_sync.errors import DefinitionError, EditRefused, StoreError
from directory_sync.portal import airflow_dags
from directory_sync.portal.access import Visitor
from directory_sync.portal.airflow_dags import DagState, bundle_name
from directory_sync.portal.collections import CollectionView, may_create, read_collection
from directory_sync.portal.dag_text import DagStanding, dag_standing
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.store.collection_versions import VersionFacts
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.run_overview import ListedRun, RunFilter
from directory_sync.store.store import Store

RECENT = 10
"""Runs that the page shows."""
_MOST_NAMED = 20
"""Requests that a question names."""


@dataclass(frozen=True, slots=True)
class Overview:
    """A collection.

    Attributes:
        name: of the collection.
        saved: the newest version and all about it; None for one from a file, and for one that was deleted.
        versions: of a saved one, newest first; of a deleted one too.
        file: path of the file that it is from; None for a saved one.
        text: the definition; of a file that cannot be read from here, empty.
        collection: None if the definition cannot be used or read.
        problems: of the definition.
        dag: what Airflow knows of it.
        standing: where the newest version stands in Airflow; None for a file, or a deleted one.
        runs: the latest, newest first. `active`: ids of those that Airflow has not ended.
        why_not_edit, why_not_run: in words for the visitor; empty if they may.
        may_switch: the visitor may switch it on and off.
        may_create: the visitor may make a copy of it.
        pinned: the visitor has pinned it to their dashboard.
    """

    name: str
    saved: CollectionView | None
    versions: tuple[VersionFacts, ...]
    file: str | None
    text: str
    collection: Collection | None
    problems: tuple[Problem, ...]
    dag: DagState
    standing: DagStanding | None
    runs: tuple[ListedRun, ...]
    active: tuple[str, ...]
    why_not_edit: str
    why_not_run: str
    may_switch: bool
    may_create: bool
    pinned: bool = False

    @property
    def deleted(self) -> bool:
        """Whether it was deleted, and only its versions are left."""
        return self.saved is None and self.file is None

    @property
    def usable(self) -> bool:
        """Whether the definition has no error."""
        return not has_errors(self.problems)


def read_overview(store: Store, visitor: Visitor, name: str) -> Overview:
    """A collection. Raises CollectionNotFound for what does not exist or may not be seen, SettingsError,
    StoreError.
    """
    if not visitor.may_see(name):
        raise no_such_collection(name)
    saved = file = standing = None
    problems: tuple[Problem, ...] = ()
    versions: tuple[VersionFacts, ...] = ()
    text, collection, why_not_edit = "", None, ""
    runs = store.run_overview.page(RunFilter((name,)), limit=RECENT).runs
    if store.collections.get(name) is not None:
        saved = read_collection(store, visitor, name)
        text, collection, problems = saved.version.text, saved.collection, saved.problems
        versions, why_not_edit = saved.versions, saved.may_edit
        standing = dag_standing(saved.dag, saved.version.revision, bundle_name())
    elif (found := definition_in_file(saving_rules(visitor, only_looks=True), name)) is not None:
        file, text, problems = found.origin, found.document.text, found.problems
        collection = found.collection if isinstance(found, Loaded) else None
    elif versions := tuple(store.collections.versions(name)):
        # The rights of a new collection count for one that is deleted.
        why_not_edit = "" if may_create(visitor) else "You may not create collections."
    elif runs:
        with contextlib.suppress(StoreError):  # of a version that this one cannot read
            snapshot = store.runs.find(name, runs[0].run_id)
            if snapshot is not None:
                file, collection = snapshot.origin, snapshot.collection
        file = file or ""
    else:
        raise no_such_collection(name)
    return Overview(
        name=name,
        saved=saved,
        versions=versions,
        file=file,
        text=text,
        collection=collection,
        problems=problems,
        dag=saved.dag if saved is not None else airflow_dags.dag_states([name])[name],
        standing=standing,
        runs=runs,
        active=_active(name),
        why_not_edit=why_not_edit,
        why_not_run=visitor.why_not_run(name),
        may_switch=visitor.may_switch(name),
        may_create=may_create(visitor),
        pinned=name in store.pins.of(visitor.person.name),
    )


def require_editable(overview: Overview, *, in_file: str) -> CollectionView:
    """The saved collection, if the visitor may edit it.

    Raises EditRefused if they may not, with `in_file` for one that is kept in a file; CollectionNotFound for
    a deleted one.
    """
    if overview.file is not None:
        raise EditRefused(in_file, name=overview.name)
    if overview.saved is None:
        raise no_such_collection(overview.name)
    if overview.why_not_edit:
        raise EditRefused(overview.why_not_edit, name=overview.name)
    return overview.saved


def definition_in_file(rules: SavingRules, name: str) -> Loaded | Broken | None:
    """The definition of this name in the folder of collections; None if there is none, or if the folder
    cannot be read from here.
    """
    if rules.files is None:
        return None
    with contextlib.suppress(DefinitionError):
        for document in rules.files.mentioning(name):
            found = DEFINITIONS.judge(document, rules.templates)
            if found.name == name:
                return found
    return None


def _active(name: str) -> tuple[str, ...]:
    with contextlib.suppress(StoreError):  # what else there is to see does not depend on it
        return tuple(airflow_dags.active_runs(name))
    return ()


def requests_under_way(store: Store, name: str) -> tuple[Request, ...]:
    """The requests of a collection that have not ended, as far as a question names them."""
    waiting = RequestFilter(collections=(name,), states=UNDER_WAY)
    return store.requests.all(waiting, limit=_MOST_NAMED).requests
