"""*Schedule* of a saved collection: a dialog, or a page where there is no JavaScript, with the schedule as
text, in words, and with its next firings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.collections.rescheduling import TypedSchedule, rescheduled
from directory_sync.definition.models import Collection
from directory_sync.definition.problems import Problem
from directory_sync.errors import DefinitionError, DirectorySyncError, EditRefused
from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor, Visitor
from directory_sync.portal.airflow_firings import next_firings
from directory_sync.portal.answers import status_of
from directory_sync.portal.collection_overview import read_overview, require_editable
from directory_sync.portal.queries import LARGEST_NUMBER
from directory_sync.portal.saving_rules import saving_rules
from directory_sync.portal.schedule_text import schedule_text
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.store.store import Store

router = APIRouter(prefix="/collections/{name}")

Text = Annotated[str, Form()]
_FIRINGS = 5


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """The form.

    Attributes:
        expected: number of the version that is shown.
        typed: what the form holds; `comment` too.
        words: what that means; `firings`: the next ones, in the collection's time zone. Empty if it is wrong.
        on: the collection is switched on in Airflow.
        problem: why it was not saved; `problems`: what is wrong in what was typed.
        checked: it was looked at, and not saved.
    """

    name: str
    expected: int
    typed: TypedSchedule
    words: str
    firings: tuple[datetime, ...]
    on: bool
    comment: str = ""
    problem: str = ""
    problems: tuple[Problem, ...] = ()
    checked: bool = False


@router.get("/schedule")
def ask(
    request: HttpRequest, name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The form. Raises EditRefused if the visitor may not edit the collection, or it cannot be used."""
    collection, _, expected, on = _read(store, visitor, name)
    page = SchedulePage(name, expected, TypedSchedule.of(collection), *_meaning(collection), on)
    return render(request, "collection_schedule.html", frame, page, part="_schedule.html")


@router.post("/schedule")
def change(
    request: HttpRequest,
    name: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
    expected: Annotated[int, Form(ge=0, le=LARGEST_NUMBER)] = 0,
    schedule: Text = "",
    timezone: Text = "",
    start: Text = "",
    end: Text = "",
    comment: Text = "",
    do: Text = "save",
) -> Response:
    """Save a version with this schedule; `do=check` only says what it means."""
    _, text, _, on = _read(store, visitor, name)
    typed = TypedSchedule(schedule, timezone, start, end)
    templates = saving_rules(visitor).templates
    # Of the version that the person has seen: what another one has saved since is not mixed with it.
    seen = store.collections.version(name, expected)
    edited = rescheduled(text if seen is None else seen.text, typed, templates)
    problem, status, words = "", 200, ""
    firings: tuple[datetime, ...] = ()
    problems: tuple[Problem, ...] = ()
    try:
        found = collections.check(store, visitor, edited, name=name).checked
        problems = tuple(each for each in found.problems if each.severity == "error")
        if found.usable and found.collection is not None:
            words, firings = _meaning(found.collection)
        if found.usable and do != "check":
            saved = collections.save(store, visitor, name, edited, expected=expected, comment=comment)
            said = "collection-saved" if saved.is_new_version else "collection-unchanged"
            return RedirectResponse(f"{frame.root}/collections/{name}?said={said}", 303)
        status = 200 if found.usable else 422
    except DefinitionError as error:
        problems, status = error.problems, 422
    except DirectorySyncError as error:
        problem, status = str(error), status_of(error)
    page = SchedulePage(
        name, expected, typed, words, firings, on, comment, problem, problems, checked=do == "check"
    )
    # htmx shows no answer that is an error; what is wrong stands in the dialog.
    status = 200 if do == "check" else status
    return render(request, "collection_schedule.html", frame, page, part="_schedule.html", status=status)


def _read(store: Store, visitor: Visitor, name: str) -> tuple[Collection, str, int, bool]:
    """The saved collection, its text, the number of its version, and whether it is switched on."""
    overview = read_overview(store, visitor, name)
    saved = require_editable(
        overview, in_file=f"The collection {name} is kept in a file. Change its schedule there."
    )
    if overview.collection is None:
        text = f"The newest version of {name} cannot be used. Correct it first: edit the definition."
        raise EditRefused(text, name=name)
    return (
        overview.collection,
        overview.text,
        saved.version.number,
        overview.dag.known and not overview.dag.paused,
    )


def _meaning(collection: Collection) -> tuple[str, tuple[datetime, ...]]:
    return schedule_text(collection), next_firings(collection, datetime.now(UTC), _FIRINGS)
