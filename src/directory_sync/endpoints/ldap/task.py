"""One change on its way through a writer: what is left of it to send, and what is being asked about its
object.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum, auto

from directory_sync.endpoints.change import Change
from directory_sync.endpoints.ldap.holders import Holders
from directory_sync.endpoints.ldap.lookup import Existence, Lookup, Question
from directory_sync.endpoints.ldap.operations import Operation, Operations
from directory_sync.endpoints.ldap.refusals import Refusal


class Phase(Enum):
    """What a task does next."""

    LOOK = auto()
    """Look at the object."""
    EXPLAIN = auto()
    """Ask whether objects that its values named are gone."""
    SEE = auto()
    """Ask whether this login sees anything where the object is not seen."""
    HOLDERS = auto()
    """Ask who has a value that was refused."""
    SEND = auto()
    """Send the next operation."""


@dataclass(eq=False, slots=True)
class Task:
    """One change, or the second half of one that exchanges its name with others."""

    sequence: int
    change: Change
    planned: Operations
    phase: Phase
    main: deque[Operation]
    late: deque[Operation]
    lookup: Lookup
    touches: frozenset[str]
    after: tuple[str, ...] = ()
    """Normalised ids of objects that have to be dealt with before."""
    named: frozenset[str] = frozenset()
    """Normalised ids of the objects that its values name, old and new ones."""
    withheld: str = ""
    """Why it must not be sent; it fails when its turn comes."""
    is_absent: bool = False
    """There was no image of its object, so it is not written where it has its old name after all."""
    second: Task | None = None
    """The half that waits until the others of the exchange have their names."""
    is_second: bool = False
    is_dropped: bool = False
    """The first half did not end well, so there is nothing left to do for the second."""
    is_late: bool = False
    """Only the operations are left that had to wait for all other changes."""
    is_guarded: bool = False
    """The next operation may be sent only soon after a look at the object."""
    is_asked_alone: bool = False
    """A search for several objects did not find this one."""
    looked: float = 0.0
    """When it was last asked for a look at the object, by the monotonic clock."""
    answered: float = 0.0
    """When the last answer about the object came."""
    was_stale: bool = False
    """What was seen of the object had been asked too long ago, so it was looked at again."""
    refused: Refusal | None = None
    """What the server said, while more is found out about the reason."""
    sent: bool = False
    in_doubt: bool = False
    """It was sent and not answered, so the server may still carry it out, even after the connection broke."""
    busy: int = 0
    lost: int = 0
    """How often the connection broke while this change was underway alone."""
    adapted: int = 0
    """How often the operation was made again after it was refused."""
    was_held: bool = False
    """It was refused for a value that another object had, and was tried again after the others."""
    exists: bool = False
    """An object of the new name is there, though not as the change wants it."""
    given_up: str = ""
    """Why the object gets its old name back."""
    is_explained: bool = False
    """It was asked whether the objects are gone that its values named; that is asked once."""
    explained: frozenset[bytes] = frozenset()
    explanation: Existence | None = None
    holders: Holders | None = None
    question: Question = field(init=False)

    def __post_init__(self) -> None:
        self.question = self.lookup

    def is_stale(self, fresh: float) -> bool:
        """Whether what was seen of the object is older than so many seconds.

        Counted from the question, for when the server looks is not known; but from the answer once the object
        was looked at again: otherwise a server that answers more slowly would be asked indefinitely.
        """
        return time.monotonic() - (self.answered if self.was_stale else self.looked) > fresh

    def ask(self, phase: Phase, question: Question) -> None:
        """Go on with a question."""
        self.phase, self.question = phase, question

    def look(self, *, only: Collection[str] | None = None, stored: bool = False) -> None:
        """Go on with a look at the object."""
        self.lookup.begin(only=only, stored=stored)
        self.ask(Phase.LOOK, self.lookup)
