"""Carries out changes on one connection, many at a time, and tells the outcome of each.

The gain comes from not waiting for each answer; what depends on an answer waits for it (`schedule`). Each
object is looked at just before its change is sent (`lookup`), and the change goes out only if the object is
as it was seen. A connection that breaks leaves operations in doubt: their objects are looked at (`progress`)
before anything is sent again. `answers` decides what an answer means for a change.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import ldap

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.exchanges import Exchanges
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.answers import Answers
from directory_sync.endpoints.ldap.asking import Asking, Several, Single, unanswered
from directory_sync.endpoints.ldap.intake import Intake
from directory_sync.endpoints.ldap.link import RECONNECT_DELAYS, Link, jitter
from directory_sync.endpoints.ldap.lookup import Sight
from directory_sync.endpoints.ldap.operations import Add, Delete, Rename, operations
from directory_sync.endpoints.ldap.read import Broken
from directory_sync.endpoints.ldap.repairs import Repairs
from directory_sync.endpoints.ldap.schedule import Schedule
from directory_sync.endpoints.ldap.send import send
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.task import Phase, Task
from directory_sync.endpoints.ldap.window import WINDOW, Window
from directory_sync.endpoints.unwritten import Unwritten, why_needless
from directory_sync.errors import RunStopped

QUESTIONS = 32
"""Questions about objects underway at once, beside the operations."""
LOOKAHEAD = 4 * WINDOW
"""Changes held in memory: underway, or waiting for one that is."""
FRESH = 1.0
"""Seconds for which a look at an object counts; a change that could not be sent by then is preceded by
another look.
"""
_BUSY_DELAYS = (0.5, 1.0, 2.0, 4.0, 8.0)
_LOST_AT_MOST = 3
_HELD_AT_MOST = 1000


class Writer:
    """One pass over changes. Use once.

    Args:
        server: where to write.
        before_send: called before each write is sent; what it raises stops the writer after the answers that
            are underway. After RunStopped, changes that have begun are finished, and no other begins.
        verify: places of changes that an earlier attempt may have carried out.
        withheld: places of changes that must not be sent, and why; see `Destination.write`.
        absent: places of changes for whose objects there was no image, likewise.
        delays: seconds between attempts to connect again.
    """

    def __init__(
        self,
        server: Server,
        *,
        before_send: Callable[[], None],
        verify: Collection[int],
        withheld: Mapping[int, str],
        absent: Collection[int],
        delays: tuple[float, ...] = RECONNECT_DELAYS,
    ) -> None:
        self._server = server
        self._before_send = before_send
        self._delays = delays
        sight = Sight(server)
        self._schedule: Schedule[Task] = Schedule(server.schema.names.ancestors)
        self._asking = Asking(sight, at_once=QUESTIONS)
        self._to_send: deque[Task] = deque()
        self._window = Window()
        self._delayed: list[tuple[float, int, Task]] = []
        self._held: list[Task] = []
        self._deferred: deque[Task] = deque()
        self._exchanges: Exchanges[Task] = Exchanges()
        self._repairs = Repairs(server.schema) if server.root.behaviour.repairs_references else None
        self._intake = Intake(server, sight, self._repairs, verify, withheld, absent)
        self._answers = Answers(server, self)
        self._outcomes: deque[Outcome] = deque()
        self._unwritten = Unwritten()
        self._counter = itertools.count()
        self._exhausted = False
        self._stopped: Exception | None = None
        self._ending: RunStopped | None = None
        self._halfway: set[Task] = set()  # second halves whose first half was sent
        self._verify = verify
        self._link: Link | None = None

    def run(self, changes: Iterable[tuple[int, Change]]) -> Iterator[Outcome]:
        """Yield the outcome of each change as soon as it is known.

        Raises EndpointUnavailable when it gives up.
        """
        source = iter(changes)
        self._link = link = Link(self._server, self._delays)
        try:
            while True:
                lost = self._turn(source, link)
                if lost is not None:
                    self._put_back()
                yield from self._told()
                if lost is not None:
                    link.drop()
                    if self._stopped is not None:
                        raise self._stopped
                    link.reconnect(lost)
                elif not self._window and not self._go_on():
                    if self._repairs is not None:
                        # Who comes next, another job for example, may write where the server is still at
                        # work.
                        self._repairs.wait()
                    return
        finally:
            link.let_go(idle=not self._window)

    def _turn(self, source: Iterator[tuple[int, Change]], link: Link) -> ldap.LDAPError | None:
        """Take changes in, send what may be sent, receive one answer.

        Returns the error if the connection broke.
        """
        while not self._exhausted and self._stopped is None and self._has_room():
            entry = next(source, None) if self._ending is None or self._halfway else None
            if entry is None:
                self._exhausted = True
                for second in self._exchanges.rest():
                    self._admit(second)
            else:
                task = self._intake.task_of(*entry)
                if self._exchanges or task.second is not None:
                    self._admit_among_exchanges(task)
                else:
                    self._admit(task)
        try:
            self._send(link)
            if self._window:
                self._receive(link)
        except errors.CONNECTION_LOST as error:
            return error
        return None

    def _told(self) -> Iterator[Outcome]:
        while self._outcomes:
            yield self._outcomes.popleft()

    def _has_room(self) -> bool:
        return len(self._schedule) - len(self._held) < LOOKAHEAD and len(self._held) < _HELD_AT_MOST

    def _go_on(self) -> bool:
        """When nothing is underway: whether there is anything left to do.

        Raises what `before_send` raised.
        """
        if self._stopped is not None:
            raise self._stopped
        if self._asking or self._to_send or (not self._exhausted and self._has_room()):
            return True
        if self._delayed:
            time.sleep(max(0.0, self._delayed[0][0] - time.monotonic()))
            return True
        if self._held:
            held, self._held = self._held, []
            for task in held:
                task.was_held = True
                self._look_again(task)
            return True
        assert not len(self._schedule), "changes wait for each other"
        return self._start_late() or self._answers.end()

    # -- taking changes in -----------------------------------------------------------------------------------

    def _admit_among_exchanges(self, task: Task) -> None:
        """Let second halves come in that this change needs, or makes room for."""
        names = self._server.schema.names
        now, then = names.normalise(task.change.object), names.normalise(task.change.final_object)

        def needs(each: Task) -> set[str]:
            return {*each.touches, *each.after}.union(*map(names.ancestors, each.touches))

        before, behind = self._exchanges.due(now, then, needs(task))
        for each in (*before, task, *behind):
            self._admit(each)
        if task.second is not None:
            self._exchanges.add(then, task.second, needs(task.second), is_simple=not task.second.after)

    def _admit(self, task: Task) -> None:
        if self._schedule.add(task, task.touches, task.after):
            self._begin(task)

    def _begin(self, task: Task) -> None:
        """A task need not wait for others any more."""
        if task.is_dropped:
            self.release(task)
        elif self._repairs is not None and (due := self._repairs.due(task.named)) > time.monotonic():
            heapq.heappush(self._delayed, (due, next(self._counter), task))
        else:
            self._enqueue(task)

    def _enqueue(self, task: Task) -> None:
        if task.phase is Phase.SEND:
            self._to_send.append(task)
        else:
            self._asking.add(task)

    def _start_late(self) -> bool:
        """Let the operations begin that had to wait for all others. False if there are none."""
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

    # -- sending ---------------------------------------------------------------------------------------------

    def _send(self, link: Link) -> None:
        now = time.monotonic()
        while self._delayed and self._delayed[0][0] <= now:
            self._begin(heapq.heappop(self._delayed)[2])
        while self._stopped is None and self._to_send and self._window.may_write(self._asking.underway):
            task = self._to_send.popleft()
            if self._is_left_out(task) or self._is_needless(task):
                continue
            if not task.main:
                self.step_done(task)
            elif task.is_guarded and time.monotonic() - task.looked > FRESH:
                task.look(only=task.lookup.looked_at)
                self._asking.add_first(task)
            else:
                self._send_write(task, link)
        while self._stopped is None and (asked := self._next_question()) is not None:
            self._ask(asked, link)

    def _next_question(self) -> Single | Several | None:
        # What has been looked at is soon to be sent, so not too much is looked at ahead.
        if not self._asking or len(self._to_send) >= WINDOW or not self._window.may_ask():
            return None
        writing = len(self._window) - self._asking.underway + len(self._to_send)
        return self._asking.next(
            writing=writing, more=not self._exhausted and self._has_room(), careful=self._window.is_careful
        )

    def _is_left_out(self, task: Task) -> bool:
        """Whether a change has not begun where nothing more begins; then it is over."""
        if self._ending is None or task.sent:
            return False
        if self._halfway and task.change.new_object is not None:
            # An object that has given its name away, and waits for another one, gets that.
            return False
        if any(isinstance(left, Add | Rename) for left in task.main):
            # Late values of what has begun may name it.
            self._unwritten.add(self._server.schema.names.normalise(task.change.final_object))
        if task.second is not None:
            task.second.is_dropped = True
        if task.sequence not in self._verify:
            self.tell(task, Result.NOT_DONE, str(self._ending))
        # Else an earlier attempt may have written a part of it, which only a look at the object tells.
        self.release(task)
        return True

    def _is_needless(self, task: Task) -> bool:
        """Whether a change must not be sent, or what it needs is not there; then it is over."""
        if task.withheld:
            self.finish(task, Result.FAILED, task.withheld)
            return True
        missing = None if task.given_up else self._unwritten.needed_by(task.change, self._server.schema.names)
        if missing:
            self.finish(task, Result.FAILED, why_needless(missing))
        return missing is not None

    def _send_write(self, task: Task, link: Link) -> None:
        try:
            self._before_send()
        except RunStopped as stop:
            self._ending = stop
            if self._is_left_out(task):
                return
        except Exception as stop:  # noqa: BLE001 - goes up as soon as what is underway has been answered
            self._stopped = stop
            return
        task.sent = True
        if task.second is not None:
            self._halfway.add(task.second)
        try:
            message = send(link.connection, task.main[0])
        except errors.CONNECTION_LOST:
            self._window.add_unanswered(task)
            raise
        except (ldap.LDAPError, TypeError, ValueError) as error:
            self._answers.cannot_be_sent(task, error)
        else:
            self._window.add(message, task)

    def _ask(self, asked: Single | Several, link: Link) -> None:
        now = time.monotonic()
        for task in asked.tasks:
            # Counted from here: nobody knows when the server looks.
            task.looked = now
        try:
            message = asked.send(link.connection)
        except errors.CONNECTION_LOST:
            self._window.add_unanswered(asked)
            raise
        except (ldap.LDAPError, TypeError, ValueError) as error:
            self._asking.answered()
            for task in asked.tasks:
                if len(asked.tasks) > 1:
                    task.is_asked_alone = True
                    self._asking.add(task)
                else:
                    self._answers.cannot_be_sent(task, error)
        else:
            self._window.add(message, asked)

    # -- receiving -------------------------------------------------------------------------------------------

    def _receive(self, link: Link) -> None:
        try:
            _, data, message, _, _, _ = link.connection.result4(
                ldap.RES_ANY, ldap.MSG_ALL, link.connection.timeout
            )
        except ldap.LDAPError as error:
            waiting = self._window.answered(errors.details(error).get("msgid", 0))
            if waiting is None:
                # No answer to an operation of ours: the session itself is at its end.
                raise ldap.SERVER_DOWN(*error.args) from None
            link.failures = 0
            if isinstance(waiting, Task):
                self._window.write_came_through()
                if not self._is_over_for_busy(waiting, error):
                    self._answers.refused(waiting, error)
            else:
                self._question_refused(waiting, error)
            return
        waiting = self._window.answered(message)
        if waiting is None:
            raise ldap.SERVER_DOWN({"desc": "the server answered something that was not asked"})
        link.failures = 0
        if isinstance(waiting, Task):
            self._window.write_came_through()
            self._written(waiting)
        else:
            self._question_answered(waiting, data, link)

    def _written(self, task: Task) -> None:
        done = task.main.popleft()
        task.busy, task.is_guarded = 0, False
        if isinstance(done, Rename):
            self._answers.note_rename(task.change.object, done.new_dn)
        if self._repairs is not None and isinstance(done, Rename | Delete):
            self._repairs.vacated(done.dn)
        self.step_done(task)

    def step_done(self, task: Task) -> None:
        """An operation is done, or there was none to send: go on with what is left of the change."""
        if task.main:
            self._to_send.appendleft(task)
        elif task.given_up:
            self.finish(task, Result.FAILED, f"{task.given_up} It has its old name again. Run the job again.")
        elif task.second is not None:
            task.second.sent = task.sent
            # Also where an earlier attempt has sent the first half.
            self._halfway.add(task.second)
            self.release(task)
        elif task.late:
            self.release(task)
            self._deferred.append(task)
        else:
            self.finish(task, Result.DONE if task.sent else Result.FOUND_DONE)

    def _is_over_for_busy(self, task: Task, error: ldap.LDAPError) -> bool:
        """Whether the server was busy; then the task comes back after a while, a few times."""
        if not isinstance(error, errors.BUSY):
            return False
        if task.busy < len(_BUSY_DELAYS):
            due = time.monotonic() + _BUSY_DELAYS[task.busy] * jitter()
            task.busy += 1
            heapq.heappush(self._delayed, (due, next(self._counter), task))
        else:
            text = errors.server_text(error)
            self.finish(task, Result.FAILED, f"the directory stays busy: {text}. Run the job again later.")
        return True

    # -- looking ---------------------------------------------------------------------------------------------

    def _look_again(self, task: Task) -> None:
        """Before an operation is sent again after a while: nobody knows what has become of the object."""
        task.refused = None
        if task.main and isinstance(task.main[0], Add):
            task.phase = Phase.SEND
        else:
            task.look()
        self._begin(task)

    def _question_answered(self, asked: Single | Several, data: list[Any], link: Link) -> None:
        try:
            learned = asked.take(data, link.connection)
        except errors.CONNECTION_LOST:
            self._window.add_unanswered(asked)
            raise
        except (ldap.LDAPError, Broken) as error:
            self._asking.answered()
            for task in asked.tasks:
                self.finish(task, Result.FAILED, f"the object cannot be read: {error}. Run the job again.")
            return
        self._asking.answered(learned)
        for task, over in learned:
            self._answers.learned(task, over=over)

    def _question_refused(self, asked: Single | Several, error: ldap.LDAPError) -> None:
        self._asking.answered()
        if isinstance(asked, Single) and self._is_over_for_busy(asked.tasks[0], error):
            return
        try:
            learned = asked.refused(error)
        except ldap.LDAPError:
            text = errors.server_text(error)
            for task in asked.tasks:
                self.finish(
                    task,
                    Result.FAILED,
                    f"the object cannot be read: {text}. Grant the connection's login read access.",
                )
            return
        for task, over in learned:
            self._answers.learned(task, over=over)

    def ask(self, task: Task) -> None:
        """Let a task ask its question when its turn comes."""
        self._asking.add(task)

    def ask_first(self, task: Task) -> None:
        """Let a task go on asking before others begin."""
        self._asking.add_first(task)

    def queue(self, task: Task) -> None:
        """Let a task send its next operation when its turn comes."""
        self._to_send.append(task)

    def hold(self, task: Task) -> None:
        """Let a task wait until nothing else is left to do."""
        self._held.append(task)

    # -- ending ----------------------------------------------------------------------------------------------

    def finish(self, task: Task, result: Result, message: str = "") -> None:
        """A change is over: tell its outcome, and let what waited for it begin."""
        if result in (Result.FAILED, Result.CONFLICT):
            if task.is_second and not task.given_up and self._give_back(task, message):
                return
            if any(isinstance(left, Add | Rename) for left in task.main) and not task.exists:
                self._unwritten.add(self._server.schema.names.normalise(task.change.final_object))
        elif task.change.action is Action.DELETE:
            self._answers.deleted(task)
        if task.second is not None:
            task.second.is_dropped = True
            self._halfway.discard(task.second)
        self.tell(task, result, message)
        self.release(task)

    def tell(self, task: Task, result: Result, message: str = "") -> None:
        """Tell the outcome of a change."""
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
        self._unwritten.add(self._server.schema.names.normalise(change.final_object))
        back = operations(
            Change(Action.UPDATE, change.key, change.via, new_object=change.object),
            self._server.schema,
            assertion=False,
            identity_field=None,
        )
        task.given_up = message
        task.phase = Phase.SEND
        task.main, task.late = deque(back.main), deque()
        self._to_send.append(task)
        return True

    def release(self, task: Task) -> None:
        """Let begin what waited for a change."""
        self._halfway.discard(task)
        if self._repairs is not None and not task.is_late:
            self._repairs.release(task.change, task.named)
        for free in self._schedule.finish(task):
            self._begin(free)

    def _put_back(self) -> None:
        """The connection broke: put everything underway back in line. What was written is looked at first."""
        broken = self._window.broken()
        alone = len(broken) == 1
        self._asking.broken()
        for waiting in broken:
            if not isinstance(waiting, Task):
                for task in unanswered(waiting):
                    self._asking.add(task)
                continue
            waiting.lost += alone
            waiting.in_doubt = True
            waiting.look()
            if waiting.lost > _LOST_AT_MOST:
                self.finish(
                    waiting,
                    Result.FAILED,
                    f"the connection broke each of the {waiting.lost} times that this change was sent. Look"
                    " at the server's log.",
                )
            else:
                self._asking.add(waiting)
