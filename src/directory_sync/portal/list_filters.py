"""Filters of lists, as an address keeps them: a column, an operator and a value; several of them all count.

`where=source.contains.head` asks for the rows whose source contains `head`. Letters are compared in any case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Generic, Literal, TypeVar

from directory_sync.definition.problems import nearest
from directory_sync.printable import printable

Row = TypeVar("Row")

MOST_CONDITIONS = 20
"""Of one address."""
LONGEST_VALUE = 1_000

Value = str | int | datetime | Sequence[str] | None
"""What a row has in a column; several texts count as if the row stood in the list for each of them."""


class Operator(StrEnum):
    """How a column is compared."""

    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    IS = "is"
    IS_NOT = "is_not"
    STARTS = "starts"
    NOT_STARTS = "not_starts"
    ENDS = "ends"
    NOT_ENDS = "not_ends"
    PRESENT = "present"
    ABSENT = "absent"
    FROM = "ge"
    UP_TO = "le"


LABELS: Mapping[Operator, str] = {
    Operator.CONTAINS: "Contains",
    Operator.NOT_CONTAINS: "Not contain",
    Operator.IS: "Is exactly",
    Operator.IS_NOT: "Is not",
    Operator.STARTS: "Starts with",
    Operator.NOT_STARTS: "Does not start with",
    Operator.ENDS: "Ends with",
    Operator.NOT_ENDS: "Does not end with",
    Operator.PRESENT: "Present",
    Operator.ABSENT: "Not present",
    Operator.FROM: "Greater or equal",
    Operator.UP_TO: "Less or equal",
}
_WITHOUT_VALUE = (Operator.PRESENT, Operator.ABSENT)
_OF_ORDER = (Operator.FROM, Operator.UP_TO, Operator.IS, Operator.IS_NOT, *_WITHOUT_VALUE)
"""What numbers and times are compared by."""
_NEGATED: Mapping[Operator, Operator] = {
    Operator.NOT_CONTAINS: Operator.CONTAINS,
    Operator.IS_NOT: Operator.IS,
    Operator.NOT_STARTS: Operator.STARTS,
    Operator.NOT_ENDS: Operator.ENDS,
    Operator.ABSENT: Operator.PRESENT,
}


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    """What a list can be filtered and sorted by.

    Attributes:
        name: in addresses.
        label: for people.
        value: what a row has there.
        kind: how it is compared.
        late_first: the largest or latest comes first where people sort by it.
    """

    name: str
    label: str
    value: Callable[[Row], Value]
    kind: Literal["text", "number", "time"] = "text"
    late_first: bool = False


@dataclass(frozen=True, slots=True)
class Condition(Generic[Row]):
    """One filter; `text` is how an address writes it."""

    column: Column[Row]
    operator: Operator
    value: str

    @property
    def text(self) -> str:
        """As an address writes it."""
        return f"{self.column.name}.{self.operator}" + (f".{self.value}" if self.value else "")

    @property
    def words(self) -> str:
        """Operator and value, for people."""
        return f"{LABELS[self.operator].lower()} {self.value}".strip()

    def fits(self, row: Row) -> bool:
        """Whether a row may be shown."""
        if self.operator in _NEGATED:
            return not _holds(self.column, _NEGATED[self.operator], self.value, row)
        return _holds(self.column, self.operator, self.value, row)


def read_conditions(
    texts: Iterable[str], columns: Mapping[str, Column[Row]]
) -> tuple[list[Condition[Row]], list[str]]:
    """The filters of an address, and what is wrong with those that cannot be used."""
    conditions: list[Condition[Row]] = []
    problems: list[str] = []
    for text in dict.fromkeys(texts):
        name, _, rest = text.partition(".")
        operator, _, value = rest.partition(".")
        if problem := _problem(name, operator, value.strip(), columns):
            problems.append(problem)
        elif len(conditions) >= MOST_CONDITIONS:
            problems.append(f"There are more than {MOST_CONDITIONS} filters; the rest is left out.")
            break
        else:
            operator = Operator(operator)
            kept = "" if operator in _WITHOUT_VALUE else value.strip()
            conditions.append(Condition(columns[name], operator, kept))
    return conditions, problems


def _problem(name: str, operator: str, value: str, columns: Mapping[str, Column[Row]]) -> str:
    if name not in columns:
        near = nearest(name, list(columns))
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(columns)}."
        return f"There is no column {_quoted(name)}. {hint}"
    if operator not in set(Operator):
        near = nearest(operator, list(Operator))
        hint = f"Did you mean {near}?" if near else f"There are: {', '.join(Operator)}."
        return f"There is no operator {_quoted(operator)}. {hint}"
    column, compared = columns[name], Operator(operator)
    if compared in _WITHOUT_VALUE:
        return ""
    if not value:
        return f"{column.label}: give a value."
    if len(value) > LONGEST_VALUE:
        length = f"{len(value):,} characters; at most {LONGEST_VALUE:,}"
        return f"{column.label}: the value has {length} are possible."
    if column.kind == "text":
        return ""
    if compared not in _OF_ORDER:
        return f"{column.label} cannot be compared by “{LABELS[compared]}”. Choose “{LABELS[Operator.FROM]}”."
    if column.kind == "number" and not (value.isascii() and value.isdigit() and len(value) <= 18):
        return f"{column.label}: {_quoted(value)} must be a whole number."
    if column.kind == "time" and _day(value) is None:
        return f"{column.label}: {_quoted(value)} must be a day, as in 2026-01-31."
    return ""


def _holds(column: Column[Row], operator: Operator, value: str, row: Row) -> bool:
    found = column.value(row)
    match found:
        case None:
            return False
        case datetime():
            return _time_holds(found, operator, value)
        case int():
            return _number_holds(found, operator, value)
        case str():
            return _text_holds(found, operator, value)
        case _:
            return any(_text_holds(each, operator, value) for each in found)


def _text_holds(found: str, operator: Operator, value: str) -> bool:
    has, wanted = found.casefold(), value.casefold()
    match operator:
        case Operator.CONTAINS:
            return wanted in has
        case Operator.IS:
            return has == wanted
        case Operator.STARTS:
            return has.startswith(wanted)
        case Operator.ENDS:
            return has.endswith(wanted)
        case Operator.PRESENT:
            return bool(has)
        case Operator.FROM:
            return has >= wanted
        case _:
            return has <= wanted


def _number_holds(found: int, operator: Operator, value: str) -> bool:
    match operator:
        case Operator.PRESENT:
            return True
        case Operator.FROM:
            return found >= int(value)
        case Operator.UP_TO:
            return found <= int(value)
        case _:
            return found == int(value)


def _time_holds(found: datetime, operator: Operator, value: str) -> bool:
    if operator is Operator.PRESENT:
        return True
    day = _day(value)
    assert day is not None  # `_problem` has looked
    after = day + timedelta(days=1) if day < _LAST else day
    match operator:
        case Operator.FROM:
            return found >= day
        case Operator.UP_TO:
            return found < after
        case _:
            return day <= found < after


_LAST = datetime(9999, 12, 31, tzinfo=UTC)


def _day(text: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError:
        return None


def _quoted(text: str) -> str:
    return f"“{printable(text if len(text) <= 40 else f'{text[:40]}…')}”"


def sort_rows(rows: Iterable[Row], column: Column[Row], *, descending: bool) -> list[Row]:
    """The rows in the order of a column; those without a value come last, whichever way it goes."""
    known: list[tuple[Value, Row]] = []
    without: list[Row] = []
    for row in rows:
        value = column.value(row)
        if value is None or value in ("", ()):
            without.append(row)
        else:
            known.append((_ordered(value), row))
    known.sort(key=lambda pair: pair[0], reverse=descending)  # type: ignore[arg-type,return-value]
    return [row for _, row in known] + without


def _ordered(value: Value) -> Value:
    if isinstance(value, str):
        return value.casefold()
    return value if isinstance(value, (int, datetime)) else [each.casefold() for each in value or ()]
