"""The three lists of requests: rows, filters with their chips, paging."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.approval.request import EventKind, Request
from directory_sync.approval.states import LABELS, RequestState
from directory_sync.portal import reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.links import parameters
from directory_sync.portal.queries import ListKind, ListQuery
from directory_sync.portal.reading import RequestList
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.times import ahead_text
from directory_sync.present.words import KindCount, count_kinds, kinds_text

router = APIRouter()

MOST_SELECTED = 200


TITLES: Mapping[ListKind, str] = {
    ListKind.INBOX: "Request inbox",
    ListKind.MINE: "My requests",
    ListKind.ALL: "All requests",
}
_CHIPS: Mapping[str, str] = {
    "object": "Object",
    "description": "Description",
    "state": "Status",
    "collection": "Collection",
    "job": "Job",
    "run_id": "Run",
    "requester": "Requester",
    "approver": "Approver",
    "decided_by": "Decided by",
    "event": "Has been",
    "from": "From",
    "until": "Until",
}
"""Parameter → its name on a chip, in the order of the chips."""
_MAIN = ("object", "description", "state")
"""Parameters whose fields are always seen."""

Parameters = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One request in a list.

    Attributes:
        selectable: it can be ticked: it waits in the inbox of who looks.
        kinds: what it changes, worst first.
        next: what happens next or its result, in words; empty where the state says all.
        due: when that is; None where it has no time.
        selected: it was ticked before.
        result: its result when a selection was decided, in words; `result_tone` goes with it.
    """

    request: Request
    selectable: bool
    kinds: tuple[KindCount, ...]
    next: str
    due: datetime | None
    result: str = ""
    result_tone: str = ""

    @property
    def kinds_text(self) -> str:
        """The changes in words."""
        return kinds_text(self.kinds)


class Answer(StrEnum):
    """The result of one request of a selection that was decided: what was recorded, or else why nothing
    was, by the name of the error.
    """

    APPROVED = "approved"
    DENIED = "denied"
    AGREED = "agreed"
    """Recorded, and more people have to agree."""
    ALREADY_DECIDED = "AlreadyDecided"
    NOT_DECIDABLE = "NotDecidable"
    NOT_ALLOWED = "NotAllowed"
    NOT_FOUND = "RequestNotFound"
    OTHER = "other"


ANSWERS: Mapping[Answer, tuple[str, str]] = {
    Answer.APPROVED: ("Approved just now.", "good"),
    Answer.DENIED: ("Denied just now.", "good"),
    Answer.AGREED: ("Your approval is recorded; more people have to agree.", "good"),
    Answer.ALREADY_DECIDED: ("Nothing was recorded: it was decided before you were.", "careful"),
    Answer.NOT_DECIDABLE: (
        "Nothing was recorded: it is not as it was shown. Look at it again.",
        "careful",
    ),
    Answer.NOT_ALLOWED: (
        "Nothing was recorded: you may not decide this one. Open it to see why.",
        "bad",
    ),
    Answer.NOT_FOUND: ("Nothing was recorded: it does not exist any more.", "bad"),
    Answer.OTHER: ("Nothing was recorded. Open it and try again.", "bad"),
}
"""Answer → the sentence about it, and its tone."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on; `without` is the query of the list without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several values of a filter."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of a list.

    Attributes:
        kind: `inbox`, `mine` or `all`.
        values: the filters' fields as they were given, by parameter.
        unfiltered: query of the list without filters; `address`: with them, from its beginning.
        more_filters: one of those is on that are folded away otherwise.
        newer, older: queries of the pages before and after this one; empty where there is none.
        total: requests on all pages.
        problems: what was wrong with the filters, by parameter.
        selectable: there is something to tick.
    """

    kind: str
    title: str
    rows: tuple[Row, ...]
    total: int
    chips: tuple[Chip, ...]
    values: Mapping[str, str]
    states: tuple[Choice, ...]
    events: tuple[Choice, ...]
    collections: tuple[str, ...]
    address: str
    here: str
    unfiltered: str
    more_filters: bool
    newer: str
    older: str
    problems: Mapping[str, str]

    @property
    def selectable(self) -> bool:
        """Whether there is something to tick."""
        return any(row.selectable for row in self.rows)


def list_page(
    query: ListQuery,
    found: RequestList,
    parameters: Parameters,
    *,
    visitor: Visitor,
    collections: tuple[str, ...],
    results: Mapping[int, Answer],
    problems: Mapping[str, str] | None = None,
) -> ListPage:
    """What the page shows.

    Args:
        query: that was asked for.
        found: the answer.
        parameters: of the address.
        visitor: who looks.
        collections: those that a filter may name.
        results: request → its result when a selection was decided, as an address says.
        problems: what was wrong with the filters.
    """
    now = datetime.now(UTC)
    # Whatever someone may decide is in their inbox; elsewhere boxes would mostly lead to a refusal.
    selectable = query.kind is ListKind.INBOX and visitor.person.verified
    given = known(parameters)
    values: dict[str, str] = dict.fromkeys(ListQuery.schemas(), "") | dict(reversed(given))
    chips = tuple(
        Chip(label, _chip_text(name, value), _query(query.kind, _without(given, name, value)))
        for name, label in _CHIPS.items()
        for each, value in given
        if each == name
    )
    filters = [(name, value) for name, value in given if name in _CHIPS]
    here = [*filters, *((name, value) for name, value in given if name in ("before", "limit"))]
    states = {value for name, value in given if name == "state"}
    return ListPage(
        kind=query.kind.value,
        title=TITLES[query.kind],
        rows=tuple(
            _row(request, now, results.get(request.id), selectable=selectable) for request in found.requests
        ),
        total=found.total,
        chips=chips,
        values=values,
        states=tuple(
            Choice(state.value, LABELS[state].partition(":")[0], state.value in states)
            for state in RequestState
        ),
        events=tuple(Choice(event.value, event.value, event.value == values["event"]) for event in EventKind),
        collections=collections,
        address=_query(query.kind, filters),
        here=_query(query.kind, here),
        unfiltered=_query(query.kind, ()),
        more_filters=any(name not in _MAIN for name, _ in filters),
        newer=_query(query.kind, filters) if query.before is not None else "",
        older=""
        if found.next is None
        else _query(query.kind, [*filters, *_limit(given), ("before", str(found.next))]),
        problems=problems or {},
    )


def known(parameters: Parameters) -> list[tuple[str, str]]:
    """The parameters that lists have and that are given, without the list itself."""
    return [
        (name, value)
        for name, value in parameters
        if name in ListQuery.schemas() and name != "list" and value.strip()
    ]


def checked_address(query: str) -> str:
    """A list's query from a form, with nothing in it but what lists know."""
    given = parameters(query)
    kind = next(
        (value for name, value in given if name == "list" and value in set(ListKind)), ListKind.INBOX.value
    )
    return _query(ListKind(kind), known(given))


def _row(request: Request, now: datetime, answer: Answer | None, *, selectable: bool) -> Row:
    text = tone = ""
    if answer is not None and _fits(answer, request):  # else an address says it, but it is not so
        text, tone = ANSWERS[answer]
    next_text, due = _next(request, now)
    return Row(
        request=request,
        selectable=selectable and request.pending,
        kinds=count_kinds(request.statistics),
        next=next_text,
        due=due,
        result=text,
        result_tone=tone,
    )


def _fits(answer: Answer, request: Request) -> bool:
    """Whether what an answer says is true of the request."""
    if answer is Answer.DENIED:
        return request.state == RequestState.DENIED
    if answer is Answer.APPROVED:
        return request.state in (RequestState.APPROVED, RequestState.APPLIED)
    return True


def _next(request: Request, now: datetime) -> tuple[str, datetime | None]:
    if request.pending:
        if request.expires is not None:
            return f"expires {ahead_text(request.expires, now)}", request.expires
        if request.escalates is not None:
            return f"goes to others too {ahead_text(request.escalates, now)}", request.escalates
        return "", None
    if request.successor is not None:
        return f"replaced by request {request.successor}", request.decided
    if request.decided_by:
        return f"by {request.decided_by}", request.decided
    return "", request.decided


def _chip_text(name: str, value: str) -> str:
    if name == "state" and value in set(RequestState):
        return LABELS[RequestState(value)].partition(":")[0]
    return value


def _limit(given: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in given if name == "limit"]


def _without(given: Iterable[tuple[str, str]], name: str, value: str) -> list[tuple[str, str]]:
    return [pair for pair in given if pair[0] in _CHIPS and pair != (name, value)]


def _query(kind: ListKind, parameters: Iterable[tuple[str, Any]]) -> str:
    return urlencode([("list", kind.value), *parameters])


_ANSWERS = {each.value for each in Answer}


@router.get("/requests")
def requests(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """One of the lists; with wrong filters it says what is wrong, and shows what the others let through."""
    query, parameters, problems = ListQuery.read_what_is_right(request.query_params.multi_items())
    found = reading.list_requests(store, visitor, query)
    page = list_page(
        query,
        found,
        parameters,
        visitor=visitor,
        collections=reading.visible_collections(store, visitor),
        results=_results(request.query_params.get("results", "")),
        problems=problems,
    )
    return render(request, "list.html", frame, page, part="_list.html", status=422 if problems else 200)


@router.get("/requests/count")
def count(request: HttpRequest, frame: CurrentFrame) -> Response:
    """How much waits, for the badge on every page."""
    return render(request, "_count.html", frame, None)


def _results(text: str) -> dict[int, Answer]:
    found = {}
    for part in text.split(",")[:MOST_SELECTED]:
        number, _, code = part.partition(".")
        if number.isascii() and number.isdigit() and len(number) <= 10 and code in _ANSWERS:
            found[int(number)] = Answer(code)
    return found
