"""What the objects of a line of removals have in common: an approver asks first why these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from directory_sync.dn import parent_of
from directory_sync.endpoints.change import Change
from directory_sync.plan.patterns.model import Common, InCommon
from directory_sync.plan.patterns.subject import Subject

T = TypeVar("T")

LOOKED_AT = 200
"""Objects of a line that are looked at: all, or as many, evenly chosen."""
MOST = 0.8
"""Share of the objects that has to have it."""
_VALUES = 2
"""Fields of a line that are told."""


def chosen(places: Sequence[int]) -> list[int]:
    """The places that are looked at."""
    if len(places) <= LOOKED_AT:
        return list(places)
    return [places[number * len(places) // LOOKED_AT] for number in range(LOOKED_AT)]


def place_in_source(after: int, count: int, subject: Subject) -> tuple[Common, ...]:
    """Where in the source the records of a line's objects would stand: after its end, or nothing is known.

    `after`: so many of the line's `count` objects have a key after that of the source's last record.
    """
    source = subject.source
    if source is None or source.last is None or not _is_most(after, count):
        return ()
    last = source.last
    return (Common(InCommon.PLACE, source.place, after, count, line=last.line, number=last.number),)


def in_common(changes: Sequence[Change], subject: Subject) -> tuple[Common, ...]:
    """What all or most of these removals' objects have in common; nothing of a single one."""
    if len(changes) < 2:
        return ()
    found = []
    containers = Counter(parent_of(change.object) or "" for change in changes)
    container = _most(containers, len(changes))
    if container is not None and container[0]:
        found.append(Common(InCommon.CONTAINER, container[0], container[1], len(changes)))
    shared: list[Common] = []
    fields: dict[str, Counter[bytes]] = {}
    for change in changes:
        for name, value in set(_values(change, subject)):
            fields.setdefault(name, Counter())[value] += 1
    for name, values in fields.items():
        most = _most(values, len(changes))
        if most is not None:
            shared.append(Common(InCommon.VALUE, name, most[1], len(changes), most[0]))
    shared.sort(key=lambda each: (-each.count, each.subject))
    return (*found, *shared[:_VALUES])


def _values(change: Change, subject: Subject) -> Iterable[tuple[str, bytes]]:
    for field in change.fields:
        name = field.field
        # The object's classes, and what every object gets, say nothing about these.
        if (
            name.lower() != "objectclass"
            and name.lower() not in subject.fixed
            and not subject.is_secret(name)
        ):
            for value in field.old:
                yield name, value


def _most(counts: Counter[T], of: int) -> tuple[T, int] | None:
    """What most of so many objects have; None if there is no such thing."""
    found = counts.most_common(1)
    return found[0] if found and _is_most(found[0][1], of) else None


def _is_most(count: int, of: int) -> bool:
    return count >= max(2, MOST * of)
