"""Rows, as files and tables have them: their names, what a cell holds, and whether one is still as a plan saw
it. Touches no file and no table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from directory_sync.endpoints.blanks import BLANKS
from directory_sync.endpoints.change import (
    Action,
    Change,
    Outcome,
    Result,
    Values,
    value_to_json,
)
from directory_sync.endpoints.contract import FieldRule
from directory_sync.errors import EndpointError, RecordError


def row_id(key: Sequence[str]) -> str:
    """The id of a row: its key values with commas between, so that no two keys give one id; empty if a value
    is missing.
    """
    if not all(value.strip(BLANKS) for value in key):
        return ""
    if len(key) == 1:
        return key[0]
    return ",".join(value.replace("\\", "\\\\").replace(",", "\\,") for value in key)


@dataclass(frozen=True, slots=True)
class RowNames:
    """Rows are named by their keys, to the letter. They are in no container, and keep their names.

    Attributes:
        label: how messages name the endpoint.
        kind: of file, in messages: `CSV`.
        keys: the job's key fields; none for a source, whose rows are named by their places.
    """

    label: str
    kind: str
    keys: tuple[str, ...] = ()

    def normalise(self, id: str) -> str:
        """Ids are exact."""
        return id

    def path(self, id: str) -> tuple[str, ...]:
        """Only its own id."""
        return (id,)

    def parent(self, id: str) -> None:  # noqa: ARG002
        """Rows are in no container."""
        return

    def made_of(self, naming: str) -> tuple[str, ...]:  # noqa: ARG002
        """Of keys only."""
        return ()

    def new(self, naming: str, values: Mapping[str, Sequence[bytes]], container: str) -> str:  # noqa: ARG002
        """The key of a new row. Raises RecordError if that is not complete, or binary."""
        lower = {name.lower(): held for name, held in values.items()}
        key: list[str] = []
        for name in self.keys:
            value = b"".join(lower.get(name.lower(), ())[:1])
            try:
                key.append(value.decode())
            except UnicodeDecodeError:
                raise RecordError(
                    f"the value is binary and cannot be a key in a {self.kind} file.", field=name
                ) from None
            if not value:
                raise RecordError("the key has no value. Fill it at the source.", field=name)
        return row_id(key)

    def renamed(self, id: str, values: Mapping[str, Sequence[bytes]], exact: Collection[str] = ()) -> str:  # noqa: ARG002
        """Key fields are never changed, so neither are ids."""
        return id

    def moved(self, id: str, container: str) -> str:  # noqa: ARG002
        """Rows cannot be moved: always raises EndpointError."""
        raise EndpointError(
            f"rows of a {self.kind} file cannot be moved.", endpoint=self.label, remedy="Use delete or skip."
        )

    def fixed_values(self, id: str) -> tuple[tuple[str, bytes], ...]:  # noqa: ARG002
        """None: a row's key is its key fields."""
        return ()

    def is_made_of(self, id: str, field: str, value: bytes) -> bool:  # noqa: ARG002
        """No: nothing has to be unique but keys, and those are not handed over."""
        return False

    def temporary(self, id: str, identity: bytes, number: int) -> None:  # noqa: ARG002
        """None: rows keep their keys."""
        return


def cell_rule(name: str, kind: str) -> FieldRule:
    """What a cell can hold: one text that is not empty. `kind`: as in `CSV`."""

    def check(value: bytes) -> str | None:
        try:
            text = value.decode()
        except UnicodeDecodeError:
            return f"the value is binary, and a {kind} cell holds text only"
        if not text:
            return f"the value is empty, which a {kind} cell cannot tell from an absent one"
        if "\0" in text:
            return f"the value holds a NUL character, which a {kind} file cannot hold"
        return None

    return FieldRule(name, single=True, check=check)


def cell_text(field: str, values: Values, kind: str) -> str:
    """The text of a cell that holds one text; empty without a value. Raises ValueError for anything else."""
    if len(values) > 1:
        raise ValueError(
            f"{field} has {len(values)} values, and a cell holds one. Give the mapping a delimiter."
        )
    try:
        text = values[0].decode() if values else ""
    except UnicodeDecodeError:
        raise ValueError(f"{field} is binary, and a {kind} cell holds text only.") from None
    if "\0" in text:
        raise ValueError(f"{field} holds a NUL character, which a {kind} file cannot hold.")
    return text


# -- is a row as it was seen ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RowChange:
    """A change, what happens to it, and what it writes.

    Attributes:
        id: the row.
        outcome: done means: to be done now.
        cells: lower-case column → new text, for a creation or an update.
    """

    id: str
    action: Action
    outcome: Outcome
    cells: Mapping[str, str] = field(default_factory=dict)


def decide(
    sequence: int,
    change: Change,
    *,
    id: str,
    rows: Sequence[Mapping[str, str]],
    retried: bool,
    encoding: str,
    kind: str,
    cell: Callable[[str, Values], str],
) -> RowChange:
    """Compare what the change saw with the rows of that id as they are now.

    Args:
        sequence: the change's place in its plan.
        change: to be written.
        id: of the row.
        rows: lower-case column → text, of each row with the id.
        retried: an earlier attempt may have carried the change out already.
        encoding: that the new texts must fit in.
        kind: of the endpoint, in messages: `CSV`.
        cell: the text of a cell with these values of a field; raises ValueError if there is none.
    """

    def result(result: Result, message: str = "", cells: Mapping[str, str] | None = None) -> RowChange:
        return RowChange(id, change.action, Outcome(sequence, result, message), cells or {})

    if change.action not in (Action.CREATE, Action.UPDATE, Action.DELETE):
        return result(
            Result.FAILED, f"row {id}: rows of a {kind} file cannot be {change.action}d. Use delete or skip."
        )
    if len(rows) > 1:
        return result(
            Result.FAILED, f"row {id}: {len(rows)} rows have this key. Take all but one out of the file."
        )
    try:
        cells = {changed.field.lower(): cell(changed.field, changed.new) for changed in change.fields}
        seen = {changed.field.lower(): cell(changed.field, changed.old) for changed in change.fields}
        if change.action is not Action.DELETE:
            _check_encodable(cells, encoding)
    except ValueError as error:
        return result(Result.FAILED, f"row {id}: {error}")
    row = rows[0] if rows else None
    verdict, message = _compare(change, id, row, seen, cells, retried=retried)
    return result(verdict, message, {} if change.action is Action.DELETE else cells)


def _compare(
    change: Change,
    id: str,
    row: Mapping[str, str] | None,
    seen: Mapping[str, str],
    cells: Mapping[str, str],
    *,
    retried: bool,
) -> tuple[Result, str]:
    if change.action is Action.CREATE:
        if row is None:
            return Result.DONE, ""
        if retried and not _differences(row, cells):
            return Result.FOUND_DONE, ""
        return Result.CONFLICT, f"row {id} exists already. Run the job again to compare with it."
    if row is None:
        if retried and change.action is Action.DELETE:
            return Result.FOUND_DONE, ""
        return Result.CONFLICT, f"row {id} is gone. Run the job again to see what is to be done now."
    if retried and change.action is Action.UPDATE and not _differences(row, cells):
        return Result.FOUND_DONE, ""
    if differing := _differences(row, seen):
        message = (
            f"row {id}: someone changed {', '.join(differing)} meanwhile. Run the job again to compare with"
            " the new content."
        )
        return Result.CONFLICT, message
    return Result.DONE, ""


def _check_encodable(cells: Mapping[str, str], encoding: str) -> None:
    for name, text in cells.items():
        try:
            text.encode(encoding)
        except UnicodeEncodeError as error:
            character = text[error.start]
            raise ValueError(
                f"{name} holds {character!r}, which {encoding} lacks. Use encoding: utf-8."
            ) from None


def _differences(row: Mapping[str, str], expected: Mapping[str, str]) -> list[str]:
    return [name for name, text in expected.items() if row.get(name, "") != text]


# -- showing -------------------------------------------------------------------------------------------------


def rendered_row(change: Change, label: str) -> str:
    """A change to a row as a comment, where others have LDIF."""
    fields = "; ".join(
        f"{field.field}: {_shown(field.old)} -> {_shown(field.new)}" for field in change.fields
    )
    text = f"{label}: {change.action} row {change.object}" + (f": {fields}" if fields else "")
    return "# " + re.sub(r"[\x00-\x1f\x7f\x85\u2028\u2029]+", " ", text) + "\n"


def _shown(values: Sequence[bytes]) -> str:
    texts = [value_to_json(value) for value in values]
    return ", ".join(repr(text) if isinstance(text, str) else str(text) for text in texts) or "nothing"
