"""How a change goes on after an operation, how it ends, and what follows from that for others: what waited
for it begins, and what cannot do without it is not sent.
"""

from __future__ import annotations

import itertools
from collections import defaultdict, deque
from collections.abc import Collection, Iterator

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.ldap.operations import Add, Rename, operations
from directory_sync.endpoints.ldap.queues import Queues
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.task import Phase, Task
from directory_sync.endpoints.unwritten import Unwritten, why_needless
from directory_sync.errors import RunStopped

_UNPROVEN_AT_MOST = 1000
"""Deletions that wait for that of their container: more than those that an attempt leaves unrecorded."""


class Endings:
    """The outcomes of one pass.

    Args:
        server: where to write.
        queues: where tasks wait.
        verify: places of changes that an earlier attempt may have written.
    """

    def __init__(self, server: Server, queues: Queues, verify: Collection[int]) -> None:
        self._server = server
        self._queues = queues
        self._verify = verify
        self._outcomes: deque[Outcome] = deque()
        self._unwritten = Unwritten()
        self._stop: RunStopped | None = None
        self._halfway: set[Task] = set()
        """Second halves whose first half was sent."""
        self._unproven: dict[str, list[tuple[Task, str]]] = defaultdict(list)
        """Normalised container that is missing → the deletions in it that nothing proves yet, and what to
        tell if nothing ever does.
        """

    def told(self) -> Iterator[Outcome]:
        """The outcomes that were not told yet."""
        while self._outcomes:
            yield self._outcomes.popleft()

    # -- after a stop ----------------------------------------------------------------------------------------

    @property
    def takes_more(self) -> bool:
        """Whether further changes may begin, or are needed to finish those that have begun."""
        return self._stop is None or bool(self._halfway)

    def stop(self, stop: RunStopped) -> None:
        """From now on, only what has begun is finished."""
        self._stop = stop

    def is_left_out(self, task: Task) -> bool:
        """Whether a change has not begun where nothing more begins; then it is over."""
        if self._stop is None or task.sent:
            return False
        if self._halfway and task.change.new_object is not None:
            # An object that has given its name away, and waits for another one, gets that.
            return False
        if any(isinstance(left, Add | Rename) for left in task.main):
            # Late values of what has begun may name it.
            self._note_unwritten(task.change)
        if task.second is not None:
            task.second.is_dropped = True
        if task.sequence not in self._verify:
            self._tell(task, Result.NOT_DONE, str(self._stop))
        # Else an earlier attempt may have written a part of it, which only a look at the object tells.
        self._release(task)
        return True

    # -- going on --------------------------------------------------------------------------------------------

    def is_needless(self, task: Task) -> bool:
        """Whether a change must not be sent, or what it needs is not there; then it is over."""
        if task.withheld:
            self.finish(task, Result.FAILED, task.withheld)
            return True
        missing = None if task.given_up else self._unwritten.needed_by(task.change, self._server.schema.names)
        if missing:
            self.finish(task, Result.FAILED, why_needless(missing))
        return missing is not None

    def begun(self, task: Task) -> None:
        """An operation is about to be sent."""
        task.sent = True
        if task.second is not None:
            self._halfway.add(task.second)

    def step_done(self, task: Task) -> None:
        """An operation is done, or there was none to send: go on with what is left of the change."""
        if task.main:
            self._queues.send_first(task)
        elif task.given_up:
            self.finish(task, Result.FAILED, f"{task.given_up} It has its old name again. Run the job again.")
        elif task.second is not None:
            task.second.sent = task.sent
            # Also where an earlier attempt has sent the first half.
            self._halfway.add(task.second)
            self._release(task)
        elif task.late:
            self._halfway.discard(task)
            self._queues.defer(task)
        else:
            self.finish(task, Result.DONE if task.sent else Result.FOUND_DONE)

    # -- ending ----------------------------------------------------------------------------------------------

    def finish(self, task: Task, result: Result, message: str = "") -> None:
        """A change is over: tell its outcome, and let what waited for it begin."""
        if result in (Result.FAILED, Result.CONFLICT):
            if task.is_second and not task.given_up and self._give_back(task, message):
                return
            if any(isinstance(left, Add | Rename) for left in task.main) and not task.exists:
                self._note_unwritten(task.change)
        elif task.change.action is Action.DELETE:
            # Before it is told: an outcome on record must not stand without those that rest on it.
            self._prove(task)
        if task.second is not None:
            task.second.is_dropped = True
            self._halfway.discard(task.second)
        self._tell(task, result, message)
        self._release(task)

    def wait_for_proof(self, task: Task, container: str, otherwise: str) -> bool:
        """Let the outcome of a deletion wait for that of its container, which may still come: what was in it
        is then gone too. False if too many wait.

        Args:
            task: the deletion; what waited for it begins.
            container: normalised.
            otherwise: what to tell if the container is not deleted.
        """
        if sum(map(len, self._unproven.values())) >= _UNPROVEN_AT_MOST:
            return False
        self._unproven[container].append((task, otherwise))
        self._release(task)
        return True

    def give_up_proofs(self) -> bool:
        """No change is left that could prove a deletion. Whether that decides any."""
        unproven, self._unproven = self._unproven, defaultdict(list)
        for task, otherwise in itertools.chain.from_iterable(unproven.values()):
            self._tell(task, Result.FAILED, otherwise)
        return bool(unproven)

    def _prove(self, task: Task) -> None:
        """A deletion is done, or found done: what was in the object is gone too."""
        place = self._server.schema.names.normalise(task.change.object)
        for each, _ in self._unproven.pop(place, ()):
            self._prove(each)
            self._tell(each, Result.FOUND_DONE)

    def _tell(self, task: Task, result: Result, message: str = "") -> None:
        if message:
            message = f"{self._server.label}: {task.change.object}: {message}"
        self._outcomes.append(Outcome(task.sequence, result, message))

    def _give_back(self, task: Task, message: str) -> bool:
        """Let an object that cannot have its new name take its old one again, if it still has the one in
        between.
        """
        change = task.change
        if not (task.main and isinstance(task.main[0], Rename) and task.main[0].dn == change.via):
            return False
        self._note_unwritten(change)
        back = operations(
            Change(Action.UPDATE, change.key, change.via, new_object=change.object),
            self._server.schema,
            assertion=False,
            identity_field=None,
        )
        task.given_up = message
        task.phase = Phase.SEND
        task.main, task.late = deque(back.main), deque()
        self._queues.send(task)
        return True

    def _note_unwritten(self, change: Change) -> None:
        self._unwritten.add(self._server.schema.names.normalise(change.final_object))

    def _release(self, task: Task) -> None:
        self._halfway.discard(task)
        self._queues.release(task)
