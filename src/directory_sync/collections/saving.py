"""Saving, deleting and restoring collections: who may, what is wrong with a definition, and what a version
changes. Pages, REST API and imports all go through here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from directory_sync.approval.people import Person
from directory_sync.collections.changes import ChangeCode, DefinitionChange, compare
from directory_sync.collections.documents import tidy
from directory_sync.definition.catalogue import Catalogue
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Broken, Loaded, judge
from directory_sync.definition.models import Collection
from directory_sync.definition.problems import Problem, has_errors
from directory_sync.definition.reach import MailReach, unreachable
from directory_sync.definition.support import unsupported
from directory_sync.definition.templates import BUILT_IN, Templates
from directory_sync.errors import (
    CollectionChanged,
    CollectionNotFound,
    DefinitionError,
    EditRefused,
    NameTaken,
    RulesBroken,
)
from directory_sync.rights.connection_rules import ConnectionRules
from directory_sync.rights.editing import may_edit
from directory_sync.rights.judgement import broken_when_saved
from directory_sync.rights.words import edit_right_text, rule_problems
from directory_sync.store.collection_names import Origin
from directory_sync.store.collection_versions import SavedVersion
from directory_sync.store.store import Store

log = logging.getLogger(__name__)

UNTITLED = "definition"
"""What problems name a definition by that does not say which collection it is."""


@dataclass(frozen=True, slots=True)
class SavingRules:
    """What counts in a deployment when collections are saved.

    Attributes:
        collection_roles, administrators: who may edit; see `rights.editing.may_edit`.
        connection_rules: None for none.
        templates: that definitions may use.
        script_modules: whose functions they may call.
        reach: who mail can reach; None where that is not known.
        files: definitions from files, whose names are taken; None where there are none.
        sees: whether the person may see the collection of a name. What they may not see does not exist for
            them.
        taken_by: where else a name is taken, in words; empty if it is not. Asked before a collection is
            created.
    """

    collection_roles: Sequence[str] = ()
    administrators: Sequence[str] = ()
    connection_rules: ConnectionRules | None = None
    templates: Templates = BUILT_IN
    script_modules: Sequence[str] = ()
    reach: MailReach | None = None
    files: Catalogue | None = None
    sees: Callable[[str], bool] = lambda name: True
    taken_by: Callable[[str], str] = lambda name: ""


@dataclass(frozen=True, slots=True)
class Checked:
    """A definition, looked at as saving would.

    Attributes:
        text: as it would be saved.
        name: of the collection, as far as it can be told.
        collection: None if it cannot be used.
        problems: errors and warnings, as `validate` gives them, and broken rules.
        breaks_rules: some of the errors are broken rules.
        newest: the saved version of this name; None if there is none.
        changes: what is different from it; nothing for a definition that cannot be used.
        other_policy: jobs whose approval policy is another one than in the newest version; None where that
            cannot be told.
    """

    text: str
    name: str | None
    collection: Collection | None
    problems: tuple[Problem, ...]
    breaks_rules: bool
    newest: SavedVersion | None
    changes: tuple[DefinitionChange, ...]
    other_policy: frozenset[str] | None = frozenset()

    @property
    def usable(self) -> bool:
        """Whether it could be saved as far as the definition goes."""
        return not has_errors(self.problems)


@dataclass(frozen=True, slots=True)
class Saved:
    """A collection that was saved, or was there already.

    Attributes:
        version: the newest one now.
        changes: what it changed; nothing if the text was saved already.
        warnings: of the definition.
        is_new_version: False if the text was saved already.
    """

    version: SavedVersion
    changes: tuple[DefinitionChange, ...]
    warnings: tuple[Problem, ...]
    is_new_version: bool


def check(store: Store, rules: SavingRules, person: Person, text: str, *, name: str | None = None) -> Checked:
    """Look at a definition as `save` does, and save nothing.

    `name`: the collection that it is to be a version of; None for the one that it names.

    Raises CollectionNotFound if the person may not see that collection, EditRefused if they may not edit it,
    StoreError.
    """
    text = tidy(text)
    if name is not None:
        # A person who may not save it does not have a large text read.
        _require_access(store, rules, person, name)
    loaded = judge(Document("", text, name or UNTITLED), rules.templates)
    meant = name or loaded.name
    if name is None and meant is not None:
        loaded = judge(Document("", text, meant), rules.templates)
    newest = _require_access(store, rules, person, meant)
    if isinstance(loaded, Broken):
        return Checked(text, meant, None, loaded.problems, False, newest, ())
    collection = loaded.collection
    before = None if newest is None else collection_of(newest, rules)
    _require_right(rules, person, meant, newest, owners_after=collection.owners)
    problems = [
        *loaded.problems,
        *unsupported(collection, script_modules=tuple(rules.script_modules), places=loaded.places),
        *(() if rules.reach is None else unreachable(collection, rules.reach, loaded.places)),
    ]
    if collection.name != meant:
        message, hint = (
            f"the collection is called {meant}",
            f"write {meant}; a copy by another name is a new collection",
        )
        problems.append(loaded.places.problem(("name",), message, hint))
    broken = rule_problems(
        broken_when_saved(
            collection, rules.connection_rules, person.roles, rules.administrators, before=before
        ),
        loaded.places,
    )
    problems += broken
    problems.sort(key=lambda problem: (problem.line, problem.column))
    changes = _changes(newest, before, loaded)
    other = None if newest is not None and before is None else _other_policy(before, collection)
    return Checked(text, meant, collection, tuple(problems), bool(broken), newest, changes, other)


def save(
    store: Store,
    rules: SavingRules,
    person: Person,
    name: str,
    text: str,
    *,
    expected: int,
    comment: str = "",
    also: Sequence[DefinitionChange] = (),
) -> Saved:
    """Save a new collection, or a new version of one.

    Args:
        store: keeps it.
        rules: of the deployment.
        person: who saves; their roles are stored with the version.
        name: of the collection; the text has to give the same.
        text: the definition.
        expected: number of the newest version that the person has seen; 0 for a new collection.
        comment: why.
        also: what else is to be noted with the version.

    Raises EditRefused, RulesBroken; DefinitionError with all problems if the definition cannot be used;
    NameTaken if the name belongs to something else; CollectionChanged if the person has not seen the newest
    version; CollectionNotFound, CollectionError, StoreError. Nothing was saved then.
    """
    for last in (False, False, True):
        checked = check(store, rules, person, text, name=name)
        if not checked.usable:
            raise (RulesBroken if checked.breaks_rules else DefinitionError)(checked.problems)
        if checked.newest is None:
            require_free(rules, name)
        noted = (*also, *checked.changes)
        try:
            version = store.collections.save(
                name,
                checked.text,
                expected=expected,
                by=person,
                comment=comment.strip(),
                change=[change.to_json() for change in noted],
                other_policy=checked.other_policy,
                judged=_revision(checked.newest),
            )
        except (CollectionChanged, CollectionNotFound):
            # Rights, rules and changes are judged by the version that is replaced, and no earlier one.
            if last or _revision(store.collections.get(name)) == _revision(checked.newest):
                raise
            continue
        is_new = checked.newest is None or version.revision != checked.newest.revision
        return Saved(version, noted if is_new else (), checked.problems, is_new)
    raise AssertionError("the last attempt neither saved nor raised")


def _revision(version: SavedVersion | None) -> int:
    """Of the version that something was judged by; 0 for none."""
    return 0 if version is None else version.revision


def restore(
    store: Store,
    rules: SavingRules,
    person: Person,
    name: str,
    number: int,
    *,
    expected: int,
    comment: str = "",
) -> Saved:
    """Save an earlier version again, as a new version; also of a collection that is deleted.

    It is checked as if it were new: what the present rules do not allow cannot be restored. Raises as `save`.
    """
    newest = store.collections.get(name)
    if not rules.sees(name):
        raise no_such_collection(name)
    _require_right(rules, person, name, newest)
    found = store.collections.version(name, number)
    if found is None:
        raise no_such_collection(name, number)
    also = [DefinitionChange(ChangeCode.RESTORED, new=number)]
    return save(store, rules, person, name, found.text, expected=expected, comment=comment, also=also)


def delete(
    store: Store,
    rules: SavingRules,
    person: Person,
    name: str,
    *,
    expected: int,
    comment: str = "",
    running: Sequence[str],
) -> SavedVersion:
    """Delete a saved collection, with what its jobs know of objects. Versions, runs and requests stay.

    Args:
        store: keeps it.
        rules: of the deployment.
        person: who deletes.
        name: which.
        expected: number of the newest version that the person has seen.
        comment: why.
        running: ids of its runs that have not ended, as Airflow tells.

    Raises EditRefused, CollectionNotFound, CollectionChanged; CollectionInUse while a run or a request of it
    is under way.
    """
    judged = require_may_edit(store, rules, person, name)
    return store.collections.delete(
        name, expected=expected, by=person, comment=comment.strip(), judged=judged.revision, running=running
    )


def require_may_edit(store: Store, rules: SavingRules, person: Person, name: str) -> SavedVersion:
    """The version by which a person may delete or rename a collection.

    Raises CollectionNotFound or EditRefused unless there is one, and they may.
    """
    newest = store.collections.get(name)
    if newest is None or not rules.sees(name):
        raise no_such_collection(name)
    _require_right(rules, person, name, newest)
    return newest


def require_free(rules: SavingRules, name: str) -> None:
    """Raise NameTaken if a name belongs to a collection from a file, or to something else in Airflow."""
    if rules.files is not None:
        try:
            found = [judge(document, rules.files.templates) for document in rules.files.mentioning(name)]
        except DefinitionError as error:
            # Not every API server has the folder; what Airflow has made of its files is asked next.
            log.info("Definition files cannot be looked at, so names in them are not compared. %s", error)
            found = []
        for each in found:
            if each.name == name:
                raise _taken(name, f"the file {each.origin}", Origin(each.origin))
    if where := rules.taken_by(name):
        raise _taken(name, where, Origin(""))


def _taken(name: str, where: str, origin: Origin) -> NameTaken:
    return NameTaken(
        f"The name {name} belongs to {where}. Nothing was saved; choose another name.",
        name=name,
        origin=origin.text,
    )


def no_such_collection(name: str, number: int | None = None) -> CollectionNotFound:
    """What is said of a collection, or a version, that does not exist or that a person may not see."""
    what = f"collection {name}" if number is None else f"version {number} of the collection {name}"
    return CollectionNotFound(
        f"There is no saved {what}, or Airflow does not let you see it. See directory-sync collections list.",
        name=name,
    )


def _require_access(
    store: Store, rules: SavingRules, person: Person, name: str | None
) -> SavedVersion | None:
    """The newest version of a collection, None for a new one.

    Raises CollectionNotFound for what the person may not see, unless they may create it; EditRefused if they
    may not edit it.
    """
    newest = None if name is None else store.collections.get(name)
    may_create = may_edit(person, (), rules.collection_roles, rules.administrators).allowed
    if name is not None and not rules.sees(name) and (newest is not None or not may_create):
        raise no_such_collection(name)
    _require_right(rules, person, name, newest)
    return newest


def _require_right(
    rules: SavingRules,
    person: Person,
    name: str | None,
    newest: SavedVersion | None,
    *,
    owners_after: Sequence[str] | None = None,
) -> None:
    """Raise EditRefused if the person may not create or edit this collection."""
    before = None if newest is None else collection_of(newest, rules)
    right = may_edit(
        person,
        () if before is None else before.owners,
        rules.collection_roles,
        rules.administrators,
        owners_after=owners_after,
    )
    if not right.allowed:
        text = edit_right_text(right, rules.collection_roles, rules.administrators)
        raise EditRefused(text, name=name or "")


def collection_of(version: SavedVersion, rules: SavingRules) -> Collection | None:
    """What a saved version means now; None if it cannot be used, as after an upgrade or without its
    template.
    """
    loaded = judge(Document(version.name, version.text, version.name), rules.templates)
    return loaded.collection if isinstance(loaded, Loaded) else None


def _changes(
    newest: SavedVersion | None, before: Collection | None, loaded: Loaded
) -> tuple[DefinitionChange, ...]:
    if newest is None:
        return (DefinitionChange(ChangeCode.CREATED),)
    if newest.text == loaded.document.text:
        return ()
    if before is None:
        return (DefinitionChange(ChangeCode.UNKNOWN, weakens=True),)
    return compare(before, loaded.collection) or (DefinitionChange(ChangeCode.TEXT_ONLY),)


def _other_policy(before: Collection | None, now: Collection) -> frozenset[str]:
    """Jobs whose policy is another one; a job that only one of the two has is among them."""
    was, is_ = (
        {} if each is None else {job.name: (each.policy_of(job),) for job in each.jobs}
        for each in (before, now)
    )
    return frozenset(name for name in was.keys() | is_.keys() if was.get(name) != is_.get(name))
