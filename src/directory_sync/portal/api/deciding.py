"""REST: what people do with requests."""

from __future__ import annotations

from fastapi import APIRouter

from directory_sync.portal import acting, reading
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api import answering
from directory_sync.portal.api.describing import errors
from directory_sync.portal.api.requests import RequestId
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.requests import (
    ApproveBody,
    CancelBody,
    CommentBody,
    DenyBody,
    RequestDetailsAnswer,
    RerouteBody,
    SelectionAnswer,
    SelectionBody,
)
from directory_sync.portal.wire.runs import ReplanBody, StartedRunAnswer

router = APIRouter(tags=["requests"])

_ERRORS = errors(404, 409, 422)


@router.post("/requests/{request_id}/approve", responses=_ERRORS)
def approve(
    request_id: RequestId, body: ApproveBody, store: CurrentStore, visitor: CurrentVisitor
) -> RequestDetailsAnswer:
    """Agree to exactly the plan that was shown. The request may still need others to agree."""
    acting.approve(store, visitor, request_id, digest=body.digest, reason=body.reason)
    return answering.details_answer(reading.read_request(store, visitor, request_id))


@router.post("/requests/{request_id}/deny", responses=_ERRORS)
def deny(
    request_id: RequestId, body: DenyBody, store: CurrentStore, visitor: CurrentVisitor
) -> RequestDetailsAnswer:
    """Refuse the plan that was shown, for a reason. One denial denies."""
    acting.deny(store, visitor, request_id, digest=body.digest, reason=body.reason)
    return answering.details_answer(reading.read_request(store, visitor, request_id))


@router.post("/requests/{request_id}/reroute", responses=_ERRORS)
def reroute(
    request_id: RequestId, body: RerouteBody, store: CurrentStore, visitor: CurrentVisitor
) -> RequestDetailsAnswer:
    """Ask others too. Those who were asked before can still decide.

    If Airflow does not know someone who is named, or does not let them see the collection, nothing is done
    (422, DoubtfulApprovers) unless `confirm_unknown` is true.
    """
    to = acting.approvers(body.users, body.roles)
    confirmed = None if body.confirm_unknown else ()
    acting.reroute(store, visitor, request_id, to, reason=body.reason, confirmed=confirmed)
    return answering.details_answer(reading.read_request(store, visitor, request_id))


@router.post("/requests/{request_id}/cancel", responses=_ERRORS)
def cancel(
    request_id: RequestId, body: CancelBody, store: CurrentStore, visitor: CurrentVisitor
) -> RequestDetailsAnswer:
    """Withdraw a request, as its requester or an administrator."""
    acting.cancel(store, visitor, request_id, reason=body.reason)
    return answering.details_answer(reading.read_request(store, visitor, request_id))


@router.post("/requests/{request_id}/comment", responses=_ERRORS)
def comment(
    request_id: RequestId, body: CommentBody, store: CurrentStore, visitor: CurrentVisitor
) -> RequestDetailsAnswer:
    """Add a comment; everyone who may see the request may comment on it."""
    acting.comment(store, visitor, request_id, body.text)
    return answering.details_answer(reading.read_request(store, visitor, request_id))


@router.post("/requests/decide", responses=errors(422))
def decide(body: SelectionBody, store: CurrentStore, visitor: CurrentVisitor) -> SelectionAnswer:
    """Approve or deny several requests. One that cannot be decided does not keep the others from being."""
    selection = [acting.Selected(each.id, each.digest) for each in body.requests]
    results = acting.decide_selection(store, visitor, selection, approve=body.approve, reason=body.reason)
    return SelectionAnswer(results=results)


@router.post("/requests/{request_id}/replan", responses=_ERRORS)
def replan(
    request_id: RequestId, body: ReplanBody, store: CurrentStore, visitor: CurrentVisitor
) -> StartedRunAnswer:
    """Start a run of the request's job alone, as yourself.

    It files a request of its own if its plan needs approval.
    """
    started = acting.replan(store, visitor, request_id, reason=body.reason)
    return StartedRunAnswer.model_validate(started)
