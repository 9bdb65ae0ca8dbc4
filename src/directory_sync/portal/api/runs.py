"""REST: one run of a collection, stopping it, and asking for a limit to be waived that has stopped one of its
jobs.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import StreamingResponse

from directory_sync.portal import acting, runs, stopping
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api import answering
from directory_sync.portal.api.describing import errors
from directory_sync.portal.api.downloading import ANY_RESPONSE, FileFormat, Section, download
from directory_sync.portal.queries import ReportQuery
from directory_sync.portal.reports import read_report, report_plans
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.wire.plans import ReportAnswer
from directory_sync.portal.wire.requests import RequestAnswer
from directory_sync.portal.wire.runs import RunAnswer, StopAnswer, StopBody, StoppedRunAnswer, WaiverBody

router = APIRouter(tags=["runs"])

CollectionName = Annotated[str, Path(description="Name of the collection, which is also its DAG's.")]
RunId = Annotated[str, Path(description="The run, as Airflow calls it.")]
JobName = Annotated[str, Path(description="Name of the job.")]


@router.get("/runs/{collection}/{run_id}", responses=errors(404))
def read_run(
    collection: CollectionName, run_id: RunId, store: CurrentStore, visitor: CurrentVisitor
) -> RunAnswer:
    """One run: the state of each of its jobs, figures, plans and requests."""
    return answering.run_answer(runs.read_run(store, visitor, collection, run_id))


@router.post("/runs/{collection}/{run_id}/stop", responses=errors(404, 409, 422))
def stop_run(
    collection: CollectionName, run_id: RunId, body: StopBody, store: CurrentStore, visitor: CurrentVisitor
) -> StoppedRunAnswer:
    """Stop a run for good: its worker finishes the operations under way, later jobs do not run, and its
    requests are cancelled. Nothing resumes it.
    """
    stopped = stopping.stop_run(store, visitor, collection, run_id, reason=body.reason)
    return StoppedRunAnswer(
        collection=collection,
        run_id=run_id,
        stop=StopAnswer.model_validate(stopped.stop),
        ended=stopped.ended,
        requests=list(stopped.requests),
    )


@router.get(
    "/runs/{collection}/{run_id}/report",
    response_class=StreamingResponse,
    responses=errors(404, 409, 422) | ANY_RESPONSE,
    openapi_extra=ReportQuery.openapi(),
)
def download_report(
    collection: CollectionName,
    run_id: RunId,
    store: CurrentStore,
    visitor: CurrentVisitor,
    request: Request,
    format: Annotated[FileFormat, Query(description="What the file is.")] = FileFormat.CSV,
) -> StreamingResponse:
    """The report of a run as a file: all changes of its jobs that the filter lets through, with the
    result of each, one row for each field.

    A spreadsheet computes nothing of it: in CSV, what would be a formula begins with an apostrophe; in a
    workbook of Excel every cell is a text. LDIF leaves out jobs that write to tables.
    """
    parameters = [each for each in request.query_params.multi_items() if each[0] != "format"]
    query = ReportQuery.read(parameters, strict=True)
    view = runs.read_run(store, visitor, collection, run_id)
    sections = [Section(each.head, each.job, each.filter) for each in report_plans(store, view, query)]
    return download(store, sections, format, f"report-{view.snapshot.id}")


@router.get(
    "/runs/{collection}/{run_id}/changes",
    responses=errors(404, 422),
    openapi_extra=ReportQuery.openapi(),
)
def read_changes(
    collection: CollectionName,
    run_id: RunId,
    store: CurrentStore,
    visitor: CurrentVisitor,
    query: Annotated[ReportQuery, Depends(ReportQuery.of_call)],
) -> ReportAnswer:
    """The report of a run page by page: the changes of its jobs that the filter lets through, with the
    result of each.
    """
    view = runs.read_run(store, visitor, collection, run_id)
    return answering.report_answer(read_report(store, view, query))


@router.post("/runs/{collection}/{run_id}/jobs/{job}/waiver", responses=errors(404, 409, 422))
def ask_for_waiver(
    collection: CollectionName,
    run_id: RunId,
    job: JobName,
    body: WaiverBody,
    store: CurrentStore,
    visitor: CurrentVisitor,
) -> RequestAnswer:
    """Ask for the limits that have stopped the job's plan to be waived once, for exactly this plan.

    The job's approvers decide, or administrators where it has none; never who started the run.
    """
    view = acting.ask_for_waiver(store, visitor, collection, run_id, job, reason=body.reason)
    return answering.request_answer(view.request)
