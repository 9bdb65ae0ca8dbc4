"""The list of collections: rows, search, filters and order, all in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.portal import collections
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.collection_list import COLLECTION_COLUMNS, Listed, ListedPage, list_all
from directory_sync.portal.drafts import list_drafts
from directory_sync.portal.queries import CollectionQuery, CollectionSort
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.listing import Address, Listing, listing
from directory_sync.portal.views.rendering import render
from directory_sync.present.outcomes import LABELS, outcome_text
from directory_sync.store.drafts import Draft

router = APIRouter()

_FILTERS = {
    "search": "Search",
    "kind": "Kept",
    "state": "State",
    "outcome": "Outcome",
    "owner": "Owner",
}
_SORTS: Mapping[str, str] = {sort.value: COLLECTION_COLUMNS[sort.value].label for sort in CollectionSort}
_WORDS = {
    "kind": {"saved": "saved", "file": "in a file"},
    "state": {"on": "switched on", "off": "switched off"},
}
OUTCOMES = {
    outcome: label
    for outcome, label in LABELS.items()
    if outcome in CollectionQuery.schemas()["outcome"]["enum"]
}


@dataclass(frozen=True, slots=True)
class Row:
    """One collection.

    Attributes:
        listed: the collection.
        outcome: how its last run ended, in words.
        may_edit: the visitor may edit, rename and delete it.
        pinned: the visitor has pinned it to their dashboard.
    """

    listed: Listed
    outcome: str
    may_edit: bool
    pinned: bool


@dataclass(frozen=True, slots=True)
class CollectionsPage:
    """The list; `listing` is what is around its rows, `outcomes` the choices of a filter,
    `drafts` what the visitor has not finished.
    """

    found: ListedPage
    rows: tuple[Row, ...]
    listing: Listing
    outcomes: Mapping[str, str]
    drafts: tuple[Draft, ...] = ()


@router.get("/collections")
def list_collections(
    request: HttpRequest, frame: CurrentFrame, visitor: CurrentVisitor, store: CurrentStore
) -> Response:
    """The list; with a wrong filter it says what is wrong, and shows what the others let through."""
    query, parameters, problems = CollectionQuery.read_what_is_right(request.query_params.multi_items())
    known = CollectionQuery.schemas()
    address = Address.read(parameters, problems, COLLECTION_COLUMNS, known)
    found = list_all(store, visitor, query, address.conditions)
    before, after = query.skip - query.limit, query.skip + query.limit
    editable = collections.may_edit_these(visitor, [row.collection for row in found.rows])
    pinned = store.pins.of(visitor.person.name)
    page = CollectionsPage(
        found=found,
        rows=tuple(
            _row(row, may_edit=may, pinned=row.name in pinned)
            for row, may in zip(found.rows, editable, strict=True)
        ),
        listing=listing(
            "/collections",
            address,
            known=known,
            columns=COLLECTION_COLUMNS,
            sorts=_SORTS,
            sort=query.sort.value,
            descending=query.descending,
            filters=_FILTERS,
            newer={"skip": max(0, before)} if query.skip else None,
            older={"skip": after} if after < found.found else None,
            words=_WORDS | {"outcome": OUTCOMES},
        ),
        outcomes=OUTCOMES,
        drafts=tuple(list_drafts(store, visitor)),
    )
    return render(request, "collections.html", frame, page, status=422 if address.problems else 200)


def _row(listed: Listed, *, may_edit: bool, pinned: bool) -> Row:
    latest = listed.latest
    outcome = "" if latest is None else outcome_text(latest.state, wrote=latest.wrote)
    return Row(listed, outcome, may_edit and listed.file is None, pinned)
