"""Collections saved in the store as a catalogue of documents.

Imported when Airflow parses a DAG file, so it does not import the database.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from directory_sync.definition.catalogue import Catalogue
from directory_sync.definition.documents import Document
from directory_sync.definition.problems import Problem
from directory_sync.definition.templates import BUILT_IN, Templates
from directory_sync.errors import DefinitionError, StoreError

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


def _unreadable(error: StoreError) -> DefinitionError:
    hint = "the collections saved there are known again when it answers"
    return DefinitionError([Problem("saved:", 1, 1, "", f"the store cannot be read: {error}", hint)])
