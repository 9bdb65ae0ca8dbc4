"""Reads both sides at the same time, each in a process of its own, and hands the parent one small row per
record.

Building Python objects from LDAP results holds the interpreter lock, so threads would gain nothing. A child
reads, maps and fingerprints; the record itself goes to a spool, and the parent looks at it again only where
the two sides differ.
"""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import selectors
import signal
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from directory_sync.endpoints.evidence import Evidence
from directory_sync.errors import DirectorySyncError, IncompleteListing
from directory_sync.plan.spool import Spool

_CHUNK = 1000

Row = tuple[tuple[bytes, ...], bytes, int]
"""One record that could be read: its normalised keys, a mark of few bytes, and where the spool holds it.

A source record has one key, an object one for each value of the key field. The mark is the fingerprint: equal
ones mean that nothing is to be done; an empty one: always compare. A plain tuple, because there is one for
every record of both sides.
"""


class Rejected(NamedTuple):
    """One record, or one object, that could not be used.

    Attributes:
        keys: every normalised key it may stand for; their objects count as present. Of an object: no record
            with one of them is used.
        readable: whether that is certain. False: nothing may be concluded from absence.
        cancelled: a transformation left it out on purpose.
        key: as people read it.
        id: where it was met.
        message: why.
        cut_off: the listing may end with it although there was more.
    """

    keys: tuple[bytes, ...]
    readable: bool
    cancelled: bool
    key: str
    id: str
    message: str
    cut_off: bool = False


Unknown = tuple[int, bytes]
"""An object that the job does not know: where the spool holds it, and its identity as `past.compact` gives
it.
"""


class Totals(NamedTuple):
    """What is known of a side only when all of it has been read.

    Attributes:
        unseen: identities of the known objects that were not among those that were read, one after the other.
        departed: objects that are where the job moves those without a record.
        departed_known: those of them that the job knows.
        evidence: why the listing is taken to be complete; None for what is no endpoint's listing.
    """

    unseen: bytes = b""
    departed: int = 0
    departed_known: int = 0
    evidence: Evidence | None = None


class Chunk(NamedTuple):
    """A part of what one side holds; the last one has the side's totals and nothing else."""

    side: int
    rows: list[Row]
    rejected: list[Rejected]
    unknown: list[Unknown]
    totals: Totals | None = None


Part = tuple[list[Row], list[Rejected], list[Unknown]]
_Message = Part | Totals | Exception


class Sink:
    """Takes in what a producer reads, and hands it on chunk by chunk.

    Attributes:
        totals: sent when the producer has ended.
    """

    def __init__(self, spool: Spool, deliver: Callable[[Part], None]) -> None:
        """`deliver` has to be done with the lists it is given when it returns."""
        self._spool = spool
        self._append = spool.append
        self._deliver = deliver
        self._rows: list[Row] = []
        self._rejected: list[Rejected] = []
        self._unknown: list[Unknown] = []
        self.totals = Totals()

    def add(self, keys: tuple[bytes, ...], mark: bytes, record: bytes, unknown: bytes | None = None) -> None:
        """Take in one record; see `Row`.

        Args:
            keys, mark: as in `Row`.
            record: what the parent needs of it where the two sides differ.
            unknown: the identity of an object that the job does not know; None for all others.
        """
        offset = self._append(record)
        self._rows.append((keys, mark, offset))
        if unknown is not None:
            self._unknown.append((offset, unknown))
        if len(self._rows) >= _CHUNK:
            self.send()

    def reject(self, rejected: Rejected) -> None:
        """Take in a record that cannot be used."""
        self._rejected.append(rejected)
        if len(self._rejected) >= _CHUNK:
            self.send()

    def send(self) -> None:
        """Hand on what was taken in."""
        if self._rows or self._rejected:
            self._spool.flush()
            self._deliver((self._rows, self._rejected, self._unknown))
            self._rows.clear()
            self._rejected.clear()
            self._unknown.clear()


Producer = Callable[[Sink], object]
"""Reads one side into a sink. Returns only if the listing is complete."""


@dataclass(slots=True)
class Side:
    """One of the two listings: what produces it, and where its records are found afterwards."""

    name: str
    producer: Producer
    spool: Spool


class ReadSides(Protocol):
    """How both sides are read: `read_sides`, or another way that yields the same."""

    def __call__(
        self, sides: tuple[Side, ...], progress: Callable[[int, int], None] = ...
    ) -> Iterator[Chunk]:
        """Yield what the sides hold; see `read_sides`."""
        ...


def read_sides(
    sides: tuple[Side, ...], progress: Callable[[int, int], None] = lambda side, count: None
) -> Iterator[Chunk]:
    """Read all sides at the same time and yield what they hold as it comes.

    Ends normally only if every side's producer ended normally; otherwise raises what the producer raised, or
    IncompleteListing if its process died. `progress` is called with the side and the number of records so
    far.
    """
    children: dict[int, tuple[int, int]] = {}
    selector = selectors.DefaultSelector()
    counts = [0] * len(sides)
    try:
        for number, side in enumerate(sides):
            pipe, pid = _start(side, [child_pipe for child_pipe, _ in children.values()])
            children[number] = (pipe, pid)
            selector.register(pipe, selectors.EVENT_READ, number)
        open_sides = len(sides)
        while open_sides:
            for ready, _ in selector.select():
                number = ready.data
                message = _receive(children[number][0])
                if message is None:
                    raise IncompleteListing(
                        "the reading process ended unexpectedly.",
                        endpoint=sides[number].name,
                        remedy="Look for a lack of memory or a killed process, then run again.",
                        transient=True,
                    )
                if isinstance(message, Exception):
                    raise message
                if isinstance(message, Totals):
                    selector.unregister(children[number][0])
                    open_sides -= 1
                    yield Chunk(number, [], [], [], message)
                    continue
                chunk = Chunk(number, *message)
                counts[number] += len(chunk.rows) + len(chunk.rejected)
                progress(number, counts[number])
                yield chunk
    finally:
        selector.close()
        for pipe, pid in children.values():
            os.close(pipe)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _start(side: Side, others: list[int]) -> tuple[int, int]:
    """Fork a reader; return the pipe to read from and its process id."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # The only threads that a run may have are its lease's and its pulse's; the child touches nothing of
        # theirs.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(writing)
        return reading, pid
    status = 1
    try:
        os.close(reading)
        for descriptor in others:
            os.close(descriptor)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # Nothing here is cyclic, and walking ever more records costs a quarter of the time.
        gc.disable()
        gc.freeze()
        _produce(side, writing)
        status = 0
    finally:
        # Not sys.exit: the parent's exit handlers and buffers are not the child's to run.
        os._exit(status)


def _produce(side: Side, pipe: int) -> None:
    try:
        sink = Sink(side.spool, partial(_send_part, pipe))
        side.producer(sink)
        sink.send()
        _send(pipe, tuple(sink.totals))
    except BrokenPipeError:
        return
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent raises it
        _send(pipe, _portable(error))


def _portable(error: Exception) -> Exception:
    """The error itself if it survives the way to the parent, else one that says the same."""
    if isinstance(error, DirectorySyncError | OSError | MemoryError):
        with contextlib.suppress(Exception):
            pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
            return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _send_part(pipe: int, part: Part) -> None:
    rows, rejected, unknown = part
    _send(pipe, (rows, [tuple(item) for item in rejected], unknown))


def _send(pipe: int, message: object) -> None:
    data = pickle.dumps(message, protocol=5)
    data = len(data).to_bytes(8, "little") + data
    view = memoryview(data)
    while view:
        view = view[os.write(pipe, view) :]


def _receive(pipe: int) -> _Message | None:
    """One whole message, or None at the end of the pipe.

    Unbuffered, so that `select` sees all that is waiting.
    """
    head = _read_exactly(pipe, 8)
    if head is None:
        return None
    data = _read_exactly(pipe, int.from_bytes(head, "little"))
    if data is None:
        return None
    message = pickle.loads(data)  # noqa: S301 - from our own child
    if isinstance(message, Exception):
        return message
    if isinstance(message[0], bytes):
        # Only totals begin with bytes: they say that the producer ended normally.
        return Totals(*message)
    return message[0], [Rejected(*item) for item in message[1]], message[2]


def _read_exactly(pipe: int, length: int) -> bytes | None:
    parts = []
    while length:
        part = os.read(pipe, min(length, 1 << 20))
        if not part:
            return None
        parts.append(part)
        length -= len(part)
    return b"".join(parts)
