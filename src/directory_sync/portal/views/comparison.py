"""What differs between the plans of two requests of one job, object by object and field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.errors import RequestNotFound
from directory_sync.plan.comparison import Presence
from directory_sync.portal import comparing, reading
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.comparing import ShownComparison, ShownDifference
from directory_sync.portal.queries import (
    ComparisonQuery,
)
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.change_list import ChangeShown, show_change
from directory_sync.portal.views.frame import CurrentFrame, RequestId
from directory_sync.portal.views.rendering import render
from directory_sync.present.shown import ShownChange
from directory_sync.present.values import FieldShown, show_field
from directory_sync.present.word_marks import Marking

router = APIRouter()

_PRESENCE = {
    Presence.ONLY_OLD: "No longer changed",
    Presence.ONLY_NEW: "Only in the new plan",
    Presence.CHANGED: "Changed otherwise",
}


@dataclass(frozen=True, slots=True)
class FieldPair:
    """One field that the two plans treat differently; None where a plan does not touch it."""

    old: FieldShown | None
    new: FieldShown | None

    @property
    def field(self) -> FieldShown:
        """The one that is there, for its name."""
        field = self.new or self.old
        assert field is not None
        return field


@dataclass(frozen=True, slots=True)
class DifferenceShown:
    """One object; `old` and `new` say what each plan would do, `fields` where that differs."""

    presence: str
    presence_text: str
    object: str
    old: ChangeShown | None
    new: ChangeShown | None
    fields: tuple[FieldPair, ...]


@dataclass(frozen=True, slots=True)
class ComparisonPage:
    """A page of differences.

    Attributes:
        found: the comparison; `query`: what was asked for.
        request: the request that was looked at; `other` the one that it is compared with.
        differences: as they are shown.
    """

    found: ShownComparison
    query: ComparisonQuery
    request: int
    other: int
    differences: tuple[DifferenceShown, ...]

    @property
    def next(self) -> str:
        """Query of what follows; empty at the end."""
        return "" if self.found.next is None else f"with={self.other}&after={self.found.next}"


def show_difference(
    difference: ShownDifference, marking: Marking, words: Mapping[Presence, str] = _PRESENCE
) -> DifferenceShown:
    """One object; `words`: what is said of where it stands."""
    old, new = difference.old, difference.new
    pairs: tuple[FieldPair, ...] = ()
    if old is not None and new is not None:
        before, after = _fields(old, marking), _fields(new, marking)
        names = [name.casefold() for name in difference.fields]
        pairs = tuple(FieldPair(before.get(name), after.get(name)) for name in names)
    return DifferenceShown(
        presence=difference.presence.value,
        presence_text=words[difference.presence],
        object=difference.object,
        old=None if old is None else show_change(old, marking),
        new=None if new is None else show_change(new, marking),
        fields=pairs,
    )


def _fields(change: ShownChange, marking: Marking) -> dict[str, FieldShown]:
    return {field.field.casefold(): show_field(field, marking) for field in change.fields}


@router.get("/requests/{request_id}/comparison")
def show_comparison(
    request: HttpRequest,
    request_id: RequestId,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """What differs between the plans of two requests, object by object and field by field."""
    query = ComparisonQuery.read(request.query_params.multi_items())
    other = query.other or reading.read_request(store, visitor, request_id).previous
    if other is None:
        raise RequestNotFound(f"There is no other request to compare request {request_id} with.")
    found = comparing.compare_requests(store, visitor, request_id, other, query)
    marking = Marking()
    page = ComparisonPage(
        found,
        query,
        request=request_id,
        other=other,
        differences=tuple(show_difference(difference, marking) for difference in found.differences),
    )
    return render(request, "comparison.html", frame, page)
