"""The report of a run: the changes of all its jobs, or of one, filtered, searched, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync.definition.models import Job
from directory_sync.definition.secrets import secret_fields
from directory_sync.endpoints.change import WORST_FIRST
from directory_sync.errors import QueryError
from directory_sync.portal.changes import filter_of, integrity_of, shown_change
from directory_sync.portal.integrity import Checked, worst
from directory_sync.portal.queries import Order, ReportQuery
from directory_sync.portal.runs import RunView, plan_head
from directory_sync.present.shown import ShownChange
from directory_sync.store.plan_pages import ChangeFilter, PlanHead
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """The plan of a job of the run, and which of its changes are asked for."""

    job: Job
    head: PlanHead
    filter: ChangeFilter


@dataclass(frozen=True, slots=True)
class ReportedChange:
    """One change, and the plan that it belongs to."""

    plan: ReportPlan
    change: ShownChange


@dataclass(frozen=True, slots=True)
class Report:
    """A page of a run's report.

    Attributes:
        plans: of the jobs that are asked for, in the run's order.
        changes: on this page.
        total: how many the filter lets through; `all` without it.
        next_job, next_after: where the next page begins; empty and None at the end.
        integrity: whether the plans are those that were stored; what is known of the worst.
    """

    plans: tuple[ReportPlan, ...]
    changes: tuple[ReportedChange, ...]
    total: int
    all: int
    next_job: str
    next_after: int | None
    integrity: Checked | None


def report_plans(store: Store, view: RunView, query: ReportQuery) -> tuple[ReportPlan, ...]:
    """The plans that a query asks for.

    Raises QueryError for a job that the run does not have, or a pattern without a job.
    """
    if query.job is not None and view.job(query.job) is None:
        raise QueryError({"job": "This run has no such job."})
    chosen = [each for each in view.jobs if query.job in (None, each.job.name)]
    heads = [(each, head) for each in chosen if (head := plan_head(store, each)) is not None]
    if query.pattern is not None and len(heads) != 1:
        raise QueryError({"pattern": "Patterns belong to one job: give its name as job."})
    return tuple(ReportPlan(each.job, head, filter_of(store, head, query)) for each, head in heads)


def read_report(store: Store, view: RunView, query: ReportQuery) -> Report:
    """A page of the report of a run that the visitor may see. Raises as `report_plans`."""
    plans = report_plans(store, view, query)
    names = [each.job.name for each in plans]
    if query.at is not None and query.at not in names:
        raise QueryError({"at": "This run has no such job."})
    begin = 0 if query.at is None else names.index(query.at)
    found: list[ReportedChange] = []
    total, next_job, next_after = 0, "", None
    for place, plan in enumerate(plans):
        room = query.limit - len(found) if place >= begin and not next_job else 0
        filter = plan.filter
        page = store.plan_pages.page(
            plan.head.id,
            search=filter.search,
            field=filter.field,
            action=filter.action,
            result=filter.result,
            among=filter.among,
            order=WORST_FIRST if query.order is Order.CONSEQUENCE else (),
            after=query.after if place == begin and query.at is not None else None,
            limit=max(room, 1),
        )
        total += page.total
        if not room:
            if place > begin and not next_job and page.total:
                next_job = plan.job.name
            continue
        is_secret = secret_fields(plan.job)
        found += (ReportedChange(plan, shown_change(is_secret, each)) for each in page.changes)
        if page.next is not None:
            next_job, next_after = plan.job.name, page.next
    checked = [integrity_of(store, plan.head) for plan in plans if plan.head.changes]
    return Report(
        plans=plans,
        changes=tuple(found),
        total=total,
        all=sum(plan.head.changes for plan in plans),
        next_job=next_job,
        next_after=next_after,
        integrity=worst(checked) if checked else None,
    )
