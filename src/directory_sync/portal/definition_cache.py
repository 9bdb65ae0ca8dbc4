"""What definitions mean, kept for a while: a list of 500 would take seconds to read each time."""

from __future__ import annotations

import hashlib
import time

from directory_sync.definition.documents import Document
from directory_sync.definition.loading import Broken, Loaded, judge
from directory_sync.definition.templates import Templates


class DefinitionCache:
    """Results of `judge`, by the text.

    A text never changes what it means, but a template that it names may: so they are read again after a time.
    """

    def __init__(self, seconds: float = 60.0, most: int = 5_000) -> None:
        self._seconds = seconds
        self._most = most
        self._read: dict[tuple[str, str, str], tuple[float, Loaded | Broken]] = {}

    def judge(self, document: Document, templates: Templates) -> Loaded | Broken:
        """What the document defines."""
        digest = hashlib.sha256(document.text.encode(errors="surrogatepass")).hexdigest()
        key, now = (document.origin, document.kept_as, digest), time.monotonic()
        kept = self._read.get(key)
        if kept is not None and now < kept[0]:
            return kept[1]
        found = judge(document, templates)
        if len(self._read) >= self._most:
            self._read.clear()
        # In double quotes, YAML takes a backslash for the beginning of a letter.
        settled = isinstance(found, Loaded) and not any(sign in document.text for sign in ("template", "\\"))
        self._read[key] = (float("inf") if settled else now + self._seconds, found)
        return found


DEFINITIONS = DefinitionCache()
"""Of this process."""
