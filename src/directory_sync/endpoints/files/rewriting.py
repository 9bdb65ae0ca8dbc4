"""What destinations that are files have in common: no containers, read as a whole, and written anew in one step."""

# ruff: noqa: ARG002 - the protocol's methods take what other endpoints need

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from directory_sync.endpoints.change import Change, Outcome, Result
from directory_sync.endpoints.files.replacing import replace_content, writing_to
from directory_sync.endpoints.protocol import Batch, Record

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
    def read(self, fields: Sequence[str]) -> Iterator[Batch]:
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

    def write(
        self,
        changes: Iterable[tuple[int, Change]],
        *,
        before_send: Callable[[], None],
        verify: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Give the file its new content in one step, then tell what became of each change.

        Whether each touched record is still as it was seen is looked up in the file itself, while no other writer is let in.
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
    def _decide(self, todo: Sequence[tuple[int, Change]], verify: Collection[int]) -> tuple[Sequence[Outcome], WriteContent]:
        """What becomes of each change, and what writes the content that the file has after those that are done.

        Args:
            todo: changes with their places in the plan.
            verify: places of those that an earlier attempt may have carried out already.
        """
