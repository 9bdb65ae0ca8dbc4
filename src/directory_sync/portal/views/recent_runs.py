"""*Recent Runs* of a collection: a list with filters in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.collections.saving import no_such_collection
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_overview import read_overview
from directory_sync.portal.queries import RunQuery
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.collections import OUTCOMES
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.listing import Address, Listing, listing
from directory_sync.portal.views.rendering import render
from directory_sync.portal.views.runs import FILTERS, KINDS, TRIGGERS, run_filter
from directory_sync.portal.views.templating import segment
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.times import seconds_text
from directory_sync.present.words import KindCount, add_statistics, count_kinds, kinds_text
from directory_sync.store.collection_names import Origin
from directory_sync.store.run_overview import ListedRun
from directory_sync.store.runs import TERMINAL

router = APIRouter()


@dataclass(frozen=True, slots=True)
class RecentRun:
    """One run.

    Attributes:
        outcome: how it ended, in words.
        kinds: what it has written, or what a preview would write, worst first; `text` in words.
        errors: records and objects in error or in conflict.
        duration: in words.
        saved_version: number of the saved version that it went by; empty for others.
    """

    run: ListedRun
    outcome: str
    kinds: tuple[KindCount, ...]
    text: str
    errors: int
    duration: str
    saved_version: str

    @property
    def in_airflow(self) -> bool:
        """It has a page there."""
        return self.run.trigger != TERMINAL


@dataclass(frozen=True, slots=True)
class RecentRunsPage:
    """The list; `listing` is what is around its rows. Choices of filters: value → label."""

    name: str
    rows: tuple[RecentRun, ...]
    total: int
    listing: Listing
    outcomes: Mapping[str, str]
    triggers: Mapping[str, str]
    kinds: Mapping[str, str]


@router.get("/collections/{name}/runs")
def recent_runs(
    request: HttpRequest, name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The runs of a collection, newest first; with a wrong filter it says what is wrong."""
    if not visitor.may_see(name):
        raise no_such_collection(name)
    query, parameters, problems = RunQuery.read_what_is_right(request.query_params.multi_items())
    known = [each for each in RunQuery.schemas() if each != "collection"]
    address = Address.read(parameters, problems, {}, known)
    found = store.run_overview.page(run_filter(query, (name,)), before=query.before, limit=query.limit)
    if not found.total and not address.given:
        read_overview(store, visitor, name)  # or there is no such collection
    page = RecentRunsPage(
        name=name,
        rows=tuple(map(_row, found.runs)),
        total=found.total,
        listing=listing(
            f"/collections/{segment(name)}/runs",
            address,
            known=known,
            columns={},
            sorts={},
            sort="",
            descending=False,
            filters={each: label for each, label in FILTERS.items() if each != "collection"},
            newer={} if query.before is not None else None,
            older=None if found.next is None else {"before": found.next},
            words={"outcome": OUTCOMES, "trigger": TRIGGERS, "kind": KINDS},
        ),
        outcomes=OUTCOMES,
        triggers=TRIGGERS,
        kinds=KINDS,
    )
    return render(request, "recent_runs.html", frame, page, status=422 if address.problems else 200)


def _row(run: ListedRun) -> RecentRun:
    figures = add_statistics(each.statistics for each in run.jobs.values())
    kinds = count_kinds(figures)
    if run.finished is not None:
        duration = seconds_text(run.finished - run.started)
    else:
        duration = f"for {seconds_text(datetime.now(UTC) - run.started)}"
    origin = Origin.of_document(run.dag_id, run.origin) if run.origin else None
    return RecentRun(
        run=run,
        outcome=outcome_text(run.state, wrote=run.wrote),
        kinds=kinds,
        text=kinds_text(kinds),
        errors=figures.get("errors", 0) + figures.get("conflicts", 0),
        duration=duration,
        saved_version=run.version if origin is not None and origin.file is None else "",
    )
