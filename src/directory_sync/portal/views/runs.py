"""The history: the runs of all collections, and which run is going on now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.queries import RunQuery
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.collections import OUTCOMES
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.listing import Address, Listing, listing
from directory_sync.portal.views.rendering import render
from directory_sync.present.outcomes import NOTHING_TO_DO, SUCCEEDED, outcome_text
from directory_sync.run.result import JobState
from directory_sync.store.run_overview import ListedRun, RunFilter, RunPage
from directory_sync.store.runs import TERMINAL

router = APIRouter()

TRIGGERS = {"scheduled": "the schedule", "manual": "a person", TERMINAL: "a command in a terminal"}
KINDS = {"runs": "runs", "previews": "previews"}
_SUCCESS = {SUCCEEDED: True, NOTHING_TO_DO: False}
"""Outcome of a run that succeeded → whether it has written something."""
FILTERS = {
    "search": "Search",
    "collection": "Collection",
    "outcome": "Outcome",
    "requester": "Started by",
    "trigger": "Started by",
    "kind": "Kind",
    "from": "From",
    "until": "Until",
}


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; `outcome` in words, `jobs` each with its outcome in words."""

    run: ListedRun
    outcome: str
    jobs: tuple[tuple[str, str], ...]

    @property
    def in_airflow(self) -> bool:
        """It has a page there."""
        return self.run.trigger != TERMINAL


@dataclass(frozen=True, slots=True)
class RunsPage:
    """The list; `listing` is what is around its rows. Choices of filters: value → label."""

    rows: tuple[RunRow, ...]
    total: int
    listing: Listing
    collections: tuple[str, ...]
    outcomes: Mapping[str, str]
    triggers: Mapping[str, str]
    kinds: Mapping[str, str]


@router.get("/history")
def history(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """All runs that the visitor may see, newest first; with a wrong filter it says what is wrong."""
    query, parameters, problems = RunQuery.read_what_is_right(request.query_params.multi_items())
    address = Address.read(parameters, problems, {}, RunQuery.schemas())
    collections = visitor.visible(store.run_overview.collections())
    asked = collections if query.collection is None else visitor.visible([query.collection])
    found = store.run_overview.page(run_filter(query, asked), before=query.before, limit=query.limit)
    page = RunsPage(
        rows=run_rows(found),
        total=found.total,
        listing=listing(
            "/history",
            address,
            known=RunQuery.schemas(),
            columns={},
            sorts={},
            sort="",
            descending=False,
            filters=FILTERS,
            newer={} if query.before is not None else None,
            older=None if found.next is None else {"before": found.next},
            words={"outcome": OUTCOMES, "trigger": TRIGGERS, "kind": KINDS},
        ),
        collections=collections,
        outcomes=OUTCOMES,
        triggers=TRIGGERS,
        kinds=KINDS,
    )
    return render(request, "history.html", frame, page, status=422 if address.problems else 200)


@router.get("/running")
def running(request: HttpRequest, frame: CurrentFrame) -> Response:
    """What runs now, for the list on every page."""
    return render(request, "_running_part.html", frame, None)


def run_rows(found: RunPage) -> tuple[RunRow, ...]:
    """Runs as a table shows them."""
    return tuple(
        RunRow(
            run,
            outcome_text(run.state, wrote=run.wrote),
            tuple((job, outcome_text(each.state, wrote=each.wrote)) for job, each in run.jobs.items()),
        )
        for run in found.runs
    )


def run_filter(query: RunQuery, collections: tuple[str, ...]) -> RunFilter:
    """What a query asks for of the runs of these collections."""
    by_person = query.trigger == "manual"
    return RunFilter(
        collections=collections,
        state=JobState.SUCCESS if query.outcome in _SUCCESS else query.outcome,
        wrote=_SUCCESS.get(query.outcome or ""),
        requester=query.requester,
        triggers=() if query.trigger is None or by_person else (query.trigger,),
        other_than=("scheduled", TERMINAL) if by_person else (),
        previews=None if query.kind is None else query.kind == "previews",
        search=query.search,
        started_from=query.started_from,
        started_before=query.started_before,
    )
