"""What destinations that are files have in common: written again as a whole, in one step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from directory_sync.endpoints.change import Action, Change, Outcome, Result, Values
from directory_sync.endpoints.contract import NONE_WITHHELD, Can
from directory_sync.endpoints.exchanges import Part
from directory_sync.endpoints.files.replacing import replace_content, writing_to
from directory_sync.endpoints.rows import RowChange, cell_text, decide, rendered_row
from directory_sync.endpoints.unwritten import APPEARED, withheld_with_dependants
from directory_sync.endpoints.whole import WholeDestination
from directory_sync.errors import EndpointError, MissingObjectError, RecordError

WriteContent = Callable[[BinaryIO], None]


class RewrittenFile(WholeDestination):
    """Base of file destinations; combine it with the source that reads the same kind of file."""

    path: Path
    can = frozenset({Can.WRITE_AT_ONCE})

    def look(self, changes: Iterable[tuple[int, Change]], *, renamed: Mapping[str, str]) -> Iterator[Outcome]:  # noqa: ARG002 - all or nothing was written
        """Tell by looking into the file the results of changes. It was written in one step, or not at all."""
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
        withheld: Mapping[int, str] = NONE_WITHHELD,
        absent: Collection[int] = frozenset(),
    ) -> Iterator[Outcome]:
        """Give the file its new content in one step, then tell the result of each change.

        Whether each touched record is still as it was seen is looked up in the file itself, while no other
        writer is let in.
        """
        todo = list(changes)
        if not todo:
            return
        with writing_to(self.path, self.label):
            withheld = {**withheld, **dict.fromkeys(self._appeared(todo, absent), APPEARED)}
            refused = withheld_with_dependants(todo, withheld, self.names)
            sendable = [each for each in todo if each[0] not in refused]
            outcomes, write_content = self._decide(sendable, verify)
            if any(outcome.result is Result.DONE for outcome in outcomes):
                replace_content(self.path, self.label, write_content, before_send)
        decided = iter(outcomes)
        for sequence, change in todo:
            if sequence in refused:
                message = f"{self.label}: {change.object}: {refused[sequence]}"
                yield Outcome(sequence, Result.FAILED, message)
            else:
                yield next(decided)

    def _appeared(self, todo: Sequence[tuple[int, Change]], absent: Collection[int]) -> Iterator[int]:
        """The places of those changes that could be made although their objects had not been there."""
        doubtful = [each for each in todo if each[0] in absent]
        if doubtful:
            outcomes, _ = self._decide(doubtful, frozenset())
            yield from (outcome.sequence for outcome in outcomes if outcome.result is Result.DONE)

    @abstractmethod
    def _decide(
        self, todo: Sequence[tuple[int, Change]], verify: Collection[int]
    ) -> tuple[Sequence[Outcome], WriteContent]:
        """What happens to each change, and what writes the content that the file has after those that are
        done.

        Args:
            todo: changes with their places in the plan.
            verify: places of those that an earlier attempt may have applied already; of a file that is
                not there, nothing is found done.
        """


class RowFile(RewrittenFile):
    """Base of file destinations that hold rows; `names` has to be the `RowNames` of the job's keys."""

    encoding: str = "utf-8"

    @abstractmethod
    def rows_by_id(self, ids: Collection[str]) -> Mapping[str, Sequence[Mapping[str, str]]]:
        """Lower-case field → text, of each row of the existing file that has one of these ids."""

    @abstractmethod
    def write_rows(self, stream: BinaryIO, changes: Mapping[str, RowChange], *, exists: bool) -> None:
        """Write the whole new content: the old rows with these changes to some of them, by id, and new rows.

        `exists`: `self.path` holds the old content. Not to be asked again: a file that has gone in the
        meantime is an error, never an empty one.
        """

    def cell(self, field: str, values: Values) -> str:
        """The text of a cell with these values of a field; empty without a value.

        One text by default. Raises ValueError, with what is wrong, if a cell cannot hold them.
        """
        return cell_text(field, values, self.kind)

    def render(self, change: Change, part: Part = Part.WHOLE) -> str:  # noqa: ARG002 - rows are written in one part
        """A comment, because there is no standard form for changes to rows."""
        return rendered_row(change, self.label)

    def _decide(
        self, todo: Sequence[tuple[int, Change]], verify: Collection[int]
    ) -> tuple[Sequence[Outcome], WriteContent]:
        exists = self.path.exists()
        found = self.rows_by_id({self._target(change) for _, change in todo}) if exists else {}
        decided: list[RowChange] = []
        taken: set[str] = set()
        for sequence, change in todo:
            target = self._target(change)
            if target in taken:
                message = (
                    f"row {target}: another change of this plan is about the same row. Run the job again."
                )
                decided.append(RowChange(target, change.action, Outcome(sequence, Result.FAILED, message)))
                continue
            taken.add(target)
            row = decide(
                sequence,
                change,
                id=target,
                rows=found.get(target, []),
                retried=exists and sequence in verify,
                encoding=self.encoding,
                kind=self.kind,
                cell=self.cell,
            )
            decided.append(row)
        done = {row.id: row for row in decided if row.outcome.result is Result.DONE}

        def write(stream: BinaryIO) -> None:
            if self.path.exists() is not exists:
                raise EndpointError(
                    f"the file has {'gone' if exists else 'appeared'} while the job worked on it.",
                    endpoint=self.label,
                    remedy="See which other program replaces it, and run the job again. Nothing was written.",
                )
            self.write_rows(stream, done, exists=exists)

        return [row.outcome for row in decided], write

    def _target(self, change: Change) -> str:
        if change.action is not Action.CREATE:
            return change.object
        try:
            return self.names.new("", {field.field: field.new for field in change.fields}, "")
        except RecordError:
            return change.object


def _found(change: Change, decided: Outcome) -> Outcome:
    """What a look says of a change, from what would happen to it if it were written now."""
    if decided.result is Result.FOUND_DONE:
        return decided
    if decided.result is Result.DONE or change.action is Action.DELETE:
        # A record that is there was not deleted, whatever it looks like.
        return Outcome(decided.sequence, Result.NOT_DONE)
    return Outcome(decided.sequence, Result.UNCERTAIN, decided.message)
