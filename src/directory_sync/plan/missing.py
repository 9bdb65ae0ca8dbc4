"""Objects at the destination without a record: which of them a job may remove, and which it leaves alone.

By default a job removes only what it knows, and nothing that another job claims. As the authority over everything that base and
filter select (`remove: all`) it removes all of them, and marks those that it would otherwise leave alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from directory_sync.definition.models import Members, Removal
from directory_sync.endpoints.change import Mark, MarkKind
from directory_sync.plan.containers import is_departed
from directory_sync.plan.join import Settled
from directory_sync.plan.model import LeftAlone, WhyLeftAlone
from directory_sync.plan.past import UNIDENTIFIED, Identities, compact, identity_of_id
from directory_sync.plan.planning import Planning
from directory_sync.plan.sides import ObjectRecord, load_object
from directory_sync.plan.spool import Spool

_EXAMPLES = 10
"""So many objects that are left alone are named."""

_NEVER_MATCHED = Mark(MarkKind.NEVER_MATCHED)


def left_alone_text(item: LeftAlone, *, first: bool) -> str:
    """Which objects are left alone, why, and what to do about it. `first`: the job knows nothing yet."""
    more = item.count - len(item.examples)
    named = "; ".join(item.examples) + (f"; and {more} more" if more else "")
    objects = "1 object that has no record is" if item.count == 1 else f"{item.count} objects that have no record are"
    match item.why:
        case WhyLeftAlone.UNKNOWN:
            why = "this job has neither created nor matched them in an earlier run"
            if first:
                why += " (it knows no objects yet: this is its first run, or its source or destination was changed)"
            remedy = "Delete them by hand, narrow base or filter, or set remove: all if the job decides about all of them."
        case WhyLeftAlone.UNIDENTIFIED:
            why = "they show no entryUUID, objectGUID or nsUniqueId, so the job cannot tell whether it knows them"
            remedy = "Let the connection's login read that attribute."
        case _:
            why = f"job {item.by} has records for them"
            remedy = "Let one of the two jobs select other objects."
    return f"{objects} left alone: {why}. {remedy} {named}."


class MissingObjects:
    """The selected objects of which two complete listings say that no record stands for them.

    Attributes:
        absent: identities of those that the job knows.
        memberships: the members of those that it knows, where it maps members.
    """

    def __init__(self, planning: Planning, settled: Settled, objects: Spool, offsets: Sequence[int]) -> None:
        self._planning = planning
        self._unknown = settled.join.unknown
        self._objects = objects
        self._offsets = offsets
        known = [offset for offset in offsets if offset not in self._unknown]
        fields = planning.layout.fields
        members = [i for i in planning.layout.lookups if isinstance(planning.job.fields[fields[i]], Members)]
        self._identities: dict[int, bytes] = {}
        self.memberships = 0
        for offset in known:
            found = self._object_at(offset)
            self._identities[offset] = self._identity(found)
            self.memberships += sum(len(found.values[i]) for i in members)
        self.absent = Identities.of(self._identities.values())

    def removable(self) -> Iterator[tuple[ObjectRecord, tuple[Mark, ...]]]:
        """Yield each object that the job may remove, with its marks; the others are noted in the plan as left alone."""
        removes_all = self._planning.remove is Removal.ALL
        identities = self._identities | ({offset: self._unknown[offset] for offset in self._offsets if offset in self._unknown})
        asked = identities if removes_all else self._identities
        claimed = self._planning.past.claimed_by({identity for identity in asked.values() if identity})
        left: dict[tuple[WhyLeftAlone, str], list[str]] = defaultdict(list)
        for offset in self._offsets:
            found = self._object_at(offset)
            if is_departed(self._planning, found.id):
                continue
            identity = identities[offset]
            by = claimed.get(identity, "")
            if removes_all:
                yield found, self._marks(offset, by)
            elif offset in self._unknown:
                why = WhyLeftAlone.UNIDENTIFIED if identity == UNIDENTIFIED else WhyLeftAlone.UNKNOWN
                left[why, ""].append(found.id)
            elif by:
                left[WhyLeftAlone.CLAIMED, by].append(found.id)
            else:
                yield found, ()
        self._note(left)

    def _marks(self, offset: int, claimed_by: str) -> tuple[Mark, ...]:
        marks = [_NEVER_MATCHED] if offset in self._unknown else []
        return (*marks, Mark(MarkKind.CLAIMED_BY, claimed_by)) if claimed_by else tuple(marks)

    def _note(self, left: Mapping[tuple[WhyLeftAlone, str], Sequence[str]]) -> None:
        for (why, by), ids in sorted(left.items()):
            item = LeftAlone(why, by, len(ids), tuple(sorted(ids)[:_EXAMPLES]))
            self._planning.left_alone.append(item)
            self._planning.warnings.append(left_alone_text(item, first=not self._planning.past.known))

    def _object_at(self, offset: int) -> ObjectRecord:
        return load_object(self._objects.read(offset), self._planning.layout)

    def _identity(self, found: ObjectRecord) -> bytes:
        destination = self._planning.destination
        if destination.identity_field is None:
            return identity_of_id(destination.normalise_id(found.id))
        return UNIDENTIFIED if found.identity is None else compact(found.identity)
