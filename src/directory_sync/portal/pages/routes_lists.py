"""The lists: inbox, own requests, all requests; and deciding on a selection of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from directory_sync.approval.request import Request as StoredRequest
from directory_sync.errors import QueryError, RequestError, RequestNotFound
from directory_sync.portal import acting, reading
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.acting import Selected, SelectionResult
from directory_sync.portal.integrity import AT_ONCE, BRIEFLY
from directory_sync.portal.pages.ask_page import SelectionAsk, selection_ask
from directory_sync.portal.pages.frame import CurrentFrame
from directory_sync.portal.pages.list_page import Answer, checked_address, list_page
from directory_sync.portal.pages.rendering import render
from directory_sync.portal.queries import ListQuery
from directory_sync.portal.storage import CurrentStore

router = APIRouter()

_SELECTED = re.compile(r"(?P<id>\d{1,10}):(?P<digest>[0-9a-f]{64})")
_MOST_SELECTED = 200
_ANSWERS = {each.value for each in Answer}
_FAILURES = _ANSWERS - {Answer.APPROVED, Answer.DENIED, Answer.AGREED}
_READ_AT_ONCE = 20_000
"""So many changes of a whole selection are checked while the question is made; the rest in the background."""


@router.get("/")
def start(frame: CurrentFrame) -> Response:
    """The inbox is where everything begins."""
    return RedirectResponse(f"{frame.root}/requests?list=inbox", 303)


@router.get("/requests")
def requests(request: Request, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore) -> Response:
    """One of the lists; with wrong filters it says what is wrong, and shows what the others let through."""
    parameters = request.query_params.multi_items()
    problems: dict[str, str] = {}
    try:
        query = ListQuery.read(parameters)
    except QueryError as error:
        problems = dict(error.problems)
        parameters = [(name, value) for name, value in parameters if name not in problems]
        query = ListQuery.read(parameters)
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
def count(request: Request, frame: CurrentFrame) -> Response:
    """How much waits, for the badge on every page."""
    return render(request, "_count.html", frame, None)


@router.get("/requests/ask")
def ask_about_selection(
    request: Request,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    deed: Annotated[str, Query(pattern="^(approve|deny)$")],
    selected: Annotated[list[str] | None, Query()] = None,
    back: str = "",
) -> Response:
    """The question before a selection is decided, with its numbers: a dialog, or a page where there is no
    JavaScript.
    """
    selection = _selection(selected or ())
    address = checked_address(back)
    if not selection:
        return RedirectResponse(f"{frame.root}/requests?{address}&said=nothing-selected", 303)
    page = _selection_page(store, visitor, selection, deed=deed, back=address)
    return render(request, "ask_selection.html", frame, page, part="_ask_selection.html")


@router.post("/requests/decide")
def decide_selection(
    request: Request,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    deed: Annotated[str, Form(pattern="^(approve|deny)$")],
    selected: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Decide each of a selection; the list then says what became of each."""
    selection = _selection(selected or ())
    address = checked_address(back)
    if not selection:
        return RedirectResponse(f"{frame.root}/requests?{address}&said=nothing-selected", 303)
    if deed == "deny" and not reason.strip():
        page = _selection_page(store, visitor, selection, deed=deed, back=address)
        page = replace(page, problem="Say why: a denial needs a reason.")
        return render(request, "ask_selection.html", frame, page, status=422)
    try:
        done = acting.decide_selection(store, visitor, selection, approve=deed == "approve", reason=reason)
    except RequestError as error:
        if type(error) is not RequestError:
            raise
        page = replace(
            _selection_page(store, visitor, selection, deed=deed, back=address),
            problem=str(error),
            reason=reason,
        )
        return render(request, "ask_selection.html", frame, page, status=422)
    results = ",".join(f"{result.id}.{_code(result).value}" for result in done)
    return RedirectResponse(f"{frame.root}/requests?{address}&{urlencode({'results': results})}", 303)


def _selection_page(
    store: CurrentStore, visitor: CurrentVisitor, selection: tuple[Selected, ...], *, deed: str, back: str
) -> SelectionAsk:
    found: list[tuple[StoredRequest, str]] = []
    room = _READ_AT_ONCE
    for each in selection:
        try:
            most = max(0, min(AT_ONCE, room))
            details = reading.read_request(store, visitor, each.id, seen=False, at_once=most, kept=BRIEFLY)
        except RequestNotFound:
            continue
        room -= details.request.changes
        found.append(
            (details.request, details.hindrance_to_approve if deed == "approve" else details.powers.decide)
        )
    digests = {each.id: each.digest for each in selection}
    return selection_ask(found, digests, deed=deed, back=back)


def _selection(selected: list[str] | tuple[str, ...]) -> tuple[Selected, ...]:
    matches = [match for text in selected[:_MOST_SELECTED] if (match := _SELECTED.fullmatch(text))]
    return tuple(
        {int(match["id"]): Selected(int(match["id"]), match["digest"]) for match in matches}.values()
    )


def _code(result: SelectionResult) -> Answer:
    if result.ok:
        decided = {"approved": Answer.APPROVED, "denied": Answer.DENIED}
        return decided.get(result.state, Answer.AGREED)
    return Answer(result.error) if result.error in _FAILURES else Answer.OTHER


def _results(text: str) -> dict[int, Answer]:
    found = {}
    for part in text.split(",")[:_MOST_SELECTED]:
        number, _, code = part.partition(".")
        if number.isascii() and number.isdigit() and len(number) <= 10 and code in _ANSWERS:
            found[int(number)] = Answer(code)
    return found
