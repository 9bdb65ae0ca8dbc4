"""The question before the limits that have stopped a job are asked to be waived once, and the asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.errors import RequestError, RequestNotFound
from directory_sync.portal import acting, changes, runs
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.words import KindCount, count_kinds, kinds_text
from directory_sync.run import approval_text
from directory_sync.store.store import Store

router = APIRouter()

Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class WaiverAsk:
    """What is asked.

    Attributes:
        dag_id, run_id, job: which job of which run was stopped.
        limits: those that its plan goes past, in words.
        statistics: figures of the plan.
        why_not: why the visitor may not ask; empty if they may.
        problem: what was wrong with what was entered; `reason` is what was.
    """

    dag_id: str
    run_id: str
    job: str
    limits: tuple[str, ...]
    statistics: Mapping[str, int]
    why_not: str
    problem: str = ""
    reason: str = ""

    @property
    def terms(self) -> str:
        """What an approval will do, and what is needed after it."""
        return approval_text.BEFORE_WAIVER

    @property
    def kinds(self) -> tuple[KindCount, ...]:
        """What the plan would change, worst first."""
        return count_kinds(self.statistics)

    @property
    def kinds_text(self) -> str:
        """The same in words."""
        return kinds_text(self.kinds)


@router.get("/embed/waiver")
def ask_before_waiver(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: str = "",
    run_id: str = "",
    job: str = "",
) -> Response:
    """The question before limits are asked to be waived: a dialog, or a page where there is no JavaScript."""
    page = _waiver(store, visitor, dag_id, run_id, job)
    return render(request, "waiver.html", frame, page, part="_waiver.html")


@router.post("/embed/waiver")
def ask_for_waiver(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: Text,
    run_id: Text,
    job: Text,
    reason: Text = "",
) -> Response:
    """Ask for the limits that have stopped a job to be waived once, for exactly its plan."""
    problem = "" if reason.strip() else "Say why so many changes are meant."
    try:
        if not problem:
            acting.ask_for_waiver(store, visitor, dag_id, run_id, job, reason=reason)
    except RequestError as error:
        if type(error) is not RequestError:
            raise
        problem = str(error)
    if problem:
        page = _waiver(store, visitor, dag_id, run_id, job, problem=problem, reason=reason)
        return render(request, "waiver.html", frame, page, status=422)
    query = urlencode({"dag_id": dag_id, "run_id": run_id, "said": "waiver"})
    return RedirectResponse(f"{frame.root}/embed/run?{query}", 303)


def _waiver(
    store: Store,
    visitor: Visitor,
    dag_id: str,
    run_id: str,
    name: str,
    *,
    problem: str = "",
    reason: str = "",
) -> WaiverAsk:
    view = runs.read_run(store, visitor, dag_id, run_id)
    job = view.job(name)
    if job is None or not job.may_be_waived or job.result is None or job.result.plan_id is None:
        raise RequestNotFound(
            f"Job {name} of this run was not stopped by a limit, so there is nothing to waive."
        )
    head, _ = changes.visible_plan(store, visitor, job.result.plan_id)
    exceeded = tuple(str(limit) for limit in head.limits if limit.exceeded)
    return WaiverAsk(
        dag_id, run_id, name, exceeded, head.statistics.to_json(), view.why_not_run, problem, reason
    )
