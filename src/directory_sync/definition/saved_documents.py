"""The documents of collections that are saved in the store.

Imported whenever Airflow parses a DAG file, so it knows nothing of the database.
"""

from __future__ import annotations

import hashlib

from directory_sync.definition.documents import Document

_SAVED = "saved:"


def saved_document(name: str, number: int, text: str) -> Document:
    """A version of a saved collection: its origin is `saved:NAME`, its version the number."""
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
