"""All pages as one router, for the app."""

from __future__ import annotations

from fastapi import APIRouter

from directory_sync.portal.views import (
    ask,
    change,
    collection,
    collection_delete,
    collection_edit,
    collection_import,
    collection_rename,
    collection_run,
    collection_schedule,
    collection_selection,
    collection_template,
    collection_versions,
    collections,
    comparison,
    dag_tabs,
    dashboard,
    draft,
    draft_details,
    draft_endpoints,
    draft_job,
    draft_jobs,
    draft_looks,
    draft_mapping,
    draft_record,
    draft_review,
    draft_schedule,
    draft_yaml,
    jobs,
    lists,
    manual,
    preview,
    recent_runs,
    report,
    request,
    run,
    run_comparison,
    run_log,
    run_stop,
    runs,
    search,
    selection,
    templates,
    waiver,
)

router = APIRouter()
# Lists first: `/requests/ask` is no number of a request.
_COLLECTIONS = (
    collections,
    collection_selection,
    collection,
    collection_edit,
    collection_import,
    collection_versions,
    collection_run,
    collection_rename,
    collection_template,
    collection_schedule,
    collection_delete,
    preview,
)
_DRAFTS = (
    draft,
    draft_details,
    draft_jobs,
    draft_endpoints,
    draft_mapping,
    draft_looks,
    draft_record,
    draft_job,
    draft_schedule,
    draft_review,
    draft_yaml,
)
_OVERVIEWS = (dashboard, jobs, runs, templates, search, manual)
_REQUESTS = (lists, selection, request, change, comparison, ask)
_RUNS = (run, run_stop, report, recent_runs, run_comparison, run_log, dag_tabs, waiver)
for part in (*_OVERVIEWS, *_COLLECTIONS, *_DRAFTS, *_REQUESTS, *_RUNS):
    router.include_router(part.router)
