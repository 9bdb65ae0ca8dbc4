"""Saved collections as people are shown them, and what they do with them on pages and through the REST API.

Who may do it is checked in `directory_sync.collections.saving`. What is done is also written to Airflow's
audit log. Besides what each function names, all raise CollectionNotFound for what the visitor may not see,
SettingsError, and StoreError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from directory_sync.collections import importing, renaming, saving
from directory_sync.collections.documents import join
from directory_sync.collections.import_choices import Choice, ItemState
from directory_sync.collections.importing import ImportItem
from directory_sync.collections.saving import Checked, Saved, SavingRules, no_such_collection
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Loaded, judge
from directory_sync.definition.models import Collection
from directory_sync.definition.problems import Problem
from directory_sync.errors import (
    DefinitionError,
    EditRefused,
    NameTaken,
    NotAllowed,
    NotDecidable,
    QueryError,
    RulesBroken,
)
from directory_sync.portal import airflow_dags, airflow_runs, stopping
from directory_sync.portal.access import Visitor
from directory_sync.portal.acting import StartedRun, require_short
from directory_sync.portal.airflow_dags import DagState
from directory_sync.portal.definition_cache import DEFINITIONS
from directory_sync.portal.newest_in_airflow import require_newest_in_airflow
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.rights.editing import may_edit
from directory_sync.rights.words import edit_right_text
from directory_sync.store.collection_versions import SavedVersion, VersionFacts
from directory_sync.store.pins import MOST_PINNED
from directory_sync.store.saved_collections import require_storable
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class CollectionView:
    """A saved collection.

    Attributes:
        version: the newest one.
        versions: all, newest first.
        collection: None if this version of the package cannot use the definition.
        problems: what is wrong or worth knowing in it.
        may_edit: why the visitor may not edit it, in words for them; empty if they may.
        dag: what Airflow knows of it.
    """

    version: SavedVersion
    versions: tuple[VersionFacts, ...]
    collection: Collection | None
    problems: tuple[Problem, ...]
    may_edit: str
    dag: DagState


@dataclass(frozen=True, slots=True)
class ListedView:
    """A saved collection in a list; attributes as in `CollectionView`."""

    version: SavedVersion
    collection: Collection | None
    may_edit: bool
    dag: DagState


# -- looking -------------------------------------------------------------------------------------------------


def list_collections(store: Store, visitor: Visitor) -> tuple[ListedView, ...]:
    """All saved collections that the visitor may see, in order of their names."""
    rules = saving_rules(visitor, only_looks=True)
    newest = {version.name: version for version in store.collections.newest()}
    names = visitor.visible(list(newest))
    dags = airflow_dags.dag_states(names)
    views = []
    for name in names:
        collection = _collection_of(newest[name], rules)
        views.append(
            ListedView(newest[name], collection, not _why_not(visitor, rules, collection), dags[name])
        )
    return tuple(views)


def may_create(visitor: Visitor) -> bool:
    """Whether the visitor may create collections."""
    return not _why_not(visitor, saving_rules(visitor, only_looks=True), None)


def may_edit_these(visitor: Visitor, found: Sequence[Collection | None]) -> tuple[bool, ...]:
    """Which of these saved collections the visitor may edit; None for one that cannot be read."""
    rules = saving_rules(visitor, only_looks=True)
    return tuple(not _why_not(visitor, rules, collection) for collection in found)


def require_create(visitor: Visitor) -> None:
    """Raise EditRefused unless the visitor may create collections."""
    if why_not := _why_not(visitor, saving_rules(visitor), None):
        raise EditRefused(why_not, name="")


def _require_edit_of_any(store: Store, visitor: Visitor, rules: SavingRules) -> None:
    """Raise EditRefused if the visitor may neither create collections nor edit any: for them, no text of many
    megabytes is read to find out which collection it is.
    """
    why_not = _why_not(visitor, rules, None)
    if not why_not:
        return
    newest = {version.name: version for version in store.collections.newest()}
    for name in visitor.visible(list(newest)):
        if not _why_not(visitor, rules, _collection_of(newest[name], rules)):
            return
    raise EditRefused(why_not, name="")


def read_collection(store: Store, visitor: Visitor, name: str) -> CollectionView:
    """One saved collection."""
    version = store.collections.get(name) if visitor.may_see(name) else None
    if version is None:
        raise no_such_collection(name)
    rules = saving_rules(visitor, only_looks=True)
    found = judge(Document(name, version.text, name), rules.templates)
    collection = found.collection if isinstance(found, Loaded) else None
    return CollectionView(
        version,
        tuple(store.collections.versions(name)),
        collection,
        found.problems,
        _why_not(visitor, rules, collection),
        airflow_dags.dag_states([name])[name],
    )


def read_versions(store: Store, visitor: Visitor, name: str) -> tuple[VersionFacts, ...]:
    """All versions of a collection, newest first; of one that is deleted too."""
    versions = store.collections.versions(name) if visitor.may_see(name) else ()
    if not versions:
        raise no_such_collection(name)
    return tuple(versions)


def read_version(store: Store, visitor: Visitor, name: str, number: int) -> SavedVersion:
    """One version, with its text."""
    version = store.collections.version(name, number) if visitor.may_see(name) else None
    if version is None:
        raise no_such_collection(name, number)
    return version


def export(store: Store, visitor: Visitor, names: Sequence[str]) -> str:
    """Saved collections as one file; all that the visitor may see, where no name is given."""
    newest = {version.name: version for version in store.collections.newest()}
    visible = visitor.visible(list(newest))
    if unknown := [name for name in names if name not in visible]:
        raise no_such_collection(unknown[0])
    return join(newest[name].text for name in dict.fromkeys(names or visible))


def dag_of(name: str) -> DagState:
    """What Airflow knows of the DAG of one collection."""
    return airflow_dags.dag_states([name])[name]


def _why_not(visitor: Visitor, rules: SavingRules, collection: Collection | None) -> str:
    owners = () if collection is None else collection.owners
    right = may_edit(visitor.person, owners, rules.collection_roles, rules.administrators)
    return "" if right.allowed else edit_right_text(right, rules.collection_roles, rules.administrators)


def _collection_of(version: SavedVersion, rules: SavingRules) -> Collection | None:
    found = DEFINITIONS.judge(version.document, rules.templates)
    return found.collection if isinstance(found, Loaded) else None


# -- acting --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CheckedName:
    """A definition that was looked at.

    Attributes:
        taken: why its name cannot be used, in words; empty if it can.
    """

    checked: Checked
    taken: str


def check(store: Store, visitor: Visitor, text: str, *, name: str | None = None) -> CheckedName:
    """Look at a definition, and save nothing. Raises EditRefused."""
    rules = saving_rules(visitor)
    if name is None:
        _require_edit_of_any(store, visitor, rules)
    checked = saving.check(store, rules, visitor.person, text, name=name)
    taken = ""
    if checked.newest is None and checked.name is not None:
        try:
            saving.require_free(rules, checked.name)
        except NameTaken as error:
            taken = str(error)
    return CheckedName(checked, taken)


def require_savable(
    store: Store, visitor: Visitor, text: str, *, name: str | None = None
) -> tuple[Checked, str]:
    """A definition that the visitor could save now, and its name. Raises what `save` would raise of it:
    EditRefused, RulesBroken, DefinitionError, NameTaken.
    """
    rules = saving_rules(visitor)
    if name is None:
        _require_edit_of_any(store, visitor, rules)
    checked = saving.check(store, rules, visitor.person, text, name=name)
    if not checked.usable or checked.name is None:
        raise (RulesBroken if checked.breaks_rules else DefinitionError)(checked.problems)
    if checked.newest is None:
        saving.require_free(rules, checked.name)
    return checked, checked.name


def save(store: Store, visitor: Visitor, name: str, text: str, *, expected: int, comment: str = "") -> Saved:
    """Save a collection. Raises as `saving.save`."""
    saved = saving.save(
        store, saving_rules(visitor), visitor.person, name, text, expected=expected, comment=comment
    )
    _audit_saved("save_collection", visitor, saved)
    return saved


def restore(
    store: Store, visitor: Visitor, name: str, number: int, *, expected: int, comment: str = ""
) -> Saved:
    """Save an earlier version again. Raises as `saving.restore`."""
    saved = saving.restore(
        store, saving_rules(visitor), visitor.person, name, number, expected=expected, comment=comment
    )
    _audit_saved("restore_collection", visitor, saved, restored=number)
    return saved


def delete(
    store: Store,
    visitor: Visitor,
    name: str,
    *,
    expected: int,
    confirm: str,
    comment: str = "",
    stop: bool = False,
) -> SavedVersion:
    """Delete a collection.

    `stop`: stop its runs and cancel its requests first. They take a while to end: until then it raises
    CollectionInUse, and is asked again.

    Raises QueryError unless the collection's name is given again as `confirm`; NotAllowed with `stop` if the
    visitor may not start its runs; and as `saving.delete`.
    """
    # What they may not see, and what they may not do, comes first.
    rules = saving_rules(visitor)
    seen = saving.require_may_edit(store, rules, visitor.person, name)
    if confirm != name:
        raise QueryError(
            {"confirm": "Give the collection's name again, to confirm that it is to be deleted."}
        )
    # Nothing is stopped for a deletion that is refused.
    require_storable(name, "", comment.strip(), visitor.person)
    if stop and seen.number == expected:
        reason = f"The collection is deleted. {comment[:_REASON_PART]}".strip()
        stopping.stop_all(store, visitor, name, reason=reason)
    deleted = saving.delete(
        store,
        rules,
        visitor.person,
        name,
        expected=expected,
        comment=comment,
        running=airflow_dags.active_runs(name),
    )
    _audit("delete_collection", visitor, name, version=deleted.number, comment=comment)
    return deleted


_REASON_PART = 900
"""Characters of a comment that fit into the reason for a stop."""


def rename(store: Store, visitor: Visitor, name: str, to: str, *, expected: int, comment: str = "") -> Saved:
    """Give a collection another name. Raises as `renaming.rename`."""
    rules = saving_rules(visitor)
    # What they may not see, and what they may not do, comes first.
    saving.require_may_edit(store, rules, visitor.person, name)
    saved = renaming.rename(
        store,
        rules,
        visitor.person,
        name,
        to,
        expected=expected,
        comment=comment,
        running=airflow_dags.active_runs(name),
    )
    version = saved.version
    for each in (name, to):
        _audit("rename_collection", visitor, each, old=name, new=to, version=version.number, comment=comment)
    return saved


@dataclass(frozen=True, slots=True)
class Imported:
    """One definition of an imported file.

    Attributes:
        missing_connections: that it names and that cannot be found from here.
    """

    item: ImportItem
    missing_connections: tuple[str, ...]


def import_file(
    store: Store,
    visitor: Visitor,
    text: str,
    choices: Mapping[str, Choice],
    *,
    check_only: bool = False,
    comment: str = "",
) -> list[Imported]:
    """Import a file of definitions, or say what that would do. Raises EditRefused if the visitor may edit
    none; DefinitionError for a file without any, or with too many.
    """
    rules = saving_rules(visitor)
    _require_edit_of_any(store, visitor, rules)
    found: Iterable[ImportItem]
    if check_only:
        found = importing.look_at(store, rules, visitor.person, text)
    else:
        found = importing.import_file(store, rules, visitor.person, text, choices, comment=comment)
    items = []
    for item in found:
        items.append(item)
        if item.state is ItemState.SAVED and item.saved_as is not None:
            facts = {"version": item.version, "weakens": any(each.weakens for each in item.changes)}
            _audit("import_collection", visitor, item.saved_as, **facts, comment=comment)
    named = dict.fromkeys(name for item in items for name in item.connections)
    missing = frozenset(airflow_dags.missing_connections(named))
    return [Imported(item, tuple(name for name in item.connections if name in missing)) for item in items]


def start_run(
    store: Store,
    visitor: Visitor,
    name: str,
    *,
    reason: str = "",
    jobs: Sequence[str] = (),
    preview_only: bool = False,
    switch_on: bool = False,
) -> StartedRun:
    """Start a run of a collection, saved or from a file, as the visitor; of a saved one, of its newest
    version, for which it waits some seconds. `switch_on`: switch the collection on first, once nothing else
    stands against the run.

    Raises NotAllowed; QueryError for a job that it does not have; NotDecidable if Airflow cannot run it now;
    RequestError if the reason is too long.
    """
    rules = saving_rules(visitor, only_looks=True)
    saved = require_known(store, visitor, name)
    visitor.require_run(name)
    require_short(reason)
    collection = None if saved is None else _collection_of(saved, rules)
    if collection is not None:
        has = [job.name for job in collection.enabled_jobs]
        if unknown := [job for job in jobs if job not in has]:
            raise QueryError(
                {"jobs": f"The collection {name} runs no job {unknown[0]!r}. It runs {', '.join(has)}."}
            )
    require_newest_in_airflow(saved)
    if switch_on:
        switch(store, visitor, name, on=True)
    conf: dict[str, Any] = {"jobs": list(jobs), "reason": reason.strip(), "preview_only": preview_only}
    run_id = airflow_runs.start_run(name, by=visitor.person.name, conf=conf)
    _audit("run_collection", visitor, name, started=run_id, reason=reason, preview_only=preview_only)
    return StartedRun(name, run_id)


def switch(store: Store, visitor: Visitor, name: str, *, on: bool) -> None:
    """Switch a collection on or off, saved or from a file: Airflow's pause.

    Raises NotAllowed; NotDecidable while Airflow has no DAG of it.
    """
    require_known(store, visitor, name)
    if not visitor.may_switch(name):
        raise NotAllowed(
            f"Airflow does not let you switch {name} on or off. Ask a person who may edit its DAG."
        )
    airflow_dags.switch(name, on=on)
    _audit("switch_collection", visitor, name, on=on)


def require_known(store: Store, visitor: Visitor, name: str) -> SavedVersion | None:
    """The newest version of a saved collection; None for one from a file. Raises CollectionNotFound unless
    there is a collection of this name that the visitor may see.
    """
    saved = store.collections.get(name) if visitor.may_see(name) else None
    rules = saving_rules(visitor, only_looks=True)
    if saved is None and not (visitor.may_see(name) and _is_known(store, rules, name)):
        raise no_such_collection(name)
    return saved


def pin(store: Store, visitor: Visitor, name: str, *, on: bool) -> None:
    """Pin a collection, saved or from a file, to the visitor's dashboard, or take it from there.

    Raises NotDecidable if they have pinned too many.
    """
    require_known(store, visitor, name)
    if not on:
        store.pins.unpin(visitor.person.name, name)
    elif not store.pins.pin(visitor.person.name, name):
        raise NotDecidable(
            f"You have pinned {MOST_PINNED} collections; a dashboard takes no more. Unpin one first."
        )
    _audit("pin_collection", visitor, name, on=on)


def _is_known(store: Store, rules: SavingRules, name: str) -> bool:
    """Whether a DAG that is no saved collection is a collection at all: from a file, or one that has run."""
    if store.collections.origin(name) is not None or store.runs.recent(name, limit=1):
        return True
    try:
        return rules.files is not None and rules.files.get(name) is not None
    except DefinitionError:
        return False


def _audit_saved(action: str, visitor: Visitor, saved: Saved, **facts: Any) -> None:
    if saved.is_new_version:
        version = saved.version
        weakened = [change.code.value for change in saved.changes if change.weakens]
        facts |= {"version": version.number, "weakened": weakened, "comment": version.comment}
        _audit(action, visitor, version.name, **facts)


def _audit(action: str, visitor: Visitor, name: str, **facts: Any) -> None:
    airflow_runs.write_audit_log(
        f"directory_sync.{action}",
        by=visitor.person.name,
        dag_id=name,
        run_id="",
        task_id="",
        extra={"collection": name, **facts},
    )
