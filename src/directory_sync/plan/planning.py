"""What the steps of making one plan share: the job, its endpoints, and the problems found so far."""

from __future__ import annotations

import functools
import marshal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from directory_sync.definition import models
from directory_sync.definition.models import Removal
from directory_sync.definition.secrets import IsSecret, secret_fields
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.contract import Can, Destination, Source
from directory_sync.errors import RecordError
from directory_sync.plan.layout import Layout
from directory_sync.plan.leaving_alone import left_alone_text
from directory_sync.plan.listing import ReadSides, read_sides
from directory_sync.plan.mapping.transform import CompiledMapping
from directory_sync.plan.model import LeftAlone, RecordProblem, WhyLeftAlone
from directory_sync.plan.past import UNIDENTIFIED, Past, name_hash
from directory_sync.plan.spool import Spool, pack_change, pack_finished, unpack_change, unpack_finished
from directory_sync.plan.structure import Node


class Stage(StrEnum):
    """What a job is at."""

    READ_SOURCE = "read source"
    READ_DESTINATION = "read destination"
    COMPARE = "compare"
    LOOK_UP = "look up"
    APPLY = "apply"


Progress = Callable[[Stage, int, int | None], None]
"""Called with the stage, done, and total if it is known."""


_EXAMPLES = 10
"""So many objects that are left alone are named."""


@dataclass(slots=True)
class Planning:
    """One plan in the making.

    Attributes:
        past: what is on record of the job.
        remove: what may be removed.
        read_sides: how listings are read.
        problems, warnings, left_alone: of the plan.
        unusable: ids of the source records that cannot be used.
        held, held_names: objects that have a record though the job does not know them; see `Findings`.
        is_secret: fields of which no one may see, or search for, a value.
    """

    collection: models.Collection
    job: models.Job
    source: Source
    destination: Destination
    mapping: CompiledMapping
    layout: Layout
    progress: Progress
    past: Past = field(default_factory=Past)
    remove: Removal = Removal.KNOWN
    read_sides: ReadSides = read_sides
    problems: list[RecordProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    left_alone: list[LeftAlone] = field(default_factory=list)
    unusable: tuple[str, ...] = ()
    held: set[bytes] = field(default_factory=set)
    held_names: set[bytes] = field(default_factory=set)
    is_secret: IsSecret = field(init=False)
    _containers: dict[str, str] = field(default_factory=dict)
    _parents: dict[str, str | None] = field(default_factory=dict)
    _depths: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # A plan has few fields, and many changes.
        self.is_secret = functools.cache(secret_fields(self.job))

    def reject(self, key: str, id: str, error: RecordError | str) -> None:
        """Note why a record or object is not processed."""
        self.problems.append(RecordProblem(key, id, str(error)))

    def leave_alone(self, why: WhyLeftAlone, by: str, ids: Sequence[str]) -> None:
        """Note objects without a record that are not removed."""
        item = LeftAlone(why, by, len(ids), tuple(sorted(ids)[:_EXAMPLES]))
        self.left_alone.append(item)
        self.warnings.append(left_alone_text(item, first=not self.past.known))

    def hold(self, identity: bytes, id: str) -> None:
        """Note that an object has a record, whether or not that can be used."""
        if identity != UNIDENTIFIED:
            self.held.add(identity)
        else:
            self.held_names.add(name_hash(id))

    def parent(self, id: str) -> str | None:
        """The normalised id of an object's container; None at the top."""
        # Many objects share few containers, so what is known of a container is kept.
        if id in self._parents:
            return self._parents[id]
        above = self.destination.names.parent(id)
        if above is None:
            return None
        container = self.container(above)
        if container not in self._parents:
            self._parents[container] = self.parent(container)
        return container

    def container(self, id: str) -> str:
        """The normalised id of a container."""
        known = self._containers.get(id)
        if known is None:
            known = self._containers[id] = self.destination.names.normalise(id)
        return known

    def depth(self, id: str) -> int:
        """Number of containers above an object."""
        above = self.parent(id)
        if above is None:
            return 0
        known = self._depths.get(above)
        if known is None:
            known = self._depths[above] = 1 + self.depth(above)
        return known

    def is_in(self, id: str, container: str) -> bool:
        """Whether the object lies directly in the container."""
        return self.parent(id) == self.container(container)

    def is_within(self, id: str, container: str) -> bool:
        """Whether the object is the container, or lies anywhere below it."""
        wanted = self.container(container)
        above: str | None = self.destination.names.normalise(id)
        while above is not None and above != wanted:
            above = self.parent(above)
        return above is not None

    @property
    def moves_existing(self) -> bool:
        """Whether an object whose computed container changed is moved."""
        placement = self.job.destination.placement
        return placement is not None and placement.move_existing

    @property
    def spells_names(self) -> bool:
        """Whether the spelling of an object's name counts."""
        naming = self.job.naming_attribute.lower()
        exact = (self.layout.fields[i].lower() for i in self.layout.exact)
        return Can.RENAME in self.destination.can and naming in exact


@dataclass(frozen=True, slots=True)
class Draft:
    """A change before its lookups are done and its place is known.

    Attributes:
        change: without the fields that need a lookup.
        lookups: field name → source values of `members` and `resolve` fields.
        present: index of such a field → the object's values now.
        id: where its source record was met, for messages.
        riding: fields that are written if a lookup changes something, but are no reason to write.
    """

    change: Change
    lookups: Mapping[str, Sequence[bytes]]
    present: Mapping[int, Sequence[bytes]]
    id: str
    riding: tuple[FieldChange, ...] = ()


def pack_draft(draft: Draft) -> bytes:
    """A draft as bytes for a spool."""
    lookups = {name: list(values) for name, values in draft.lookups.items()}
    present = {index: list(values) for index, values in draft.present.items()}
    return marshal.dumps(
        (pack_change(draft.change), lookups, present, draft.id, tuple(map(tuple, draft.riding)))
    )


def unpack_draft(data: bytes) -> Draft:
    """The inverse of `pack_draft`."""
    change, lookups, present, id, riding = marshal.loads(data)  # noqa: S302 - our own file, readable by no one else
    return Draft(unpack_change(change), lookups, present, id, tuple(map(FieldChange._make, riding)))


class Drafts:
    """All drafts of a plan, on disk; in memory only what ordering needs to know of each.

    Attributes:
        finished: nothing is looked up later, so that a draft is the finished change and need not be copied
            any more.
        spool: where they are, and where the plan's changes stay.
        nodes, places: for each draft what ordering needs, and its place in the spool.
    """

    def __init__(self, normalise_id: Callable[[str], str], is_secret: IsSecret, *, finished: bool) -> None:
        self.finished = finished
        self.spool = Spool()
        self.nodes: list[Node] = []
        self.places: list[int] = []
        self._normalise_id = normalise_id
        self._is_secret = is_secret

    def __len__(self) -> int:
        return len(self.nodes)

    def add(self, draft: Draft) -> None:
        """Append a draft."""
        change = draft.change
        now = None if change.action is Action.CREATE else self._normalise_id(change.object)
        if change.action is Action.DELETE:
            then = None
        else:
            then = (
                now
                if change.new_object is None and now is not None
                else self._normalise_id(change.final_object)
            )
        self.accept(Node(change.action, now, then), self.spool.append(self.pack(draft)))

    def pack(self, draft: Draft) -> bytes:
        """A draft as it is kept in the spool."""
        if not self.finished:
            return pack_draft(draft)
        return pack_finished(draft.change, draft.id, self._is_secret)

    def accept(self, node: Node, place: int) -> None:
        """Let a draft count that is in the spool already."""
        self.nodes.append(node)
        self.places.append(place)

    def read_at(self, place: int) -> Draft:
        """The draft at a place; flush first."""
        data = self.spool.read(place)
        if not self.finished:
            return unpack_draft(data)
        change, id = unpack_finished(data)
        return Draft(change, {}, {}, id)

    def read(self, index: int) -> Draft:
        """The draft of a node."""
        self.spool.flush()
        return self.read_at(self.places[index])

    def __iter__(self) -> Iterator[Draft]:
        self.spool.flush()
        return map(self.read_at, self.places)

    def discard(self, indices: Collection[int]) -> None:
        """Forget some drafts; the others move up."""
        kept = [index for index in range(len(self.nodes)) if index not in indices]
        self.nodes = [self.nodes[index] for index in kept]
        self.places = [self.places[index] for index in kept]
