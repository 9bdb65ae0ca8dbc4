"""The page of what was searched for in everything, grouped."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.searching import Found, search
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render

router = APIRouter()

LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What was found.

    Attributes:
        text: as it was typed; `problem` says what is wrong with it.
    """

    text: str
    found: Found
    problem: str = ""


@router.get("/search")
def search_everything(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore, q: str = ""
) -> Response:
    """Collections, jobs, templates, requests and objects that a text is found in."""
    text = q.strip()
    if len(text) > LONGEST:
        problem = f"The text has {len(text):,} characters; at most {LONGEST:,} can be searched for."
        return render(request, "search.html", frame, SearchPage(text[:LONGEST], Found(), problem), status=422)
    return render(request, "search.html", frame, SearchPage(text, search(store, visitor, text)))
