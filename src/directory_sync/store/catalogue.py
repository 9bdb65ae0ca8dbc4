"""Collections saved in the store as a catalogue of documents.

Imported when Airflow parses a DAG file, so it does not import the database.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from directory_sync.definition.catalogue import Catalogue
from directory_sync.definition.documents import Document
from directory_sync.definition.problems import Problem
from directory_sync.definition.templates import BUILT_IN, Templates
from directory_sync.errors import DefinitionError, DirectorySyncError, StoreError

if TYPE_CHECKING:
    from directory_sync.store.saved_collections import SavedVersion
    from directory_sync.store.store import Store


class StoreCatalogue(Catalogue):
    """The newest version of each collection that is saved in a store."""

    def __init__(self, store: Store, templates: Templates = BUILT_IN) -> None:
        super().__init__(templates)
        self._store = store

    def documents(self) -> Iterator[Document]:
        """All of them. Raises DefinitionError if the store does not answer."""
        try:
            newest = self._store.collections.newest()
        except StoreError as error:
            raise _unreadable(error) from None
        return map(document_of, newest)

    def mentioning(self, name: str) -> Iterator[Document]:
        """The one of this name. Raises DefinitionError if the store does not answer."""
        try:
            version = self._store.collections.get(name)
        except StoreError as error:
            raise _unreadable(error) from None
        return iter([] if version is None else [document_of(version)])

    def is_settled(self) -> bool:
        """Always: what is not there has been deleted."""
        return True


_SAVED = "saved:"


def document_of(version: SavedVersion) -> Document:
    """A version of a saved collection as a document: its origin is `saved:NAME`, its version the number."""
    return saved_document(version.name, version.number, version.text)


def saved_document(name: str, number: int, text: str) -> Document:
    """The same, of a version whose text was read elsewhere."""
    return Document(name, text, origin_of(name), str(number), kept_as=name)


def origin_of(name: str) -> str:
    """Origin of a saved collection's document, as problems name it."""
    return f"{_SAVED}{name}"


def is_saved(origin: str) -> bool:
    """Whether a document of this origin is a saved collection's. A file's path that only looks so counts
    too: nothing is to be had from that, as no version of such a collection is found.
    """
    return origin.startswith(_SAVED)


def text_digest(document: Document) -> str:
    """Tells a document's text from any other."""
    return hashlib.sha256(document.text.encode()).hexdigest()


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
    if found is None or found.deleted or text_digest(document_of(found)) != digest:
        raise DirectorySyncError(
            f"What this task has of the saved collection {name} is not version {version} in the store: the"
            " collection was deleted and made again, or the store was restored from a backup, after this run"
            " had begun. Nothing was read or written. Start a new run."
        )


def _unreadable(error: StoreError) -> DefinitionError:
    hint = "the collections saved there are known again when it answers"
    return DefinitionError([Problem("saved:", 1, 1, "", f"the store cannot be read: {error}", hint)])
