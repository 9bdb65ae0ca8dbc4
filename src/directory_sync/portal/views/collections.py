"""The list of collections: rows, search, filters and order, all in the address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_list import Listed, ListedPage, list_all
from directory_sync.portal.queries import CollectionQuery, CollectionSort
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.outcomes import LABELS, outcome_text

router = APIRouter()

_FILTERS = ("search", "kind", "state", "outcome", "owner")
_SORTS: Mapping[CollectionSort, str] = {
    CollectionSort.NAME: "Name",
    CollectionSort.JOBS: "Number of jobs",
    CollectionSort.LAST_RUN: "Last run",
    CollectionSort.OUTCOME: "Outcome",
    CollectionSort.TIMES: "Times run",
    CollectionSort.CHANGED: "Changed",
}
OUTCOMES = {
    outcome: label
    for outcome, label in LABELS.items()
    if outcome in CollectionQuery.schemas()["outcome"]["enum"]
}


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
class Row:
    """One collection.

    Attributes:
        listed: the collection.
        outcome: how its last run ended, in words.
    """

    listed: Listed
    outcome: str


@dataclass(frozen=True, slots=True)
class CollectionsPage:
    """The list.

    Attributes:
        values: the filters' fields as they were given, by parameter.
        filtered: a filter is on. `more`: one of those that are folded away.
        heads: columns by name of the order.
        newer, older: queries of the pages before and after this one; empty where there is none.
        problems: what was wrong with the address, by parameter.
        may_create: the visitor may make collections.
    """

    found: ListedPage
    rows: tuple[Row, ...]
    values: Mapping[str, str]
    filtered: bool
    more: bool
    heads: Mapping[str, Head]
    sorts: Mapping[str, str]
    outcomes: Mapping[str, str]
    newer: str
    older: str
    problems: Mapping[str, str]
    may_create: bool


@router.get("/collections")
def list_collections(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The list; with a wrong filter it says what is wrong, and shows what the others let through."""
    query, parameters, problems = CollectionQuery.read_what_is_right(request.query_params.multi_items())
    given = {
        name: value
        for name, value in parameters
        if name in CollectionQuery.schemas() and value.strip() and name != "skip"
    }
    found = list_all(store, visitor, query)
    before, after = query.skip - query.limit, query.skip + query.limit
    page = CollectionsPage(
        found=found,
        rows=tuple(map(_row, found.rows)),
        values=dict.fromkeys(CollectionQuery.schemas(), "") | given,
        filtered=any(name in given for name in _FILTERS),
        more=any(name in given for name in ("kind", "state", "outcome", "owner", "sort")),
        heads={sort.value: _head(sort, label, query, given) for sort, label in _SORTS.items()},
        sorts={sort.value: label for sort, label in _SORTS.items()},
        outcomes=OUTCOMES,
        newer=_query({**given, "skip": max(0, before)}.items()) if query.skip else "",
        older=_query({**given, "skip": after}.items()) if after < found.found else "",
        problems=problems,
        may_create=collections.may_create(visitor),
    )
    return render(request, "collections.html", frame, page, status=422 if problems else 200)


def _row(listed: Listed) -> Row:
    return Row(
        listed, "" if listed.latest is None else outcome_text(listed.latest.state, wrote=listed.latest.wrote)
    )


def _head(sort: CollectionSort, label: str, query: CollectionQuery, given: Mapping[str, str]) -> Head:
    on = query.sort is sort
    # Of runs and changes the latest come first, unless that is how they stand already.
    first = "up" if sort in (CollectionSort.NAME, CollectionSort.OUTCOME) else "down"
    order = ("up" if query.descending else "down") if on else first
    said = ("descending" if query.descending else "ascending") if on else ""
    return Head(label, said, _query({**given, "sort": sort.value, "order": order}.items()))


def _query(parameters: Iterable[tuple[str, object]]) -> str:
    return urlencode(list(parameters))
