"""The question before a collection is deleted: what goes, what stays, what is under way; and deleting it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.approval.request import Request
from directory_sync.approval.states import UNDER_WAY
from directory_sync.collections.saving import no_such_collection
from directory_sync.errors import DirectorySyncError, EditRefused, QueryError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview
from directory_sync.portal.queries import LARGEST_NUMBER
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.store.request_model import RequestFilter
from directory_sync.store.store import Store

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class DeletePage:
    """The form.

    Attributes:
        expected: number of the version that is shown.
        runs, requests: what is under way, so that nothing can be deleted before it has ended.
        problem: why it was not deleted; `confirm`, `comment`: what was typed.
    """

    name: str
    expected: int
    runs: tuple[str, ...]
    requests: tuple[Request, ...]
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
) -> Response:
    """Delete it."""
    try:
        collections.delete(store, visitor, name, expected=expected, confirm=confirm.strip(), comment=comment)
    except DirectorySyncError as error:
        problem = " ".join(error.problems.values()) if isinstance(error, QueryError) else str(error)
        page = _page(store, visitor, name, problem=problem, confirm=confirm, comment=comment)
        return render(request, "collection_delete.html", frame, page, status=status_of(error))
    return RedirectResponse(f"{frame.root}/collections/{name}?said=collection-deleted", 303)


def _page(
    store: Store, visitor: Visitor, name: str, *, problem: str = "", confirm: str = "", comment: str = ""
) -> DeletePage:
    overview = read_overview(store, visitor, name)
    if overview.file is not None:
        raise EditRefused(
            f"The collection {name} is kept in a file. Delete that; Airflow drops its DAG then.", name=name
        )
    if overview.saved is None:
        raise no_such_collection(name)
    if overview.why_not_edit:
        raise EditRefused(overview.why_not_edit, name=name)
    waiting = RequestFilter(collections=(name,), states=UNDER_WAY)
    return DeletePage(
        name=name,
        expected=overview.saved.version.number,
        runs=overview.active,
        requests=store.requests.all(waiting, limit=_MOST_NAMED).requests,
        problem=problem,
        confirm=confirm,
        comment=comment,
    )
