"""Puts a plan's finished changes into order, and writes into each what the order demands of it.

That is: what it waits for, which values come late, and the id that it has in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from directory_sync.endpoints.change import Change, FieldChange
from directory_sync.endpoints.contract import Can
from directory_sync.plan.handovers import Handovers
from directory_sync.plan.limits import Tally
from directory_sync.plan.order import Giver, Handover, Order, order
from directory_sync.plan.planning import Planning
from directory_sync.plan.sides import ObjectRecord
from directory_sync.plan.spool import Spool, SpooledChanges, pack_finished, unpack_finished
from directory_sync.plan.structure import Node

_ASSERTIONS = re.compile(r"\(\s*([\w.;-]+?)(?::[\w.:-]*)?\s*[~<>]?=([^()]*)\)")
"""Attribute and value of each item of a filter (RFC 4515)."""
_TEMPORARY_IDS = 4
"""So many are tried until one is free."""


@dataclass(slots=True)
class Arranger:
    """The finished changes of one plan.

    Attributes:
        planning: the plan in the making.
        spool: where the changes are, and stay.
        places, nodes: for each change its place in the spool, and what ordering needs.
        tally: what the changes amount to.
        objects: everything that the destination lists now.
    """

    planning: Planning
    spool: Spool
    places: Sequence[int]
    nodes: Sequence[Node]
    tally: Tally
    objects: Callable[[], Iterable[ObjectRecord]]
    _handovers: list[Handover] = field(default_factory=list)
    _shared: frozenset[str] | None = None
    _temporary: dict[int, str | None] = field(default_factory=dict)

    def arrange(self) -> SpooledChanges:
        """The changes in the order to carry them out.

        Those that cannot be applied in any order are rejected.
        """
        self.spool.flush()
        if Can.WRITE_AT_ONCE not in self.planning.destination.can:
            self._handovers = Handovers(self.planning.layout).find(self.nodes, self._change_at)
        ordered = order(self.nodes, self.planning.parent, self._handovers, self)
        touched = ordered.late | ordered.exchanging | ordered.after.keys() | ordered.late_fields.keys()
        offsets = []
        for index in ordered.sequence:
            node = self.nodes[index]
            # A new object that names itself can do so only when it is there.
            own = node.occupies if node.occupies in node.references else None
            if index in touched or own is not None:
                change, met = unpack_finished(self.spool.read(self.places[index]))
                offsets.append(
                    self.spool.append(
                        pack_finished(
                            self._arranged(index, change, ordered, own), met, self.planning.is_secret
                        )
                    )
                )
            else:
                offsets.append(self.places[index])
        self.spool.flush()
        for index in sorted(ordered.circular):
            self._reject(self._change_at(index))
        return SpooledChanges(self.spool, offsets)

    def _arranged(self, index: int, change: Change, ordered: Order, own: str | None) -> Change:
        if index in ordered.late or own is not None:
            change = self._named_late(change, None if index in ordered.late else own)
        if index in ordered.late_fields:
            change = _taken_late(change, ordered.late_fields[index])
        if index in ordered.after:
            awaited = (self._id_of(giver, ordered) for giver in ordered.after[index])
            change = change._replace(after=tuple(dict.fromkeys((*change.after, *awaited))))
        if index in ordered.exchanging:
            change = change._replace(via=self._temporary[index])
        return change

    def _id_of(self, giver: Giver, ordered: Order) -> str:
        """The id that tells the step: one that no other change gets."""
        if giver.place in ordered.exchanging and not giver.is_second:
            return self._temporary[giver.place] or ""
        # That of a deleted object is its own; for all others it is the one that they have afterwards.
        return self._change_at(giver.place).final_object

    def _reject(self, change: Change) -> None:
        self.planning.reject(
            change.key,
            change.object,
            f"it would become {change.final_object}, but objects exchange their names in a circle, and none"
            " of them can get another name in between. Rename one of them by hand.",
        )
        self.tally.count(change, members_before={}, times=-1)

    def _change_at(self, index: int) -> Change:
        return unpack_finished(self.spool.read(self.places[index]))[0]

    def _named_late(self, change: Change, only: str | None) -> Change:
        """Split the fields whose values name objects of a circle: those values are written after all
        creations.

        `only`: the normalised id of the one object that is meant; None for all that the change waits for.
        """
        planning = self.planning
        normalise = planning.destination.names.normalise
        lookups = {planning.layout.fields[i] for i in planning.layout.lookups}
        awaited = [id for id in change.after if only is None or normalise(id) == only]
        later = {id.encode() for id in awaited}
        fields: list[FieldChange] = []
        for item in change.fields:
            if item.field not in lookups or item.late or not later.intersection(item.new):
                fields.append(item)
                continue
            early = tuple(value for value in item.new if value not in later)
            if early or item.old:
                fields.append(item._replace(new=early))
            waiting = tuple(value for value in item.new if value in later)
            # What is written early stays: only the values that had to wait come.
            fields.append(item._replace(old=(), new=waiting, late=True, partial=True))
        return change._replace(
            after=tuple(id for id in change.after if id not in awaited), fields=tuple(fields)
        )

    # -- what can be done about circles (`order.Ways`) -------------------------------------------------------

    def matters(self, handover: Handover) -> bool:
        """Not if two objects share any value of the field: then no server demands that none do."""
        if self._shared is None:
            self._shared = self._find_shared()
        return handover.field not in self._shared

    def may_be_late(self, handover: Handover) -> bool:
        """Not where the value is demanded, or the key."""
        layout = self.planning.layout
        return (
            layout.fields.index(handover.field) not in layout.keys
            and handover.field.lower() not in layout.mandatory
        )

    def _find_shared(self) -> frozenset[str]:
        """Fields of which two objects have the same value now, of those that values are handed over of."""
        layout = self.planning.layout
        seen: dict[int, set[int]] = {
            layout.fields.index(handover.field): set() for handover in self._handovers
        }
        shared: set[int] = set()
        for item in self.objects():
            for index in seen.keys() - shared:
                hashed = {hash(layout.rules[index].normalise(value)) for value in item.values[index]}
                if not hashed.isdisjoint(seen[index]):
                    shared.add(index)
                seen[index] |= hashed
            if len(shared) == len(seen):
                break
        return frozenset(layout.fields[index] for index in shared)

    def names(self, index: int, handover: Handover) -> bool:
        """Whether the value is a part of the object's id: now if it gives the value up, afterwards if it
        takes it.
        """
        change = self._change_at(index)
        id = change.object if index == handover.giver else change.final_object
        return self.planning.destination.names.is_made_of(id, handover.field, handover.value)

    def may_exchange(self, index: int) -> bool:
        """Whether there is a temporary id, by which the object is found again whatever happens: only with an
        identity.
        """
        if index not in self._temporary:
            self._temporary[index] = self._find_temporary(self._change_at(index))
        return self._temporary[index] is not None

    def _selects_by_name(self, id: str) -> bool:
        """Whether the job's filter asks for values of what names the object: with a temporary one it might
        not find it again.
        """
        filter = getattr(self.planning.job.destination, "filter", None)
        naming = id.partition("=")[0].strip().lower()
        return bool(filter) and any(
            name.lower() == naming and value != "*" for name, value in _ASSERTIONS.findall(str(filter))
        )

    def _find_temporary(self, change: Change) -> str | None:
        destination = self.planning.destination
        if change.identity is None or change.new_object is None or self._selects_by_name(change.object):
            return None
        for number in range(_TEMPORARY_IDS):
            id = destination.names.temporary(change.object, change.identity, number)
            if id is None:
                return None
            normalised = destination.names.normalise(id)
            if not destination.exists(id) and not any(
                normalised in (node.now, node.then) for node in self.nodes
            ):
                return id
        return None


def _taken_late(change: Change, late: frozenset[str]) -> Change:
    """Let old values of some fields go first, and new ones come after all other changes."""
    fields: list[FieldChange] = []
    for item in change.fields:
        if item.field not in late:
            fields.append(item)
            continue
        added = item.added
        stays = tuple(value for value in item.new if value not in set(added))
        if item.old or stays:
            fields.append(item._replace(new=stays))
        fields.append(FieldChange(item.field, (), added, late=True, partial=True))
    return change._replace(fields=tuple(fields))
