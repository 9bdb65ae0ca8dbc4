"""Completes drafts: looks up the objects that `members` and `resolve` fields name, and has the changes put
into order.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from directory_sync.definition.models import Members, Resolve
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.errors import RecordError
from directory_sync.plan.arranging import Arranger
from directory_sync.plan.compare import check_mandatory, look_up
from directory_sync.plan.limits import Tally
from directory_sync.plan.planning import Draft, Drafts, Planning, Stage
from directory_sync.plan.references import ReferenceIndex
from directory_sync.plan.sides import ObjectRecord
from directory_sync.plan.spool import SpooledChanges, pack_finished
from directory_sync.plan.structure import Node


@dataclass(slots=True)
class _LookedUp:
    """What the lookups of one object came to, over all its fields."""

    changes: list[FieldChange] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    members_before: dict[str, int] = field(default_factory=dict)
    failed: bool = False


@dataclass(slots=True)
class Completer:
    """Turns drafts into the changes of a plan.

    Attributes:
        objects: everything that the destination lists now.
        tally: what the changes amount to, for the limits.
        unchanged: drafts that turned out to need nothing.
        memberships: members now of the groups that have a record.
    """

    planning: Planning
    drafts: Drafts
    objects: Callable[[], Iterable[ObjectRecord]]
    tally: Tally = field(default_factory=Tally)
    unchanged: int = 0
    memberships: int = 0
    _computed: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def complete(self) -> SpooledChanges:
        """The plan's changes in the order to carry them out."""
        if self.drafts.finished:
            self._count_finished()
            return self._order(self.drafts.places, self.drafts.nodes)
        places: list[int] = []
        nodes: list[Node] = []
        indexes = self._reference_indexes()
        moved = self._moved()
        named = {node.occupies for node in self.drafts.nodes if node.occupies is not None}
        for count, (node, draft) in enumerate(zip(self.drafts.nodes, self.drafts, strict=True), start=1):
            if count % 1000 == 0:
                self.planning.progress(Stage.LOOK_UP, count, len(self.drafts))
            looked_up = _LookedUp()
            if draft.lookups:
                looked_up = self._compare_lookups(draft, indexes, moved)
            change = self._completed(draft, looked_up, named)
            if change is not None:
                self.tally.count(change, members_before=looked_up.members_before)
                packed = pack_finished(change, draft.id, self.planning.is_secret)
                places.append(self.drafts.spool.append(packed))
                references = map(self.planning.destination.names.normalise, looked_up.ids)
                nodes.append(node._replace(references=tuple(dict.fromkeys(references))))
        self._warn_of_computed()
        return self._order(places, nodes)

    def _warn_of_computed(self) -> None:
        for name, found in self._computed.items():
            values = sum(count for _, count in found)
            self.planning.warnings.append(
                f"{name}: {values} values that the source does not have stay in {len(found)} objects (one is"
                f" {found[0][0]}), for the directory computes them (dynlist): they are not stored, and cannot"
                " be taken away."
            )

    def _count_finished(self) -> None:
        self.drafts.spool.flush()
        for node, place in zip(self.drafts.nodes, self.drafts.places, strict=True):
            # Most changes of a first load are creations, of which nothing need be read back.
            if not self.tally.count_action(node.action):
                self.tally.count_values(self.drafts.read_at(place).change, members_before={})

    def _completed(self, draft: Draft, looked_up: _LookedUp, named: Container[str]) -> Change | None:
        """The whole change, or None if nothing is left to do or it cannot be done.

        `named`: the ids that this plan gives.
        """
        planning = self.planning
        fields = (*draft.change.fields, *looked_up.changes)
        if looked_up.changes and not draft.change.fields:
            fields = (*looked_up.changes, *draft.riding)
        normalise = planning.destination.names.normalise
        after = tuple(id for id in dict.fromkeys(looked_up.ids) if normalise(id) in named)
        change = draft.change._replace(fields=fields, after=after)
        if change.action is Action.CREATE:
            try:
                check_mandatory(change.fields, planning.layout)
            except RecordError as error:
                planning.reject(change.key, draft.id, error)
                return None
        if change.action is Action.UPDATE and not change.fields and change.new_object is None:
            self.unchanged += not looked_up.failed
            return None
        return change

    def _reference_indexes(self) -> dict[int, ReferenceIndex]:
        """For each `members` and `resolve` field where to find counterparts, this plan's own effects
        included.
        """
        planning = self.planning
        if not planning.layout.lookups or not self.drafts:
            return {}
        planning.progress(Stage.LOOK_UP, 0, len(self.drafts))
        deleted = {
            node.now for node in self.drafts.nodes if node.action is Action.DELETE and node.now is not None
        }
        moved: dict[str, str] = {}
        created: list[Change] = []
        updated: list[Change] = []
        matches = {match.lower() for i in planning.layout.lookups for match in self._look_up_of(i).matches}
        for node, draft in zip(self.drafts.nodes, self.drafts, strict=True):
            if node.now is None:
                created.append(draft.change)
                continue
            if node.then is not None and node.now != node.then:
                moved[node.now] = draft.change.final_object
            if node.then is not None and any(item.field.lower() in matches for item in draft.change.fields):
                updated.append(draft.change)
        indexes: dict[int, ReferenceIndex] = {}
        for i in planning.layout.lookups:
            mapping = self._look_up_of(i)
            named = mapping.members if isinstance(mapping, Members) else mapping.resolve
            index = ReferenceIndex(
                planning.source,
                planning.destination,
                named,
                mapping.matches,
                mapping.within,
                planning.read_sides,
            )
            changed, new = list(self._within(mapping, updated)), list(self._within(mapping, created))
            index.add_planned(partial(_changes_of, changed), moved, deleted, partial(_changes_of, new))
            indexes[i] = index
        return indexes

    def _within(self, mapping: Members | Resolve, changes: Iterable[Change]) -> Iterator[Change]:
        """The changes of objects that are looked for, by the place where they are now."""
        within = mapping.within
        return (
            change for change in changes if within is None or self.planning.is_within(change.object, within)
        )

    def _look_up_of(self, index: int) -> Members | Resolve:
        mapping = self.planning.job.fields[self.planning.layout.fields[index]]
        assert isinstance(mapping, Members | Resolve)
        return mapping

    def _moved(self) -> dict[bytes, bytes]:
        """Normalised old and new ids of the objects that this plan renames or moves."""
        return {
            node.now.encode(): node.then.encode()
            for node in self.drafts.nodes
            if node.now and node.then and node.now != node.then
        }

    def _compare_lookups(
        self, draft: Draft, indexes: Mapping[int, ReferenceIndex], moved: Mapping[bytes, bytes]
    ) -> _LookedUp:
        planning, change = self.planning, draft.change
        total = _LookedUp()
        for i in planning.layout.lookups:
            name = planning.layout.fields[i]
            mapping = planning.job.fields[name]
            values = draft.lookups.get(name, ())
            if not values and mapping.keep_if_empty:
                continue
            if mapping.new_only and change.action is not Action.CREATE:
                continue
            now = draft.present.get(i, ())
            total.members_before[name] = len(now)
            if isinstance(mapping, Members):
                self.memberships += len(now)
            stored = partial(planning.destination.stored, change.object, name)
            result = look_up(
                planning.job, planning.layout, i, indexes[i].find(values), now, moved=moved, stored=stored
            )
            total.changes.extend(result.changes)
            if change.new_object is not None and result.followed and planning.layout.rules[i].equality:
                # A server that lets references follow looks for the object that holds them, changes it a
                # moment later, and may miss one that gets another name in between. So they are looked after
                # in the end, where it did not.
                old, new = zip(*sorted(result.followed), strict=True)
                total.changes.append(FieldChange(name, tuple(old), tuple(new), late=True, partial=True))
            total.ids.extend(result.ids)
            planning.warnings.extend(f"{change.object}: {warning}" for warning in result.warnings)
            if result.computed:
                self._computed.setdefault(name, []).append((change.object, result.computed))
            for problem in result.problems:
                total.failed = True
                planning.reject(change.key, draft.id, problem)
        return total

    def _order(self, places: Sequence[int], nodes: Sequence[Node]) -> SpooledChanges:
        return Arranger(self.planning, self.drafts.spool, places, nodes, self.tally, self.objects).arrange()


def _changes_of(changes: Iterable[Change], name: str) -> Iterator[tuple[str, FieldChange]]:
    """For each change of a field the object's id now, and the change."""
    return (
        (change.object, item)
        for change in changes
        for item in change.fields
        if item.field.lower() == name.lower()
    )
