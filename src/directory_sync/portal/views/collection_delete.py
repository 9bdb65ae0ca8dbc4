"""The question before a collection is deleted: what goes, what stays, what is under way; and deleting it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.approval.request import Request
from directory_sync.errors import CollectionInUse, DirectorySyncError, QueryError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview, requests_under_way, require_editable
from directory_sync.portal.queries import LARGEST_NUMBER
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame, is_part
from directory_sync.portal.views.rendering import render
from directory_sync.store.store import Store

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]


@dataclass(frozen=True, slots=True)
class DeletePage:
    """The form.

    Attributes:
        expected: number of the version that is shown.
        runs, requests: what is under way, so that nothing can be deleted before it has ended.
        why_not_stop: why the visitor may not stop its runs; empty if they may.
        ending: what was under way was stopped, and the collection is deleted when it has ended.
        problem: why it was not deleted; `confirm`, `comment`: what was typed.
    """

    name: str
    expected: int
    runs: tuple[str, ...]
    requests: tuple[Request, ...]
    why_not_stop: str
    ending: bool = False
    problem: str = ""
    confirm: str = ""
    comment: str = ""


@router.get("/delete")
def ask(
    request: HttpRequest, name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The question. Raises EditRefused if the visitor may not delete it."""
    return render(request, "collection_delete.html", frame, _page(store, visitor, name))


@router.post("/delete")
def delete(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    expected: Annotated[int, Form(ge=0, le=LARGEST_NUMBER)] = 0,
    confirm: Text = "",
    comment: Text = "",
    stop: Text = "",
) -> Response:
    """Delete it. With `stop`, what is under way is stopped; the page asks again until it has ended."""
    try:
        collections.delete(
            store,
            visitor,
            name,
            expected=expected,
            confirm=confirm.strip(),
            comment=comment,
            stop=bool(stop),
        )
    except CollectionInUse as error:
        problem = "" if stop else str(error)
        page = _page(store, visitor, name, problem=problem, confirm=confirm, comment=comment)
        page = replace(page, expected=expected, ending=bool(stop))
        status = 200 if is_part(request) else status_of(error)
        return render(
            request, "collection_delete.html", frame, page, part="_collection_ending.html", status=status
        )
    except DirectorySyncError as error:
        if is_part(request):
            # Whatever it is, the whole page says it.
            return Response(headers={"HX-Refresh": "true"})
        problem = " ".join(error.problems.values()) if isinstance(error, QueryError) else str(error)
        page = _page(store, visitor, name, problem=problem, confirm=confirm, comment=comment)
        return render(request, "collection_delete.html", frame, page, status=status_of(error))
    address = f"{frame.root}/collections/{name}?said=collection-deleted"
    if is_part(request):
        return Response(headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def _page(
    store: Store, visitor: Visitor, name: str, *, problem: str = "", confirm: str = "", comment: str = ""
) -> DeletePage:
    overview = read_overview(store, visitor, name)
    saved = require_editable(
        overview,
        in_file=f"The collection {name} is kept in a file. Delete that; Airflow drops its DAG then.",
    )
    return DeletePage(
        name=name,
        expected=saved.version.number,
        runs=overview.active,
        requests=requests_under_way(store, name),
        why_not_stop=overview.why_not_run,
        problem=problem,
        confirm=confirm,
        comment=comment,
    )
