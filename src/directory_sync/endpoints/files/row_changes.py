"""Deciding what becomes of one change to one row, given the rows that the file holds now. Touches no file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from directory_sync.endpoints.change import Action, Change, FieldChange, Outcome, Result, Values


@dataclass(frozen=True, slots=True)
class RowChange:
    """A change, what becomes of it, and what it writes.

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
    sequence: int, change: Change, *, id: str, rows: Sequence[Mapping[str, str]], retried: bool, encoding: str
) -> RowChange:
    """Compare what the change saw with the rows of that id as they are now.

    `rows` holds lower-case column → text of each row with the id; `retried` says that an earlier attempt may
    have carried the change out already.
    """

    def result(result: Result, message: str = "", cells: Mapping[str, str] | None = None) -> RowChange:
        return RowChange(id, change.action, Outcome(sequence, result, message), cells or {})

    if change.action not in (Action.CREATE, Action.UPDATE, Action.DELETE):
        return result(
            Result.FAILED, f"row {id}: rows of a CSV file cannot be {change.action}d. Use delete or skip."
        )
    if len(rows) > 1:
        return result(
            Result.FAILED, f"row {id}: {len(rows)} rows have this key. Take all but one out of the file."
        )
    try:
        cells = {changed.field.lower(): _cell(changed, changed.new) for changed in change.fields}
        seen = {changed.field.lower(): _cell(changed, changed.old) for changed in change.fields}
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
            f"row {id}: somebody changed {', '.join(differing)} meanwhile. Run the job again to compare with"
            f" the"
            f" new content."
        )
        return Result.CONFLICT, message
    return Result.DONE, ""


def _cell(changed: FieldChange, values: Values) -> str:
    if len(values) > 1:
        raise ValueError(
            f"{changed.field} has {len(values)} values, and a cell holds one. Give the mapping a delimiter."
        )
    try:
        text = values[0].decode() if values else ""
    except UnicodeDecodeError:
        raise ValueError(f"{changed.field} is binary, and a CSV cell holds text only.") from None
    if "\0" in text:
        raise ValueError(f"{changed.field} holds a NUL character, which a CSV file cannot hold.")
    return text


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
