"""Which questions a writer asks next: about one object each, or one search for several objects where the
server is quick at that.

A search for several objects by what names them permanently costs server and client a fifth of as many single
ones, but only if that attribute is indexed; else the server reads everything. So it is tried, and the time it
takes decides.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.ldap.lookup import Sight
from directory_sync.endpoints.ldap.operations import any_of, equals
from directory_sync.endpoints.ldap.read import Spelling, rest_of_range
from directory_sync.endpoints.ldap.task import Phase, Task

GROUP = 32
"""Objects looked at by one search."""
_FEW = 4
"""Not worth a search of their own kind."""
_PER_OBJECT = 0.0001
"""Seconds per object, beyond those of a search for one, that a search for several may take: more than that
single ones do.
"""
_TRIES = 3


class Single:
    """The question of one task."""

    def __init__(self, task: Task) -> None:
        self.tasks = [task]

    def send(self, connection: SimpleLDAPObject) -> int:
        """Send the next search and return its message id."""
        return self.tasks[0].question.send(connection)

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> list[tuple[Task, bool]]:
        """Take an answer. The tasks, and whether nothing more is to be asked for them."""
        (task,) = self.tasks
        return [(task, task.question.take(data, connection))]

    def refused(self, error: ldap.LDAPError) -> list[tuple[Task, bool]]:
        """Take a refusal, likewise; raises it where it is no answer."""
        (task,) = self.tasks
        return [(task, task.question.refused(error))]


class Several:
    """A search for the objects of several tasks that ask for the same fields."""

    def __init__(self, sight: Sight, spelling: Spelling, base: str, tasks: Sequence[Task]) -> None:
        self.tasks = list(tasks)
        self._spelling = spelling
        self._base = base
        self._field = sight.server.identity_field or ""

    def send(self, connection: SimpleLDAPObject) -> int:
        """Send the search and return its message id."""
        filter = any_of([equals(self._field, task.change.identity or b"") for task in self.tasks])
        return int(connection.search_ext(self._base, ldap.SCOPE_SUBTREE, filter, self._spelling.asked))

    def take(self, data: Sequence[Any], connection: SimpleLDAPObject) -> list[tuple[Task, bool]]:
        """Hand each object to its task.

        One that was not found is looked for alone, which tells the reason.
        """
        spelling = self._spelling
        found: dict[bytes, tuple[str, Any]] = {}
        for name, entry in data:
            if name is not None:
                attributes = entry
                if not entry.keys() <= spelling.right:
                    attributes = spelling.apply(entry, partial(rest_of_range, connection, name))
                for identity in attributes.get(self._field, ()):
                    found[identity] = name, attributes
        return [(task, self._given(task, found.get(task.change.identity or b""))) for task in self.tasks]

    def refused(self, error: ldap.LDAPError) -> list[tuple[Task, bool]]:  # noqa: ARG002 - asked singly, the server tells again
        """Ask for each object alone."""
        return [(task, self._given(task, None)) for task in self.tasks]

    @staticmethod
    def _given(task: Task, found: tuple[str, Any] | None) -> bool:
        if found is not None and task.lookup.found(*found):
            return True
        task.is_asked_alone = True
        task.lookup.begin(only=task.lookup.looked_at)
        return False


class Asking:
    """The tasks that have a question, and how they are asked.

    Args:
        sight: what is asked for.
        at_once: searches underway at once.
    """

    def __init__(self, sight: Sight, *, at_once: int) -> None:
        self._sight = sight
        self._at_once = at_once
        self._waiting: deque[Task] = deque()
        self._underway = 0
        self._grouped: bool | None = None if sight.server.identity_field is not None else False
        self._one: float | None = None
        """The shortest time that a search for one object took."""
        self._began = 0.0
        self._tries = 0

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def underway(self) -> int:
        """Number of searches that are not answered."""
        return self._underway

    def add(self, task: Task) -> None:
        """Let a task ask its question when its turn comes."""
        self._waiting.append(task)

    def add_first(self, task: Task) -> None:
        """Let a task go on asking before others begin."""
        self._waiting.appendleft(task)

    def next(self, *, writing: int, more: bool, careful: bool) -> Single | Several | None:
        """What to ask now; None for nothing.

        Args:
            writing: number of operations underway or about to be sent.
            more: further tasks will come without any answer to a question.
            careful: one thing after the other.
        """
        if not self._waiting:
            return None
        if careful:
            return self._single()
        if self._grouped is None and len(self._waiting) >= GROUP:
            return self._try_out(writing)
        if self._underway >= self._at_once:
            return None
        if not self._grouped:
            return self._single()
        if len(self._waiting) < GROUP and more and (self._underway or writing >= GROUP // 2):
            # Enough is going on meanwhile; let some more come together.
            return None
        return self._several() or self._single()

    def answered(self, learned: Sequence[tuple[Task, bool]] = ()) -> None:
        """An answer came, of whatever kind; `learned` from it."""
        self._underway -= 1
        if len(learned) > 1 and not any(over for _, over in learned):
            # The login may not search by what names objects permanently.
            self._grouped, self._began = False, 0.0
        if self._grouped is None and self._began and not self._underway:
            took = time.monotonic() - self._began
            self._began = 0.0
            if self._one is None:
                self._one = took
            elif took - self._one <= GROUP * _PER_OBJECT:
                self._grouped = True
            else:
                self._tries += 1
                self._grouped = None if self._tries < _TRIES else False

    def broken(self) -> None:
        """Nothing is underway any more."""
        self._underway, self._began = 0, 0.0

    def _try_out(self, writing: int) -> Single | Several | None:
        """Time a search for one object, then one for several, each while nothing else is underway."""
        if self._underway or writing:
            return None
        asked = self._single() if self._one is None else self._several()
        if asked is None:
            self._grouped = False
            return self._single()
        self._began = time.monotonic()
        return asked

    def _single(self) -> Single:
        self._underway += 1
        return Single(self._waiting.popleft())

    def _several(self) -> Several | None:
        first = self._waiting[0]
        context = self._sight.server.root.naming_context_of(first.change.object)
        if context is None or not _may_be_grouped(first):
            return None
        spelling = first.lookup.spelling
        alike = (task for task in self._waiting if _may_be_grouped(task) and task.lookup.spelling is spelling)
        group = list(itertools.islice(alike, GROUP))
        if len(group) < _FEW:
            return None
        chosen = set(group)
        self._waiting = deque(task for task in self._waiting if task not in chosen)
        self._underway += 1
        return Several(self._sight, spelling, context, group)


def _may_be_grouped(task: Task) -> bool:
    return (
        task.phase is Phase.LOOK
        and task.is_guarded
        and not task.is_asked_alone
        and task.change.identity is not None
    )


def unanswered(asked: Single | Several) -> Iterator[Task]:
    """The tasks of a question whose answer was lost, each ready to ask again."""
    for task in asked.tasks:
        if task.phase is Phase.LOOK:
            task.lookup.begin(only=task.lookup.looked_at)
        yield task
