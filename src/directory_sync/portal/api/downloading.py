"""REST: a plan as a file to keep, sent while it is read, so that its size does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from starlette.responses import StreamingResponse

from directory_sync.approval.request import Request
from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.errors import NotDecidable
from directory_sync.portal.access import Visitor
from directory_sync.portal.changes import shown_change, visible_plan
from directory_sync.present.ldif import has_ldif, ldif_parts
from directory_sync.present.rows import csv_parts
from directory_sync.present.shown import ShownChange
from directory_sync.store.plan_pages import PlanHead
from directory_sync.store.store import Store


def _file(media_type: str) -> dict[int | str, dict[str, Any]]:
    return {200: {"description": "The file.", "content": {media_type: {"schema": {"type": "string"}}}}}


CSV_RESPONSE = _file("text/csv")
LDIF_RESPONSE = _file("text/x-ldif")


def csv_download(
    store: Store, visitor: Visitor, plan_id: int, *, name: str, request: Request | None = None
) -> StreamingResponse:
    """A plan as CSV. Raises PlanAltered (409) for a plan that is not what was stored.

    `name` is the file's without its ending; `request` the one that asks about the plan.
    """
    head, job = _intact_plan(store, visitor, plan_id, request)
    return _streamed(
        csv_parts(job.name, _changes(store, head, job)), "text/csv; charset=utf-8", f"{name}.csv"
    )


def ldif_download(
    store: Store, visitor: Visitor, plan_id: int, *, name: str, request: Request | None = None
) -> StreamingResponse:
    """The same as LDIF. Raises NotDecidable (409) for a destination whose changes have no such form."""
    head, job = _intact_plan(store, visitor, plan_id, request)
    if not has_ldif(job):
        raise NotDecidable(
            f"Job {job.name} writes to a table, whose changes have no form in LDIF. Download the CSV."
        )
    return _streamed(
        ldif_parts(head, job, _changes(store, head, job)), "text/x-ldif; charset=utf-8", f"{name}.ldif"
    )


def _intact_plan(
    store: Store, visitor: Visitor, plan_id: int, request: Request | None
) -> tuple[PlanHead, Job]:
    """The plan and its job, read in full first: a file has no place for the warning that somebody has altered
    it.
    """
    head, job = visible_plan(store, visitor, plan_id)
    digest, figures = (
        (head.digest, head.statistics.to_json()) if request is None else (request.digest, request.statistics)
    )
    if request is not None:
        store.requests.verify(request)
    store.plans.verify(plan_id, digest=digest, statistics=figures)
    return head, job


def _changes(store: Store, head: PlanHead, job: Job) -> Iterator[ShownChange]:
    is_secret = secret_fields(job)
    return (shown_change(is_secret, stored) for stored in store.plan_pages.changes_with_outcomes(head))


def _streamed(parts: Iterator[str], media_type: str, name: str) -> StreamingResponse:
    # The first part is made before anything is sent, so that a store that does not answer is an error and no
    # empty file.
    first = next(parts, "")
    content = (part.encode(errors="replace") for part in chain([first], parts))
    return StreamingResponse(
        content, media_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
