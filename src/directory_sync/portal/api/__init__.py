"""The REST API: the same reading and acting as the pages, as JSON. No rule lives here."""

from __future__ import annotations

from fastapi import APIRouter

from directory_sync.portal.api import (
    collections,
    deciding,
    describing,
    home,
    looks,
    plans,
    previews,
    requests,
    runs,
)

router = APIRouter(prefix=describing.PREFIX)
for part in (describing, requests, deciding, plans, runs, collections, previews, looks, home):
    router.include_router(part.router)
