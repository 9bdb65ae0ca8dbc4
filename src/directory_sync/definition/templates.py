"""Job and collection templates: documents that give every key which a definition does not set.

A mapping (`source`, `destination`, `fields`, `limits`, …) is completed key by key; anything else is taken
from the definition if it is there. A definition's list of jobs counts as it is, and each job is completed by
the collection template's job of that name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path as FilePath
from typing import Literal, Protocol

from directory_sync.definition.documents import Document, read_document, read_tree
from directory_sync.definition.nodes import Entries, Entry, Items, Path, Scalar
from directory_sync.definition.problems import Problem, suggest

Kind = Literal["jobs", "collections"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_ENDINGS = (".yaml", ".yml", ".json")


def is_template_name(text: str) -> bool:
    """Whether a template can be called that."""
    return _NAME.fullmatch(text) is not None


class Templates(Protocol):
    """Templates by their names."""

    def names(self, kind: Kind) -> Collection[str]:
        """The names of all templates of a kind."""

    def get(self, kind: Kind, name: str) -> Document:
        """The template of one of these names. Never raises for a name that `names` has given."""


class FolderTemplates:
    """The built-in templates, and those in a folder's `jobs` and `collections`, which count first."""

    def __init__(self, folder: FilePath | None = None) -> None:
        self._roots = [files(__package__) / "builtin", *([] if folder is None else [folder])]

    def names(self, kind: Kind) -> Collection[str]:
        """The names of the files without their endings."""
        return self._files(kind)

    def get(self, kind: Kind, name: str) -> Document:
        """The text of a template's file."""
        return read_document(self._files(kind)[name])

    def _files(self, kind: Kind) -> dict[str, Traversable]:
        return {name: file for root in self._roots for name, file in _in(root / kind)}


BUILT_IN: Templates = FolderTemplates()
"""The templates that every deployment has."""


def _in(folder: Traversable | FilePath) -> Iterator[tuple[str, Traversable]]:
    try:
        found = sorted(folder.iterdir(), key=lambda file: file.name) if folder.is_dir() else []
    except OSError:
        found = []
    for file in found:
        stem, dot, ending = file.name.rpartition(".")
        if dot + ending in _ENDINGS and _NAME.fullmatch(stem):
            yield stem, file


def expand(collection: Entries, templates: Templates) -> list[Problem]:
    """Complete a collection's tree in place from the templates that it and its jobs name, and take out the
    key `template`.

    Returns the problems: unknown templates, and what is wrong in the template files.
    """
    problems: list[Problem] = []
    template = _take_template(collection, (), "collections", templates, problems)
    if template is not None:
        _complete_jobs(collection, template)
        _complete(collection, template)
    jobs = collection.entries.get("jobs")
    if jobs is not None and isinstance(jobs.node, Items):
        for index, job in enumerate(jobs.node.items):
            if isinstance(job, Entries):
                # An anchor may be used for two jobs: each is completed on its own.
                own = jobs.node.items[index] = Entries(job.place, dict(job.entries))
                template = _take_template(own, ("jobs", index), "jobs", templates, problems)
                if template is not None:
                    _complete(own, template)
    return problems


def _take_template(
    tree: Entries, path: Path, kind: Kind, templates: Templates, problems: list[Problem]
) -> Entries | None:
    entry = tree.entries.get("template")
    if entry is None or not isinstance(entry.node, Scalar):
        return None
    del tree.entries["template"]
    name = entry.node.text
    if name is None:
        return None
    known = templates.names(kind)
    if name not in known:
        hint = suggest(name, known, f"there are: {', '.join(sorted(known))}")
        problems.append(
            entry.node.place.problem(
                (*path, "template"), f"there is no {kind.removesuffix('s')} template {name}", hint
            )
        )
        return None
    document = templates.get(kind, name)
    root, found = read_tree(document)
    problems.extend(found)
    if isinstance(root, Entries):
        if "template" in root.entries:
            place = root.entries.pop("template").key_place
            message = f"a {kind.removesuffix('s')} template cannot use another one"
            problems.append(place.problem(("template",), message, "copy what it needs"))
        return root
    hint = f"correct {document.origin}"
    problems.append(
        entry.node.place.problem((*path, "template"), f"the template {name} cannot be used", hint)
    )
    return None


def _complete(tree: Entries, template: Entries) -> None:
    for key, entry in template.entries.items():
        own = tree.entries.get(key)
        if own is None:
            tree.entries[key] = entry
        elif isinstance(own.node, Entries) and isinstance(entry.node, Entries):
            merged = Entries(own.node.place, {**entry.node.entries, **own.node.entries})
            tree.entries[key] = Entry(own.key_place, merged)


def _complete_jobs(collection: Entries, template: Entries) -> None:
    own, given = collection.entries.get("jobs"), template.entries.get("jobs")
    if own is None or given is None or not isinstance(own.node, Items) or not isinstance(given.node, Items):
        return
    by_name = {_name(job): job for job in given.node.items if isinstance(job, Entries)}
    completed = Items(own.node.place)
    for job in own.node.items:
        node = job
        if isinstance(job, Entries) and (name := _name(job)) in by_name:
            node = Entries(job.place, dict(job.entries))
            _complete(node, by_name[name])
        completed.items.append(node)
    collection.entries["jobs"] = Entry(own.key_place, completed)


def _name(job: Entries) -> str | None:
    entry = job.entries.get("name")
    return entry.node.text if entry is not None and isinstance(entry.node, Scalar) else None
