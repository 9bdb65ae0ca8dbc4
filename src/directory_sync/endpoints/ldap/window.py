"""What is underway on a connection, and how much more may be.

After a connection broke, one thing is done after the other: if one change is what breaks it, that will soon
be underway alone. Each write that comes through lets one more be sent at a time.
"""

from __future__ import annotations

import itertools

from directory_sync.endpoints.ldap.asking import Several, Single
from directory_sync.endpoints.ldap.task import Task

WINDOW = 64
"""Operations underway at once. More gains little, and servers drop a client that has 1,000 outstanding."""

Sent = Task | Single | Several
"""An operation of a task, or a question."""


class Window:
    """Messages that wait for their answers."""

    def __init__(self) -> None:
        self._underway: dict[int, Sent] = {}
        self._size = WINDOW
        self._counter = itertools.count(1)

    def __len__(self) -> int:
        return len(self._underway)

    @property
    def is_careful(self) -> bool:
        """Whether a connection broke a while ago, so that one thing is done after the other."""
        return self._size < WINDOW

    def may_write(self, asked: int) -> bool:
        """Whether another write may be sent; `asked` of what is underway are questions."""
        return len(self._underway) - (0 if self.is_careful else asked) < self._size

    def may_ask(self) -> bool:
        """Whether another question may be sent, as far as care is concerned."""
        return not self.is_careful or len(self._underway) < self._size

    def add(self, message: int, sent: Sent) -> None:
        """Note what a message was sent for."""
        self._underway[message] = sent

    def add_unanswered(self, sent: Sent) -> None:
        """Note what will never be answered, because the connection broke when it was sent."""
        # Real message ids are positive.
        self._underway[-next(self._counter)] = sent

    def answered(self, message: int) -> Sent | None:
        """What a message was sent for; None if nothing is known of it."""
        return self._underway.pop(message, None)

    def write_came_through(self) -> None:
        """Let one more be underway. Looking is harmless; only a write shows that."""
        self._size = min(WINDOW, self._size + 1)

    def broken(self) -> list[Sent]:
        """All that was underway when the connection broke. From now on one thing is done after the other."""
        sent = list(self._underway.values())
        self._underway.clear()
        self._size = 1
        return sent
