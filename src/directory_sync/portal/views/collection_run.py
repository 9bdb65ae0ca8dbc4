"""*Run Job Collection*, and switching a collection on and off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.errors import DirectorySyncError, QueryError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.store.store import Store

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]
Texts = Annotated[Sequence[str], Form()]


@dataclass(frozen=True, slots=True)
class RunPage:
    """The form before a run.

    Attributes:
        jobs: those that runs have, each with whether it is ticked.
        off: it is switched off, so that a run would not begin; `may_switch`: the visitor may switch it on.
        in_airflow: Airflow has a DAG of it.
        why_not: why the visitor may not start a run; empty if they may.
        problem: what was wrong with what was entered; `reason`, `preview_only`, `switch_on` are what was.
    """

    name: str
    jobs: tuple[tuple[str, bool], ...]
    off: bool
    may_switch: bool
    in_airflow: bool
    why_not: str
    problem: str = ""
    reason: str = ""
    preview_only: bool = False
    switch_on: bool = False


@router.get("/run")
def ask(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    preview: str = "",
) -> Response:
    """The form before a run; `preview`: a preview is ticked in it."""
    page = _page(store, visitor, name, preview_only=bool(preview))
    return render(request, "collection_run.html", frame, page)


@router.post("/run")
def run(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    reason: Text = "",
    jobs: Texts = (),
    preview_only: Text = "",
    switch_on: Text = "",
) -> Response:
    """Start a run as the visitor; where they ask for it, the collection is switched on before."""
    try:
        collections.start_run(
            store,
            visitor,
            name,
            reason=reason,
            jobs=jobs,
            preview_only=bool(preview_only),
            switch_on=bool(switch_on),
        )
    except DirectorySyncError as error:
        problem = " ".join(error.problems.values()) if isinstance(error, QueryError) else str(error)
        page = _page(
            store,
            visitor,
            name,
            problem=problem,
            reason=reason,
            ticked=jobs,
            preview_only=bool(preview_only),
            switch_on=bool(switch_on),
        )
        return render(request, "collection_run.html", frame, page, status=status_of(error))
    return RedirectResponse(f"{frame.root}/collections/{name}?said=run-started#runs", 303)


@router.post("/switch")
def switch(
    name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore, on: Text = ""
) -> Response:
    """Switch it on (`on=yes`) or off."""
    collections.switch(store, visitor, name, on=on == "yes")
    said = "collection-on" if on == "yes" else "collection-off"
    return RedirectResponse(f"{frame.root}/collections/{name}?said={said}", 303)


@router.post("/pin")
def pin(
    name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore, on: Text = ""
) -> Response:
    """Pin it to the visitor's dashboard (`on=yes`), or take it from there."""
    collections.pin(store, visitor, name, on=on == "yes")
    said = "collection-pinned" if on == "yes" else "collection-unpinned"
    return RedirectResponse(f"{frame.root}/collections/{name}?said={said}", 303)


def _page(
    store: Store,
    visitor: Visitor,
    name: str,
    *,
    problem: str = "",
    reason: str = "",
    ticked: Sequence[str] = (),
    preview_only: bool = False,
    switch_on: bool = False,
) -> RunPage:
    overview = read_overview(store, visitor, name)
    collection = overview.collection
    jobs = () if collection is None else collection.enabled_jobs
    # A DAG that Airflow has not made yet begins as the definition says.
    off = overview.dag.paused if overview.dag.known else collection is not None and collection.paused
    return RunPage(
        name=name,
        jobs=tuple((job.name, job.name in ticked) for job in jobs),
        off=off,
        may_switch=overview.may_switch,
        in_airflow=overview.dag.known,
        why_not=overview.why_not_run,
        problem=problem,
        reason=reason,
        preview_only=preview_only,
        switch_on=switch_on,
    )
