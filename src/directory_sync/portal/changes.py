"""The changes of a plan as people are shown them: filtered, searched, page by page, never with the value of a
secret field.
"""

from __future__ import annotations

from dataclasses import dataclass

from directory_sync.approval.request import Request
from directory_sync.definition.models import Job
from directory_sync.definition.secrets import IsSecret, secret_fields
from directory_sync.endpoints.change import WORST_FIRST
from directory_sync.errors import PlanMismatch, QueryError, RequestNotFound
from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.plan.patterns.model import OTHER, Patterns
from directory_sync.portal import integrity
from directory_sync.portal.access import Visitor, not_found
from directory_sync.portal.integrity import AT_ONCE, BRIEFLY, Checked, worst
from directory_sync.portal.preview_rights import own_question
from directory_sync.portal.queries import ChangeQuery, Order
from directory_sync.present.shown import ShownChange, visible
from directory_sync.store.plan_pages import ChangeFilter, PlanHead, StoredChange
from directory_sync.store.preview_model import question_of
from directory_sync.store.store import Store

_EVERYTHING = ChangeQuery()


@dataclass(frozen=True, slots=True)
class ShownChanges:
    """A page of changes.

    Attributes:
        next: what to give as `after` to see what follows; None at the end.
        total: counts all that the filter lets through.
        integrity: whether the plan they belong to is the one that was stored.
    """

    changes: tuple[ShownChange, ...]
    next: int | None
    total: int
    integrity: Checked


def visible_plan(store: Store, visitor: Visitor, plan_id: int) -> tuple[PlanHead, Job]:
    """A plan and the job it is for, as the run had it.

    Raises RequestNotFound if there is none that the visitor may see.
    """
    try:
        head = store.plan_pages.head(plan_id)
    except PlanMismatch:
        raise RequestNotFound(not_found(f"plan {plan_id}")) from None
    if head.collection == PREVIEWS_DAG_ID:
        if own_question(store, visitor, question_of(head.run_id)) is None:
            raise RequestNotFound(not_found(f"plan {plan_id}"))
    else:
        visitor.require_sight(head.current_name, f"plan {plan_id}")
    snapshot = store.runs.find(head.collection, head.run_id)
    if snapshot is None:
        raise RequestNotFound(not_found(f"plan {plan_id}"))
    return head, snapshot.collection.job(head.job)


def integrity_of(
    store: Store,
    head: PlanHead,
    request: Request | None = None,
    *,
    at_once: int = AT_ONCE,
    kept: float = BRIEFLY,
) -> Checked:
    """Whether a plan is the one that was stored.

    Args:
        store: holds it.
        head: the plan.
        request: where one asks about it: digest and figures have to be those that stand there.
        at_once, kept: as `integrity.look` takes them.
    """
    plan = integrity.look(
        store,
        head.id,
        digest=head.digest if request is None else request.digest,
        statistics=head.statistics.to_json() if request is None else request.statistics,
        changes=head.changes,
        at_once=at_once,
        kept=kept,
    )
    return plan if request is None else worst([plan, integrity.look_at_request(store, request)])


def read_patterns(store: Store, visitor: Visitor, plan_id: int) -> tuple[Patterns | None, Job]:
    """The patterns of a plan's changes, and the job; None where they are not known.

    Raises RequestNotFound if there is no plan that the visitor may see, PlanAltered.
    """
    head, job = visible_plan(store, visitor, plan_id)
    return store.plan_patterns.of(head.id), job


def read_changes(
    store: Store,
    visitor: Visitor,
    plan_id: int,
    query: ChangeQuery = _EVERYTHING,
    *,
    request: Request | None = None,
) -> ShownChanges:
    """A page of a plan's changes. A text to search for is not looked for in the values of secret fields.

    `request`: the one that asks about the plan, if they are shown for its sake.
    """
    head, job = visible_plan(store, visitor, plan_id)
    is_secret = secret_fields(job)
    filter = filter_of(store, head, query)
    page = store.plan_pages.page(
        head.id,
        search=filter.search,
        field=filter.field,
        action=filter.action,
        result=filter.result,
        among=filter.among,
        order=WORST_FIRST if query.order is Order.CONSEQUENCE else (),
        after=query.after,
        limit=query.limit,
    )
    shown = tuple(shown_change(is_secret, each) for each in page.changes)
    return ShownChanges(shown, page.next, page.total, integrity_of(store, head, request))


def filter_of(store: Store, head: PlanHead, query: ChangeQuery) -> ChangeFilter:
    """The filter that a query asks for. Raises QueryError, PlanAltered for a pattern."""
    return ChangeFilter(
        search=query.search,
        field=query.field,
        action=query.action,
        result=query.result,
        among=None if query.pattern is None else _among(store, head, query.pattern),
    )


def shown_change(is_secret: IsSecret, stored: StoredChange) -> ShownChange:
    """One change as people are shown it."""
    return visible(stored.change, is_secret, sequence=stored.sequence, outcome=stored.outcome)


def _among(store: Store, head: PlanHead, pattern: int) -> bytes:
    """Which changes belong to a line; see `PlanPages.page`. Raises QueryError, PlanAltered."""
    patterns = store.plan_patterns.of(head.id)
    if patterns is None:
        raise QueryError({"pattern": "The patterns of this plan's changes are not known."})
    return patterns.among(pattern - 1 if pattern else OTHER)
