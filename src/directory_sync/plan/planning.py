"""What the steps of making one plan share: the job, its endpoints, and the problems found so far."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from directory_sync.definition.models import Collection, DirectoryDestination, Job
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.endpoints.protocol import Destination, Source
from directory_sync.errors import RecordError
from directory_sync.plan.layout import Layout
from directory_sync.plan.model import RecordProblem
from directory_sync.plan.order import Node
from directory_sync.plan.spool import Spool
from directory_sync.plan.transform import CompiledMapping

Progress = Callable[[str, int, int | None], None]
"""Called with the stage (`read source`, `read destination`, `compare`, `look up`), done, and total if it is known."""


@dataclass(slots=True)
class Planning:
    """One plan in the making."""

    collection: Collection
    job: Job
    source: Source
    destination: Destination
    mapping: CompiledMapping
    layout: Layout
    progress: Progress
    problems: list[RecordProblem] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def reject(self, key: str, id: str, error: RecordError | str) -> None:
        """Note why a record or object is not carried out."""
        self.problems.append(RecordProblem(key, id, str(error)))

    def parent(self, id: str) -> str | None:
        """The normalised id of an object's container; None at the top."""
        above = self.destination.parent_id(id)
        return None if above is None else self.destination.normalise_id(above)

    def is_in(self, id: str, container: str) -> bool:
        """Whether the object lies directly in the container."""
        return self.parent(id) == self.destination.normalise_id(container)

    def is_within(self, id: str, container: str) -> bool:
        """Whether the object is the container, or lies anywhere below it."""
        wanted = self.destination.normalise_id(container)
        above: str | None = self.destination.normalise_id(id)
        while above is not None and above != wanted:
            above = self.parent(above)
        return above is not None

    @property
    def moves_existing(self) -> bool:
        """Whether an object whose computed container changed is moved."""
        return isinstance(self.job.destination, DirectoryDestination) and self.job.destination.move_existing


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


class Drafts:
    """All drafts of a plan, on disk; in memory only what ordering needs to know of each."""

    def __init__(self, normalise_id: Callable[[str], str]) -> None:
        self._normalise_id = normalise_id
        self._spool = Spool()
        self._offsets: list[int] = []
        self.nodes: list[Node] = []

    def __len__(self) -> int:
        return len(self.nodes)

    def add(self, draft: Draft) -> None:
        """Append a draft."""
        change = draft.change
        node = Node(
            change.action,
            None if change.action is Action.CREATE else self._normalise_id(change.object),
            None if change.action is Action.DELETE else self._normalise_id(change.final_object),
        )
        parts = (change, dict(draft.lookups), dict(draft.present), draft.id, draft.riding)
        self._offsets.append(self._spool.append(pickle.dumps(parts, protocol=5)))
        self.nodes.append(node)

    def __iter__(self) -> Iterator[Draft]:
        self._spool.flush()
        for offset in self._offsets:
            yield Draft(*pickle.loads(self._spool.read(offset)))  # noqa: S301 - our own file, readable by nobody else

    def close(self) -> None:
        """Give the space back."""
        self._spool.close()
