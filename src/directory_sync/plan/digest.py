"""The digest that names a plan: an approval, a waiver and a resumed run are bound to it.

Its canonical form has a version. What is stored is verified by the version that it was made with, so that a
plan which waits for a decision outlives an upgrade that changes the form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from directory_sync.endpoints.change import Change
from directory_sync.plan.canonical import canonical_forms

VERSION = 1
"""Of the canonical form that plans are made in now."""
_PREFIXES = {1: b"directory-sync plan 1\n"}
"""Version → what the hashed bytes begin with."""


class PlanDigest:
    """SHA-256 over the names, the destination's identity and every change, taken one after another.

    Each part is preceded by its length, so that no two different plans give the same bytes.
    """

    def __init__(self, collection: str, job: str, destination: str, *, version: int = VERSION) -> None:
        self._hash = hashlib.sha256(_PREFIXES[version])
        for name in (collection, job, destination):
            self.add(name.encode())

    def add(self, canonical: bytes) -> None:
        """Take in the canonical form of the next change."""
        self._hash.update(b"%d:" % len(canonical))
        self._hash.update(canonical)

    def hexdigest(self) -> str:
        """The digest of what was taken in so far, hexadecimal."""
        return self._hash.hexdigest()


def is_known(version: int) -> bool:
    """Whether this release can verify plans of that version of the canonical form."""
    return version in _PREFIXES


def plan_digest(collection: str, job: str, destination: str, changes: Iterable[Change]) -> str:
    """The digest of a whole plan, hexadecimal; see `PlanDigest`."""
    digest = PlanDigest(collection, job, destination)
    for canonical in canonical_forms(changes):
        digest.add(canonical)
    return digest.hexdigest()
