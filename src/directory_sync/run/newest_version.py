"""What a saved collection says now: where it is stricter than what a run began with, it counts."""

from __future__ import annotations

from directory_sync.definition.loading import load
from directory_sync.definition.models import Collection
from directory_sync.definition.templates import Templates
from directory_sync.errors import DefinitionError
from directory_sync.store.catalogue import document_of
from directory_sync.store.store import Store


def newest_version(store: Store, name: str, templates: Templates) -> Collection | None:
    """The newest version of a saved collection; None if there is none of this name.

    Raises DefinitionError if it cannot be read: then it cannot be told which policy and limits count.
    """
    version = store.collections.get(name)
    if version is None:
        return None
    try:
        return load(document_of(version), templates).collection
    except DefinitionError as error:
        raise error.extended(
            f"This is the newest version ({version.number}) of the saved collection {name}, so it cannot be"
            " told which policy and limits count. Nothing was read or written. Correct it in Directory Sync."
        ) from None
