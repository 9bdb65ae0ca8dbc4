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
    collection_versions,
    collections,
    comparison,
    dashboard,
    jobs,
    lists,
    manual,
    request,
    run,
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
    collection,
    collection_edit,
    collection_import,
    collection_versions,
    collection_run,
    collection_rename,
    collection_delete,
)
_OVERVIEWS = (dashboard, jobs, runs, templates, search, manual)
_RUNS = (run, run_stop, waiver)
for part in (*_OVERVIEWS, *_COLLECTIONS, lists, selection, request, change, comparison, ask, *_RUNS):
    router.include_router(part.router)
