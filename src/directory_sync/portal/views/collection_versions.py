"""One version of a collection: what it changed, compared with another one, and *Restore*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.definition.problems import Problem
from directory_sync.errors import DefinitionError, DirectorySyncError
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview
from directory_sync.portal.queries import LARGEST_NUMBER
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.definition_changes import ChangeLine, stored_change_lines
from directory_sync.present.text_diff import DiffLine, text_diff
from directory_sync.store.collection_versions import SavedVersion, VersionFacts
from directory_sync.store.store import Store

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]
Number = Annotated[int, Path(ge=1, le=LARGEST_NUMBER)]


@dataclass(frozen=True, slots=True)
class VersionPage:
    """What the page shows.

    Attributes:
        version: the version; `changes` in words, what protects less first.
        others: all versions, newest first.
        compared: number of the one that it is compared with; 0 for none.
        diff: from that one to this one.
        expected: number of the newest version; 0 for a deleted collection.
        restorable: it can be saved again: it is not what counts now, and the visitor may.
        why_not: why not, in words; empty where they may, or where it is the newest.
        alert, problems: why it was not restored. `comment`: what was typed.
    """

    version: SavedVersion
    changes: tuple[ChangeLine, ...]
    others: tuple[VersionFacts, ...]
    compared: int
    diff: tuple[DiffLine, ...]
    expected: int
    restorable: bool
    why_not: str
    alert: str = ""
    problems: tuple[Problem, ...] = ()
    comment: str = ""


@router.get("/versions/{number}")
def version(
    request: HttpRequest,
    name: str,
    number: Number,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    other: Annotated[int, Query(alias="with", ge=0, le=LARGEST_NUMBER)] = 0,
) -> Response:
    """One version, compared with the one before it or another one."""
    return render(request, "collection_version.html", frame, _page(store, visitor, name, number, other=other))


@router.post("/restore")
def restore(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    number: Annotated[int, Form(ge=1, le=LARGEST_NUMBER)],
    expected: Annotated[int, Form(ge=0, le=LARGEST_NUMBER)],
    comment: Text = "",
) -> Response:
    """Save an earlier version again, as the newest one."""
    problems: tuple[Problem, ...] = ()
    try:
        collections.restore(store, visitor, name, number, expected=expected, comment=comment)
    except DefinitionError as error:
        status, alert = status_of(error), "This version cannot be restored as things are now."
        problems = error.problems
    except DirectorySyncError as error:
        status, alert = status_of(error), str(error)
    else:
        return RedirectResponse(f"{frame.root}/collections/{name}?said=collection-restored", 303)
    page = _page(store, visitor, name, number, alert=alert, problems=tuple(problems), comment=comment)
    return render(request, "collection_version.html", frame, page, status=status)


def _page(
    store: Store,
    visitor: Visitor,
    name: str,
    number: int,
    *,
    other: int = 0,
    alert: str = "",
    problems: tuple[Problem, ...] = (),
    comment: str = "",
) -> VersionPage:
    found = collections.read_version(store, visitor, name, number)
    overview = read_overview(store, visitor, name)
    compared = other or number - 1
    base = collections.read_version(store, visitor, name, compared) if compared else None
    newest = 0 if overview.saved is None else overview.saved.version.number
    counts = number == newest
    return VersionPage(
        version=found,
        changes=stored_change_lines(found.change),
        # A file may have the name by now.
        others=collections.read_versions(store, visitor, name),
        compared=compared,
        diff=() if base is None else text_diff(base.text, found.text),
        expected=newest,
        restorable=not counts and not overview.why_not_edit,
        why_not="" if counts else overview.why_not_edit,
        alert=alert,
        problems=problems,
        comment=comment,
    )
