"""One request: its page, its changes, and the comparison with another one.

What is done with it stands in `routes_deeds`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from directory_sync.approval.request import Request as ApprovalRequest
from directory_sync.approval.states import RequestState
from directory_sync.errors import RequestNotFound
from directory_sync.portal import changes, comparing, reading
from directory_sync.portal.access import CurrentVisitor, Visitor, not_found
from directory_sync.portal.integrity import BRIEFLY, Checked
from directory_sync.portal.pages.ask_page import ask
from directory_sync.portal.pages.change_list import ChangeList, ChangeShown, change_list, show_alone
from directory_sync.portal.pages.comparison_page import comparison_page
from directory_sync.portal.pages.frame import CurrentFrame, Frame
from directory_sync.portal.pages.rendering import render
from directory_sync.portal.pages.request_page import RequestPage, request_page, results_version, version_of
from directory_sync.portal.queries import (
    LARGEST_NUMBER,
    LARGEST_SEQUENCE,
    ChangeQuery,
    ComparisonQuery,
    Order,
)
from directory_sync.portal.storage import CurrentStore
from directory_sync.present.ldif import has_ldif
from directory_sync.store.store import Store

router = APIRouter()

RequestId = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]
Sequence = Annotated[int, Path(ge=0, le=LARGEST_SEQUENCE)]

_TRUE_OF = {
    "approved": (RequestState.APPROVED, RequestState.APPLIED),
    "waiver-approved": (RequestState.APPROVED,),
    "denied": (RequestState.DENIED,),
    "cancelled": (RequestState.CANCELLED,),
}
"""Message → the states of a request in which it can be true: an address alone must not make anybody believe
it.
"""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One change by itself; `back` is the address of the page that it belongs to, `integrity` that of its
    plan.
    """

    change: ChangeShown
    integrity: Checked
    back: str
    back_text: str


@dataclass(frozen=True, slots=True)
class LiveRequest:
    """The parts of a request's page that have changed; `results`: the list of changes has, too."""

    request_page: RequestPage
    results: bool


@router.get("/requests/{request_id}")
def show_request(
    request: Request, request_id: RequestId, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """Everything about one request, worst consequence first."""
    details = reading.read_request(store, visitor, request_id)
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    listed = _changes(store, visitor, details.request, query, frame)
    said = request.query_params.get("said", "")
    if details.request.state not in _TRUE_OF.get(said, (details.request.state,)):
        frame = replace(frame, message=None)
    page = request_page(details, listed, verified=visitor.person.verified)
    return render(request, "request.html", frame, page)


@router.get("/requests/{request_id}/live")
def follow_request(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    known: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """What has changed on the page of a request since the version that it knows; nothing, with status 204, if
    all is as it was.

    The list of changes comes along where their results are there now; it keeps the filter, which the browser
    sends with it.
    """
    details = reading.read_request(store, visitor, request_id, kept=BRIEFLY)
    if known == version_of(details):
        return Response(status_code=204, headers={"Cache-Control": "no-store"})
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    listed = _changes(store, visitor, details.request, query, frame)
    page = request_page(details, listed, verified=visitor.person.verified)
    results = known.split(".")[0] != results_version(details)
    return render(request, "_request_live.html", frame, LiveRequest(page, results))


@router.get("/requests/{request_id}/changes")
def show_changes(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    more: str = "",
) -> Response:
    """What a filter lets through of a request's changes, or with `more` the rows that follow: a part of its
    page.
    """
    view = reading.visible_request(store, visitor, request_id)
    query = ChangeQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    listed = _changes(store, visitor, view.request, query, frame)
    return render(request, "_changes_rows.html" if more else "_changes_found.html", frame, listed)


@router.get("/requests/{request_id}/changes/{sequence}")
def show_change_alone(
    request: Request,
    request_id: RequestId,
    sequence: Sequence,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """One change of a request with its values in full."""
    about = reading.visible_request(store, visitor, request_id).request
    page = ChangePage(
        *change_alone(store, visitor, about.plan_id, sequence, request=about),
        back=f"{frame.root}/requests/{request_id}#changes",
        back_text=f"Request {request_id}: {about.collection} / {about.job}",
    )
    return render(request, "change.html", frame, page)


@router.get("/requests/{request_id}/ask")
def ask_before(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    deed: Annotated[str, Query(pattern="^(approve|deny|reroute|cancel|replan)$")],
) -> Response:
    """The question before something is done, with its numbers: a dialog, or a page where there is no
    JavaScript.
    """
    details = reading.read_request(store, visitor, request_id)
    untold = deed == "reroute" and not reading.tells_of_people(visitor, details.request)
    page = ask(details, deed, untold=untold)
    return render(request, "ask.html", frame, page, part="_ask.html")


@router.get("/requests/{request_id}/comparison")
def show_comparison(
    request: Request,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """What differs between the plans of two requests, object by object and field by field."""
    query = ComparisonQuery.read(request.query_params.multi_items())
    other = query.other or reading.read_request(store, visitor, request_id).previous
    if other is None:
        raise RequestNotFound(f"There is no other request to compare request {request_id} with.")
    found = comparing.compare_requests(store, visitor, request_id, other, query)
    page = comparison_page(found, request_id=request_id, other=other, after=query.after)
    return render(request, "comparison.html", frame, page)


def change_alone(
    store: Store, visitor: Visitor, plan_id: int, sequence: int, *, request: ApprovalRequest | None = None
) -> tuple[ChangeShown, Checked]:
    """One change with much more of its values than lists show, and whether its plan is intact.

    Raises RequestNotFound.
    """
    query = ChangeQuery(after=sequence - 1 if sequence else None, limit=1)
    page = changes.read_changes(store, visitor, plan_id, query, request=request)
    if not page.changes or page.changes[0].sequence != sequence:
        raise RequestNotFound(not_found(f"change {sequence + 1} in this plan"))
    return show_alone(page.changes[0]), page.integrity


def _changes(
    store: Store, visitor: Visitor, request: ApprovalRequest, query: ChangeQuery, frame: Frame
) -> ChangeList:
    path = f"{frame.root}/requests/{request.id}"
    _, job = changes.visible_plan(store, visitor, request.plan_id)
    return change_list(
        changes.read_changes(store, visitor, request.plan_id, query, request=request),
        query,
        all=request.changes,
        part=f"{path}/changes",
        page=f"{path}?",
        detail=f"{path}/changes",
        downloads=f"{frame.root}/api/v1/requests/{request.id}/changes",
        ldif=has_ldif(job),
        applied=request.state in (RequestState.APPROVED, RequestState.APPLIED),
    )
