"""A destination and a store of outcomes in memory, for tests of what applies plans.

The destination pipelines like a real one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.contract import NONE_WITHHELD, FieldRule, Image
from directory_sync.endpoints.unwritten import APPEARED, why_needless
from directory_sync.errors import StoreError
from directory_sync.store.before_images import BeforeImage

WINDOW = 4

Fields = dict[str, tuple[bytes, ...]]


class MemoryDestination:
    """Objects by id. Writes as `Destination.write` demands, with up to `WINDOW` changes sent and not yet
    answered.

    Attributes:
        objects: what is there now.
        sent: places of the changes that were sent, in order.
        looked_at: places of the changes that were looked at before sending.
        refuse: says why a change is refused, or None.
        after_answers: called with the number of answers before each answer; may raise what a real destination
            would.
        closed: whether the writer was told to stop before it was done.
    """

    label = "connection office (ldap://127.0.0.1:389)"

    def __init__(self, objects: dict[str, Fields] | None = None) -> None:
        self.objects: dict[str, Fields] = dict(objects or {})
        self.sent: list[int] = []
        self.looked_at: list[int] = []
        self.refuse: Callable[[int, Change], str | None] = lambda sequence, change: None
        self.after_answers: Callable[[int], None] = lambda count: None
        self.closed = False

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
        withheld: Mapping[int, str] = NONE_WITHHELD,
        absent: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Carry out changes and yield their outcomes."""
        waiting: deque[Outcome] = deque()
        answers = 0
        missing: set[str] = set()
        try:
            for sequence, change in changes:
                needed = next((name for name in change.after if name in missing), None)
                if why := withheld.get(sequence) or (needed and why_needless(needed)):
                    missing.add(change.final_object)
                    yield Outcome(sequence, Result.FAILED, f"{self.label}: {change.object}: {why}")
                    continue
                if sequence in absent and change.object in self.objects:
                    yield Outcome(sequence, Result.FAILED, f"{self.label}: {change.object}: {APPEARED}")
                    continue
                if sequence in verify or sequence in absent:
                    self.looked_at.append(sequence)
                    if self._found_done(change):
                        yield Outcome(sequence, Result.FOUND_DONE)
                        continue
                before_send()
                self.sent.append(sequence)
                waiting.append(self._carry_out(sequence, change))
                if len(waiting) >= WINDOW:
                    self.after_answers(answers)
                    answers += 1
                    yield waiting.popleft()
            while waiting:
                self.after_answers(answers)
                answers += 1
                yield waiting.popleft()
        except GeneratorExit:
            self.closed = True
            raise

    def rule(self, name: str) -> FieldRule:
        """Fax numbers have several names."""
        base, _, options = name.lower().partition(";")
        described = ";".join(filter(None, ("fax" if base == "facsimiletelephonenumber" else base, options)))
        return FieldRule(name, described)

    images_at_once = 3

    def images(self, ids: Collection[str]) -> Iterator[Image]:
        """Objects as they are."""
        return (Image(id, self.objects[id]) for id in ids if id in self.objects)

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:
        """Tell what became of changes."""
        for sequence, change in changes:
            yield Outcome(sequence, Result.FOUND_DONE if self._found_done(change) else Result.NOT_DONE)

    def _found_done(self, change: Change) -> bool:
        if change.action is Action.DELETE:
            return change.object not in self.objects
        there = self.objects.get(change.final_object)
        return there is not None and all(there.get(field.field, ()) == field.new for field in change.fields)

    def _carry_out(self, sequence: int, change: Change) -> Outcome:
        reason = self.refuse(sequence, change)
        if reason is not None:
            return Outcome(sequence, Result.FAILED, reason)
        there = self.objects.get(change.object)
        if change.action is Action.CREATE:
            if there is not None:
                return Outcome(sequence, Result.CONFLICT, "it exists already")
            there = {}
        elif there is None or any(there.get(field.field, ()) != field.old for field in change.fields):
            return Outcome(sequence, Result.CONFLICT, "it is not as it was seen")
        self.objects.pop(change.object, None)
        if change.action is not Action.DELETE:
            self.objects[change.final_object] = there | {field.field: field.new for field in change.fields}
        return Outcome(sequence, Result.DONE)


class MemoryImages:
    """Before-images as the store keeps them.

    Attributes:
        kept: by the places of their changes.
        broken: while set, nothing can be kept.
    """

    def __init__(self) -> None:
        self.kept: dict[int, BeforeImage] = {}
        self.broken = False

    def record(self, plan_id: int, images: Sequence[BeforeImage]) -> None:
        """Keep images."""
        assert plan_id == 1
        if self.broken:
            raise StoreError("store sqlite:///x: disk full. Make room on the disk.")
        for image in images:
            if image.newest_counts or image.sequence not in self.kept:
                self.kept[image.sequence] = image


class MemoryOutcomes:
    """Outcomes as the store keeps them.

    Attributes:
        batches: sizes of the batches in which they came.
        broken: while set, nothing can be recorded.
    """

    def __init__(self) -> None:
        self.recorded: dict[int, Outcome] = {}
        self.batches: list[int] = []
        self.broken = False

    def outcomes(self, plan_id: int) -> dict[int, Outcome]:
        """What was recorded."""
        assert plan_id == 1
        return dict(self.recorded)

    def record_outcomes(self, plan_id: int, outcomes: Sequence[Outcome]) -> None:
        """Record a batch; the first outcome of a change stands."""
        assert plan_id == 1
        if self.broken:
            raise StoreError("store sqlite:///x: disk full. Make room on the disk.")
        self.batches.append(len(outcomes))
        self.recorded = {outcome.sequence: outcome for outcome in outcomes} | self.recorded
