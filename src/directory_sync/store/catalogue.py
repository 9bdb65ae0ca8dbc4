"""Collections saved in the store as a catalogue of documents.

Imported when Airflow parses a DAG file, so it does not import the database.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from directory_sync.definition.documents import Document
from directory_sync.errors import DirectorySyncError

if TYPE_CHECKING:
    from directory_sync.store.saved_collections import SavedVersion
    from directory_sync.store.store import Store


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
