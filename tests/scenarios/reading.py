"""Listings read in the process of the test: a fork of a process with everything imported costs more than what
unit tests read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from directory_sync.plan.listing import Chunk, Part, Rejected, Row, Side, Sink, Unknown


def read_here(
    sides: tuple[Side, ...], progress: Callable[[int, int], None] = lambda side, count: None
) -> Iterator[Chunk]:
    """Yields what `read_sides` yields, one side after the other."""
    for number, side in enumerate(sides):
        rows: list[Row] = []
        rejected: list[Rejected] = []
        unknown: list[Unknown] = []

        def take(part: Part) -> None:
            rows.extend(part[0])  # noqa: B023 - the producer is done when the next side begins
            rejected.extend(part[1])  # noqa: B023
            unknown.extend(part[2])  # noqa: B023

        sink = Sink(side.spool, take)
        side.producer(sink)
        sink.send()
        progress(number, len(rows) + len(rejected))
        yield Chunk(number, rows, rejected, unknown)
        yield Chunk(number, [], [], [], sink.totals)
