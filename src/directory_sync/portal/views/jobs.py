"""All jobs of all collections: rows, search, filters and order, all in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.job_list import JOB_COLUMNS, JobPage, list_jobs
from directory_sync.portal.queries import JobQuery, JobSort
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.listing import Address, Listing, listing
from directory_sync.portal.views.rendering import render

router = APIRouter()

_SORTS: Mapping[str, str] = {sort.value: JOB_COLUMNS[sort.value].label for sort in JobSort}
_FILTERS = {"search": "Search", "connection": "Connection"}


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The list; `listing` is what is around its rows."""

    found: JobPage
    listing: Listing


@router.get("/jobs")
def list_all_jobs(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The list; with a wrong filter it says what is wrong, and shows what the others let through."""
    query, parameters, problems = JobQuery.read_what_is_right(request.query_params.multi_items())
    address = Address.read(parameters, problems, JOB_COLUMNS, JobQuery.schemas())
    found = list_jobs(store, visitor, query, address.conditions)
    before, after = query.skip - query.limit, query.skip + query.limit
    page = JobsPage(
        found,
        listing(
            "/jobs",
            address,
            known=JobQuery.schemas(),
            columns=JOB_COLUMNS,
            sorts=_SORTS,
            sort=query.sort.value,
            descending=query.descending,
            filters=_FILTERS,
            newer={"skip": max(0, before)} if query.skip else None,
            older={"skip": after} if after < found.found else None,
        ),
    )
    return render(request, "jobs.html", frame, page, status=422 if address.problems else 200)
