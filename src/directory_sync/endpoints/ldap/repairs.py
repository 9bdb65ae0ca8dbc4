"""Keeps writes apart from what a server does by itself to references, a moment after an object was deleted or
renamed.

OpenLDAP's refint (slapo-refint(5)) and 389 Directory Server's referential integrity plug-in look for values
that name the object and change them in a thread of their own, after the client has been told that it is done.
A value that is written at that moment may be lost, or come back. No one is told when such a repair is over,
so it is given a short while.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection

from directory_sync.endpoints.change import Action, Change
from directory_sync.endpoints.ldap.operations import Rules
from directory_sync.endpoints.ldap.schema import Schema

REPAIR_TIME = 0.3
"""Seconds that a repair is given. It mostly takes a few milliseconds."""


class Repairs:
    """What one pass deletes and renames, and which changes underway name which objects."""

    def __init__(self, schema: Schema) -> None:
        self._normalise = schema.names.normalise
        self._rules = Rules(schema)
        self._naming: dict[str, dict[str, int]] = defaultdict(dict)
        self._vacated: dict[str, float] = {}
        self._last: float | None = None

    def named(self, change: Change) -> frozenset[str]:
        """Normalised ids of the objects that a change's values name, old and new ones."""
        if change.action is Action.DELETE:
            return frozenset()
        normalise = self._normalise
        return frozenset(
            normalise(value.decode(errors="replace"))
            for field in change.fields
            if self._rules.of(field.field).reference
            for value in (*field.old, *field.new)
        )

    def admit(self, change: Change, named: Collection[str]) -> tuple[list[str], list[str]]:
        """Take a change in whose values name these.

        Returns normalised ids of the objects that have to be dealt with before it writes values, and before
        its object is deleted or leaves its id.
        """
        now = self._normalise(change.object)
        to_write = [name for name in named if name in self._vacated and name != now]
        for name in named:
            self._naming[name][now] = self._naming[name].get(now, 0) + 1
        to_leave: list[str] = []
        if change.action is Action.DELETE or (
            change.new_object and self._normalise(change.new_object) != now
        ):
            to_leave = [id for id in self._naming.get(now, ()) if id != now]
            self._vacated.setdefault(now, 0.0)
        return to_write, to_leave

    def release(self, change: Change, named: Collection[str]) -> None:
        """The values are written of a change that was taken in, or will not be."""
        now = self._normalise(change.object) if named else ""
        for name in named:
            by = self._naming[name]
            by[now] -= 1
            if not by[now]:
                del by[now]
            if not by:
                del self._naming[name]

    def vacated(self, dn: str) -> None:
        """The server has deleted or renamed an object."""
        self._last = self._vacated[self._normalise(dn)] = time.monotonic()

    def due(self, named: Collection[str]) -> float:
        """When a change may be sent whose values name these, by the monotonic clock."""
        if not self._vacated or not named:
            return 0.0
        return max(self._vacated.get(name, 0.0) for name in named) + REPAIR_TIME

    def wait(self) -> None:
        """Let the last repair come to its end."""
        if self._last is not None:
            time.sleep(max(0.0, self._last + REPAIR_TIME - time.monotonic()))
