"""Objects at the destination without a record: which of them a job may remove, and which it leaves alone.

By default a job removes only what it knows, and nothing that another job claims. As the authority over
everything that base and filter select (`remove: all`) it removes all of them, and marks those that it would
otherwise leave alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from directory_sync.definition.models import Members, Removal
from directory_sync.endpoints.change import Mark, MarkKind
from directory_sync.plan.containers import is_departed
from directory_sync.plan.join import Missing, Settled
from directory_sync.plan.model import WhyLeftAlone
from directory_sync.plan.past import UNIDENTIFIED, Identities, compact, key_identity, name_hash
from directory_sync.plan.planning import Planning
from directory_sync.plan.sides import ObjectRecord, load_object
from directory_sync.plan.spool import Spool

_NEVER_MATCHED = Mark(MarkKind.NEVER_MATCHED)


class MissingObjects:
    """The selected objects whose record is missing.

    Attributes:
        absent: identities of those that the job knows.
        memberships: the members of those that it knows, where it maps members.
    """

    def __init__(self, planning: Planning, settled: Settled, objects: Spool, missing: Missing) -> None:
        self._planning = planning
        self._unknown = settled.join.unknown
        self._objects = objects
        self._offsets = missing.offsets
        layout = planning.layout
        lookups = (i for i in layout.lookups if isinstance(planning.job.fields[layout.fields[i]], Members))
        members = (*layout.memberships, *lookups)
        self._identities: dict[int, bytes] = {}
        self.memberships = 0
        for offset in missing.offsets:
            if offset not in self._unknown:
                found = self._object_at(offset)
                self._identities[offset] = self._identity(found)
                self.memberships += sum(len(found.values[i]) for i in members)
        self.absent = Identities.of(self._identities.values())

    def removable(self) -> Iterator[tuple[ObjectRecord, tuple[Mark, ...]]]:
        """Yield each object that the job may remove, with its marks; the others are noted in the plan as left
        alone.
        """
        planning, removes_all = self._planning, self._planning.remove is Removal.ALL
        asked = [offset for offset in self._offsets if removes_all or offset not in self._unknown]
        by = self._claimed(asked)
        certain = planning.destination.is_identified
        left: dict[tuple[WhyLeftAlone, str], list[str]] = defaultdict(list)
        for offset in self._offsets:
            found = self._object_at(offset)
            if is_departed(planning, found.id):
                continue
            if removes_all:
                yield found, self._marks(offset, by.get(offset, ""))
            elif offset in self._unknown:
                shown = self._unknown[offset] != UNIDENTIFIED
                left[WhyLeftAlone.UNKNOWN if shown else WhyLeftAlone.UNIDENTIFIED, ""].append(found.id)
            elif not certain:
                left[WhyLeftAlone.PLACE_UNIDENTIFIED, ""].append(found.id)
            elif offset in by:
                left[WhyLeftAlone.CLAIMED, by[offset]].append(found.id)
            else:
                yield found, ()
        self._note(left)

    def _claimed(self, offsets: Sequence[int]) -> dict[int, str]:
        """The objects that other jobs claim, by their offsets, and by which job."""
        asked: dict[bytes, int] = {}
        for offset in offsets:
            asked[name_hash(self._object_at(offset).id)] = offset
            identity = self._unknown.get(offset) or self._identities.get(offset, UNIDENTIFIED)
            if identity != UNIDENTIFIED:
                asked[identity] = offset
        claimed = self._planning.past.claimed_by(asked.keys())
        return {asked[known_by]: job for known_by, job in claimed.items()}

    def _marks(self, offset: int, claimed_by: str) -> tuple[Mark, ...]:
        marks = [_NEVER_MATCHED] if offset in self._unknown else []
        return (*marks, Mark(MarkKind.CLAIMED_BY, claimed_by)) if claimed_by else tuple(marks)

    def _note(self, left: Mapping[tuple[WhyLeftAlone, str], Sequence[str]]) -> None:
        for (why, by), ids in sorted(left.items()):
            self._planning.leave_alone(why, by, ids)

    def _object_at(self, offset: int) -> ObjectRecord:
        return load_object(self._objects.read(offset), self._planning.layout)

    def _identity(self, found: ObjectRecord) -> bytes:
        if self._planning.destination.region is None:
            return key_identity(self._planning.layout.keys_of(found.values))
        return UNIDENTIFIED if found.identity is None else compact(found.identity)
