"""What is done with several collections at once: export them, or switch them on or off after a question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.errors import CollectionNotFound, DirectorySyncError, QueryError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render

router = APIRouter()

MOST_SELECTED = 200
Names = Annotated[list[str], Query(max_length=MOST_SELECTED)]


@dataclass(frozen=True, slots=True)
class SelectionPage:
    """The question, or its result.

    Attributes:
        on: they are to be switched on, or off.
        names: of the collections.
        done: the result of each: empty where it was done, else why not; None before it was asked for.
    """

    on: bool
    names: tuple[str, ...]
    done: tuple[tuple[str, str], ...] | None = None


@router.get("/selected-collections")
def ask(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    do: str = "",
    selected: Names = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """The question before they are switched; an export needs none. Raises QueryError for a wrong address."""
    names = visitor.visible(tuple(dict.fromkeys(selected)))
    if not names:
        return RedirectResponse(f"{frame.root}/collections?said=no-collections", 303)
    if do == "export":
        if others := [name for name in names if store.collections.get(name) is None]:
            raise QueryError(
                {"selected": f"Only saved collections are exported. Untick the others: {', '.join(others)}."}
            )
        query = urlencode([("name", name) for name in names])
        return RedirectResponse(f"{frame.root}/api/v1/collections.yaml?{query}", 303)
    return render(request, "collection_selection.html", frame, SelectionPage(_on(do), names))


@router.post("/selected-collections")
def switch(
    request: HttpRequest,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    do: Annotated[str, Form()] = "",
    selected: Annotated[list[str], Form(max_length=MOST_SELECTED)] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Switch each on or off; one that cannot be keeps no other from it. Raises QueryError."""
    on = _on(do)
    names = visitor.visible(tuple(dict.fromkeys(selected)))
    done = []
    for name in names:
        try:
            collections.switch(store, visitor, name, on=on)
            done.append((name, ""))
        except CollectionNotFound:
            done.append((name, "It does not exist any more."))
        except DirectorySyncError as error:
            done.append((name, str(error)))
    return render(request, "collection_selection.html", frame, SelectionPage(on, names, tuple(done)))


def _on(do: str) -> bool:
    if do not in ("on", "off"):
        raise QueryError({"do": "Choose to export the collections, or to switch them on or off."})
    return do == "on"
