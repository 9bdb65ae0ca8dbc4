"""What names the parts of plans and requests that a plan's digest does not cover, so that an altered one is
noticed.

Like the digest, a seal finds what was altered by mistake, or by a person who can write to some columns only.
It is no signature: a person who writes everything can make it fit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from directory_sync.approval.request import Request, SavedDefinition
from directory_sync.plan.model import LimitCheck

_CHANGES_LATER = frozenset(
    (
        "state",
        "filed",
        "expires",
        "level",
        "escalates",
        "decided",
        "decided_by",
        "begun",
        "successor",
        "applied",
        "result",
        "result_code",
        "current_name",
    )
)
"""Of a request: what happens to it after it was filed, and times."""
_TEXTS_AT_ONCE = 1_000


class PlanSeal:
    """SHA-256 over a plan's head, what it will know, and the names that its changes are shown by."""

    def __init__(self, header: Mapping[str, Any], findings: bytes | None) -> None:
        """Take the head as the store gives it back."""
        self._hash = hashlib.sha256(b"directory-sync plan seal 1\n")
        self._add(_canonical(header))
        self._add(findings or b"")

    def add(self, name: str | None) -> None:
        """Take what the next change's object is called."""
        self._add((name or "").encode())

    def hexdigest(self) -> str:
        """The seal of what was taken so far, hexadecimal."""
        return self._hash.hexdigest()

    def _add(self, part: bytes) -> None:
        self._hash.update(b"%d:" % len(part))
        self._hash.update(part)


class SearchSeal:
    """SHA-256 over the texts that a plan's changes are found by: what is not found is not looked at."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256(b"directory-sync search seal 1\n")
        self._texts: list[str] = []

    def add(self, search: str) -> None:
        """Take the next change's text."""
        self._texts.append(search)
        if len(self._texts) >= _TEXTS_AT_ONCE:
            self._take()

    def hexdigest(self) -> str:
        """The seal of what was taken so far, hexadecimal."""
        self._take()
        return self._hash.hexdigest()

    def _take(self) -> None:
        # No text that is stored holds the character that stands between them.
        self._hash.update("".join(f"{text}\0" for text in self._texts).encode())
        self._texts.clear()


def patterns_seal(digest: str, lines: object, places: bytes) -> str:
    """SHA-256 over the patterns of a plan's changes and the plan's digest, hexadecimal: approvers read the
    patterns first.
    """
    head = _canonical([digest, lines])
    return hashlib.sha256(b"directory-sync patterns seal 1\n%d:%b%b" % (len(head), head, places)).hexdigest()


def request_seal(request: Request) -> str:
    """SHA-256 over everything of a request that stays as it was filed, hexadecimal."""
    kept = {
        each.name: getattr(request, each.name) for each in fields(request) if each.name not in _CHANGES_LATER
    }
    if request.saved is None:
        # As earlier versions sealed all their requests.
        del kept["saved"]
    return hashlib.sha256(b"directory-sync request seal 1\n" + _canonical(kept)).hexdigest()


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> object:
    if isinstance(value, LimitCheck | SavedDefinition):
        return value.to_json()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")
