"""All pages as one router, for the app."""

from __future__ import annotations

from fastapi import APIRouter

from directory_sync.portal.pages import routes_deeds, routes_lists, routes_request, routes_tabs

router = APIRouter()
# Lists first: `/requests/ask` is no number of a request.
for part in (routes_lists, routes_request, routes_deeds, routes_tabs):
    router.include_router(part.router)
