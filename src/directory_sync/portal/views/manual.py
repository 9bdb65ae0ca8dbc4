"""The docs inside the portal: what a page's help link leads to."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.errors import RequestNotFound
from directory_sync.portal.manual import manual_page
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render

router = APIRouter()


@router.get("/help")
def help_index(frame: CurrentFrame) -> Response:
    """The docs begin with their index."""
    return RedirectResponse(f"{frame.root}/help/index", 303)


@router.get("/help/{name}")
def help_page(request: HttpRequest, name: str, frame: CurrentFrame) -> Response:
    """A page of the docs. Raises RequestNotFound if there is none of this name."""
    found = manual_page(name)
    if found is None:
        raise RequestNotFound("The docs have no such page. Begin with their index.")
    return render(request, "help.html", frame, found)
