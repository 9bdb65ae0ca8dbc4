"""Sends changes on one connection, many at a time, and receives the answers.

The gain comes from not waiting for each answer; what depends on an answer waits for it (`schedule`). Each
object is looked at just before its change is sent (`lookup`), and the change goes out only if the object is
as it was seen. A connection that breaks leaves operations in doubt: their objects are looked at (`progress`)
before anything is sent again. `queues` holds what waits, `answers` decides what an answer means for a change,
and `endings` tells the outcomes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

import ldap

from directory_sync.endpoints.change import Change, Outcome, Result
from directory_sync.endpoints.ldap import errors
from directory_sync.endpoints.ldap.answers import Answers
from directory_sync.endpoints.ldap.asking import Asking, Several, Single, unanswered
from directory_sync.endpoints.ldap.endings import Endings
from directory_sync.endpoints.ldap.intake import Intake
from directory_sync.endpoints.ldap.link import RECONNECT_DELAYS, Link
from directory_sync.endpoints.ldap.lookup import Sight
from directory_sync.endpoints.ldap.operations import Delete, Rename
from directory_sync.endpoints.ldap.queues import Queues
from directory_sync.endpoints.ldap.read import Broken
from directory_sync.endpoints.ldap.repairs import Repairs
from directory_sync.endpoints.ldap.send import send
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.task import Task
from directory_sync.endpoints.ldap.window import WINDOW, Window
from directory_sync.errors import RunStopped

QUESTIONS = 32
"""Questions about objects underway at once, next to the operations."""
FRESH = 1.0
"""Seconds for which a look at an object counts; a change that could not be sent by then is preceded by
another look.
"""
_LOST_AT_MOST = 3


class Writer:
    """One pass over changes. Use once.

    Args:
        server: where to write.
        before_send: called before each write is sent; what it raises stops the writer after the answers that
            are underway. After RunStopped, changes that have begun are finished, and no other begins.
        verify: places of changes that an earlier attempt may have written.
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
        self._repairs = Repairs(server.schema) if server.root.behaviour.repairs_references else None
        self._intake = Intake(server, sight, self._repairs, verify, withheld, absent)
        self._asking = Asking(sight, at_once=QUESTIONS)
        self._queues = Queues(server.schema.names, self._asking, self._repairs)
        self._endings = Endings(server, self._queues, verify)
        self._answers = Answers(server, self._queues, self._endings)
        self._window = Window()
        self._exhausted = False
        self._stopped: Exception | None = None

    def run(self, changes: Iterable[tuple[int, Change]]) -> Iterator[Outcome]:
        """Yield the outcome of each change as soon as it is known.

        Raises EndpointUnavailable when it gives up.
        """
        source = iter(changes)
        link = Link(self._server, self._delays)
        try:
            while True:
                lost = self._turn(source, link)
                if lost is not None:
                    self._put_back()
                yield from self._endings.told()
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
        while self._stopped is None and self._may_take_in():
            entry = next(source, None) if self._endings.takes_more else None
            if entry is None:
                self._exhausted = True
                self._queues.take_in_rest()
            else:
                self._queues.take_in(self._intake.task_of(*entry))
        try:
            self._send(link)
            if self._window:
                self._receive(link)
        except errors.CONNECTION_LOST as error:
            return error
        return None

    def _may_take_in(self) -> bool:
        return not self._exhausted and self._queues.has_room

    def _go_on(self) -> bool:
        """When nothing is underway: whether there is anything left to do.

        Raises what `before_send` raised.
        """
        if self._stopped is not None:
            raise self._stopped
        return (
            self._queues.has_turn
            or self._may_take_in()
            or self._queues.wait_or_retry()
            or self._queues.start_late()
            or self._endings.give_up_proofs()
        )

    # -- sending ---------------------------------------------------------------------------------------------

    def _send(self, link: Link) -> None:
        self._queues.wake()
        to_send = self._queues.to_send
        while self._stopped is None and to_send and self._window.may_write(self._asking.underway):
            task = to_send.popleft()
            if self._endings.is_left_out(task) or self._endings.is_needless(task):
                continue
            if not task.main:
                self._endings.step_done(task)
            elif task.is_guarded and task.is_stale(FRESH):
                task.was_stale = True
                task.look(only=task.lookup.looked_at)
                self._queues.ask_first(task)
            else:
                self._send_write(task, link)
        while self._stopped is None and (asked := self._next_question()) is not None:
            self._ask(asked, link)

    def _next_question(self) -> Single | Several | None:
        # What has been looked at is soon to be sent, so not too much is looked at ahead.
        to_send = len(self._queues.to_send)
        if not self._asking or to_send >= WINDOW or not self._window.may_ask():
            return None
        writing = len(self._window) - self._asking.underway + to_send
        return self._asking.next(writing=writing, more=self._may_take_in(), careful=self._window.is_careful)

    def _send_write(self, task: Task, link: Link) -> None:
        try:
            self._before_send()
        except RunStopped as stop:
            self._endings.stop(stop)
            if self._endings.is_left_out(task):
                return
        except Exception as stop:  # noqa: BLE001 - goes up as soon as what is underway has been answered
            self._stopped = stop
            return
        self._endings.begun(task)
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
            # Counted from here: when the server looks is not known.
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
                    self._queues.ask(task)
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
        self._endings.step_done(task)

    def _question_answered(self, asked: Single | Several, data: list[Any], link: Link) -> None:
        try:
            learned = asked.take(data, link.connection)
        except errors.CONNECTION_LOST:
            self._window.add_unanswered(asked)
            raise
        except (ldap.LDAPError, Broken) as error:
            self._asking.answered()
            for task in asked.tasks:
                self._answers.cannot_be_read(task, f"{error}. Run the job again.")
            return
        self._asking.answered(learned)
        for task, over in learned:
            self._answers.learned(task, over=over)

    def _question_refused(self, asked: Single | Several, error: ldap.LDAPError) -> None:
        self._asking.answered()
        if isinstance(asked, Single) and self._answers.is_put_off(asked.tasks[0], error):
            return
        try:
            learned = asked.refused(error)
        except ldap.LDAPError:
            text = errors.server_text(error)
            for task in asked.tasks:
                self._answers.cannot_be_read(task, f"{text}. Grant the connection's login read access.")
            return
        for task, over in learned:
            self._answers.learned(task, over=over)

    def _put_back(self) -> None:
        """The connection broke: put everything underway back in line. What was written is looked at first."""
        broken = self._window.broken()
        alone = len(broken) == 1
        self._asking.broken()
        for waiting in broken:
            if not isinstance(waiting, Task):
                for task in unanswered(waiting):
                    self._queues.ask(task)
                continue
            waiting.lost += alone
            waiting.in_doubt = True
            waiting.look()
            if waiting.lost > _LOST_AT_MOST:
                self._endings.finish(
                    waiting,
                    Result.FAILED,
                    f"the connection broke each of the {waiting.lost} times that this change was sent. Look"
                    " at the server's log.",
                )
            else:
                self._queues.ask(waiting)
