"""The processes that look, for a server that must not hang: a few at once, for one connection fewer, and each
ended when its time is up.

A thread cannot be ended: a directory that sends half an answer would keep it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from subprocess import PIPE, Popen

from directory_sync.errors import LookError, LooksBusy, LookTimedOut
from directory_sync.looking.answering import Given
from directory_sync.looking.answers import Answer
from directory_sync.looking.bounds import ANSWER_BYTES, IDLE_SECONDS, LOOK_SECONDS
from directory_sync.looking.questions import AnyQuestion, connections_of
from directory_sync.looking.wire import answer_from_json, asked_to_json

MOST_AT_ONCE = 4
"""Looks that are taken at the same time by one server; more are told to come back."""
MOST_OF_CONNECTION = 2
"""Of these, with one connection, or with the data folder: a slow directory leaves places for others."""
MOST_OF_PERSON = 3
"""Of these, of one person: several slow directories do too."""
MOST_WAITING = 4
"""Looks that wait for their turn; more are told to come back at once. Each keeps a place of the portal's."""
PATIENCE = 3.0
"""Seconds that a look waits for its turn."""
GRACE = 2.0
"""Seconds after its time before its process is ended."""

_MOST_READ = ANSWER_BYTES + 10_000
_DATA_FOLDER = ""
"""Stands for the data folder among the names of connections."""


@dataclass
class Children:
    """The processes of one server.

    Attributes:
        seconds: for one look.
    """

    seconds: float = LOOK_SECONDS
    most: int = MOST_AT_ONCE
    most_of_connection: int = MOST_OF_CONNECTION
    most_of_person: int = MOST_OF_PERSON
    most_waiting: int = MOST_WAITING
    patience: float = PATIENCE
    _idle: dict[Popen[bytes], float] = field(default_factory=dict, init=False)
    _of: Counter[str] = field(default_factory=Counter, init=False)
    _by: Counter[str] = field(default_factory=Counter, init=False)
    _under_way: int = field(default=0, init=False)
    _waiting: int = field(default=0, init=False)
    _free: threading.Condition = field(default_factory=threading.Condition, init=False)

    def answer(self, question: AnyQuestion, given: Given, *, by: str) -> Answer:
        """What is found.

        `by`: name of the person who asks.

        Raises EndpointError, LookError, LooksBusy where too many look already, LookTimedOut.
        """
        with self._turn(connections_of(question) or (_DATA_FOLDER,), by):
            line = asked_to_json(question, given, self.seconds) + b"\n"
            process = self._idle_process()
            try:
                told = _exchange(process, line, time.monotonic() + self.seconds + GRACE)
            except BaseException:
                _end(process)
                raise
            with self._free:
                self._idle[process] = time.monotonic()
            return answer_from_json(told)

    def close(self) -> None:
        """End the processes that do nothing."""
        with self._free:
            idle, self._idle = self._idle, {}
        for process in idle:
            _end(process)

    @contextlib.contextmanager
    def _turn(self, connections: tuple[str, ...], person: str) -> Iterator[None]:
        with self._free:
            self._wait(connections, person)
            self._under_way += 1
            self._of.update(connections)
            self._by[person] += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._of -= Counter(connections)
                self._by -= Counter((person,))
                self._free.notify_all()

    def _wait(self, connections: tuple[str, ...], person: str) -> None:
        if not (why := self._why_not(connections, person)):
            return
        if self._waiting >= self.most_waiting:
            raise LooksBusy(why)
        until = time.monotonic() + self.patience
        self._waiting += 1
        try:
            while why := self._why_not(connections, person):
                if not self._free.wait(max(0.0, until - time.monotonic())) and time.monotonic() >= until:
                    raise LooksBusy(why)
        finally:
            self._waiting -= 1

    def _why_not(self, connections: tuple[str, ...], person: str) -> str:
        again = "Try again in a few seconds."
        if self._under_way >= self.most:
            looks = f"{self._under_way} looks at directories"
            return f"{looks} are being taken already, and they are slow. {again}"
        if self._by[person] >= self.most_of_person:
            return f"{self._by[person]} looks of yours are being taken already, and they are slow. {again}"
        for name in connections:
            if self._of[name] >= self.most_of_connection:
                looks = f"{self._of[name]} looks at it"
                what = "the data folder" if name == _DATA_FOLDER else f"connection {name}"
                return f"{what}: {looks} are being taken already, and it is slow to answer. {again}"
        return ""

    def _idle_process(self) -> Popen[bytes]:
        with self._free:
            while self._idle:
                process, since = self._idle.popitem()
                # One that has waited for long may end while it is asked.
                if process.poll() is None and time.monotonic() - since < IDLE_SECONDS / 2:
                    return process
                _end(process)
        return _started()

    def forget(self) -> None:
        """In a forked child: the processes are the parent's."""
        self._idle = {}
        self._of, self._by = Counter(), Counter()
        self._under_way = self._waiting = 0
        self._free = threading.Condition()


def _started() -> Popen[bytes]:
    try:
        return Popen(
            [sys.executable, "-P", "-m", "directory_sync.looking.child"],
            # Airflow has put folders there in which scripts of definitions may be.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=PIPE,
            stdout=PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
    except OSError as error:
        raise LookError(
            f"The process that looks cannot be started ({error.strerror}). Ask an administrator to look at"
            " the memory and the process limit of Airflow's API server."
        ) from None


def _exchange(process: Popen[bytes], line: bytes, until: float) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    rest = memoryview(line)
    try:
        while rest:
            rest = rest[os.write(process.stdin.fileno(), rest) :]
    except OSError:
        raise _gone() from None
    told = bytearray()
    descriptor = process.stdout.fileno()
    poll = select.poll()
    poll.register(descriptor, select.POLLIN | select.POLLHUP)
    while not told.endswith(b"\n"):
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            raise LookTimedOut(
                "The server did not answer in time, so the look was ended. Try again later; test the"
                " connection, and see whether the server and the network to it are well."
            )
        piece = os.read(descriptor, 1 << 16)
        if not piece:
            raise _gone()
        told += piece
        if len(told) > _MOST_READ:
            raise _gone()
    return bytes(told)


def _gone() -> LookTimedOut:
    return LookTimedOut(
        "The process that looked has ended early: it was killed, or what the server sent needed too much"
        " memory. Narrow the container or the filter, and try again."
    )


def _end(process: Popen[bytes]) -> None:
    # With those that it has forked, which read for it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    process.wait()


CHILDREN = Children()
"""Of this server."""

os.register_at_fork(after_in_child=CHILDREN.forget)
