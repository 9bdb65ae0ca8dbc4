"""The form by which a collection gets another name, and renaming it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.approval.request import Request
from directory_sync.errors import DefinitionError, DirectorySyncError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview, requests_under_way, require_editable
from directory_sync.portal.queries import LARGEST_NUMBER
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.store.store import Store

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class RenamePage:
    """The form.

    Attributes:
        expected: number of the version that is shown.
        title: what people call it; changed by editing.
        on: it is switched on in Airflow.
        runs, requests: what is under way, so that it cannot be renamed before that has ended.
        problem: why it was not renamed; `to`, `comment`: what was typed.
    """

    name: str
    expected: int
    title: str
    on: bool
    runs: tuple[str, ...]
    requests: tuple[Request, ...]
    problem: str = ""
    to: str = ""
    comment: str = ""


@router.get("/rename")
def ask(
    request: HttpRequest, name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The form. Raises EditRefused if the visitor may not rename it."""
    return render(request, "collection_rename.html", frame, _page(store, visitor, name))


@router.post("/rename")
def rename(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    expected: Annotated[int, Form(ge=0, le=LARGEST_NUMBER)] = 0,
    to: Text = "",
    comment: Text = "",
) -> Response:
    """Rename it."""
    to = to.strip()
    try:
        collections.rename(store, visitor, name, to, expected=expected, comment=comment)
    except DirectorySyncError as error:
        problem = str(error)
        if isinstance(error, DefinitionError):
            problem = "The newest version cannot be used, so it cannot be renamed. Correct it first."
        page = _page(store, visitor, name, problem=problem, to=to, comment=comment)
        return render(request, "collection_rename.html", frame, page, status=status_of(error))
    return RedirectResponse(f"{frame.root}/collections/{to}?said=collection-renamed", 303)


def _page(
    store: Store, visitor: Visitor, name: str, *, problem: str = "", to: str = "", comment: str = ""
) -> RenamePage:
    overview = read_overview(store, visitor, name)
    saved = require_editable(
        overview,
        in_file=f"The collection {name} is kept in a file. Change its name there: what runs under the new"
        " name is a new collection, which knows nothing of the old one.",
    )
    return RenamePage(
        name=name,
        expected=saved.version.number,
        title=(overview.collection and overview.collection.title) or "",
        on=overview.dag.known and not overview.dag.paused,
        runs=overview.active,
        requests=requests_under_way(store, name),
        problem=problem,
        to=to,
        comment=comment,
    )
