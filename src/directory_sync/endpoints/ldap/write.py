"""Carries out changes on one connection, many at a time, and tells the outcome of each.

The gain comes from not waiting for each answer; what depends on an answer waits for it (`schedule`). A connection that breaks
leaves operations in doubt: their objects are looked at (`progress`) before anything is sent again.
"""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import ldap
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.lookup import Lookup
from directory_sync.endpoints.ldap.names import Names
from directory_sync.endpoints.ldap.operations import Add, Operation, Operations, Rename, operations
from directory_sync.endpoints.ldap.progress import judge
from directory_sync.endpoints.ldap.read import Broken
from directory_sync.endpoints.ldap.refusals import Refusal, refusal
from directory_sync.endpoints.ldap.root_dse import ASSERTION
from directory_sync.endpoints.ldap.schedule import Schedule
from directory_sync.endpoints.ldap.send import send
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.session import connect
from directory_sync.errors import EndpointUnavailable

WINDOW = 64
"""Operations underway at once. More gains little, and servers drop a client that has 1,000 outstanding."""
LOOKAHEAD = 4 * WINDOW
"""Changes held in memory: underway, or waiting for one that is."""
RECONNECT_DELAYS = (0.5, 1.0, 2.0, 4.0)
"""Seconds to wait between attempts to connect again; after the last one the writer gives up."""
_BUSY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
_LOST_AT_MOST = 3


class _Phase(Enum):
    LOOK = auto()
    SEND = auto()


@dataclass(eq=False, slots=True)
class _Task:
    """One change on its way."""

    sequence: int
    change: Change
    planned: Operations
    phase: _Phase
    main: deque[Operation]
    late: deque[Operation]
    lookup: Lookup
    refused: Refusal | None = None
    """What the server said, while the object is looked at for the reason."""
    sent: bool = False
    busy: int = 0
    is_late: bool = False
    """Only the operations are left that had to wait for all other changes."""
    in_doubt: bool = False
    """It was sent and not answered, so the server may still carry it out, even after the connection broke."""
    lost: int = 0
    """How often the connection broke while this change was underway alone."""
    exists: bool = False
    """An object of the new name is there, though not as the change wants it."""
    touches: frozenset[str] = field(default_factory=frozenset)


class Writer:
    """One pass over changes. Use once.

    Args:
        server: where to write.
        before_send: called before each write is sent; what it raises stops the writer after the answers that are underway.
        verify: places of changes that an earlier attempt may have carried out.
        delays: seconds between attempts to connect again.
    """

    def __init__(
        self,
        server: Server,
        *,
        before_send: Callable[[], None],
        verify: Collection[int],
        delays: tuple[float, ...] = RECONNECT_DELAYS,
    ) -> None:
        self._server = server
        self._before_send = before_send
        self._verify = verify
        self._delays = delays
        self._assertion = ASSERTION in server.root.controls
        self._schedule: Schedule[_Task] = Schedule(server.schema.names.ancestors)
        self._ready: deque[_Task] = deque()
        self._underway: dict[int, _Task] = {}
        self._delayed: list[tuple[float, int, _Task]] = []
        self._deferred: deque[_Task] = deque()
        self._outcomes: deque[Outcome] = deque()
        self._not_there: set[str] = set()
        self._counter = itertools.count()
        self._failures = 0
        self._window = WINDOW
        self._exhausted = False
        self._stopped: Exception | None = None
        self._connection: SimpleLDAPObject | None = None

    def run(self, changes: Iterable[tuple[int, Change]]) -> Iterator[Outcome]:
        """Yield the outcome of each change as soon as it is known. Raises EndpointUnavailable when it gives up."""
        source = iter(changes)
        self._connection = self._server.pool.open()
        try:
            while True:
                lost = self._turn(source)
                if lost is not None:
                    self._put_back()
                yield from self._told()
                if lost is not None:
                    self._reconnect(lost)
                elif not self._underway and not self._go_on():
                    return
        finally:
            self._let_go()

    def _turn(self, source: Iterator[tuple[int, Change]]) -> ldap.LDAPError | None:
        """Take changes in, send what may be sent, receive one answer. Returns the error if the connection broke."""
        while not self._exhausted and self._stopped is None and len(self._schedule) < LOOKAHEAD:
            entry = next(source, None)
            if entry is None:
                self._exhausted = True
            else:
                self._take(*entry)
        try:
            self._send()
            if self._underway:
                self._receive()
        except errors.CONNECTION_LOST as error:
            return error
        return None

    def _told(self) -> Iterator[Outcome]:
        while self._outcomes:
            yield self._outcomes.popleft()

    def _go_on(self) -> bool:
        """When nothing is underway: whether there is anything left to do. Raises what `before_send` raised."""
        if self._stopped is not None:
            raise self._stopped
        if self._ready or not self._exhausted:
            return True
        if self._delayed:
            time.sleep(max(0.0, self._delayed[0][0] - time.monotonic()))
            return True
        assert not len(self._schedule), "changes wait for each other"
        return self._start_late()

    # -- taking changes in --------------------------------------------------------------------------------------------

    def _take(self, sequence: int, change: Change) -> None:
        names = self._server.schema.names
        planned = operations(change, self._server.schema, assertion=self._assertion, identity_field=self._server.identity_field)
        look = sequence in self._verify or self._needs_look(change)
        task = _Task(
            sequence,
            change,
            planned,
            _Phase.LOOK if look else _Phase.SEND,
            deque(planned.main),
            deque(planned.late),
            Lookup(self._server, change),
            touches=_touched(change, names),
        )
        if self._schedule.add(task, task.touches, map(names.normalise, change.after)):
            self._ready.append(task)

    def _needs_look(self, change: Change) -> bool:
        """Whether the server cannot check by itself that the object is as it was seen."""
        if change.action is Action.CREATE:
            return False
        return not self._assertion or any(field.replace for field in change.fields)

    def _start_late(self) -> bool:
        """Let the operations begin that had to wait for all others. False if there are none."""
        if not self._deferred:
            return False
        while self._deferred:
            task = self._deferred.popleft()
            task.main, task.late, task.is_late = task.late, deque(), True
            if self._schedule.add(task, task.touches):
                self._ready.append(task)
        return True

    def _missing(self, task: _Task) -> str | None:
        """An object that this change needs and that an earlier change failed to write."""
        if not self._not_there:
            return None
        names = self._server.schema.names
        named = [value.decode(errors="replace") for field in task.change.fields if field.late for value in field.new]
        for name in (*task.change.after, *named):
            if names.normalise(name) in self._not_there:
                return name
        above = names.ancestors(names.normalise(task.change.final_object))
        return next((name for name in above if name in self._not_there), None)

    # -- sending ------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        while self._ready and len(self._underway) < self._window and self._stopped is None:
            task = self._ready.popleft()
            if missing := self._missing(task):
                self._finish(
                    task, Result.FAILED, f"not sent, because {missing}, which it needs, could not be written. See there."
                )
                continue
            if task.phase is _Phase.SEND and not task.main:
                self._step_done(task)
                continue
            self._send_step(task)

    def _send_step(self, task: _Task) -> None:
        assert self._connection is not None
        if task.phase is _Phase.SEND:
            try:
                self._before_send()
            except Exception as stop:  # noqa: BLE001 - goes up as soon as what is underway has been answered
                self._stopped = stop
                return
            task.sent = True
        try:
            looks = task.phase is _Phase.LOOK
            message = task.lookup.send(self._connection) if looks else send(self._connection, task.main[0])
        except errors.CONNECTION_LOST:
            self._underway[self._unanswered()] = task
            raise
        except (ldap.LDAPError, TypeError, ValueError) as error:
            text = errors.server_text(error) if isinstance(error, ldap.LDAPError) else type(error).__name__
            self._finish(
                task, Result.FAILED, f"the change does not fit into an LDAP message: {text}. Correct its values at the source."
            )
            return
        self._underway[message] = task

    def _unanswered(self) -> int:
        """A key for what will never be answered; real message ids are positive."""
        return -1 - next(self._counter)

    # -- receiving ----------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        assert self._connection is not None
        try:
            _, data, message, _, _, _ = self._connection.result4(ldap.RES_ANY, ldap.MSG_ALL, self._connection.timeout)
        except ldap.LDAPError as error:
            task = self._underway.pop(errors.details(error).get("msgid", 0), None)
            if task is None:
                # No answer to an operation of ours: the session itself is at its end.
                raise ldap.SERVER_DOWN(*error.args) from None
            self._answered(task)
            self._refused(task, error)
            return
        task = self._underway.pop(message, None)
        if task is None:
            raise ldap.SERVER_DOWN({"desc": "the server answered something that was not asked"})
        self._answered(task)
        if task.phase is _Phase.LOOK:
            self._looked(task, data)
        else:
            task.main.popleft()
            task.busy = 0
            self._step_done(task)

    def _answered(self, task: _Task) -> None:
        self._failures = 0
        if task.phase is _Phase.SEND:
            # Looking is harmless; only a write that came through shows that more may be underway.
            self._window = min(WINDOW, self._window + 1)

    def _step_done(self, task: _Task) -> None:
        if task.main:
            self._ready.appendleft(task)
        elif task.late:
            self._release(task)
            self._deferred.append(task)
        else:
            self._finish(task, Result.DONE if task.sent else Result.FOUND_DONE)

    def _refused(self, task: _Task, error: ldap.LDAPError) -> None:
        if isinstance(error, errors.BUSY):
            if task.busy < len(_BUSY_DELAYS):
                due = time.monotonic() + _BUSY_DELAYS[task.busy] * _jitter()
                task.busy += 1
                heapq.heappush(self._delayed, (due, next(self._counter), task))
            else:
                self._finish(
                    task, Result.FAILED, f"the directory stays busy: {errors.server_text(error)}. Run the job again later."
                )
            return
        if task.phase is _Phase.LOOK:
            if isinstance(error, ldap.NO_SUCH_OBJECT):
                self._looked(task, [])
            else:
                self._finish(
                    task,
                    Result.FAILED,
                    f"the object cannot be read: {errors.server_text(error)}. Grant the connection's login read access.",
                )
            return
        refused = refusal(error, task.main[0])
        if refused.look:
            task.refused = refused
            task.phase = _Phase.LOOK
            task.lookup.begin()
            self._ready.append(task)
        else:
            self._finish(task, refused.result, refused.message)

    def _looked(self, task: _Task, data: list[Any]) -> None:
        assert self._connection is not None
        try:
            over = task.lookup.take(data, self._connection)
        except errors.CONNECTION_LOST:
            self._underway[self._unanswered()] = task
            raise
        except (ldap.LDAPError, Broken) as error:
            self._finish(task, Result.FAILED, f"the object cannot be read: {error}. Run the job again.")
            return
        if not over:
            self._ready.appendleft(task)
            return
        found = task.lookup
        progress = judge(task.change, task.planned, self._server.schema, found.seen, elsewhere=found.elsewhere)
        if progress.conflict:
            task.exists = task.change.action is Action.CREATE
            self._finish(task, Result.CONFLICT, progress.conflict)
        elif progress.done:
            # After a plain refusal somebody else has made the object what it should be.
            mine = task.sent and (task.refused is None or task.in_doubt)
            self._finish(task, Result.DONE if mine else Result.FOUND_DONE)
        elif task.is_late and progress.remaining.main:
            self._finish(task, Result.CONFLICT, "the object was taken away after this run had written it. Run the job again.")
        elif task.refused is not None and (*progress.remaining.main, *progress.remaining.late)[0] == task.main[0]:
            self._finish(task, task.refused.result, task.refused.message)
        else:
            task.refused = None
            task.phase = _Phase.SEND
            task.main, task.late = deque(progress.remaining.main), deque(progress.remaining.late)
            self._step_done(task)

    # -- ending -------------------------------------------------------------------------------------------------------

    def _finish(self, task: _Task, result: Result, message: str = "") -> None:
        if result in (Result.FAILED, Result.CONFLICT):
            if any(isinstance(left, Add | Rename) for left in task.main) and not task.exists:
                self._not_there.add(self._server.schema.names.normalise(task.change.final_object))
            message = f"{self._server.label}: {task.change.object}: {message}"
        self._outcomes.append(Outcome(task.sequence, result, message))
        self._release(task)

    def _release(self, task: _Task) -> None:
        self._ready.extend(self._schedule.finish(task))

    def _put_back(self) -> None:
        """The connection broke: put everything underway back in line. What was being written is looked at first."""
        alone = len(self._underway) == 1
        # Begin again carefully: if one change is what breaks the connection, it will soon be underway alone.
        self._window = 1
        for task in list(self._underway.values()):
            if task.phase is _Phase.SEND:
                task.lost += alone
                task.in_doubt = True
                task.phase = _Phase.LOOK
            if task.lost > _LOST_AT_MOST:
                self._finish(
                    task,
                    Result.FAILED,
                    f"the connection broke each of the {task.lost} times that this change was sent. Look at the server's log.",
                )
            else:
                task.lookup.begin()
                self._ready.append(task)
        self._underway.clear()

    def _reconnect(self, error: ldap.LDAPError) -> None:
        """Make a new connection. Raises EndpointUnavailable after too many attempts without any answer in between."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._server.pool.discard(connection)
        if self._stopped is not None:
            raise self._stopped
        unavailable = errors.unavailable(error, self._server.label)
        while self._failures <= len(self._delays):
            if self._failures:
                time.sleep(self._delays[self._failures - 1] * _jitter())
            self._failures += 1
            try:
                self._connection = self._server.pool.adopt(connect(self._server.settings))
            except EndpointUnavailable as problem:
                unavailable = problem
            else:
                return
        raise EndpointUnavailable(
            f"gave up after {self._failures} attempts to connect: {unavailable.message}",
            endpoint=self._server.label,
            remedy="Run the job again when the server is back; it goes on where it stopped.",
        )

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._underway:
                self._server.pool.discard(connection)
            else:
                self._server.pool.release(connection)


def _touched(change: Change, names: Names) -> frozenset[str]:
    now = names.normalise(change.object)
    return frozenset((now,) if change.new_object is None else (now, names.normalise(change.new_object)))


def _jitter() -> float:
    # So that several workers do not come back in step.
    return random.uniform(0.75, 1.25)  # noqa: S311
