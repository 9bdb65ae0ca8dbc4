"""What destinations that are files have in common: no containers, read as a whole, and written anew in one
step.
"""

# ruff: noqa: ARG002 - the protocol's methods take what other endpoints need

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from directory_sync.endpoints.change import Action, Change, Outcome, Result
from directory_sync.endpoints.contract import Batch, Record
from directory_sync.endpoints.evidence import Evidence
from directory_sync.endpoints.files.replacing import replace_content, writing_to
from directory_sync.errors import MissingObjectError

WriteContent = Callable[[BinaryIO], None]


class RewrittenFile(ABC):
    """A base of destinations beside the source that reads the same kind of file."""

    label: str
    path: Path

    @property
    @abstractmethod
    def identity(self) -> str:
        """The resolved path."""

    @abstractmethod
    def read(self, fields: Sequence[str]) -> Generator[Batch, None, Evidence]:
        """Yield everything that is in the file."""

    @property
    def areas(self) -> tuple[str, ...]:
        """The file."""
        return (self.identity,)

    def find(self, field: str, values: Sequence[bytes], fields: Sequence[str]) -> Iterator[Record]:
        """Yield every record in whose field one of the values is."""
        wanted = set(values)
        for batch in self.read(list(dict.fromkeys([*fields, field]))):
            for record in batch:
                if not wanted.isdisjoint(record.values.get(field, ())):
                    yield record

    def allowed(self, object_classes: Sequence[str]) -> frozenset[str] | None:
        """No restriction: a file brings no schema."""
        return None

    def container_exists(self, id: str) -> bool:
        """A file may be a part of a directory, or have no containers at all: none is missing."""
        return True

    def exists(self, id: str) -> bool:
        """Everything in a file is managed, so nothing exists that `read` does not yield."""
        return any(record.id == id for batch in self.read(()) for record in batch)

    def is_named_by(self, id: str, field: str, value: bytes) -> bool:
        """No: nothing in a file has to be unique but names."""
        return False

    def temporary_id(self, id: str, identity: bytes, number: int) -> str | None:
        """None: rows keep their keys."""
        return None

    def stored(self, id: str, field: str, values: Sequence[bytes]) -> Collection[bytes]:
        """All of them."""
        return values

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:
        """Tell by looking into the file what became of changes. It was written in one step, or not at all."""
        todo = list(changes)
        if not self.path.exists() and any(change.action is not Action.CREATE for _, change in todo):
            raise MissingObjectError(
                "the file is not there, though it was when the plan was made.",
                endpoint=self.label,
                remedy="Put it back, or see that its folder is mounted.",
            )
        outcomes, _ = self._decide(todo, frozenset(sequence for sequence, _ in todo))
        for (_, change), outcome in zip(todo, outcomes, strict=True):
            yield _found(change, outcome)

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Give the file its new content in one step, then tell what became of each change.

        Whether each touched record is still as it was seen is looked up in the file itself, while no other
        writer is let in.
        """
        todo = list(changes)
        if not todo:
            return
        with writing_to(self.path, self.label):
            outcomes, write_content = self._decide(todo, verify)
            if any(outcome.result is Result.DONE for outcome in outcomes):
                replace_content(self.path, self.label, write_content, before_send)
        yield from outcomes

    @abstractmethod
    def _decide(
        self, todo: Sequence[tuple[int, Change]], verify: Collection[int]
    ) -> tuple[Sequence[Outcome], WriteContent]:
        """What becomes of each change, and what writes the content that the file has after those that are
        done.

        Args:
            todo: changes with their places in the plan.
            verify: places of those that an earlier attempt may have carried out already.
        """


def _found(change: Change, decided: Outcome) -> Outcome:
    """What a look says of a change, from what would become of it if it were written now."""
    if decided.result is Result.FOUND_DONE:
        return decided
    if decided.result is Result.DONE or change.action is Action.DELETE:
        # A record that is there was not deleted, whatever it looks like.
        return Outcome(decided.sequence, Result.NOT_DONE)
    return Outcome(decided.sequence, Result.UNCERTAIN, decided.message)
