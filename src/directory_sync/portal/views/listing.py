"""What lists of many things have in common: columns to sort by, filters as chips, and pages, all in the
address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from directory_sync.portal.list_filters import LABELS, Column, Condition, read_conditions

_NEW = ("column", "operator", "value")
"""The fields by which a form adds a filter."""
_PAGING = ("skip", "before")

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Head:
    """A column that the list can be sorted by.

    Attributes:
        sorted: `ascending`, `descending`, or empty.
        query: of the list in this order, or the other way round where it is already.
    """

    label: str
    sorted: str
    query: str


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on; `without` is the query of the list without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The parts of a list that are not its rows.

    Attributes:
        path: of the list below the portal's root.
        values: fields of the form as they were given, by parameter.
        where: the filters as the address has them.
        chips: all filters that are on.
        columns, operators: name → label, for the form that adds a filter.
        heads: columns by the names of the order. `sorts`: name → label.
        newer, older: queries of the pages before and after this one; empty where there is none.
        problems: what was wrong with the address.
        folded_out: one of the filters or orders is on that are folded away otherwise.
    """

    path: str
    values: Mapping[str, str]
    where: tuple[str, ...]
    chips: tuple[Chip, ...]
    columns: Mapping[str, str]
    operators: Mapping[str, str]
    heads: Mapping[str, Head]
    sorts: Mapping[str, str]
    newer: str
    older: str
    problems: tuple[str, ...]
    folded_out: bool

    @property
    def filtered(self) -> bool:
        """Whether a filter is on."""
        return bool(self.chips)


@dataclass(frozen=True, slots=True)
class Address:
    """What an address asks for, once what is wrong was taken out.

    Attributes:
        given: its parameters, without pages.
        conditions: its filters by column and operator.
        problems: what was wrong.
    """

    given: tuple[tuple[str, str], ...]
    conditions: tuple[Condition[Any], ...]
    problems: tuple[str, ...]

    @classmethod
    def read(
        cls,
        parameters: Parameters,
        problems: Mapping[str, str],
        columns: Mapping[str, Column[Any]],
        known: Iterable[str],
    ) -> Address:
        """Read the parameters that a query has left.

        Args:
            parameters: name and value of those that are right.
            problems: what was wrong with others, by their names.
            columns: that filters may name.
            known: the parameters that the list has.
        """
        names = frozenset(known)
        added = dict(parameters)
        texts = [value for name, value in parameters if name == "where" and value.strip()]
        if added.get("value", "").strip() or added.get("operator", "") in ("present", "absent"):
            texts.append(".".join(added.get(name, "") for name in _NEW))
        conditions, wrong = read_conditions(texts, columns)
        given = [
            (name, value)
            for name, value in parameters
            if name in names and name != "where" and name not in _PAGING and value.strip()
        ]
        given += [("where", condition.text) for condition in conditions]
        return cls(
            tuple(given),
            tuple(conditions),
            (*(f"{name}: {problem}" for name, problem in problems.items()), *wrong),
        )


def listing(
    path: str,
    address: Address,
    *,
    known: Iterable[str],
    columns: Mapping[str, Column[Any]],
    sorts: Mapping[str, str],
    sort: str,
    descending: bool,
    filters: Mapping[str, str],
    newer: Mapping[str, object] | None,
    older: Mapping[str, object] | None,
    words: Mapping[str, Mapping[str, str]] | None = None,
) -> Listing:
    """The frame of a list.

    Args:
        path: of the list below the portal's root.
        address: as it was read.
        known: the parameters that it has.
        columns: that filters may name.
        sorts: name of an order → its label.
        sort, descending: the order that counts.
        filters: parameter → label, of the filters that have a field of their own.
        newer, older: what the address of another page has as well; None where there is none.
        words: parameter → value → what people call it.
    """
    values = dict.fromkeys(known, "") | dict(reversed(address.given))
    chips = [
        Chip(label, ((words or {}).get(name, {})).get(value, value), _query(_without(address, name, value)))
        for name, label in filters.items()
        for each, value in address.given
        if each == name
    ]
    chips += [
        Chip(each.column.label, each.words, _query(_without(address, "where", each.text)))
        for each in address.conditions
    ]
    return Listing(
        path=path,
        values=values,
        where=tuple(each.text for each in address.conditions),
        chips=tuple(chips),
        columns={column.name: column.label for column in columns.values()},
        operators={operator.value: label for operator, label in LABELS.items()},
        heads={name: _head(name, label, address, columns, sort, descending) for name, label in sorts.items()},
        sorts=sorts,
        newer="" if newer is None else _query([*address.given, *newer.items()]),
        older="" if older is None else _query([*address.given, *older.items()]),
        problems=address.problems,
        folded_out=any(name != "search" for name, _ in address.given) or bool(address.problems),
    )


def _head(
    name: str,
    label: str,
    address: Address,
    columns: Mapping[str, Column[Any]],
    sort: str,
    descending: bool,
) -> Head:
    on = name == sort
    # Of runs and changes the latest come first, unless that is how they stand already.
    first = "down" if name in columns and columns[name].late_first else "up"
    order = ("up" if descending else "down") if on else first
    said = ("descending" if descending else "ascending") if on else ""
    rest = [pair for pair in address.given if pair[0] not in ("sort", "order")]
    return Head(label, said, _query([*rest, ("sort", name), ("order", order)]))


def _without(address: Address, name: str, value: str) -> list[tuple[str, str]]:
    return [pair for pair in address.given if pair != (name, value)]


def _query(parameters: Iterable[tuple[str, object]]) -> str:
    return urlencode(list(parameters))
