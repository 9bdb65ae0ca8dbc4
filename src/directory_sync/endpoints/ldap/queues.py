"""Where the changes of one pass wait: for others, for a moment, to ask about their object, or to be sent.

Knows nothing of connections, and decides nothing about a change; `answers` and `endings` do.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque

from directory_sync.endpoints.dn_names import DnNames
from directory_sync.endpoints.exchanges import Exchanges
from directory_sync.endpoints.ldap.asking import Asking
from directory_sync.endpoints.ldap.operations import Add
from directory_sync.endpoints.ldap.repairs import Repairs
from directory_sync.endpoints.ldap.schedule import Schedule
from directory_sync.endpoints.ldap.task import Phase, Task
from directory_sync.endpoints.ldap.window import WINDOW

LOOKAHEAD = 4 * WINDOW
"""Changes held in memory: underway, or waiting for one that is."""
_HELD_AT_MOST = 1000


class Queues:
    """The tasks of one pass that are not over.

    Args:
        names: how the server's names are compared.
        asking: those that have a question.
        repairs: what the server does to references by itself; None if it does nothing.

    Attributes:
        to_send: those whose next operation may be sent.
    """

    def __init__(self, names: DnNames, asking: Asking, repairs: Repairs | None) -> None:
        self.to_send: deque[Task] = deque()
        self._names = names
        self._asking = asking
        self._repairs = repairs
        self._schedule: Schedule[Task] = Schedule(names.ancestors)
        self._exchanges: Exchanges[Task] = Exchanges()
        self._delayed: list[tuple[float, int, Task]] = []
        self._held: list[Task] = []
        self._deferred: deque[Task] = deque()
        self._counter = itertools.count()

    @property
    def has_room(self) -> bool:
        """Whether another change may be taken in."""
        return len(self._schedule) - len(self._held) < LOOKAHEAD and len(self._held) < _HELD_AT_MOST

    @property
    def has_turn(self) -> bool:
        """Whether something is to be asked or sent now."""
        return bool(self._asking or self.to_send)

    # -- taking in -------------------------------------------------------------------------------------------

    def take_in(self, task: Task) -> None:
        """Take in a change, and the second halves that it needs, or makes room for."""
        if not self._exchanges and task.second is None:
            self._admit(task)
            return
        now = self._names.normalise(task.change.object)
        then = self._names.normalise(task.change.final_object)
        before, behind = self._exchanges.due(now, then, self._needs(task))
        for each in (*before, task, *behind):
            self._admit(each)
        if task.second is not None:
            needs, is_simple = self._needs(task.second), not task.second.after
            self._exchanges.add(then, task.second, needs, is_simple=is_simple)

    def take_in_rest(self) -> None:
        """No further change comes: take in the second halves that are left."""
        for second in self._exchanges.rest():
            self._admit(second)

    def _needs(self, task: Task) -> set[str]:
        return {*task.touches, *task.after}.union(*map(self._names.ancestors, task.touches))

    def _admit(self, task: Task) -> None:
        if self._schedule.add(task, task.touches, task.after):
            self._begin(task)

    def _begin(self, task: Task) -> None:
        """A task need not wait for others any more."""
        if task.is_dropped:
            self.release(task)
        elif self._repairs is not None and (due := self._repairs.due(task.named)) > time.monotonic():
            self._delay_until(due, task)
        elif task.phase is Phase.SEND:
            self.send(task)
        else:
            self.ask(task)

    # -- waiting in line -------------------------------------------------------------------------------------

    def ask(self, task: Task) -> None:
        """Let a task ask its question when its turn comes."""
        self._asking.add(task)

    def ask_first(self, task: Task) -> None:
        """Let a task go on asking before others begin."""
        self._asking.add_first(task)

    def send(self, task: Task) -> None:
        """Let a task send its next operation when its turn comes."""
        self.to_send.append(task)

    def send_first(self, task: Task) -> None:
        """Let a task send what is left of its change before others begin."""
        self.to_send.appendleft(task)

    def delay(self, task: Task, seconds: float) -> None:
        """Let a task come back after a while."""
        self._delay_until(time.monotonic() + seconds, task)

    def hold(self, task: Task) -> None:
        """Let a task wait until nothing else is left to do."""
        self._held.append(task)

    def defer(self, task: Task) -> None:
        """Release a task, whose late operations wait for all other changes."""
        self.release(task)
        self._deferred.append(task)

    def release(self, task: Task) -> None:
        """Let begin what waited for a change."""
        if self._repairs is not None and not task.is_late:
            self._repairs.release(task.change, task.named)
        for free in self._schedule.finish(task):
            self._begin(free)

    def _delay_until(self, due: float, task: Task) -> None:
        heapq.heappush(self._delayed, (due, next(self._counter), task))

    # -- going on --------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let those begin whose moment has come."""
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._begin(heapq.heappop(self._delayed)[2])

    def wait_or_retry(self) -> bool:
        """When no task has its turn and no more are taken in: wait for the next moment, or let those that
        were held try again. False if there are none.
        """
        if self._delayed:
            time.sleep(max(0.0, self._delayed[0][0] - time.monotonic()))
            return True
        held, self._held = self._held, []
        for task in held:
            task.was_held = True
            self._look_again(task)
        return bool(held)

    def start_late(self) -> bool:
        """Let the operations begin that had to wait for all others. False if there are none."""
        assert not len(self._schedule), "changes wait for each other"
        if not self._deferred:
            return False
        while self._deferred:
            task = self._deferred.popleft()
            task.main, task.late, task.is_late = task.late, deque(), True
            # Most values may have followed by themselves the objects that they name.
            task.is_guarded = True
            task.look(only=tuple(field.field for field in task.change.fields if field.late))
            self._admit(task)
        return True

    def _look_again(self, task: Task) -> None:
        """Before an operation is sent again after a while: the object may be another one now."""
        task.refused = None
        if task.main and isinstance(task.main[0], Add):
            task.phase = Phase.SEND
        else:
            task.look()
        self._begin(task)
