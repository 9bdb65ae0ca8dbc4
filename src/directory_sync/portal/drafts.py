"""Drafts as people work on them: begun, opened and judged, written, finished, discarded.

A draft is seen by the person who has begun it and by no one else. Whether they may save what it becomes is
decided when it is finished, in `directory_sync.collections.saving`. Airflow's audit log says who begins and
who discards one, and who saves the collection.
"""

from __future__ import annotations

from collections.abc import Collection as Set
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directory_sync.collections.changes import DefinitionChange
from directory_sync.collections.documents import tidy
from directory_sync.collections.job_texts import job_names
from directory_sync.collections.saving import Saved
from directory_sync.definition.documents import Document, parse_tree
from directory_sync.definition.export import as_yaml
from directory_sync.definition.loading import judge
from directory_sync.definition.models import Collection
from directory_sync.definition.nodes import Entries, Scalar
from directory_sync.definition.problems import Problem, has_errors
from directory_sync.errors import (
    CollectionError,
    DefinitionError,
    DirectorySyncError,
    DraftError,
    SettingsError,
    StoreError,
)
from directory_sync.forms.rewriting import data_of, rewrite
from directory_sync.forms.values import plain
from directory_sync.portal import airflow_runs, collections
from directory_sync.portal.access import Visitor
from directory_sync.portal.collection_overview import read_overview, require_editable
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.store.drafts import Draft, DraftKind
from directory_sync.store.store import Store

START = """\
name:
title:
limits:  # a run that would change more stops before its first write
  delete: 5
  update: 10%
jobs: []
"""
"""What a new collection begins with."""
_ANY_JOB = {
    "name": "any",
    "object": "row",
    "source": {"file": "from.csv"},
    "destination": {"file": "to.csv"},
    "fields": {"key": {"from": "key", "key": "true"}},
}
START_OF_JOB = START.replace("jobs: []\n", "jobs:\n  - name: new_job\n")


@dataclass(frozen=True, slots=True)
class DraftView:
    """A draft, and what is to be said of its definition.

    Attributes:
        collection: None while it cannot be used.
        problems: errors and warnings, as `validate` and saving give them.
        changes: what is different from the newest saved version.
        refused: why it cannot be saved whatever it says, in words; empty if nothing is known against it.
        readable: the text is YAML, so that its parts can be edited in forms.
    """

    draft: Draft
    collection: Collection | None
    problems: tuple[Problem, ...]
    changes: tuple[DefinitionChange, ...]
    refused: str
    readable: bool

    @property
    def usable(self) -> bool:
        """Whether it could be saved now, as far as it can be told."""
        return self.collection is not None and not self.refused and not has_errors(self.problems)


def owner_of(visitor: Visitor) -> str:
    """By whose name the visitor's drafts are kept; a name that no draft has where no one has checked who they
    are.
    """
    return visitor.person.name if visitor.person.verified else ""


def begin_new(store: Store, visitor: Visitor, kind: DraftKind, text: str = "") -> Draft:
    """Begin a new collection, or a job that stands alone. Raises EditRefused, DraftError."""
    collections.require_create(visitor)
    text = text or (START_OF_JOB if kind is DraftKind.JOB else START)
    draft = store.drafts.begin(owner_of(visitor), kind, text, title=title_of(text))
    _audit("begin_draft", visitor, draft)
    return draft


def begin_edit(store: Store, visitor: Visitor, name: str) -> Draft:
    """Begin to edit a saved collection, or go on where the visitor has begun to.

    Raises CollectionNotFound for what they may not see, EditRefused if they may not edit it, DraftError.
    """
    overview = read_overview(store, visitor, name)
    where = f"in the file {overview.file}" if overview.file else "in a file"
    saved = require_editable(overview, in_file=f"The collection {name} is kept {where}. Change it there.")
    begun = (each for each in store.drafts.of(owner_of(visitor)) if each.collection == name)
    if (earlier := next(begun, None)) is not None:
        return store.drafts.get(earlier.id, owner_of(visitor))
    number = saved.version.number
    draft = store.drafts.begin(
        owner_of(visitor),
        DraftKind.EDIT,
        overview.text,
        title=title_of(overview.text),
        collection=name,
        version=number,
    )
    _audit("begin_draft", visitor, draft)
    return draft


def open_draft(store: Store, visitor: Visitor, id: str) -> DraftView:
    """A draft of the visitor, judged. Raises DraftNotFound, StoreError."""
    return judged(store, visitor, store.drafts.get(id, owner_of(visitor)))


def judged(store: Store, visitor: Visitor, draft: Draft) -> DraftView:
    """A draft with what is to be said of its definition, by what counts for this visitor now."""
    root, _ = parse_tree(draft.text, "definition")
    readable = isinstance(root, Entries)
    try:
        checked = collections.check(store, visitor, draft.text, name=draft.collection or None)
    except StoreError:
        raise
    except (CollectionError, SettingsError, DefinitionError) as error:
        return DraftView(draft, None, (), (), str(error), readable)
    found = checked.checked
    problems = found.problems
    if found.collection is None and readable:
        known = {(each.key, each.message) for each in problems}
        alone = judge(Document("", with_any_job(draft.text), "definition"), saving_rules(visitor).templates)
        problems += tuple(each for each in alone.problems if _is_news(each, known))
    if not draft.collection and found.newest is not None:
        taken = f"There is a saved collection {found.name} already. Choose another name, or edit that one."
        problems = (*problems, _of_name(taken))
    elif checked.taken:
        problems = (*problems, _of_name(checked.taken))
    return DraftView(draft, found.collection, problems, found.changes, "", readable)


def with_any_job(text: str, *, template: bool = False) -> str:
    """The collection of a text with another job instead of its own ones: what belongs to the collection is
    right or wrong whatever they are. Raises DefinitionError for what is no YAML.

    `template`: what its template gives belongs to it as well.
    """
    left_out = ("jobs",) if template else ("jobs", "template")
    data = {key: value for key, value in data_of(text).items() if key not in left_out}
    whole: dict[str, Any] = {**data, "name": data.get("name") or "unnamed", "jobs": [_ANY_JOB]}
    return as_yaml({key: plain(value) for key, value in whole.items()})


def _is_news(problem: Problem, known: Set[tuple[str, str]]) -> bool:
    """An error of the collection that is not known because too much was missing to find it."""
    is_of_job = problem.key.startswith("jobs") or problem.missing == "jobs"
    return problem.severity == "error" and not is_of_job and (problem.key, problem.message) not in known


def _of_name(message: str) -> Problem:
    return Problem("definition", 0, 0, "name", message)


def write(
    store: Store,
    visitor: Visitor,
    draft: Draft,
    *,
    expected: int,
    text: str | None = None,
    comment: str | None = None,
    ticks: Mapping[str, bool] | None = None,
) -> Draft:
    """Keep what was typed; nothing is written where nothing is different.

    `expected`: the number of the draft that the page was made of.

    Raises DraftChanged, DraftNotFound, DraftError, StoreError.
    """
    if text is not None and draft.kind is DraftKind.JOB:
        text = named_after_job(text, draft.text)
    same = (
        (text is None or text == draft.text)
        and (comment is None or comment == draft.comment)
        and (ticks is None or dict(ticks) == dict(draft.ticks))
    )
    if same and expected == draft.number:
        return draft
    return store.drafts.write(
        draft.id,
        owner_of(visitor),
        expected=expected,
        text=text,
        title=None if text is None else title_of(text),
        comment=comment,
        ticks=ticks,
    )


def begun_on(text: str, *, on: bool) -> str:
    """The text of a new collection that is switched on when Airflow first reads it, or not."""
    data = data_of(text)
    if on:
        return rewrite(text, {**data, "paused": False})
    return rewrite(text, {key: value for key, value in data.items() if key != "paused"})


def named_after_job(text: str, before: str) -> str:
    """The text of a job that stands alone: its collection is called as the job is, as long as no one has
    given it another name.
    """
    try:
        data, names, names_before = data_of(text), job_names(text), job_names(before)
    except DefinitionError:
        return text
    name = names[0] if len(names) == 1 else ""
    follows = not data.get("name") or data["name"] in names_before
    if not name or not follows or data.get("name") == name:
        return text
    return rewrite(text, {**data, "name": name})


def finish(store: Store, visitor: Visitor, draft: Draft, *, over: int = 0) -> Saved:
    """Save what the draft has become, and forget the draft.

    `over`: number of another person's version that is to be replaced; 0 for none.

    Raises what `collections.save` raises, and DraftError for a definition without a name; the draft is kept
    then.
    """
    view = judged(store, visitor, draft)
    name = draft.collection or (view.collection.name if view.collection is not None else "")
    if view.refused:
        raise DraftError(view.refused)
    if not view.usable:
        raise DefinitionError(view.problems)
    saved = collections.save(
        store, visitor, name, draft.text, expected=over or draft.version, comment=draft.comment
    )
    # Not what another window has written in this moment: that stays a draft.
    store.drafts.discard(draft.id, owner_of(visitor), expected=draft.number)
    return saved


def discard(store: Store, visitor: Visitor, draft: Draft) -> None:
    """Forget a draft for good."""
    if store.drafts.discard(draft.id, owner_of(visitor)):
        _audit("discard_draft", visitor, draft)


def list_drafts(store: Store, visitor: Visitor) -> list[Draft]:
    """The visitor's drafts, newest first; an empty list where they cannot be told."""
    try:
        return store.drafts.of(owner_of(visitor))
    except DirectorySyncError:
        return []


def title_of(text: str) -> str:
    """What lists call a definition: its title or its name; empty while it has neither."""
    root, _ = parse_tree(tidy(text), "definition")
    if not isinstance(root, Entries):
        return ""
    for key in ("title", "name"):
        entry = root.entries.get(key)
        if entry is not None and isinstance(entry.node, Scalar) and entry.node.text:
            return " ".join(entry.node.text.split())
    return ""


def _audit(action: str, visitor: Visitor, draft: Draft) -> None:
    airflow_runs.write_audit_log(
        f"directory_sync.{action}",
        by=visitor.person.name,
        dag_id=draft.collection,
        run_id="",
        task_id="",
        extra={
            "draft": draft.id,
            "kind": draft.kind.value,
            "collection": draft.collection,
            "title": draft.title,
        },
    )
