"""Changes as tasks for the writer: their operations, what each of them waits for, and whether its object is
looked at before anything is sent.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Collection, Mapping

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.dn_names import DnNames
from directory_sync.endpoints.ldap.lookup import Lookup, Sight
from directory_sync.endpoints.ldap.operations import Delete, Operations, Rename, operations
from directory_sync.endpoints.ldap.repairs import Repairs
from directory_sync.endpoints.ldap.root_dse import ASSERTION
from directory_sync.endpoints.ldap.server import Server
from directory_sync.endpoints.ldap.task import Phase, Task


class Intake:
    """Makes the tasks of one pass.

    Args:
        server: where to write.
        sight: how objects are looked at.
        repairs: what the server does to references by itself; None if it does nothing.
        verify: places of changes that an earlier attempt may have applied.
        withheld: places of changes that must not be sent, and why.
        absent: places of changes for whose objects there was no image.
    """

    def __init__(
        self,
        server: Server,
        sight: Sight,
        repairs: Repairs | None,
        verify: Collection[int],
        withheld: Mapping[int, str],
        absent: Collection[int],
    ) -> None:
        self._server = server
        self._sight = sight
        self._repairs = repairs
        self._verify = verify
        self._withheld = withheld
        self._absent = absent
        self._assertion = server.settings.assertion_control and ASSERTION in server.root.controls

    def task_of(self, sequence: int, change: Change) -> Task:
        """The task of a change; one that exchanges its name has a second half (`Task.second`)."""
        names = self._server.schema.names
        planned = operations(
            change, self._server.schema, assertion=self._assertion, identity_field=self._server.identity_field
        )
        task = Task(
            sequence,
            change,
            planned,
            Phase.SEND,
            deque(planned.main),
            deque(planned.late),
            Lookup(self._sight, change),
            touches=_touched(change, names),
            after=tuple(map(names.normalise, change.after)) if change.after else (),
        )
        waits_to_leave: list[str] = []
        if self._repairs is not None:
            task.named = self._repairs.named(change)
            waits_to_write, waits_to_leave = self._repairs.admit(change, task.named)
            task.after = (*task.after, *waits_to_write)
        if change.via is not None:
            self._halve(task, names)
        task.after = (*task.after, *waits_to_leave)
        if sequence in self._withheld:
            task.withheld = self._withheld[sequence]
        elif sequence in self._absent or sequence in self._verify:
            task.is_absent = sequence in self._absent
            task.look()
        elif self._needs_look(change, planned):
            task.is_guarded = True
            task.look(only=_whole_fields(change))
        return task

    def _halve(self, task: Task, names: DnNames) -> None:
        """Let the second half of a change that exchanges its name be a task of its own, for others have to
        come in between.
        """
        change = task.change
        assert change.via is not None
        via = names.normalise(change.via)
        task.second = Task(
            task.sequence,
            change,
            task.planned,
            Phase.SEND,
            deque(itertools.islice(task.main, 1, None)),
            task.late,
            Lookup(self._sight, change),
            touches=frozenset((via, names.normalise(change.final_object))),
            after=task.after,
            named=task.named,
            is_second=True,
        )
        task.named = frozenset()
        task.main, task.late, task.after = deque([task.main[0]]), deque(), ()
        task.touches = frozenset((names.normalise(change.object), via))

    def _needs_look(self, change: Change, planned: Operations) -> bool:
        """Whether the server cannot check by itself that the object is as it was seen."""
        if change.action is Action.CREATE:
            return False
        if not self._assertion or any(field.replace for field in change.fields):
            return True
        # Values may be too long to be asserted. A modification names those that it takes away.
        first = next(iter(planned.main), None)
        return isinstance(first, Delete | Rename) and first.assertion is None


def _touched(change: Change, names: DnNames) -> frozenset[str]:
    now = names.normalise(change.object)
    return frozenset((now,) if change.new_object is None else (now, names.normalise(change.new_object)))


def _whole_fields(change: Change) -> tuple[str, ...]:
    """The fields that a look before the change is about: not those whose values come and go one by one."""
    return tuple(field.field for field in change.fields if not field.partial and not field.late)
