"""Drafts the changes of a plan from what matching found: new objects, changed objects, missing records."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from directory_sync.definition.models import MoveMissing, Removal
from directory_sync.endpoints.change import Action, Change, FieldChange, Mark
from directory_sync.endpoints.contract import Can
from directory_sync.errors import RecordError
from directory_sync.plan.compare import changed_fields, riding_fields
from directory_sync.plan.containers import Containers, is_departed
from directory_sync.plan.creating import Creation, draft_creations
from directory_sync.plan.display_names import NameOf, name_maker
from directory_sync.plan.join import Doubt, DoubtfulListing, Join, Settled
from directory_sync.plan.missing import MissingObjects
from directory_sync.plan.model import WhyLeftAlone
from directory_sync.plan.names import settle_names
from directory_sync.plan.naming import with_kept_names
from directory_sync.plan.past import UNIDENTIFIED, Findings, Identities, compact
from directory_sync.plan.planning import Draft, Drafts, Planning, Stage, pack_draft, unpack_draft
from directory_sync.plan.sides import ObjectRecord, SourceRecord, load_object, load_source, object_id
from directory_sync.plan.spool import Spool
from directory_sync.plan.structure import Node
from directory_sync.plan.unmanaged import reuses_unmanaged, take_unmanaged

_ASKED_ONE_BY_ONE = 200
"""So many new names are looked up before they are planned; of more, one that an unmanaged object has is a
conflict in the end.
"""


class _Move(NamedTuple):
    """An object that is not in its computed container; `offset` is the place of its draft.

    Sorts parents first.
    """

    depth: int
    id: str
    offset: int
    container: str


@dataclass(slots=True)
class Drafter:
    """Turns pairs, new records and missing objects into drafts.

    Attributes:
        matched: source records with an object.
        unchanged: those of them that need nothing.
        skipped: records that are left out because the job creates nothing.
        managed: selected objects that the job may remove: those that it knows, or all.
        met: objects that were matched and not known before.
        absent: identities of known objects without a record; None where absence cannot be told.
        memberships: members of the groups whose members are copied, and of known groups without a record.
    """

    planning: Planning
    drafts: Drafts
    sources: Spool
    objects: Spool
    matched: int = 0
    unchanged: int = 0
    skipped: int = 0
    managed: int = 0
    met: int = 0
    absent: set[bytes] | None = None
    memberships: int = 0
    _waiting: Spool = field(default_factory=Spool)
    _moves: list[_Move] = field(default_factory=list)
    _containers: Containers = field(init=False)
    _name_of: NameOf = field(init=False)

    def __post_init__(self) -> None:
        self._containers = Containers(self.planning)
        self._name_of = name_maker(self.planning.job, self.planning.layout)

    def draft(self, settled: Settled) -> None:
        """Draft everything that follows from two complete listings."""
        self.matched += settled.unchanged_count()
        self.unchanged += settled.unchanged_count()
        join = settled.join
        # Those that are where the job moves what has no record have left already.
        if self.planning.remove is Removal.ALL:
            self.managed = join.object_count - join.totals.departed
        else:
            self.managed = join.object_count - len(join.unknown) - join.totals.departed_known
        self.met = sum(1 for _ in settled.met())
        creations = self._prepare_creations(settled)
        self._draft_pairs(settled)
        self._draft_moves()
        self._draft_missing(settled)
        self._draft_creations(creations)
        settle_names(self.planning, self.drafts, self._existing)

    def _existing(self, ids: Collection[str]) -> set[str]:
        """Which of these normalised ids objects have now, managed ones or, as far as asking for each is
        reasonable, others.
        """
        planning = self.planning
        found = {
            id
            for data in self.objects
            if (id := planning.destination.names.normalise(object_id(data))) in ids
        }
        others = [id for id in ids if id not in found]
        if len(others) <= _ASKED_ONE_BY_ONE and Can.HOLD_OTHERS in planning.destination.can:
            found.update(id for id in others if planning.destination.exists(id))
        return found

    def source_at(self, offset: int) -> SourceRecord:
        """The source record at a place in its spool."""
        return load_source(self.sources.read(offset), self.planning.layout)

    def object_at(self, offset: int) -> ObjectRecord:
        """The object at a place in its spool."""
        return load_object(self.objects.read(offset), self.planning.layout)

    # -- pairs -----------------------------------------------------------------------------------------------

    def _draft_pairs(self, settled: Settled) -> None:
        for count, (_, pair) in enumerate(settled.pairs(), start=1):
            if count % 1000 == 0:
                self.planning.progress(Stage.COMPARE, count, None)
            self._draft_pair(self.source_at(pair.source), self.object_at(pair.object))

    def _draft_pair(self, record: SourceRecord, found: ObjectRecord) -> None:
        planning = self.planning
        self.matched += 1
        self.memberships += sum(len(found.values[i]) for i in planning.layout.memberships)
        try:
            fields = changed_fields(record, found, planning.layout)
            then = self._final_id(record, found, fields)
            before, after = (
                planning.destination.names.fixed_values(found.id),
                planning.destination.names.fixed_values(then),
            )
            if before or after:
                fields = with_kept_names(fields, found.values, planning.layout, before=before, after=after)
        except RecordError as error:
            planning.reject(record.key, found.id, error)
            return
        name = self._name_of(record.key, record.values, found.values)
        then_id = then if then != found.id else None
        change = Change(
            Action.UPDATE, record.key, found.id, then_id, found.identity, tuple(fields), name=name
        )
        draft = Draft(change, {}, {}, record.id)
        if planning.layout.lookups:
            present = {i: found.values[i] for i in planning.layout.lookups}
            draft = Draft(
                change,
                record.lookups,
                present,
                record.id,
                tuple(riding_fields(record, found, planning.layout)),
            )
        if (
            planning.moves_existing
            and record.container is not None
            and not planning.is_in(found.id, record.container)
        ):
            place = self._waiting.append(pack_draft(draft))
            self._moves.append(_Move(planning.depth(found.id), found.id, place, record.container))
            return
        if is_departed(planning, found.id):
            planning.warnings.append(
                f"{record.key}: {found.id} is where objects go whose record is missing, but its record is"
                " back. It stays there; move it back by hand."
            )
        self._add(draft)

    def _final_id(self, record: SourceRecord, found: ObjectRecord, fields: Sequence[FieldChange]) -> str:
        """The id that the object has when these fields are changed."""
        layout, destination = self.planning.layout, self.planning.destination
        values: dict[str, Sequence[bytes]] = {change.field: change.new for change in fields}
        if not layout.exact or Can.RENAME not in destination.can:
            return destination.names.renamed(found.id, values)
        # The name may be spelled otherwise than the attribute.
        spelled = {layout.fields[i]: wanted for i in layout.exact if (wanted := record.values[i])}
        return destination.names.renamed(found.id, {**spelled, **values}, {name.lower() for name in spelled})

    def _add(self, draft: Draft) -> None:
        """Take a draft in, if there is anything to do or to look up."""
        change = draft.change
        if change.new_object is not None and self.planning.moves_existing:
            self._containers.note_rename(change.object, change.new_object)
        if self.planning.layout.lookups or change.fields or change.new_object is not None:
            self.drafts.add(draft)
        else:
            self.unchanged += 1

    def _draft_moves(self) -> None:
        """Move the objects that are not in their container, once it is known which containers get another
        name.
        """
        planning = self.planning
        self._waiting.flush()
        for move in sorted(self._moves):
            draft = unpack_draft(self._waiting.read(move.offset))
            change = draft.change
            try:
                self._containers.check_inside(move.container)
                container = self._containers.as_of_now(change.object, move.container)
                if not planning.is_in(change.object, container):
                    self._containers.need(container)
                    then = planning.destination.names.moved(change.final_object, container)
                    draft = replace(draft, change=change._replace(action=Action.MOVE, new_object=then))
            except RecordError as error:
                planning.reject(change.key, change.object, error)
            else:
                self._add(draft)

    # -- new objects -----------------------------------------------------------------------------------------

    def _prepare_creations(self, settled: Settled) -> list[Creation]:
        """Draft every record that is to become a new object, as far as that can be told without knowing the
        others.
        """
        planning = self.planning
        waiting = dict(settled.only_in_source())
        if not waiting:
            return []
        creates = planning.job.missing_at_destination == "create"
        if creates or reuses_unmanaged(planning.job):
            for record, found in take_unmanaged(planning, waiting, self.sources):
                self._draft_pair(record, found)
        if not creates:
            self.skipped += len(waiting)
            return []
        if why := self._why_none_is_new(settled):
            for offset in waiting.values():
                record = self.source_at(offset)
                planning.reject(record.key, record.id, why)
            return []
        self._warn_of_lost_objects(settled.join)
        creations = draft_creations(
            planning, self.drafts, self._containers, self.source_at, list(waiting.values())
        )
        self._containers.planned |= {creation.id for creation in creations}
        return creations

    def _why_none_is_new(self, settled: Settled) -> str:
        """Why nothing is created, if so: an object without a key may be any record's, and would be there
        twice.

        Of those that the job knows each may be that had a record at the last complete run. One that shows no
        permanent identity may be any such object that was not seen.
        """
        join, absent = settled.join, self.planning.past.absent
        known: list[str] = []
        unidentified: list[str] = []
        for offset in join.unkeyed:
            if offset not in join.unknown:
                found = self.object_at(offset)
                if compact(found.identity or b"") not in absent:
                    known.append(found.id)
            elif join.unknown[offset] == UNIDENTIFIED:
                unidentified.append(object_id(self.objects.read(offset)))
        if known:
            lacking = f"{_several(known, known=True)} no value in the key field any more"
            remedy = "See that the connection's login may read the key field"
        elif unidentified and self._is_any_unidentified(join) and self._unseen_with_record(join):
            field = self.planning.destination.identity_field
            lacking = f"{_several(unidentified)} neither a value in the key field nor {field} for this login"
            remedy = f"See that the connection's login may read the key field and {field}"
        else:
            return ""
        return (
            f"nothing is created, because {lacking}, and may be this record's object. {remedy}; give the"
            " object its key again, or take it out of the job's base or filter."
        )

    def _unseen_with_record(self, join: Join) -> set[bytes]:
        """Identities of the known objects that were not seen, though they had a record at the last complete
        run.
        """
        return set(Identities(join.totals.unseen)) - self.planning.past.absent.members

    def _warn_of_lost_objects(self, join: Join) -> None:
        """Say that everything is created again, also next to objects that the job does not know: the
        destination may not be the one that it was.
        """
        if join.object_count > len(join.unknown) or self._is_any_unidentified(join):
            return
        if gone := len(self._unseen_with_record(join)):
            objects = "an object" if gone == 1 else f"{gone} objects"
            holds, which = ("nothing of that", " without an object") if join.object_count else ("nothing", "")
            self.planning.warnings.append(
                f"the destination holds {holds}, though this job knows {objects} there: every record{which}"
                " is created again. If that is not meant, see that its folder is mounted, or that this login"
                " may read its container."
            )

    def _is_any_unidentified(self, join: Join) -> bool:
        """Whether there are objects whose permanent identity this login may not read: each may be a known one
        that was not seen. Rows have no other identity than their key.
        """
        return self.planning.destination.region is not None and UNIDENTIFIED in join.unknown.values()

    def _draft_creations(self, creations: list[Creation]) -> None:
        """Accept the creations that have a container."""
        planning = self.planning
        self._containers.planned = {node.then for node in self.drafts.nodes if node.then}
        # Parents first, so that a child of an object that cannot be created is refused too.
        for _, id, place, container in sorted(creations):
            try:
                if container is not None:
                    self._containers.need(container)
            except RecordError as error:
                self.drafts.spool.flush()
                draft = self.drafts.read_at(place)
                planning.reject(draft.change.key, draft.id, error)
            else:
                self.drafts.accept(Node(Action.CREATE, None, id), place)
                self._containers.planned.add(id)

    def _draft_missing(self, settled: Settled) -> None:
        planning = self.planning
        what = planning.job.missing_at_source
        listing = settled.source()
        if isinstance(listing, DoubtfulListing):
            if what != "skip":
                self._warn_of_doubt(listing)
            return
        certain = listing.missing()
        missing = MissingObjects(planning, settled, self.objects, certain)
        unseen = set(Identities(certain.unseen))
        if self._is_any_unidentified(settled.join):
            unseen &= planning.past.absent.members
        self.absent = {*missing.absent, *unseen}
        self.memberships += missing.memberships
        if what == "skip":
            return
        self._warn_of_doubled(settled)
        removable = list(missing.removable())
        holding = (
            self._holding_others([found.id for found, _ in removable])
            if isinstance(what, MoveMissing)
            else set()
        )
        if holding:
            planning.leave_alone(WhyLeftAlone.HOLDS_OTHERS, "", sorted(holding))
        for found, marks in removable:
            if found.id in holding:
                continue
            key = planning.layout.key_text(
                value for i in planning.layout.keys for value in found.values[i][:1]
            )
            name = self._name_of(key, found.values)
            if isinstance(what, MoveMissing):
                self._draft_departure(found, key, what.move, marks, name)
            else:
                fields = tuple(
                    FieldChange(
                        name,
                        tuple(sorted(found.values[i])),
                        (),
                        replace=not planning.layout.rules[i].equality,
                    )
                    for i, name in enumerate(planning.layout.fields)
                    if found.values[i]
                )
                change = Change(
                    Action.DELETE,
                    key,
                    found.id,
                    identity=found.identity,
                    fields=fields,
                    marks=marks,
                    name=name,
                )
                self.drafts.add(Draft(change, {}, {}, found.id))

    def _warn_of_doubled(self, settled: Settled) -> None:
        """Say that objects are not removed whose key others have too, though no record has it."""
        removes_all, unknown = self.planning.remove is Removal.ALL, settled.join.unknown
        doubled = [
            offsets
            for offsets in settled.doubled()
            if removes_all or any(offset not in unknown for offset in offsets)
        ]
        if doubled:
            names = [self.object_at(offset).id for offset in doubled[0][:3]]
            self.planning.warnings.append(
                f"{sum(map(len, doubled))} objects have no record, and a key that another object at the"
                f" destination has too, so none of them is deleted, disabled or moved: {'; '.join(names)}."
                " Make their keys unique, or remove them by hand."
            )

    def _warn_of_doubt(self, listing: DoubtfulListing) -> None:
        """Say that nothing is removed although something seems to be missing."""
        seem = sum(1 for _ in listing.settled.unmatched())
        if not seem:
            return
        why = {
            Doubt.CUT_OFF: (
                "the source may have been cut off, so what is missing may be in the part that is lacking"
            ),
            Doubt.UNREADABLE_KEY: "a source record has no readable key, so it may stand for what is missing",
        }[listing.doubt]
        absent = f"{seem} objects seem" if seem > 1 else "1 object seems"
        self.planning.warnings.append(
            f"{absent} to be missing at the source, but nothing is deleted, disabled or moved: {why}."
        )

    def findings(self, settled: Settled, recognised: Sequence[bytes]) -> Findings:
        """What the job will know once the plan has been applied.

        `recognised`: objects that it knew by name only.
        """
        join, planning = settled.join, self.planning
        matched = {*settled.met(), *recognised}
        unmatched = set(settled.unmatched())
        for offset in join.unknown.keys() - unmatched - set(join.unkeyed):
            identity = join.unknown[offset]
            if identity not in matched:
                # Its record cannot be used, or it shows no identity: it has a record all the same.
                planning.hold(identity, object_id(self.objects.read(offset)))
        absent = None if self.absent is None else Identities.of(self.absent - planning.held)
        return Findings(
            Identities.of(matched),
            absent,
            Identities.of(planning.held - matched),
            Identities.of(planning.held_names),
        )

    def _holding_others(self, ids: Sequence[str]) -> set[str]:
        """Those of these objects below which there are others that this plan does not remove too."""
        destination = self.planning.destination
        leaving = {destination.names.normalise(id) for id in ids}
        children = destination.children(ids)
        return {
            id
            for id, below in children.items()
            if any(destination.names.normalise(child) not in leaving for child in below)
        }

    def _draft_departure(
        self, found: ObjectRecord, key: str, container: str, marks: tuple[Mark, ...], name: str | None
    ) -> None:
        planning = self.planning
        try:
            self._containers.need(container)
        except RecordError as error:
            planning.reject(key, found.id, error)
            return
        then = planning.destination.names.moved(found.id, container)
        change = Change(
            Action.MOVE, key, found.id, new_object=then, identity=found.identity, marks=marks, name=name
        )
        self.drafts.add(Draft(change, {}, {}, found.id))


def _several(ids: Sequence[str], *, known: bool = False) -> str:
    """Subject and verb of a sentence about what objects have."""
    if len(ids) == 1:
        return f"{ids[0]}{', which this job knows,' if known else ''} has"
    return f"{len(ids)} objects{' that this job knows' if known else ''}, such as {ids[0]}, have"
