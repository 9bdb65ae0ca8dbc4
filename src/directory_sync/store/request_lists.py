"""Lists of requests: inbox, own, all; filtered, counted, page by page."""

from __future__ import annotations

import json
from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from directory_sync.errors import RequestError
from directory_sync.store.column_types import storable
from directory_sync.store.database import Database
from directory_sync.store.request_model import (
    PENDING,
    SEARCH_LENGTH,
    EventKind,
    RequestFilter,
    RequestPage,
    RequestView,
    checked_name,
)
from directory_sync.store.request_rows import (
    LARGEST_ID,
    find_request,
    read_request,
    select_requests,
    view_request,
)
from directory_sync.store.tables import (
    ChangeRow,
    CollectionRunRow,
    RequestAssigneeRow,
    RequestDecisionRow,
    RequestEventRow,
    RequestRow,
)

LARGEST_PAGE = 1_000
"""The most requests that are given at once."""

_EVERYTHING = RequestFilter()
_ESCAPE = "/"


class RequestLists:
    """Queries that find requests; a part of `Store`."""

    _database: Database

    def get_request(self, request_id: int) -> RequestView:
        """One request with everything about it. Raises RequestNotFound."""
        with self._database.read() as connection:
            return view_request(connection, find_request(connection, request_id))

    def inbox(
        self,
        user: str,
        roles: Collection[str] = (),
        filter: RequestFilter = _EVERYTHING,
        *,
        before: int | None = None,
        limit: int = 50,
    ) -> RequestPage:
        """What waits for this user: pending requests that ask them, by name or role, and that they have not
        decided on yet.

        Their own requests are left out where they may not decide on them.
        """
        return self._page([_waits_for(user, roles), *_conditions(filter)], before, limit)

    def count_inbox(self, user: str, roles: Collection[str] = (), filter: RequestFilter = _EVERYTHING) -> int:
        """How many requests wait for this user.

        Cheap enough for every page: looks at pending requests only.
        """
        return self._count([_waits_for(user, roles), *_conditions(filter)])

    def mine(
        self, user: str, filter: RequestFilter = _EVERYTHING, *, before: int | None = None, limit: int = 50
    ) -> RequestPage:
        """What this user has asked for: by starting a run, or a waiver for somebody else's."""
        return self._page([_asked_by(user), *_conditions(filter)], before, limit)

    def count_mine(self, user: str, filter: RequestFilter = _EVERYTHING) -> int:
        """How many this user has asked for."""
        return self._count([_asked_by(user), *_conditions(filter)])

    def all_requests(
        self, filter: RequestFilter = _EVERYTHING, *, before: int | None = None, limit: int = 50
    ) -> RequestPage:
        """Every request that the filter lets through, newest first.

        Args:
            filter: which.
            before: where the page before has ended (its `next`).
            limit: the most on a page, up to 1,000.

        Raises RequestError if a text to search for is too long.
        """
        return self._page(_conditions(filter), before, limit)

    def count_requests(self, filter: RequestFilter = _EVERYTHING) -> int:
        """How many there are."""
        return self._count(_conditions(filter))

    def _page(self, conditions: list[ColumnElement[bool]], before: int | None, limit: int) -> RequestPage:
        limit = max(1, min(limit, LARGEST_PAGE))
        if before is not None:
            conditions = [*conditions, RequestRow.id < max(0, min(before, LARGEST_ID))]
        # One more than asked for tells whether there are more.
        query = select_requests().where(*conditions).order_by(RequestRow.id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        requests = tuple(map(read_request, rows[:limit]))
        return RequestPage(requests, requests[-1].id if len(rows) > limit else None)

    def _count(self, conditions: list[ColumnElement[bool]]) -> int:
        query = select(func.count()).select_from(RequestRow).where(*conditions)
        with self._database.read() as connection:
            found: int = connection.execute(query).scalar_one()
        return found


def _asked_by(user: str) -> ColumnElement[bool]:
    checked_name(user, "user's name")
    filed = exists().where(
        RequestEventRow.request_id == RequestRow.id,
        RequestEventRow.kind == EventKind.FILED.value,
        RequestEventRow.actor == user,
    )
    return or_(RequestRow.requester == user, and_(RequestRow.waiver, filed))


def _waits_for(user: str, roles: Collection[str]) -> ColumnElement[bool]:
    checked_name(user, "user's name")
    asked = and_(RequestAssigneeRow.kind == "user", RequestAssigneeRow.name == user)
    if roles:
        asked = or_(asked, and_(RequestAssigneeRow.kind == "role", RequestAssigneeRow.name.in_(list(roles))))
    return and_(
        RequestRow.state == PENDING,
        or_(~_asked_by(user), RequestRow.requester_may_decide),
        exists().where(RequestAssigneeRow.request_id == RequestRow.id, asked),
        ~exists().where(RequestDecisionRow.request_id == RequestRow.id, RequestDecisionRow.person == user),
    )


def _conditions(filter: RequestFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filter.collections is not None:
        conditions.append(RequestRow.collection.in_(filter.collections))
    if filter.job is not None:
        conditions.append(RequestRow.job == filter.job)
    if filter.run_id is not None:
        of_run = exists().where(
            CollectionRunRow.id == RequestRow.collection_run_id, CollectionRunRow.run_id == filter.run_id
        )
        conditions.append(of_run.correlate(RequestRow))
    if filter.requester is not None:
        conditions.append(RequestRow.requester == filter.requester)
    if filter.approver is not None:
        conditions.append(
            exists().where(
                RequestAssigneeRow.request_id == RequestRow.id,
                RequestAssigneeRow.kind == "user",
                RequestAssigneeRow.name == filter.approver,
            )
        )
    if filter.decided_by is not None:
        decided = exists().where(
            RequestDecisionRow.request_id == RequestRow.id, RequestDecisionRow.person == filter.decided_by
        )
        conditions.append(or_(RequestRow.decided_by == filter.decided_by, decided))
    if filter.filed_from is not None:
        conditions.append(RequestRow.filed >= filter.filed_from)
    if filter.filed_before is not None:
        conditions.append(RequestRow.filed < filter.filed_before)
    if filter.states:
        conditions.append(RequestRow.state.in_(filter.states))
    if filter.event is not None:
        conditions.append(
            exists().where(
                RequestEventRow.request_id == RequestRow.id, RequestEventRow.kind == filter.event.value
            )
        )
    return [*conditions, *_texts(filter)]


def _texts(filter: RequestFilter) -> list[ColumnElement[bool]]:
    """The conditions that read texts, which cost the most."""
    conditions: list[ColumnElement[bool]] = []
    if filter.description:
        part = f"%{_escaped(storable(_searchable(filter.description)))}%"
        conditions.append(or_(*(_like(text, part) for text in (RequestRow.description, RequestRow.reason))))
    if filter.object:
        part = _escaped(storable(json.dumps(_searchable(filter.object), ensure_ascii=False)[1:-1]))
        # A change's canonical form ends with its ids, and quotation marks within values are escaped: these
        # marks occur only once.
        before = _like(ChangeRow.payload, f'%"new/_object":"%{part}%","object":"%')
        after = _like(ChangeRow.payload, f'%,"object":"%{part}%"}}')
        # A scalar, not EXISTS: PostgreSQL would make one join of that over all plans, instead of stopping
        # when the page is full.
        named = _like(ChangeRow.name, f"%{_escaped(storable(_searchable(filter.object)))}%")
        found = (
            select(ChangeRow.sequence)
            .where(ChangeRow.plan_id == RequestRow.plan_id, or_(before, after, named))
            .limit(1)
        )
        conditions.append(found.scalar_subquery().is_not(None))
    return conditions


def _like(column: ColumnElement[str] | object, pattern: str) -> ColumnElement[bool]:
    return func.lower(column).like(func.lower(pattern), escape=_ESCAPE)


def _escaped(part: str) -> str:
    return part.replace(_ESCAPE, _ESCAPE * 2).replace("%", f"{_ESCAPE}%").replace("_", f"{_ESCAPE}_")


def _searchable(text: str) -> str:
    if len(text) > SEARCH_LENGTH:
        raise RequestError(
            f"The text to search for has {len(text):,} characters; at most {SEARCH_LENGTH:,} are possible."
        )
    return text
