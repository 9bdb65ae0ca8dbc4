"""One change by itself, with its values in full."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Response
from fastapi import Request as HttpRequest

from directory_sync.approval.request import Request
from directory_sync.errors import RequestNotFound
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.portal import changes, reading
from directory_sync.portal.access import CurrentVisitor, Visitor, not_found
from directory_sync.portal.integrity import Checked
from directory_sync.portal.queries import (
    LARGEST_NUMBER,
    LARGEST_SEQUENCE,
    ChangeQuery,
)
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import ChangeShown, show_alone
from directory_sync.portal.views.frame import CurrentFrame, RequestId
from directory_sync.portal.views.rendering import render
from directory_sync.present.ldif import has_ldif, ldif_of
from directory_sync.store.preview_model import question_of
from directory_sync.store.store import Store

router = APIRouter()

LONGEST_LDIF = 100_000
"""Characters of LDIF that a page shows."""
_CUT = "\n…"

Sequence = Annotated[int, Path(ge=0, le=LARGEST_SEQUENCE)]


@dataclass(frozen=True, slots=True)
class ChangePage:
    """One change by itself; `back` is the address of the page that it belongs to, `integrity` that of its
    plan, `ldif` the change as LDIF, empty where its destination has no such form.
    """

    change: ChangeShown
    integrity: Checked
    ldif: str
    back: str
    back_text: str

    @property
    def ldif_cut(self) -> bool:
        """Whether the LDIF is longer than it is shown."""
        return self.ldif.endswith(_CUT)


@router.get("/requests/{request_id}/changes/{sequence}")
def show_change_alone(
    request: HttpRequest,
    request_id: RequestId,
    sequence: Sequence,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """One change of a request with its values in full."""
    about = reading.visible_request(store, visitor, request_id).request
    page = ChangePage(
        *change_alone(store, visitor, about.plan_id, sequence, request=about),
        back=f"{frame.root}/requests/{request_id}#changes",
        back_text=f"Request {request_id}: {about.collection} / {about.job}",
    )
    return render(request, "change.html", frame, page, part="_change_ldif.html")


def change_alone(
    store: Store, visitor: Visitor, plan_id: int, sequence: int, *, request: Request | None = None
) -> tuple[ChangeShown, Checked, str]:
    """One change with much more of its values than lists show, whether its plan is intact, and as LDIF.

    Raises RequestNotFound.
    """
    query = ChangeQuery(after=sequence - 1 if sequence else None, limit=1)
    page = changes.read_changes(store, visitor, plan_id, query, request=request)
    if not page.changes or page.changes[0].sequence != sequence:
        raise RequestNotFound(not_found(f"change {sequence + 1} in this plan"))
    _, job = changes.visible_plan(store, visitor, plan_id)
    ldif = ldif_of(job, page.changes[0]) if has_ldif(job) else ""
    cut = ldif[:LONGEST_LDIF] + _CUT if len(ldif) > LONGEST_LDIF else ldif
    return show_alone(page.changes[0]), page.integrity, cut


@router.get("/plans/{plan_id}/changes/{sequence}")
def plan_change(
    request: HttpRequest,
    plan_id: Annotated[int, Path(ge=1, le=LARGEST_NUMBER)],
    sequence: Sequence,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """One change of a job's plan with its values in full."""
    head, _ = changes.visible_plan(store, visitor, plan_id)
    change = change_alone(store, visitor, plan_id, sequence)
    if head.collection == PREVIEWS_DAG_ID:
        side = "" if head.run_id == question_of(head.run_id) else "?saved=1"
        back = f"{frame.root}/previews/{question_of(head.run_id)}/jobs/{head.job}{side}#changes"
        return render(
            request, "change.html", frame, ChangePage(*change, back=back, back_text=f"Preview / {head.job}")
        )
    address = urlencode({"dag_id": head.collection, "run_id": head.run_id, "task_id": head.job})
    page = ChangePage(
        *change, back=f"{frame.root}/embed/ti?{address}", back_text=f"{head.collection} / {head.job}"
    )
    framed = replace(frame, framed=True)
    return render(request, "change.html", framed, page, part="_change_ldif.html")
