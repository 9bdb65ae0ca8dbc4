"""Drafts new objects, side by side in several processes where there are many: the longest part of planning a
first load.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, Protocol

from directory_sync.endpoints.change import Action, Change
from directory_sync.errors import RecordError
from directory_sync.plan.compare import check_mandatory, new_fields
from directory_sync.plan.containers import Containers
from directory_sync.plan.display_names import name_maker
from directory_sync.plan.listing import Rejected, Row, Side
from directory_sync.plan.naming import with_names
from directory_sync.plan.planning import Draft, Drafts, Planning, Stage
from directory_sync.plan.sides import SourceRecord
from directory_sync.plan.spool import Spool

_MANY = 5_000
"""Starting processes for fewer takes longer than it saves."""
_MOST_PROCESSES = 4
_ANY_TEXT = "surrogatepass"

SourceAt = Callable[[int], SourceRecord]
"""The source record at a place in its spool."""


class Creation(NamedTuple):
    """A new object before it is certain that it can be created; `place` is that of its draft.

    Sorts parents first.
    """

    depth: int
    id: str
    place: int
    container: str | None


class _Sink(Protocol):
    """Where drafts go: `listing.Sink` in a process of its own, `_Here` in this one."""

    def add(self, keys: tuple[bytes, ...], mark: bytes, record: bytes) -> None: ...
    def reject(self, rejected: Rejected) -> None: ...


@dataclass(slots=True)
class _Here:
    """Takes drafts in without another process."""

    spool: Spool
    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)

    def add(self, keys: tuple[bytes, ...], mark: bytes, record: bytes) -> None:
        self.rows.append((keys, mark, self.spool.append(record)))

    def reject(self, rejected: Rejected) -> None:
        self.rejected.append(rejected)


def draft_creations(
    planning: Planning, drafts: Drafts, containers: Containers, source_at: SourceAt, offsets: Sequence[int]
) -> list[Creation]:
    """Draft a new object for each of these source records, as far as that can be told without knowing the
    others.

    The drafts are put into `drafts` and do not count yet; records that cannot be used are rejected.
    """
    processes = min(_MOST_PROCESSES, _usable_cpus()) if len(offsets) >= _MANY else 1
    produce = partial(_produce, planning, drafts, containers, source_at)
    if processes == 1:
        here = _Here(drafts.spool)
        produce(offsets, here)
        _reject(planning, here.rejected)
        return list(_creations(here.rows))
    parts = [
        offsets[len(offsets) * n // processes : len(offsets) * (n + 1) // processes] for n in range(processes)
    ]
    sides = tuple(Side(planning.destination.label, partial(produce, part), Spool()) for part in parts)
    # Put together in the order of the records, so that a plan is the same whichever process is faster.
    creations: list[list[Creation]] = [[] for _ in parts]
    rejected: list[list[Rejected]] = [[] for _ in parts]
    try:
        done = 0
        for number, rows, refused, *_ in planning.read_sides(sides):
            moved = (
                (keys, mark, drafts.spool.append(sides[number].spool.read(place)))
                for keys, mark, place in rows
            )
            creations[number].extend(_creations(moved))
            rejected[number].extend(refused)
            done += len(rows) + len(refused)
            planning.progress(Stage.COMPARE, done, None)
    finally:
        for side in sides:
            side.spool.close()
    for items in rejected:
        _reject(planning, items)
    return [creation for part in creations for creation in part]


def _usable_cpus() -> int:
    # A container or a cgroup may give this process fewer than the machine has; not every system can tell.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _reject(planning: Planning, items: Iterable[Rejected]) -> None:
    for item in items:
        planning.reject(item.key, item.id, item.message)


def _creations(rows: Iterable[Row]) -> Iterator[Creation]:
    for (id, *container), depth, place in rows:
        # Many objects share few containers, whose names need not be kept again and again.
        above = sys.intern(container[0].decode(errors=_ANY_TEXT)) if container else None
        yield Creation(int.from_bytes(depth, "little"), id.decode(errors=_ANY_TEXT), place, above)


def _produce(
    planning: Planning,
    drafts: Drafts,
    containers: Containers,
    source_at: SourceAt,
    offsets: Sequence[int],
    sink: _Sink,
) -> None:
    """Draft some of them: a row's keys are the normalised id and, below the top, the container; its mark is
    the depth.
    """
    normalise, parent = planning.destination.names.normalise, planning.destination.names.parent
    name_of = name_maker(planning.job, planning.layout)
    for offset in offsets:
        record = source_at(offset)
        try:
            change = _creation(planning, containers, record)._replace(name=name_of(record.key, record.values))
        except RecordError as error:
            sink.reject(Rejected((), True, False, record.key, record.id, str(error)))
            continue
        id, container = normalise(change.object), parent(change.object)
        names = (id,) if container is None else (id, container)
        depth = planning.depth(id).to_bytes(4, "little")
        packed = drafts.pack(Draft(change, record.lookups, {}, record.id))
        sink.add(tuple(name.encode(errors=_ANY_TEXT) for name in names), depth, packed)


def _creation(planning: Planning, containers: Containers, record: SourceRecord) -> Change:
    fields = new_fields(record, planning.layout)
    if not planning.layout.lookups:
        check_mandatory(fields, planning.layout)
    container = containers.for_new(record.container)
    values = {change.field: change.new for change in fields}
    id = planning.destination.names.new(planning.job.naming_attribute, values, container)
    named = planning.destination.names.fixed_values(id)
    return Change(Action.CREATE, record.key, id, fields=tuple(with_names(fields, named) if named else fields))
