"""Reading in child processes: everything arrives once, errors keep their kind, and a dead child is never a
complete listing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from directory_sync.errors import DirectorySyncError, EndpointUnavailable, IncompleteListing
from directory_sync.plan.listing import Producer, Rejected, Side, Sink, Totals, read_sides
from directory_sync.plan.spool import Spool


def items(number: int) -> Producer:
    def produce(sink: Sink) -> None:
        for i in range(number):
            sink.add((b"%d" % i,), b"f", b"record %d" % i)

    return produce


def side(producer: Producer) -> Side:
    return Side("connection somewhere", producer, Spool())


def read(*producers: Producer) -> list[list[bytes]]:
    """All records of each side, in order."""
    sides = tuple(map(side, producers))
    found: list[list[bytes]] = [[] for _ in sides]
    for chunk in read_sides(sides):
        found[chunk.side].extend(sides[chunk.side].spool.read(offset) for _, _, offset in chunk.rows)
    return found


def test_everything_arrives_once() -> None:
    """Every record of both sides is found in its spool, also when the sides differ in size and one is
    empty.
    """
    first, second, third = read(items(2500), items(10), items(0))
    assert first == [b"record %d" % i for i in range(2500)]
    assert len(second) == 10
    assert third == []


def test_rejected_records_arrive_with_their_reason() -> None:
    """What cannot be used is told, field for field."""
    rejected = Rejected((b"k",), True, False, "k", "line 3", "too few columns")
    sides = (side(lambda sink: sink.reject(rejected)),)
    assert [item for chunk in read_sides(sides) for item in chunk.rejected] == [rejected]


def test_totals_come_last() -> None:
    """What is known only of a whole side is told once, when its producer has ended."""

    def produce(sink: Sink) -> None:
        items(1500)(sink)
        sink.totals = Totals(b"0123456789abcdef", 2, 1)

    found = [chunk.totals for chunk in read_sides((side(produce),))]
    assert found[-1] == Totals(b"0123456789abcdef", 2, 1)
    assert set(found[:-1]) == {None}


def failing(error: Exception) -> Producer:
    def produce(sink: Sink) -> None:
        items(1500)(sink)
        raise error

    return produce


def test_errors_keep_their_kind_and_fields() -> None:
    """The parent raises what the child met, with the remedy."""
    with pytest.raises(EndpointUnavailable, match="gone") as caught:
        read(failing(EndpointUnavailable("gone", endpoint="connection x", remedy="Start it.")), items(1))
    assert (caught.value.endpoint, caught.value.remedy) == ("connection x", "Start it.")
    assert str(caught.value) == "connection x: gone Start it."


def test_unexpected_errors_say_what_they_were() -> None:
    """An exception that is not ours is not lost on the way."""
    with pytest.raises(RuntimeError, match="KeyError: 'x'"):
        read(failing(KeyError("x")))


@pytest.mark.parametrize(
    "ending", [lambda: os._exit(0), lambda: os.kill(os.getpid(), signal.SIGKILL)], ids=["exits", "is killed"]
)
def test_a_dead_reader_is_an_incomplete_listing(ending: Callable[[], None]) -> None:
    """However the process ends, without its last word the listing does not count as complete."""

    def produce(sink: Sink) -> None:
        items(1500)(sink)
        ending()

    with pytest.raises(IncompleteListing, match="ended unexpectedly"):
        read(produce, items(5))


def test_no_child_is_left_behind() -> None:
    """Also when the parent stops in the middle, its children are gone."""
    before = children()  # a server that other tests of this process share
    sides = (side(items(100_000)), side(items(100_000)))
    reading = read_sides(sides)
    next(reading)
    assert children() > before
    reading.close()
    assert children() == before


def children() -> set[str]:
    """Ids of this process's children, those included whose end no one has taken notice of (proc(5), stat)."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has gone meanwhile
            parent = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.add(stat.parent.name)
    return found


def test_every_error_of_the_package_survives_the_pipe() -> None:
    """Errors with fields of their own are told as they were."""

    def subclasses(kind: type[DirectorySyncError]) -> Iterator[type[DirectorySyncError]]:
        for sub in kind.__subclasses__():
            yield sub
            yield from subclasses(sub)

    for kind in subclasses(DirectorySyncError):
        if not kind.__module__.startswith("directory_sync"):
            continue
        error = kind.__new__(kind)
        error.args, error.__dict__["fact"] = ("what happened",), 7
        with pytest.raises(kind, match="what happened") as caught:
            read(failing(error))
        assert caught.value.__dict__["fact"] == 7
