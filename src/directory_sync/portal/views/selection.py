"""Several requests that are decided at once: the question, with its numbers, and the decision."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.approval.request import Request
from directory_sync.errors import RequestError, RequestNotFound
from directory_sync.portal import acting, reading
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.acting import Selected, SelectionResult
from directory_sync.portal.integrity import AT_ONCE, BRIEFLY
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.lists import MOST_SELECTED, Answer, checked_address
from directory_sync.portal.views.rendering import render
from directory_sync.present.words import KindCount, add_statistics, count_kinds, kinds_text

router = APIRouter()

_SELECTED = re.compile(r"(?P<id>\d{1,10}):(?P<digest>[0-9a-f]{64})")

_FAILURES = set(Answer) - {Answer.APPROVED, Answer.DENIED, Answer.AGREED}

_READ_AT_ONCE = 20_000
"""So many changes of a whole selection are checked while the question is made; the rest in the background."""


@dataclass(frozen=True, slots=True)
class SelectedRow:
    """One request of a selection; `why_not` says why it is left out, empty if it is not."""

    request: Request
    digest: str
    kinds_text: str
    why_not: str


@dataclass(frozen=True, slots=True)
class SelectionAsk:
    """The question before a selection is decided; `back` is the query of the list that it was made in."""

    action: str
    title: str
    button: str
    rows: tuple[SelectedRow, ...]
    kinds: tuple[KindCount, ...]
    waives: bool
    back: str
    problem: str = ""
    reason: str = ""

    @property
    def decidable(self) -> bool:
        """Whether any of them can be decided."""
        return any(not row.why_not for row in self.rows)


def selection_ask(
    found: Sequence[tuple[Request, str]], digests: Mapping[int, str], *, action: str, back: str
) -> SelectionAsk:
    """What is asked before several requests are decided; those that the visitor may not decide are left out,
    and why.

    Args:
        found: the requests, and why the visitor may not decide each (empty if they may).
        digests: request → digest of the plan that was shown.
        action: `approve` or `deny`.
        back: query of the list.
    """
    rows = tuple(
        SelectedRow(
            request=request,
            digest=digests[request.id],
            kinds_text=kinds_text(count_kinds(request.statistics)),
            why_not=why_not,
        )
        for request, why_not in found
    )
    taken = [row.request for row in rows if not row.why_not]
    kinds = count_kinds(add_statistics(request.statistics for request in taken))
    verb = "Approve" if action == "approve" else "Deny"
    number = "1 request" if len(taken) == 1 else f"{len(taken)} requests"
    return SelectionAsk(
        action=action,
        title=f"{verb} {number}",
        button=f"{verb} {kinds_text(kinds)}",
        rows=rows,
        kinds=kinds,
        waives=any(request.waives for request in taken),
        back=back,
    )


@router.get("/requests/ask")
def ask_about_selection(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    action: Annotated[str, Query(alias="do", pattern="^(approve|deny)$")],
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
    page = _selection_page(store, visitor, selection, action=action, back=address)
    return render(request, "ask_selection.html", frame, page, part="_ask_selection.html")


@router.post("/requests/decide")
def decide_selection(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    action: Annotated[str, Form(alias="do", pattern="^(approve|deny)$")],
    selected: Annotated[list[str] | None, Form()] = None,
    reason: Annotated[str, Form()] = "",
    back: Annotated[str, Form()] = "",
) -> Response:
    """Decide each of a selection; the list then says the result of each."""
    selection = _selection(selected or ())
    address = checked_address(back)
    if not selection:
        return RedirectResponse(f"{frame.root}/requests?{address}&said=nothing-selected", 303)
    if action == "deny" and not reason.strip():
        page = _selection_page(store, visitor, selection, action=action, back=address)
        page = replace(page, problem="Say why: a denial needs a reason.")
        return render(request, "ask_selection.html", frame, page, status=422)
    try:
        done = acting.decide_selection(store, visitor, selection, approve=action == "approve", reason=reason)
    except RequestError as error:
        if type(error) is not RequestError:
            raise
        page = replace(
            _selection_page(store, visitor, selection, action=action, back=address),
            problem=str(error),
            reason=reason,
        )
        return render(request, "ask_selection.html", frame, page, status=422)
    results = ",".join(f"{result.id}.{_code(result).value}" for result in done)
    return RedirectResponse(f"{frame.root}/requests?{address}&{urlencode({'results': results})}", 303)


def _selection_page(
    store: CurrentStore, visitor: CurrentVisitor, selection: tuple[Selected, ...], *, action: str, back: str
) -> SelectionAsk:
    found: list[tuple[Request, str]] = []
    room = _READ_AT_ONCE
    for each in selection:
        try:
            most = max(0, min(AT_ONCE, room))
            details = reading.read_request(store, visitor, each.id, seen=False, at_once=most, kept=BRIEFLY)
        except RequestNotFound:
            continue
        room -= details.request.changes
        found.append(
            (details.request, details.why_not_approve if action == "approve" else details.powers.decide)
        )
    digests = {each.id: each.digest for each in selection}
    return selection_ask(found, digests, action=action, back=back)


def _selection(selected: list[str] | tuple[str, ...]) -> tuple[Selected, ...]:
    matches = [match for text in selected[:MOST_SELECTED] if (match := _SELECTED.fullmatch(text))]
    return tuple(
        {int(match["id"]): Selected(int(match["id"]), match["digest"]) for match in matches}.values()
    )


def _code(result: SelectionResult) -> Answer:
    if result.ok:
        decided = {"approved": Answer.APPROVED, "denied": Answer.DENIED}
        return decided.get(result.state, Answer.AGREED)
    return Answer(result.error) if result.error in _FAILURES else Answer.OTHER
