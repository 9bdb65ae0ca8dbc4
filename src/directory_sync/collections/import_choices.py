"""What can be chosen for each definition of an imported file, and what can happen to it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

MOST_ITEMS = 1_000
"""Definitions of one file."""


class Clash(StrEnum):
    """What has the name of an item already."""

    SAVED = "saved"
    """A saved collection with another text: it can be replaced."""
    TAKEN = "taken"
    """A collection from a file, or another DAG."""
    TWICE = "twice"
    """An item before it in the same file."""


class Do(StrEnum):
    """What is to be done with an item whose name is taken."""

    REPLACE = "replace"
    """Save it as a new version."""
    RENAME = "rename"
    """Save it by another name."""
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Choice:
    """What is to be done with one item; needed where its name is taken.

    Attributes:
        do: what.
        to: of `RENAME`, the new name.
        expected: of `REPLACE`, the number of the newest version that the person has seen.
    """

    do: Do
    to: str = ""
    expected: int = 0


class ItemState(StrEnum):
    """The result of an item."""

    READY = "ready"
    """It can be saved as it is; nothing was saved."""
    CLASH = "clash"
    """Its name is taken, and no choice was made; nothing was saved."""
    SAVED = "saved"
    UNCHANGED = "unchanged"
    """The same text is the newest version already."""
    SKIPPED = "skipped"
    REFUSED = "refused"
    """It cannot be saved; `error` says why."""
