"""The dashboard: what waits for the visitor, what runs, what did not end well, and the collections they look
at first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.approval.request import Request
from directory_sync.portal import reading
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_list import Listed, read_all
from directory_sync.portal.drafts import list_drafts
from directory_sync.portal.queries import ListQuery
from directory_sync.portal.running import runs_under_way
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.outcomes import outcome_text
from directory_sync.run.result import JobState
from directory_sync.store.drafts import Draft
from directory_sync.store.run_overview import RunUnderWay

router = APIRouter()

_REQUESTS = 5
_COLLECTIONS = 12
_NOT_WELL = frozenset(
    (
        JobState.FAILED.value,
        JobState.INCOMPLETE.value,
        JobState.STOPPED_BY_LIMIT.value,
        JobState.SUCCESS_WITH_ERRORS.value,
        JobState.CONFLICTS.value,
    )
)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection; `outcome` of its last run in words."""

    listed: Listed
    outcome: str


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The page.

    Attributes:
        requests: the newest that wait for the visitor; `waiting` how many there are.
        under_way: runs that go on, those that wait for approval apart from them.
        not_well: collections whose last run did not do all that it should have, and broken ones.
        collections: those that the visitor has pinned, then those that ran last; `total` how many there are.
        pinned: the names of the pinned ones.
        drafts: what the visitor has not finished.
    """

    requests: tuple[Request, ...]
    waiting: int
    running: tuple[RunUnderWay, ...]
    waiting_runs: tuple[RunUnderWay, ...]
    not_well: tuple[CollectionRow, ...]
    collections: tuple[CollectionRow, ...]
    total: int
    pinned: frozenset[str]
    drafts: tuple[Draft, ...] = ()


@router.get("/")
def start(frame: CurrentFrame) -> Response:
    """The dashboard is where everything begins."""
    return RedirectResponse(f"{frame.root}/dashboard", 303)


@router.get("/dashboard")
def dashboard(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """What counts now."""
    inbox = reading.list_requests(store, visitor, ListQuery.read([("limit", str(_REQUESTS))]))
    rows, _ = read_all(store, visitor)
    under_way = runs_under_way(store, visitor)
    pinned = store.pins.of(visitor.person.name)
    newest = sorted(rows, key=lambda row: row.latest.started if row.latest else _NEVER, reverse=True)
    page = Dashboard(
        requests=inbox.requests,
        waiting=inbox.total,
        running=tuple(run for run in under_way if not run.waits),
        waiting_runs=tuple(run for run in under_way if run.waits),
        not_well=tuple(_row(row) for row in newest if _is_not_well(row))[:_COLLECTIONS],
        collections=tuple(_row(row) for row in _first(newest, pinned)),
        total=len(rows),
        pinned=pinned,
        drafts=tuple(list_drafts(store, visitor)),
    )
    return render(request, "dashboard.html", frame, page)


def _first(newest: list[Listed], pinned: frozenset[str]) -> list[Listed]:
    named = [row for row in newest if row.name]
    first = sorted((row for row in named if row.name in pinned), key=lambda row: row.title.casefold())
    others = [row for row in named if row.name not in pinned]
    return first + others[: max(0, _COLLECTIONS - len(first))]


def _is_not_well(row: Listed) -> bool:
    return row.broken or (row.latest is not None and row.latest.state in _NOT_WELL)


def _row(listed: Listed) -> CollectionRow:
    latest = listed.latest
    return CollectionRow(listed, "" if latest is None else outcome_text(latest.state, wrote=latest.wrote))
