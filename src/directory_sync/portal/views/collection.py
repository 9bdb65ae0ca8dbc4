"""The page of one collection: its jobs, runs and versions, and where it stands in Airflow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest
from fastapi.responses import RedirectResponse

from directory_sync.definition.models import Collection, Job
from directory_sync.errors import CollectionNotFound
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_overview import Overview, read_overview
from directory_sync.portal.dag_text import BUNDLE_ENTRY, DagStanding, dag_message
from directory_sync.portal.schedule_text import schedule_text
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.approval_words import approval_words
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.present.definition_changes import ChangeLine, stored_change_lines
from directory_sync.present.outcomes import outcome_text
from directory_sync.store.collection_versions import VersionFacts
from directory_sync.store.run_overview import ListedRun
from directory_sync.store.runs import TERMINAL

router = APIRouter()


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job; `approval` says who has to agree, in words."""

    job: Job
    source: str
    destination: str
    approval: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run.

    Attributes:
        outcome: how it ended, in words.
        in_airflow: it has a page there.
    """

    run: ListedRun
    outcome: str
    in_airflow: bool


@dataclass(frozen=True, slots=True)
class VersionRow:
    """One version; `changes` in words, what protects less first."""

    version: VersionFacts
    changes: tuple[ChangeLine, ...]
    newest: bool


@dataclass(frozen=True, slots=True)
class CollectionPage:
    """What the page shows.

    Attributes:
        schedule: in words; empty where the definition cannot be used.
        queued: ids of runs that Airflow has and the store does not know yet.
        dag_message: what is wrong in Airflow and what to do about it; empty if nothing is.
        bundle_entry: what to add to Airflow's configuration; empty if nothing.
    """

    overview: Overview
    schedule: str
    jobs: tuple[JobRow, ...]
    runs: tuple[RunRow, ...]
    queued: tuple[str, ...]
    versions: tuple[VersionRow, ...]
    dag_message: str
    bundle_entry: str

    @property
    def previews(self) -> bool:
        """Whether the visitor may preview its jobs."""
        overview = self.overview
        return not overview.why_not_run and bool(overview.text) and overview.usable

    @property
    def under_way(self) -> bool:
        """Whether the page will soon change: a run goes on, or Airflow has still to read a version."""
        running = any(row.run.finished is None for row in self.runs)
        return running or bool(self.queued) or self.overview.standing is DagStanding.WAITING


@router.get("/collections/{name}")
def collection(
    request: HttpRequest, name: str, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """One collection. The address of a name that it had before leads to it."""
    try:
        overview = read_overview(store, visitor, name)
    except CollectionNotFound:
        now = store.collections.renamed_to(name)
        if now is None or not visitor.may_see(now):
            raise
        return RedirectResponse(f"{frame.root}/collections/{now}", 303)
    return render(request, "collection.html", frame, collection_page(overview), part="_collection_live.html")


def collection_page(overview: Overview) -> CollectionPage:
    """What the page shows of a collection; its tab in Airflow shows parts of it."""
    found = overview.collection
    standing = overview.standing
    known = {run.run_id for run in overview.runs}
    return CollectionPage(
        overview=overview,
        schedule="" if found is None else schedule_text(found),
        jobs=() if found is None else tuple(_job(found, job) for job in found.jobs),
        runs=tuple(
            RunRow(run, outcome_text(run.state, wrote=run.wrote), run.trigger != TERMINAL)
            for run in overview.runs
        ),
        queued=tuple(run_id for run_id in overview.active if run_id not in known),
        versions=tuple(_versions(overview.versions)),
        dag_message="" if standing is None else dag_message(standing, overview.dag),
        bundle_entry=BUNDLE_ENTRY if standing is DagStanding.NO_BUNDLE else "",
    )


def _versions(versions: Iterable[VersionFacts]) -> Iterable[VersionRow]:
    for number, version in enumerate(versions):
        yield VersionRow(version, stored_change_lines(version.change), number == 0)


def _job(collection: Collection, job: Job) -> JobRow:
    return JobRow(job, job.source.text, job.destination.text, approval_words(collection.policy_of(job)))
