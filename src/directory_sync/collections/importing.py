"""Importing a file of definitions: what it holds, and what is done with each of them.

Each is saved whole or not at all, and one that cannot be saved keeps no other from being saved.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from directory_sync.approval.people import Person
from directory_sync.collections.changes import DefinitionChange
from directory_sync.collections.documents import Part, renamed, split
from directory_sync.collections.import_choices import MOST_ITEMS, Choice, Clash, Do, ItemState
from directory_sync.collections.saving import SavingRules, check, require_free, save
from directory_sync.definition.models import Collection
from directory_sync.definition.problems import Problem
from directory_sync.errors import (
    CollectionNotFound,
    DefinitionError,
    DirectorySyncError,
    EditRefused,
    NameTaken,
)
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class ImportItem:
    """One definition of the file.

    Attributes:
        line: the number of the file's line that it begins in.
        name: as the file gives it; None if that cannot be told.
        saved_as: the name that it has or gets.
        state: its result.
        clash: what has its name; None for nothing.
        version: number of the newest version of the collection by that name; 0 for none.
        error: why it was refused; None if it was not.
        problems: errors and warnings; their lines are those of the file.
        changes: against the newest version before.
        connections: that it names.
    """

    line: int
    name: str | None
    saved_as: str | None
    state: ItemState
    clash: Clash | None = None
    version: int = 0
    error: DirectorySyncError | None = None
    problems: tuple[Problem, ...] = ()
    changes: tuple[DefinitionChange, ...] = ()
    connections: tuple[str, ...] = ()


def look_at(store: Store, rules: SavingRules, person: Person, text: str) -> Iterator[ImportItem]:
    """What importing each definition of a file would do. Raises DefinitionError as `import_file`."""
    for part, seen in _each(text):
        yield _look(store, rules, person, part, seen)


def import_file(
    store: Store,
    rules: SavingRules,
    person: Person,
    text: str,
    choices: Mapping[str, Choice],
    *,
    comment: str = "",
) -> Iterator[ImportItem]:
    """Save each definition of a file.

    Args:
        store: keeps them.
        rules: of the deployment.
        person: who imports.
        text: the file.
        choices: name of an item → what to do with it.
        comment: why; of all versions.

    Raises DefinitionError if the file holds no definition, or too many; all else is told of each item.
    """
    for part, seen in _each(text):
        item = _look(store, rules, person, part, seen)
        choice = choices.get(item.name or "")
        if choice is not None and choice.do is Do.SKIP:
            yield replace(item, state=ItemState.SKIPPED, error=None)
        elif choice is not None and choice.do is Do.RENAME:
            yield _renamed(store, rules, person, part, item, choice.to, comment)
        elif item.state is ItemState.READY:
            yield _saved(store, rules, person, part, item, part.text, expected=0, comment=comment)
        elif item.clash is Clash.SAVED and item.state is ItemState.CLASH and choice is not None:
            yield _saved(
                store, rules, person, part, item, part.text, expected=choice.expected, comment=comment
            )
        else:
            yield item


def _each(text: str) -> Iterator[tuple[Part, set[str]]]:
    """The definitions, and the names that were met before each."""
    parts = split(text)
    if not parts:
        raise DefinitionError(
            [Problem("import", 1, 1, "", "holds no definition", "a definition begins with name:")]
        )
    if len(parts) > MOST_ITEMS:
        message, hint = f"holds {len(parts):,} definitions", f"import at most {MOST_ITEMS:,} at once"
        raise DefinitionError([Problem("import", parts[MOST_ITEMS].line, 1, "", message, hint)])
    seen: set[str] = set()
    for part in parts:
        yield part, seen


def _look(store: Store, rules: SavingRules, person: Person, part: Part, seen: set[str]) -> ImportItem:
    try:
        checked = check(store, rules, person, part.text)
    except (EditRefused, CollectionNotFound) as error:
        return ImportItem(part.line, error.name or None, None, ItemState.REFUSED, error=error)
    name = checked.name
    item = ImportItem(
        part.line,
        name,
        name,
        ItemState.READY,
        version=0 if checked.newest is None else checked.newest.number,
        problems=_moved(checked.problems, part),
        changes=checked.changes,
        connections=() if checked.collection is None else connections_of(checked.collection),
    )
    if not checked.usable or name is None:
        return replace(item, state=ItemState.REFUSED, error=DefinitionError(item.problems))
    if name in seen:
        return replace(item, state=ItemState.CLASH, clash=Clash.TWICE)
    seen.add(name)
    if checked.newest is not None:
        if checked.newest.text == checked.text:
            return replace(item, state=ItemState.UNCHANGED)
        return replace(item, state=ItemState.CLASH, clash=Clash.SAVED)
    try:
        require_free(rules, name)
    except NameTaken as error:
        return replace(item, state=ItemState.CLASH, clash=Clash.TAKEN, error=error)
    return item


def _renamed(
    store: Store, rules: SavingRules, person: Person, part: Part, item: ImportItem, to: str, comment: str
) -> ImportItem:
    if item.state is ItemState.REFUSED and not isinstance(item.error, NameTaken):
        return item
    text = renamed(part.text, to, rules.templates)
    return _saved(store, rules, person, part, replace(item, saved_as=to), text, expected=0, comment=comment)


def _saved(
    store: Store,
    rules: SavingRules,
    person: Person,
    part: Part,
    item: ImportItem,
    text: str,
    *,
    expected: int,
    comment: str,
) -> ImportItem:
    assert item.saved_as is not None
    try:
        saved = save(store, rules, person, item.saved_as, text, expected=expected, comment=comment)
    except DefinitionError as error:
        problems = _moved(error.problems, part)
        return replace(item, state=ItemState.REFUSED, error=type(error)(problems), problems=problems)
    except DirectorySyncError as error:
        return replace(item, state=ItemState.REFUSED, error=error)
    state = ItemState.SAVED if saved.is_new_version else ItemState.UNCHANGED
    return replace(item, state=state, version=saved.version.number, changes=saved.changes, error=None)


def _moved(problems: tuple[Problem, ...], part: Part) -> tuple[Problem, ...]:
    """The problems with the lines that they have in the file."""
    return tuple(
        replace(problem, line=problem.line + part.line - 1) if problem.line else problem
        for problem in problems
    )


def connections_of(collection: Collection) -> tuple[str, ...]:
    """The connections that a collection names, in the order of its jobs."""
    named = (endpoint.connection for job in collection.jobs for endpoint in (job.source, job.destination))
    return tuple(dict.fromkeys(name for name in named if name))
