"""REST: lists of requests, one request, its changes and what differs from another one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import StreamingResponse

from directory_sync.errors import QueryError
from directory_sync.portal import changes, comparing, reading
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.api import answering
from directory_sync.portal.api.describing import errors
from directory_sync.portal.api.downloading import (
    CSV_RESPONSE,
    EXCEL_RESPONSE,
    LDIF_RESPONSE,
    FileFormat,
    plan_download,
)
from directory_sync.portal.queries import ChangeQuery, ComparisonQuery, ListQuery
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.plans import ChangesAnswer, ComparisonAnswer, PatternsAnswer
from directory_sync.portal.wire.requests import CountAnswer, RequestDetailsAnswer, RequestListAnswer
from directory_sync.store.store import Store

router = APIRouter(tags=["requests"])

RequestId = Annotated[int, Path(description="Number of the request.")]
AskedChanges = Annotated[ChangeQuery, Depends(ChangeQuery.of_call)]


@router.get("/requests", responses=errors(422), openapi_extra=ListQuery.openapi())
def list_requests(
    store: CurrentStore, visitor: CurrentVisitor, query: Annotated[ListQuery, Depends(ListQuery.of_call)]
) -> RequestListAnswer:
    """One page of your inbox, of your own requests, or of all requests (administrators), newest first."""
    return answering.list_answer(reading.list_requests(store, visitor, query))


@router.get("/inbox/count", responses=errors())
def count_inbox(store: CurrentStore, visitor: CurrentVisitor) -> CountAnswer:
    """How many requests wait for you."""
    return CountAnswer(count=reading.count_inbox(store, visitor))


@router.get("/requests/{request_id}", responses=errors(404, 422))
def read_request(request_id: RequestId, store: CurrentStore, visitor: CurrentVisitor) -> RequestDetailsAnswer:
    """One request with everything about it but the changes.

    If you may decide it, that you have seen it is noted in its history, once.
    """
    return answering.details_answer(reading.read_request(store, visitor, request_id))


@router.get(
    "/requests/{request_id}/changes",
    responses=errors(404, 422),
    openapi_extra=ChangeQuery.openapi(),
)
def read_changes(
    request_id: RequestId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> ChangesAnswer:
    """A page of the plan's changes, in its order, with the result of each."""
    about = reading.visible_request(store, visitor, request_id).request
    return answering.changes_answer(changes.read_changes(store, visitor, about.plan_id, query, request=about))


@router.get("/requests/{request_id}/patterns", responses=errors(404, 409, 422))
def read_patterns(request_id: RequestId, store: CurrentStore, visitor: CurrentVisitor) -> PatternsAnswer:
    """The plan's changes by pattern, in the order to read them: at most 50 lines, and the others."""
    about = reading.visible_request(store, visitor, request_id).request
    return answering.patterns_answer(*changes.read_patterns(store, visitor, about.plan_id))


@router.get(
    "/requests/{request_id}/changes.csv",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | CSV_RESPONSE,
    openapi_extra=ChangeQuery.openapi(),
)
def download_csv(
    request_id: RequestId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> StreamingResponse:
    """All changes that the filter lets through, as CSV: one row for each field."""
    return _download(store, visitor, request_id, query, FileFormat.CSV)


@router.get(
    "/requests/{request_id}/changes.xlsx",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | EXCEL_RESPONSE,
    openapi_extra=ChangeQuery.openapi(),
)
def download_excel(
    request_id: RequestId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> StreamingResponse:
    """The same as a workbook of Excel: one row for each field, every cell a text."""
    return _download(store, visitor, request_id, query, FileFormat.EXCEL)


@router.get(
    "/requests/{request_id}/changes.ldif",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | LDIF_RESPONSE,
    openapi_extra=ChangeQuery.openapi(),
)
def download_ldif(
    request_id: RequestId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> StreamingResponse:
    """The same as LDIF change records (RFC 2849); only for directories and LDIF files."""
    return _download(store, visitor, request_id, query, FileFormat.LDIF)


@router.get(
    "/requests/{request_id}/comparison",
    responses=errors(404, 422),
    openapi_extra=ComparisonQuery.openapi(),
)
def compare(
    request_id: RequestId,
    store: CurrentStore,
    visitor: CurrentVisitor,
    query: Annotated[ComparisonQuery, Depends(ComparisonQuery.of_call)],
) -> ComparisonAnswer:
    """What differs between this request's plan and that of another request of the same job, object by
    object.
    """
    other = query.other or reading.read_request(store, visitor, request_id).previous
    if other is None:
        raise QueryError(
            {"with": f"Request {request_id} is the job's first one, so there is nothing to compare it with."}
        )
    return answering.comparison_answer(comparing.compare_requests(store, visitor, request_id, other, query))


def _download(
    store: Store, visitor: Visitor, request_id: int, query: ChangeQuery, format: FileFormat
) -> StreamingResponse:
    about = reading.visible_request(store, visitor, request_id).request
    name = f"request-{request_id}"
    return plan_download(store, visitor, about.plan_id, query, format, name=name, request=about)
