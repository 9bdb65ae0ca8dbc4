"""Saving a collection as a template: in the deployment's folder of templates where this process may write
there, else as a download for those who keep that folder.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from directory_sync.collections.saving import SavingRules
from directory_sync.definition.documents import parse_tree
from directory_sync.definition.nodes import Entries, Scalar
from directory_sync.definition.template_making import LONGEST_TITLE, make_template
from directory_sync.definition.templates import is_template_name
from directory_sync.errors import DefinitionError, EditRefused, NameTaken, NotDecidable, QueryError
from directory_sync.portal import collections
from directory_sync.portal.access import Visitor
from directory_sync.portal.airflow_runs import write_audit_log
from directory_sync.portal.collection_overview import read_overview
from directory_sync.portal.saving_rules import own_templates, saving_rules
from directory_sync.store.store import Store

log = logging.getLogger(__name__)

_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class TemplateDraft:
    """A template that a collection would give.

    Attributes:
        collection: name of the collection.
        name, title: of the template.
        text: all of it.
        folder: where it can be saved; None if nowhere, and `why_not_save` says why.
    """

    collection: str
    name: str
    title: str
    text: str
    folder: Path | None
    why_not_save: str = ""


def draft_template(store: Store, visitor: Visitor, name: str, template: str, title: str) -> TemplateDraft:
    """What a collection, saved or from a file, gives as a template.

    Args:
        store: keeps saved ones.
        visitor: who asks; they have to be allowed to create collections.
        name: of the collection.
        template, title: of the template; empty for what the collection is called.

    Raises CollectionNotFound; EditRefused if they may not, or for a definition that cannot be used.
    """
    overview = read_overview(store, visitor, name)
    collections.require_create(visitor)
    collection = overview.collection
    if collection is None or not overview.usable:
        raise EditRefused(
            f"The definition of {name} cannot be used, so no template can be made of it. Correct it first.",
            name=name,
        )
    title = title.strip() or collection.title or name
    folder, why_not = _place()
    text = make_template(collection, title)
    return TemplateDraft(name, template.strip() or name, title[:LONGEST_TITLE], text, folder, why_not)


def save_template(store: Store, visitor: Visitor, draft: TemplateDraft) -> None:
    """Write it to the folder of templates. It is there with all of its text, or not at all.

    Raises QueryError for a wrong name; NameTaken if there is such a template, or if definitions name one that
    is gone: they would mean something else; NotDecidable if it cannot be written.
    """
    name = draft.name
    if not is_template_name(name) or len(name) > _LONGEST_NAME:
        raise QueryError(
            {
                "template": f"{name[:80]!r} is no name of a template: lower-case letters, digits and"
                f" underscores, a letter first, at most {_LONGEST_NAME} characters."
            }
        )
    if draft.folder is None:
        raise NotDecidable(draft.why_not_save)
    rules = saving_rules(visitor, only_looks=True)
    if name in rules.templates.names("collections"):
        raise _taken(name)
    if _is_missed(store, rules, name):
        raise NameTaken(
            f"A definition names a collection template {name}, which is gone. With this one it would mean"
            " something else, without a version of its own. Nothing was saved; choose another name.",
            name=name,
            origin="",
        )
    try:
        _write(draft.folder / "collections", name, draft.text)
    except FileExistsError:
        raise _taken(name) from None
    except OSError as error:
        log.warning("The template %s cannot be written to %s. %s", name, draft.folder, error)
        raise NotDecidable(
            f"The template cannot be written to {draft.folder}: {error.strerror or 'an error of the system'}."
            " Download it instead."
        ) from None
    write_audit_log(
        "directory_sync.save_template",
        by=visitor.person.name,
        dag_id=draft.collection,
        run_id="",
        task_id="",
        extra={"collection": draft.collection, "template": name},
    )


def _is_missed(store: Store, rules: SavingRules, name: str) -> bool:
    """Whether a definition uses a template of this name, no matter who may see it."""
    texts = [version.text for version in store.collections.newest()]
    try:
        texts += [] if rules.files is None else [each.text for each in rules.files.documents()]
    except DefinitionError as error:
        log.info("Definition files cannot be looked at, so templates in them are not compared. %s", error)
    return any(name in text and _template_of(text) == name for text in texts)


def _template_of(text: str) -> str | None:
    try:
        root, _ = parse_tree(text, "definition")
    except DefinitionError:
        return None  # what cannot be read uses nothing
    entry = root.entries.get("template") if isinstance(root, Entries) else None
    return entry.node.text if entry is not None and isinstance(entry.node, Scalar) else None


def _taken(name: str) -> NameTaken:
    text = f"There is a collection template {name} already. Nothing was saved; choose another name."
    return NameTaken(text, name=name, origin="")


def _place() -> tuple[Path | None, str]:
    """The folder to save to; or None and why there is none, for people."""
    folder = own_templates()
    if folder is None:
        return None, (
            "This deployment has no folder for templates of its own: see the setting templates_folder."
            " Download the template, and give it to the people who run Airflow."
        )
    inner = folder / "collections"
    if os.access(inner if inner.is_dir() else folder, os.W_OK | os.X_OK):
        return folder, ""
    return None, (
        f"Airflow's API server may not write to {folder}. Download the template, and give it to the people"
        " who keep that folder: it goes into collections/."
    )


def _write(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    # Other processes read the folder at any time: the name is given to a file that is complete. As a hard
    # link, because a file that has the name already is never replaced.
    descriptor, unfinished = tempfile.mkstemp(prefix=".", suffix=".unfinished", dir=folder)
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - an open file
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(unfinished).chmod(0o644)
        os.link(unfinished, folder / f"{name}.yaml")
    finally:
        with contextlib.suppress(OSError):
            Path(unfinished).unlink()
