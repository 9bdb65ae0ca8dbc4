"""What differs between the plans of two requests of one job: for approvers of a new plan, and for requests
that went stale.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice

from directory_sync.approval.request import Request
from directory_sync.definition.secrets import IsSecret, secret_fields
from directory_sync.endpoints.change import Change
from directory_sync.endpoints.registry import kind_of
from directory_sync.errors import QueryError
from directory_sync.plan.comparison import Comparison, Counts, Difference, Presence
from directory_sync.portal.access import Visitor
from directory_sync.portal.changes import integrity_of, visible_plan
from directory_sync.portal.integrity import Checked, worst
from directory_sync.portal.queries import ComparisonQuery
from directory_sync.portal.reading import visible_request
from directory_sync.present.shown import ShownChange, visible
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class ShownDifference:
    """An object that the two plans treat differently.

    Attributes:
        presence: only in the old plan, only in the new one, or changed.
        object: its id in the newer plan that has it.
        old, new: what each plan would do; None where it is not in that plan. `sequence` is 0 in both: it says
            nothing here.
        fields: names of the fields that are treated differently; empty if only action, target or identity
            differ.
    """

    presence: Presence
    object: str
    old: ShownChange | None
    new: ShownChange | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownComparison:
    """A page of differences; `next` is what to give as `after` (a number of differences), None at the end.

    Attributes:
        old, new: the two requests, by age.
        counts: of objects.
        integrity: whether both plans are what was filed; what is known of the worse one.
    """

    old: Request
    new: Request
    counts: Counts
    differences: tuple[ShownDifference, ...]
    next: int | None
    integrity: Checked


def compare_requests(
    store: Store, visitor: Visitor, request_id: int, other_id: int, query: ComparisonQuery
) -> ShownComparison:
    """What differs between the plans of two requests of one job, a page at a time.

    Args:
        request_id, other_id: the requests, in any order: the older one counts as old.
        query: how many differences to leave out, and the most on a page; its `other` does not count here.

    Raises QueryError if they are not about the same job at the same destination.
    """
    old, new = (visible_request(store, visitor, each).request for each in sorted((request_id, other_id)))
    if (old.collection, old.job) != (new.collection, new.job):
        raise QueryError(
            {"with": f"Request {other_id} is about another job, so there is nothing to compare."}
        )
    (old_head, old_job), (new_head, new_job) = (
        visible_plan(store, visitor, each.plan_id) for each in (old, new)
    )
    if old_head.destination != new_head.destination:
        raise QueryError(
            {"with": f"Request {other_id} is about another destination, so there is nothing to compare."}
        )
    # Names in directories differ in the case of letters without naming something else; keys of rows do not.
    ids: Callable[[str], str] = str.casefold if kind_of(new_job.destination).folds_ids else str
    only_old, only_new = store.plan_pages.unlike_changes(old.plan_id, new.plan_id)
    comparison = Comparison(only_old, only_new, normalise=ids)
    counts = replace(comparison.counts, same=comparison.counts.same + new_head.changes - len(only_new))
    page = tuple(islice(comparison, query.after, query.after + query.limit))
    after = query.after + len(page)
    total = counts.only_old + counts.only_new + counts.changed
    return ShownComparison(
        old=old,
        new=new,
        counts=counts,
        differences=tuple(
            shown_difference(each, secret_fields(old_job), secret_fields(new_job)) for each in page
        ),
        next=after if page and after < total else None,
        integrity=worst([integrity_of(store, old_head, old), integrity_of(store, new_head, new)]),
    )


def shown_difference(difference: Difference, old_secret: IsSecret, new_secret: IsSecret) -> ShownDifference:
    """A difference as people are shown it: without the values of secret fields."""

    def change(is_secret: IsSecret, planned: Change | None) -> ShownChange | None:
        return None if planned is None else visible(planned, is_secret)

    return ShownDifference(
        presence=difference.presence,
        object=difference.object,
        old=change(old_secret, difference.old),
        new=change(new_secret, difference.new),
        fields=tuple(field.field for field in difference.fields),
    )
