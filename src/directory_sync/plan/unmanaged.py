"""Records whose object exists, but not among those that the job manages: refused or reused, never created a
second time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator

from directory_sync.definition.models import Job, UnmanagedMatch
from directory_sync.plan.layout import Layout, usable
from directory_sync.plan.overlap import one_place
from directory_sync.plan.planning import Planning
from directory_sync.plan.sides import (
    ObjectRecord,
    SourceRecord,
    item_maker,
    key_values,
    load_object,
    load_source,
)
from directory_sync.plan.spool import Spool


def reuses_unmanaged(job: Job) -> bool:
    """Whether the job updates objects that it does not manage."""
    placement = job.destination.placement
    return placement is not None and placement.unmanaged_match is UnmanagedMatch.REUSE


def take_unmanaged(
    planning: Planning, waiting: dict[bytes, int], sources: Spool
) -> Iterator[tuple[SourceRecord, ObjectRecord]]:
    """Take the records whose object exists out of `waiting` (key → offset in `sources`), and yield those that
    reuse it.
    """

    def source_at(offset: int) -> SourceRecord:
        return load_source(sources.read(offset), planning.layout)

    found, unreadable = _find(planning, waiting, sources, source_at)
    for key, why in unreadable.items():
        record = source_at(waiting.pop(key))
        found.pop(key, None)
        planning.reject(record.key, record.id, why)
    wanted_by: dict[str, int] = defaultdict(int)
    for objects in found.values():
        for item in objects:
            wanted_by[item.id] += 1
    reuse = reuses_unmanaged(planning.job)
    for key, objects in found.items():
        record = source_at(waiting.pop(key))
        first = objects[0]
        problem = ""
        if len(objects) > 1:
            names = ", ".join(sorted(item.id for item in objects)[:3])
            problem = f"several objects outside the job's base or filter have this key: {names}."
        elif wanted_by[first.id] > 1:
            problem = (
                f"{first.id} has the keys of several source records, so nothing is done for them. Make the"
                " keys unique."
            )
        elif not _matches_one(first, planning.layout):
            problem = (
                f"{first.id} has too many values in its key fields to tell whether it is this one. Remove"
                " some."
            )
        elif not reuse:
            problem = (
                f"{first.id} has this key, but is outside the job's base or filter. Widen them, or set"
                " unmanaged_match: reuse."
            )
        if problem:
            planning.reject(record.key, record.id, problem)
            continue
        planning.warnings.append(
            f"{record.key}: {first.id} is outside the job's base or filter and is reused, never deleted."
        )
        yield record, first


def _find(
    planning: Planning, waiting: dict[bytes, int], sources: Spool, source_at: Callable[[int], SourceRecord]
) -> tuple[dict[bytes, list[ObjectRecord]], dict[bytes, str]]:
    """The objects of the records, by key, and by key why some cannot be read, wherever they are."""
    layout, identity = planning.layout, planning.destination.identity_field
    first = layout.keys[0]
    values = [value for offset in waiting.values() for value in key_values(sources.read(offset), layout)]
    wanted = (*layout.fields, identity) if identity else layout.fields
    found: dict[bytes, list[ObjectRecord]] = defaultdict(list)
    unreadable: dict[bytes, str] = {}
    make_item = item_maker(layout, planning.destination)
    is_source = _is_source(planning, sources)
    for hit in planning.destination.find(layout.fields[first], values, wanted):
        if is_source(hit.id):
            continue
        item = make_item(hit)
        keys = item.keys or _possible_keys(load_object(item.record, layout), waiting, source_at, layout)
        for key in keys:
            if key not in waiting:
                continue
            planning.hold(item.identity, hit.id)
            if hit.problem:
                unreadable[key] = f"{hit.id} has this key, and cannot be read: {hit.problem}"
            else:
                found[key].append(load_object(item.record, layout))
    return found, unreadable


def _is_source(planning: Planning, sources: Spool) -> Callable[[str], bool]:
    """A function that tells whether an object is a record of the source: those are neither matched nor
    written to.
    """
    region = planning.source.region
    if region is None or not one_place(planning.source, planning.destination):
        return lambda _: False
    records: set[str] = set()

    def is_source(id: str) -> bool:
        if not region.holds(planning.source.names.path(id)):
            return False
        if not records:
            # Read only where there is someone to be told from them.
            records.update(
                planning.source.names.normalise(load_source(data, planning.layout).id) for data in sources
            )
            records.update(map(planning.source.names.normalise, planning.unusable))
        return planning.source.names.normalise(id) in records

    return is_source


def _matches_one(found: ObjectRecord, layout: Layout) -> bool:
    return bool(layout.keys_of(found.values))


def _possible_keys(
    found: ObjectRecord, waiting: dict[bytes, int], source_at: Callable[[int], SourceRecord], layout: Layout
) -> list[bytes]:
    """Keys that an object may stand for that has too many combinations of values to try each."""
    held = {i: set(map(layout.rules[i].normalise, usable(found.values[i]))) for i in layout.keys}

    def may_be(record: SourceRecord) -> bool:
        return all(
            held[i].intersection(map(layout.rules[i].normalise, record.values[i] or ())) for i in layout.keys
        )

    return [key for key, offset in waiting.items() if may_be(source_at(offset))]
