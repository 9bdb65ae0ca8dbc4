"""All pages as one router, for the app."""

from __future__ import annotations

from fastapi import APIRouter

from directory_sync.portal.views import (
    ask,
    change,
    collection,
    collections,
    comparison,
    lists,
    request,
    run,
    selection,
    waiver,
)

router = APIRouter()
# Lists first: `/requests/ask` is no number of a request.
for part in (collections, collection, lists, selection, request, change, comparison, ask, run, waiver):
    router.include_router(part.router)
