"""Giving a saved collection another name. Its title is a key of its definition, and changes by saving."""

from __future__ import annotations

from collections.abc import Sequence

from directory_sync.approval.people import Person
from directory_sync.collections.changes import ChangeCode, DefinitionChange
from directory_sync.collections.documents import renamed
from directory_sync.collections.saving import (
    Saved,
    SavingRules,
    collection_of,
    require_free,
    require_may_edit,
)
from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Loaded, judge
from directory_sync.errors import CollectionError, DefinitionError, RulesBroken
from directory_sync.rights.judgement import broken_when_saved
from directory_sync.rights.words import rule_problems
from directory_sync.store.store import Store


def rename(
    store: Store,
    rules: SavingRules,
    person: Person,
    name: str,
    to: str,
    *,
    expected: int,
    comment: str = "",
    running: Sequence[str],
) -> Saved:
    """Give a collection another name, which is a new version of it.

    Args:
        store: keeps it.
        rules: of the deployment.
        person: who renames it; owners may rename their own.
        name, to: the old name and the new one.
        expected: number of the newest version that the person has seen.
        comment: why.
        running: ids of its runs that have not ended, as Airflow tells.

    Raises EditRefused, RulesBroken; CollectionNotFound, CollectionChanged, CollectionError; NameTaken if the
    new name belongs to something else; DefinitionError if the newest version cannot be used; CollectionInUse
    while a run or a request of it is under way.
    """
    judged = require_may_edit(store, rules, person, name)
    if to == name:
        raise CollectionError(f"The collection is called {name} already. Give another name.", name=name)
    before = collection_of(judged, rules)
    if before is None:
        found = judge(Document(name, judged.text, name), rules.templates)
        raise DefinitionError(found.problems)
    require_free(rules, to)
    text = renamed(judged.text, to, rules.templates)
    after = judge(Document(to, text, to), rules.templates)
    if not isinstance(after, Loaded) or after.collection.name != to:
        raise CollectionError(
            f"{to[:80]!r} is no name of a collection: lower-case letters, digits and underscores, a letter"
            " first, and not too long.",
            name=name,
        )
    # The version will have this person's roles, and is judged by them from then on.
    broken = rule_problems(
        broken_when_saved(
            after.collection, rules.connection_rules, person.roles, rules.administrators, before=before
        ),
        after.places,
    )
    if broken:
        raise RulesBroken(broken)
    change = DefinitionChange(ChangeCode.RENAMED, old=name, new=to)
    version = store.collections.rename(
        name,
        to,
        text,
        expected=expected,
        by=person,
        comment=comment.strip(),
        change=[change.to_json()],
        judged=judged.revision,
        running=running,
    )
    return Saved(version, (change,), after.problems, is_new_version=True)
