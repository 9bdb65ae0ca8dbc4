"""A directory in memory that refuses what servers refuse: taken names, values that must be unique, names of
nobody.

It carries operations out in any sequence that a writer's schedule allows, as a server does with those of one
connection.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.exchanges import Exchanges, Part, in_parts
from directory_sync.endpoints.ldap.schedule import Schedule

Step = Callable[[], None]


class Refused(Exception):
    """What a server would answer."""


def above(id: str) -> list[str]:
    """The containers above an id."""
    parts = id.split(",")
    return [",".join(parts[n:]) for n in range(1, len(parts))]


@dataclass
class StrictDirectory:
    """Objects by id (`cn=NAME,CONTAINER`, lower case), each with one value per field.

    Attributes:
        objects: id → field → value.
        unique: fields of which no two objects may have the same value.
        references: fields whose new values must be ids of objects.
    """

    objects: dict[str, dict[str, str]]
    unique: Sequence[str] = ()
    references: Sequence[str] = ()

    def _check(self) -> None:
        for name in self.unique:
            held = [values[name] for values in self.objects.values() if name in values]
            if len(held) != len(set(held)):
                raise Refused(
                    f"{name}: {sorted(value for value in held if held.count(value) > 1)} is there twice"
                )

    def _need(self, id: str) -> dict[str, str]:
        if id not in self.objects:
            raise Refused(f"{id}: no such object")
        return self.objects[id]

    def _free(self, id: str) -> None:
        if id in self.objects:
            raise Refused(f"{id}: already exists")

    def _set(self, id: str, name: str, old: Iterable[str], new: Iterable[str]) -> None:
        values = self._need(id)
        for value in old:
            if values.get(name) != value:
                raise Refused(f"{id}: {name} is {values.get(name)}, not {value}")
            del values[name]
        for value in new:
            if name in values:
                raise Refused(f"{id}: {name} has a value")
            if name in self.references and value not in self.objects:
                raise Refused(f"{id}: {name} would name {value}, which is not there")
            values[name] = value

    def add(self, id: str, values: Mapping[str, str]) -> None:
        """Create an object."""
        self._free(id)
        self.objects[id] = {}
        for name, value in values.items():
            self._set(id, name, (), (value,))
        self._check()

    def delete(self, id: str) -> None:
        """Delete an object."""
        self._need(id)
        del self.objects[id]

    def rename(self, id: str, new: str) -> None:
        """Give an object another name, and with it another value of `cn`."""
        self._need(id)
        self._free(new)
        self.objects[new] = {**self.objects.pop(id), "cn": new.partition(",")[0].partition("=")[2]}
        self._check()

    def modify(self, id: str, parts: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> None:
        """Take values away and give others."""
        for name, old, new in parts:
            self._set(id, name, old, new)
        self._check()

    # -- what a change becomes -------------------------------------------------------------------------------

    def steps(self, change: Change) -> dict[Part, list[Step]]:
        """The operations of a change: those at its place, those when its new id is free, and those in the
        end.
        """
        now, then = change.object.casefold(), change.final_object.casefold()
        late = [each for each in change.fields if each.late and not each.old]
        early = [each for each in change.fields if not each.late]
        late_parts = [
            (each.field, (), tuple(value.decode().casefold() for value in each.new)) for each in late
        ]
        last: list[Step] = [lambda: self.modify(then, late_parts)] if late else []
        if change.action is Action.DELETE:
            return {Part.FIRST: [lambda: self.delete(now)], Part.SECOND: [], Part.LATE: []}
        if change.action is Action.CREATE:
            values = {
                each.field: each.new[0].decode().casefold()
                for each in early
                if each.new and each.field != "objectClass"
            }
            return {Part.FIRST: [lambda: self.add(then, values)], Part.SECOND: [], Part.LATE: last}
        names = [now, *([change.via.casefold()] if change.via else []), then] if now != then else []
        steps: list[Step] = [lambda old=old, new=new: self.rename(old, new) for old, new in pairwise(names)]  # type: ignore[misc]
        parts = []
        for each in early:
            if each.field == "cn" and names:
                continue
            old = tuple(value.decode().casefold() for value in each.removed)
            new = tuple(value.decode().casefold() for value in each.added)
            parts.append((each.field, old, new))
        if parts:
            steps.append(lambda: self.modify(then, parts))
        first = 1 if change.via else len(steps)
        return {Part.FIRST: steps[:first], Part.SECOND: steps[first:], Part.LATE: last}


@dataclass(eq=False)
class _Task:
    change: Change
    touches: frozenset[str]
    steps: deque[Step]
    after: Sequence[str]
    late: list[Step] = field(default_factory=list)


def _needs(task: _Task) -> set[str]:
    return {*task.touches, *task.after}.union(*map(above, task.touches))


class _Pipeline:
    """What a writer has taken in, and may send."""

    def __init__(self, directory: StrictDirectory) -> None:
        self._directory = directory
        self._exchanges: Exchanges[_Task] = Exchanges()
        self.schedule: Schedule[_Task] = Schedule(above)
        self.ready: list[_Task] = []
        self.deferred: list[Step] = []

    def take(self, change: Change) -> None:
        """Take the next change in."""
        now, then = change.object.casefold(), change.final_object.casefold()
        steps = self._directory.steps(change)
        second = None
        after = [*map(str.casefold, change.after)]
        if change.via is None:
            task = _Task(
                change, frozenset((now, then)), deque(steps[Part.FIRST]), after, late=steps[Part.LATE]
            )
        else:
            via = change.via.casefold()
            task = _Task(change, frozenset((now, via)), deque(steps[Part.FIRST]), after=())
            second = _Task(
                change, frozenset((via, then)), deque(steps[Part.SECOND]), after, late=steps[Part.LATE]
            )
        needs = _needs(task)
        before, behind = self._exchanges.due(now, then, needs)
        for each in (*before, task, *behind):
            self._admit(each)
        if second is not None:
            self._exchanges.add(then, second, _needs(second), is_simple=not change.after)

    def take_rest(self) -> None:
        """No more changes come."""
        for each in self._exchanges.rest():
            self._admit(each)

    def go_on(self, task: _Task) -> None:
        """Carry out the next step of a task."""
        if task.steps:
            task.steps.popleft()()
        if not task.steps:
            self.ready.remove(task)
            self.ready += self.schedule.finish(task)
            self.deferred += task.late

    def _admit(self, task: _Task) -> None:
        if self.schedule.add(task, task.touches, task.after):
            self.ready.append(task)


def carry_out_in_any_order(
    directory: StrictDirectory, changes: Sequence[Change], choose: random.Random, *, ahead: int
) -> None:
    """Carry changes out as far at the same time as a writer's schedule allows, in a sequence that chance
    decides.

    `ahead`: number of changes that are taken in before the first of them is done.
    """
    pipeline = _Pipeline(directory)
    coming = deque(changes)
    while coming or len(pipeline.schedule):
        while coming and len(pipeline.schedule) < ahead:
            pipeline.take(coming.popleft())
        if not coming:
            pipeline.take_rest()
        assert pipeline.ready, "changes wait for each other"
        pipeline.go_on(choose.choice(pipeline.ready))
    choose.shuffle(pipeline.deferred)
    for step in pipeline.deferred:
        step()


def carry_out_in_parts(directory: StrictDirectory, changes: Sequence[Change]) -> None:
    """Carry changes out one after the other, as the LDIF of a preview has them."""
    for change, part in in_parts(changes, str.casefold, above, change_of=lambda change: change):
        for step in directory.steps(change)[part]:
            step()
