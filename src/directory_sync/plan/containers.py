"""Where objects go: which containers there will be, which a job may use, and which objects move along with a
container.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from directory_sync.definition.models import MoveMissing, Scope
from directory_sync.errors import RecordError
from directory_sync.plan.planning import Planning


@dataclass(slots=True)
class Containers:
    """The containers of one plan.

    Attributes:
        planned: normalised ids that this plan gives to objects.
    """

    planning: Planning
    planned: set[str] = field(default_factory=set)
    _there: dict[str, bool] = field(default_factory=dict)
    _renamed: dict[str, str] = field(default_factory=dict)

    def need(self, container: str) -> None:
        """Raise RecordError if there is no such container and this plan makes none."""
        planning = self.planning
        if planning.job.destination.placement is None:
            return
        known = planning.container(container)
        if known in self.planned:
            return
        if known not in self._there:
            self._there[known] = planning.destination.exists(container)
        if not self._there[known]:
            raise RecordError(
                f"the container {container} does not exist. Create it, or let an earlier job do so."
            )

    def for_new(self, computed: str | None) -> str:
        """The container of a new object, if `computed` is what its record says. Raises RecordError."""
        placement = self.planning.job.destination.placement
        if placement is None:
            return computed or ""
        if isinstance(placement.container, str):
            return placement.container
        if computed is None:
            raise RecordError("the field of the destination's container has no value. Fill it at the source.")
        self.check_inside(computed)
        return computed

    def check_inside(self, computed: str) -> None:
        """Raise RecordError if objects of a computed container would not be among those that the job looks
        at.
        """
        placement = self.planning.job.destination.placement
        assert placement is not None
        base = placement.base
        if base is None:
            return
        if not self.planning.is_within(computed, base):
            raise RecordError(
                f"the container {computed} is outside of the job's base {base}. Correct the record, or widen"
                " base."
            )
        if placement.scope is Scope.ONE and self.planning.container(computed) != self.planning.container(
            base
        ):
            raise RecordError(
                f"the container {computed} is deeper than the job's base {base} with scope one. Correct the"
                " record."
            )

    # -- containers that are renamed themselves --------------------------------------------------------------

    def note_rename(self, now: str, then: str) -> None:
        """An object, maybe a container, gets another id."""
        known = self.planning.destination.names.normalise(then)
        self.planned.add(known)
        self._renamed[known] = now

    def as_of_now(self, id: str, container: str) -> str:
        """The container by the name it has when the object is dealt with.

        What is in a container is dealt with before that is renamed, and moves along with it.
        """
        destination = self.planning.destination
        above: str | None = container
        below: list[str] = []
        while above is not None:
            now = self._renamed.get(self.planning.container(above))
            if now is not None and self.planning.is_within(id, now):
                for name in reversed(below):
                    now = destination.names.moved(name, now)
                return now
            below.append(above)
            above = destination.names.parent(above)
        return container


def is_departed(planning: Planning, id: str) -> bool:
    """Whether an object is where the job puts those whose record is missing."""
    what = planning.job.missing_at_source
    if not isinstance(what, MoveMissing):
        return False
    if planning.is_in(id, what.move):
        return True
    # Below it as well, unless everything that the job looks at is there.
    placement = planning.job.destination.placement
    assert placement is not None
    base = placement.base or (placement.container if isinstance(placement.container, str) else None)
    return base is not None and planning.is_within(id, what.move) and not planning.is_within(base, what.move)
