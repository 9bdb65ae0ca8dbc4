"""The question before a run is stopped, stopping it, and what the pages of a run say of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.errors import NotDecidable, RequestError
from directory_sync.portal import stopping
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.runs import RunView
from directory_sync.portal.stopping import StoppableRun
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.store.run_stops import RunStop
from directory_sync.store.runs import TERMINAL

router = APIRouter()

Text = Annotated[str, Form()]

ANSWERS_WITHIN = timedelta(minutes=1)
"""So long a worker has to answer, before the page says that it does not."""


@dataclass(frozen=True, slots=True)
class StopState:
    """What the page of a run says about stopping it.

    Attributes:
        offered: it can be stopped; `why_not`: but not by this visitor, in words.
        stop: that it was stopped; None if no one has.
        ending: it was stopped, and has not ended yet.
        seen: a worker has said that it knows.
        unanswered: no worker has said anything for a minute.
        in_terminal: no run of Airflow.
        collection, run_id: which run.
    """

    offered: bool
    why_not: str
    stop: RunStop | None
    ending: bool
    seen: bool
    unanswered: bool
    in_terminal: bool
    collection: str
    run_id: str


def stop_state(view: RunView) -> StopState:
    """What the page of a run says about stopping it."""
    stop, snapshot = view.stop, view.snapshot
    ending = stop is not None and not view.ended
    last = None if stop is None else stop.seen or stop.asked
    return StopState(
        offered=not view.ended and stop is None and view.other is None,
        why_not=view.why_not_run,
        stop=stop,
        ending=ending,
        seen=stop is not None and stop.seen is not None,
        unanswered=ending and last is not None and datetime.now(UTC) - last > ANSWERS_WITHIN,
        in_terminal=snapshot.trigger == TERMINAL,
        collection=snapshot.collection.name,
        run_id=snapshot.run_id,
    )


@dataclass(frozen=True, slots=True)
class StopAsk:
    """The question.

    Attributes:
        run: as it stands.
        problem: why it was not stopped; `reason` is what was entered.
    """

    run: StoppableRun
    problem: str = ""
    reason: str = ""


@router.get("/embed/stop")
def ask_before_stop(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: str = "",
    run_id: str = "",
) -> Response:
    """The question before a run is stopped: a dialog, or a page where there is no JavaScript."""
    page = StopAsk(stopping.read_stoppable(store, visitor, dag_id, run_id))
    return render(request, "stop.html", frame, page, part="_stop.html")


@router.post("/embed/stop")
def stop(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    dag_id: Text,
    run_id: Text,
    reason: Text = "",
) -> Response:
    """Stop a run for good."""
    try:
        stopping.stop_run(store, visitor, dag_id, run_id, reason=reason)
    except RequestError as error:
        if type(error) not in (RequestError, NotDecidable):
            raise
        found = stopping.read_stoppable(store, visitor, dag_id, run_id)
        status = 409 if isinstance(error, NotDecidable) else 422
        return render(request, "stop.html", frame, StopAsk(found, str(error), reason), status=status)
    query = urlencode({"dag_id": dag_id, "run_id": run_id, "said": "stopped"})
    return RedirectResponse(f"{frame.root}/embed/run?{query}", 303)
