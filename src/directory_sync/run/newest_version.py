"""What a saved collection says now, and whether a run still goes by what is saved: where it is stricter than
what the run began with, it counts.
"""

from __future__ import annotations

import re

from directory_sync.definition.loading import load
from directory_sync.definition.models import Collection, Job
from directory_sync.definition.saved_documents import is_saved, text_digest
from directory_sync.definition.templates import Templates
from directory_sync.errors import CollectionNotFound, DefinitionError, DirectorySyncError, PolicyChanged
from directory_sync.run.deployment import Deployment
from directory_sync.run.policies import JobRules, rules_for
from directory_sync.store.runs import Snapshot
from directory_sync.store.store import Store


def newest_version(store: Store, name: str, templates: Templates) -> Collection | None:
    """The newest version of a saved collection; None if there is none of this name.

    Raises DefinitionError if it cannot be read: then it cannot be told which policy and limits count.
    """
    version = store.collections.get(name)
    if version is None:
        return None
    try:
        return load(version.document, templates).collection
    except DefinitionError as error:
        raise error.extended(
            f"This is the newest version ({version.number}) of the saved collection {name}, so it cannot be"
            " told which policy and limits count. Nothing was read or written. Correct it in Directory Sync."
        ) from None


def require_rules_of_now(
    store: Store, snapshot: Snapshot, job: Job, rules: JobRules, deployment: Deployment
) -> None:
    """See that what is to be written without an approval still keeps to the newest saved version: planning
    may take long.

    Args:
        store: keeps the versions.
        snapshot: the run.
        job: out of its definition.
        rules: by which its plan was made.
        deployment: where it runs.

    Raises CollectionNotFound if the collection has been deleted since, PolicyChanged if policy or limits are
    others, DefinitionError as `newest_version`.
    """
    name = snapshot.collection.name
    now = newest_version(store, name, deployment.templates)
    if now is None:
        if not is_saved(snapshot.origin):
            return
        raise CollectionNotFound(
            f"The collection {name} was deleted while this run planned job {job.name}. Nothing was written.",
            name=name,
        )
    if rules_for(snapshot.collection, now, job, deployment.approval_minimum) != rules:
        raise PolicyChanged(
            f"The collection {name} was saved with another approval policy or other limits for job {job.name}"
            " while this run planned it. Nothing was written. Run the job again, under what counts now."
        )


def require_version(store: Store, name: str, version: str, digest: str) -> None:
    """Raise DirectorySyncError unless the store has this very text as a version of a saved collection.

    Name and number do not tell: a collection of that name may have been deleted and made again by a person
    with other rights, or the store may have been restored from a backup.

    Args:
        store: keeps the versions.
        name, version, digest: of the document, the last one as `text_digest` gives it.
    """
    number = int(version) if re.fullmatch(r"[0-9]{1,9}", version) else 0
    found = store.collections.version(name, number)
    if found is None or found.deleted or text_digest(found.document) != digest:
        raise DirectorySyncError(
            f"What this task has of the saved collection {name} is not version {version} in the store: the"
            " collection was deleted and made again, or the store was restored from a backup, after this run"
            " had begun. Nothing was read or written. Start a new run."
        )
