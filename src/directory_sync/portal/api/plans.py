"""REST: the changes of a plan, for jobs with and without a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from starlette.responses import StreamingResponse

from directory_sync.portal import changes
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api import answering
from directory_sync.portal.api.describing import errors
from directory_sync.portal.api.downloading import (
    CSV_RESPONSE,
    EXCEL_RESPONSE,
    LDIF_RESPONSE,
    FileFormat,
    plan_download,
)
from directory_sync.portal.queries import ChangeQuery
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.plans import ChangesAnswer, PatternsAnswer

router = APIRouter(tags=["plans"])

PlanId = Annotated[int, Path(description="Number of the plan, as runs and requests name it.")]
AskedChanges = Annotated[ChangeQuery, Depends(ChangeQuery.of_call)]


@router.get("/plans/{plan_id}/changes", responses=errors(404, 422), openapi_extra=ChangeQuery.openapi())
def read_changes(
    plan_id: PlanId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> ChangesAnswer:
    """A page of the plan's changes, in its order, with the result of each."""
    return answering.changes_answer(changes.read_changes(store, visitor, plan_id, query))


@router.get("/plans/{plan_id}/patterns", responses=errors(404, 409, 422))
def read_patterns(plan_id: PlanId, store: CurrentStore, visitor: CurrentVisitor) -> PatternsAnswer:
    """The plan's changes by pattern, in the order to read them: at most 50 lines, and the others."""
    return answering.patterns_answer(*changes.read_patterns(store, visitor, plan_id))


@router.get(
    "/plans/{plan_id}/changes.csv",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | CSV_RESPONSE,
    openapi_extra=ChangeQuery.openapi(),
)
def download_csv(
    plan_id: PlanId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> StreamingResponse:
    """All changes that the filter lets through, as CSV: one row for each field."""
    return plan_download(store, visitor, plan_id, query, FileFormat.CSV, name=f"plan-{plan_id}")


@router.get(
    "/plans/{plan_id}/changes.xlsx",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | EXCEL_RESPONSE,
    openapi_extra=ChangeQuery.openapi(),
)
def download_excel(
    plan_id: PlanId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> StreamingResponse:
    """The same as a workbook of Excel: one row for each field, every cell a text."""
    return plan_download(store, visitor, plan_id, query, FileFormat.EXCEL, name=f"plan-{plan_id}")


@router.get(
    "/plans/{plan_id}/changes.ldif",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | LDIF_RESPONSE,
    openapi_extra=ChangeQuery.openapi(),
)
def download_ldif(
    plan_id: PlanId, store: CurrentStore, visitor: CurrentVisitor, query: AskedChanges
) -> StreamingResponse:
    """The same as LDIF change records (RFC 2849); only for directories and LDIF files."""
    return plan_download(store, visitor, plan_id, query, FileFormat.LDIF, name=f"plan-{plan_id}")
