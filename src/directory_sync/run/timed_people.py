"""Looks people up within one short time for all questions together, whatever the directory does with each of
them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

from directory_sync.endpoints.contract import Connections
from directory_sync.errors import EndpointUnavailable
from directory_sync.run.people_directory import People
from directory_sync.settings.people import PeopleDirectory

_Question = tuple[Callable[[People], str | None], "Future[str | None]"]


class TimedPeople:
    """Answers as `People` does, as long as the time lasts; afterwards every question raises
    EndpointUnavailable at once.

    The directory is asked in a thread of its own, which is left behind when the time is over: neither a name
    service nor a server that accepts a connection and says nothing can hold up who asks. Time counts only
    while someone waits.

    Args:
        where, connections: as of `People`.
        seconds: for all questions together.
    """

    def __init__(self, where: PeopleDirectory, connections: Connections, *, seconds: float) -> None:
        self._where = where
        self._connections = connections
        self._seconds = seconds
        self._left = seconds
        self._questions: queue.SimpleQueue[_Question | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def mail_of(self, user: str) -> str | None:
        """As `People.mail_of`. Raises EndpointError."""
        return self._ask(lambda people: people.mail_of(user))

    def manager_of(self, user: str) -> str | None:
        """As `People.manager_of`. Raises EndpointError."""
        return self._ask(lambda people: people.manager_of(user))

    def close(self) -> None:
        """End the session; what has not been answered is left. May be called twice."""
        self._left = 0.0
        self._questions.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, question: Callable[[People], str | None]) -> str | None:
        if self._left <= 0:
            raise self._over()
        if self._thread is None:
            # A daemon: a server that does not answer must not keep the process from ending.
            self._thread = threading.Thread(target=self._answer, name="people directory", daemon=True)
            self._thread.start()
        answer: Future[str | None] = Future()
        self._questions.put((question, answer))
        started = time.monotonic()
        try:
            return answer.result(self._left)
        except TimeoutError:
            if answer.done():
                raise
            raise self._over() from None
        finally:
            self._left -= time.monotonic() - started

    def _answer(self) -> None:
        with People(self._where, self._connections) as people:
            while (asked := self._questions.get()) is not None:
                question, answer = asked
                try:
                    answer.set_result(question(people))
                except BaseException as error:  # noqa: BLE001 it is raised where the question was asked
                    answer.set_exception(error)

    def _over(self) -> EndpointUnavailable:
        return EndpointUnavailable(
            f"it has not answered all questions within {self._seconds:g} s.",
            endpoint=f"people directory (connection {self._where.connection})",
            remedy="See that it is up and quick; what is left is asked again later.",
        )
