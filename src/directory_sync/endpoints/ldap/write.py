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
from functools import partial
from typing import Any

import ldap
from ldap.controls import RequestControl
from ldap.controls.libldap import AssertionControl
from ldap.ldapobject import SimpleLDAPObject

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.lookup import Lookup
from directory_sync.endpoints.ldap.operations import Add, Delete, Modify, Operation, Operations, Rename, operations
from directory_sync.endpoints.ldap.progress import NOTHING, judge
from directory_sync.endpoints.ldap.refusals import Refusal, refusal
from directory_sync.endpoints.ldap.root_dse import ASSERTION
from directory_sync.endpoints.ldap.schedule import Schedule
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

_KINDS = {"add": ldap.MOD_ADD, "delete": ldap.MOD_DELETE, "replace": ldap.MOD_REPLACE}


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
    lost: int = 0
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
        self._stopped: BaseException | None = None
        self._connection: SimpleLDAPObject | None = None

    def run(self, changes: Iterable[tuple[int, Change]]) -> Iterator[Outcome]:
        """Yield the outcome of each change as soon as it is known. Raises EndpointUnavailable when it gives up."""
        source = iter(changes)
        exhausted = False
        self._connection = self._server.pool.open()
        try:
            while True:
                while not exhausted and self._stopped is None and len(self._schedule) < LOOKAHEAD:
                    entry = next(source, None)
                    if entry is None:
                        exhausted = True
                    else:
                        self._take(*entry)
                lost: ldap.LDAPError | None = None
                try:
                    self._send()
                    if self._underway:
                        self._receive()
                except errors.CONNECTION_LOST as error:
                    lost = error
                while self._outcomes:
                    yield self._outcomes.popleft()
                if lost is not None:
                    self._reconnect(lost)
                elif not self._underway:
                    if self._stopped is not None:
                        raise self._stopped
                    if self._ready:
                        continue
                    if self._delayed:
                        self._wait_for_delayed()
                    elif exhausted and not self._start_late():
                        return
        finally:
            self._let_go()

    # -- taking changes in --------------------------------------------------------------------------------------------

    def _take(self, sequence: int, change: Change) -> None:
        names = self._server.schema.names
        planned = operations(
            change, self._server.schema, assertion=self._assertion, identity_field=self._server.identity_field
        )
        look = sequence in self._verify or self._needs_look(change)
        task = _Task(
            sequence,
            change,
            planned,
            _Phase.LOOK if look else _Phase.SEND,
            deque(planned.main),
            deque(planned.late),
            Lookup(self._server, change),
            touches=frozenset((names.normalise(change.object), names.normalise(change.final_object))),
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
            task.main, task.late = task.late, deque()
            if self._schedule.add(task, task.touches):
                self._ready.append(task)
        return True

    # -- sending ------------------------------------------------------------------------------------------------------

    def _send(self) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])
        while self._ready and len(self._underway) < WINDOW and self._stopped is None:
            task = self._ready.popleft()
            if missing := self._missing(task.change):
                self._finish(task, Result.FAILED, f"not sent, because {missing}, which it needs, could not be written. See there.")
                continue
            if task.phase is _Phase.SEND and not task.main:
                self._step_done(task)
                continue
            self._send_step(task)

    def _missing(self, change: Change) -> str | None:
        """An object that this change needs and that an earlier change failed to write."""
        if not self._not_there:
            return None
        names = self._server.schema.names
        for id in change.after:
            if names.normalise(id) in self._not_there:
                return id
        return next((id for id in names.ancestors(names.normalise(change.final_object)) if id in self._not_there), None)

    def _send_step(self, task: _Task) -> None:
        assert self._connection is not None
        try:
            if task.phase is _Phase.LOOK:
                message = task.lookup.send(self._connection)
            else:
                try:
                    self._before_send()
                except BaseException as stop:
                    # What is underway is still answered; only then the reason goes up.
                    self._stopped = stop
                    return
                task.sent = True
                message = _send_operation(self._connection, task.main[0])
        except errors.CONNECTION_LOST:
            self._underway[-1 - next(self._counter)] = task
            raise
        except (ldap.LDAPError, TypeError, ValueError) as error:
            text = errors.server_text(error) if isinstance(error, ldap.LDAPError) else type(error).__name__
            self._finish(task, Result.FAILED, f"the change cannot be put into an LDAP message: {text}. Correct the values at the source.")
            return
        self._underway[message] = task

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
            self._failures = 0
            self._refused(task, error)
            return
        task = self._underway.pop(message, None)
        if task is None:
            raise ldap.SERVER_DOWN({"desc": "the server answered something that was not asked"})
        self._failures = 0
        if task.phase is _Phase.LOOK:
            self._looked(task, data)
        else:
            task.main.popleft()
            task.busy = 0
            self._step_done(task)

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
                due = time.monotonic() + _BUSY_DELAYS[task.busy] * random.uniform(0.75, 1.25)
                task.busy += 1
                heapq.heappush(self._delayed, (due, next(self._counter), task))
            else:
                self._finish(task, Result.FAILED, f"the directory stays busy: {errors.server_text(error)}. Run the job again later.")
            return
        if task.phase is _Phase.LOOK:
            if isinstance(error, ldap.NO_SUCH_OBJECT):
                self._looked(task, [])
            else:
                self._finish(
                    task, Result.FAILED, f"the object cannot be read: {errors.server_text(error)}. Grant the connection's login read access."
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
        if not task.lookup.take(data, self._connection):
            self._ready.appendleft(task)
            return
        found = task.lookup
        progress = judge(task.change, task.planned, self._server.schema, found.seen, elsewhere=found.elsewhere)
        if progress.conflict:
            self._finish(task, Result.CONFLICT, progress.conflict)
        elif progress.done:
            # After a refusal somebody else has made the object what it should be.
            self._finish(task, Result.DONE if task.sent and task.refused is None else Result.FOUND_DONE)
        elif task.refused is not None and progress.remaining.main:
            self._finish(task, task.refused.result, task.refused.message)
        else:
            task.refused = None
            task.phase = _Phase.SEND
            task.main, task.late = deque(progress.remaining.main), deque(progress.remaining.late)
            self._step_done(task)

    # -- ending -------------------------------------------------------------------------------------------------------

    def _finish(self, task: _Task, result: Result, message: str = "") -> None:
        if result in (Result.FAILED, Result.CONFLICT):
            if task.change.action is Action.CREATE or task.change.new_object is not None:
                if result is Result.FAILED or task.change.action is not Action.CREATE:
                    self._not_there.add(self._server.schema.names.normalise(task.change.final_object))
            message = f"{self._server.label}: {task.change.object}: {message}"
        self._outcomes.append(Outcome(task.sequence, result, message))
        self._release(task)

    def _release(self, task: _Task) -> None:
        self._ready.extend(self._schedule.finish(task))

    def _wait_for_delayed(self) -> None:
        time.sleep(max(0.0, self._delayed[0][0] - time.monotonic()))

    def _reconnect(self, error: ldap.LDAPError) -> None:
        """Make a new connection, and put everything underway back in line. Raises EndpointUnavailable after too many attempts."""
        connection, self._connection = self._connection, None
        if connection is not None:
            self._server.pool.discard(connection)
        for task in list(self._underway.values()):
            if task.phase is _Phase.SEND:
                task.lost += 1
                task.phase = _Phase.LOOK
            if task.lost > _LOST_AT_MOST:
                self._finish(
                    task,
                    Result.FAILED,
                    f"the connection broke each of {task.lost} times that this change was sent. Look at the server's log.",
                )
                continue
            task.lookup.begin()
            self._ready.append(task)
        self._underway.clear()
        if self._stopped is not None:
            raise self._stopped
        unavailable = errors.unavailable(error, self._server.label)
        while self._failures <= len(self._delays):
            if self._failures:
                time.sleep(self._delays[self._failures - 1] * random.uniform(0.75, 1.25))
            self._failures += 1
            try:
                self._connection = self._server.pool.adopt(connect(self._server.settings))
                return
            except EndpointUnavailable as problem:
                unavailable = problem
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


def _send_operation(connection: SimpleLDAPObject, operation: Operation) -> int:
    match operation:
        case Add(dn, attributes):
            message = connection.add_ext(dn, [(name, list(values)) for name, values in attributes])
        case Modify(dn, modifications, assertion):
            parts = [(_KINDS[part.kind], part.attribute, list(part.values) or None) for part in modifications]
            message = connection.modify_ext(dn, parts, serverctrls=_asserting(assertion))
        case Rename(dn, new_rdn, new_superior, _, assertion):
            message = connection.rename(dn, new_rdn, new_superior, delold=1, serverctrls=_asserting(assertion))
        case Delete(dn, assertion):
            message = connection.delete_ext(dn, serverctrls=_asserting(assertion))
    return int(message)


def _asserting(assertion: str | None) -> list[RequestControl]:
    # Critical, because a server that does not know the control would otherwise write without asking (RFC 4511, section 4.1.11).
    return [] if assertion is None else [AssertionControl(True, assertion)]
