"""The report of a run, or of one of its jobs: changes by pattern and one by one, and as files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.portal import reports, runs
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.api.downloading import FileFormat
from directory_sync.portal.queries import Order, ReportQuery
from directory_sync.portal.reports import Report
from directory_sync.portal.runs import RunView
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import (
    ACTION_CHOICES,
    ORDER_CHOICES,
    RESULT_CHOICES,
    ChangeShown,
    filter_parameters,
    show_change,
)
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.pattern_table import PatternTable, pattern_table
from directory_sync.portal.views.rendering import render
from directory_sync.present.ldif import has_ldif
from directory_sync.present.outcomes import outcome_text
from directory_sync.present.word_marks import Marking
from directory_sync.present.words import count_kinds, kinds_text

router = APIRouter()

_FORMATS = {FileFormat.CSV: "CSV", FileFormat.EXCEL: "Excel", FileFormat.LDIF: "LDIF"}


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One change; `job` and `plan` say whose, `ldif` whether it has a form in LDIF."""

    job: str
    plan: int
    change: ChangeShown
    ldif: bool


@dataclass(frozen=True, slots=True)
class JobPart:
    """One job of the report.

    Attributes:
        label: of its outcome; `state` says how it looks.
        text: how many changes of each kind its plan has.
        patterns: its changes by pattern; empty while a filter is on.
        address: query of the report of this job alone.
    """

    name: str
    state: str
    label: str
    text: str
    patterns: PatternTable
    address: str


@dataclass(frozen=True, slots=True)
class ReportPage:
    """A page of a report.

    Attributes:
        view: the run; `path` of its pages below the root, without a slash at the end.
        found: the changes; `query`: what was asked for.
        jobs: those with a plan that are asked for. `names`: all jobs of the run.
        fields: names to choose from.
        downloads: label and query of each kind of file.
        next: query of what follows; empty at the end.
    """

    view: RunView
    found: Report
    query: ReportQuery
    jobs: tuple[JobPart, ...]
    rows: tuple[ReportRow, ...]
    fields: tuple[str, ...]
    downloads: tuple[tuple[str, str], ...]
    next: str

    kinds = ACTION_CHOICES
    results = RESULT_CHOICES
    orders = ORDER_CHOICES

    @property
    def names(self) -> tuple[str, ...]:
        """All jobs of the run."""
        return tuple(each.job.name for each in self.view.jobs)

    @property
    def filtered(self) -> bool:
        """Whether not all changes of the jobs are let through."""
        return bool(filter_parameters(self.query))

    @property
    def one_job(self) -> bool:
        """Whether it is the report of one job of several."""
        return self.query.job is not None


@router.get("/runs/{collection}/{run_id}/report")
def show_report(
    request: HttpRequest,
    collection: str,
    run_id: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """The report of a run; of one job with `job`."""
    view = runs.read_run(store, visitor, collection, run_id)
    query = ReportQuery.read(request.query_params.multi_items(), order=Order.CONSEQUENCE)
    found = reports.read_report(store, view, query)
    given = filter_parameters(query)
    whose = {} if query.job is None else {"job": query.job}
    order = {} if query.order is Order.CONSEQUENCE else {"order": query.order.value}
    following = {"at": found.next_job} | (
        {} if found.next_after is None else {"after": str(found.next_after)}
    )
    parts = []
    for plan in found.plans:
        job = view.job(plan.job.name)
        assert job is not None
        table = pattern_table(store, visitor, plan.head.id, query.pattern)
        if given and query.pattern is None:
            table = replace(table, rows=())
        parts.append(
            JobPart(
                name=plan.job.name,
                state=job.state,
                label=outcome_text(job.state, wrote=job.result is not None and job.result.wrote),
                text=kinds_text(count_kinds(plan.head.statistics.to_json())),
                patterns=table,
                address=urlencode({"job": plan.job.name}),
            )
        )
    marking = Marking()
    ldif = any(has_ldif(plan.job) for plan in found.plans)
    page = ReportPage(
        view=view,
        found=found,
        query=query,
        jobs=tuple(parts),
        rows=tuple(
            ReportRow(
                each.plan.job.name,
                each.plan.head.id,
                show_change(each.change, marking),
                ldif=has_ldif(each.plan.job),
            )
            for each in found.changes
        ),
        fields=tuple(sorted({name for plan in found.plans for name in plan.job.fields}, key=str.casefold)),
        downloads=tuple(
            (label, urlencode({"format": format.value, **whose, **given}))
            for format, label in _FORMATS.items()
            if ldif or format is not FileFormat.LDIF
        ),
        next=urlencode({**whose, **given, **order, **following}) if found.next_job else "",
    )
    return render(request, "report.html", frame, page)
