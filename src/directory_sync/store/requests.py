"""Finding requests: one by its number, run or plan, and lists of them (inbox, own, all) page by page.

Nothing is changed here; the other `request_` modules do that. Who may see what is not decided in the store:
callers hand that in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Integer,
    Select,
    TableValuedAlias,
    and_,
    case,
    cast,
    exists,
    func,
    or_,
    select,
)

from directory_sync.approval.people import identity
from directory_sync.approval.request import EventKind, Request, RequestView
from directory_sync.approval.states import RequestState
from directory_sync.errors import RequestError
from directory_sync.plan.canonical import END_OF_NAMES, searched
from directory_sync.printable import storable
from directory_sync.store.database import Database
from directory_sync.store.plan_integrity import require_filed
from directory_sync.store.request_filing import live_key
from directory_sync.store.request_model import GONE, SEARCH_LENGTH, RequestFilter, RequestPage, checked_name
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
    RequestEditorRow,
    RequestEventRow,
    RequestRow,
)

LARGEST_PAGE = 1_000
"""The most requests that are given at once."""

_EVERYTHING = RequestFilter()
_ESCAPE = "/"


class Requests:
    """Queries that find requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, request_id: int) -> RequestView:
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

        Their own requests are left out where they may not decide on them, and so is what they saved.
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
        """What this user has asked for: by starting a run, or a waiver for someone else's."""
        return self._page([_asked_by(user), *_conditions(filter)], before, limit)

    def count_mine(self, user: str, filter: RequestFilter = _EVERYTHING) -> int:
        """How many this user has asked for."""
        return self._count([_asked_by(user), *_conditions(filter)])

    def all(
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

    def count(self, filter: RequestFilter = _EVERYTHING) -> int:
        """How many there are."""
        return self._count(_conditions(filter))

    def pending(self, collection: str, job: str) -> Request | None:
        """The request of a job that waits for a decision, or None."""
        with self._database.read() as connection:
            row = connection.execute(
                select_requests().where(RequestRow.live_key == live_key(collection, job))
            ).one_or_none()
            return None if row is None else read_request(row)

    def of_run(self, collection_run_id: int, job: str) -> Request | None:
        """The latest request that a run has filed for one of its jobs, or None."""
        with self._database.read() as connection:
            query = _newest().where(RequestRow.collection_run_id == collection_run_id, RequestRow.job == job)
            row = connection.execute(query).one_or_none()
            return None if row is None else read_request(row)

    def approved(self, collection: str, job: str, digest: str, *, waiver: bool) -> Request | None:
        """The latest approved request for exactly this plan that no one has applied, or None.

        Args:
            collection, job, digest: of the plan.
            waiver: one that a later run uses, or one that its own run applies.
        """
        with self._database.read() as connection:
            query = _newest().where(
                RequestRow.collection == collection,
                RequestRow.job == job,
                RequestRow.digest == digest,
                RequestRow.state == RequestState.APPROVED,
                RequestRow.waiver == waiver,
            )
            row = connection.execute(query).one_or_none()
            return None if row is None else read_request(row)

    def to_apply(self, collection_run_id: int, job: str) -> Request | None:
        """The latest request that a run has filed for a job and applies itself; None if there is none.

        Waivers are not among them: a later run makes use of those.
        """
        with self._database.read() as connection:
            query = _newest().where(
                RequestRow.collection_run_id == collection_run_id, RequestRow.job == job, ~RequestRow.waiver
            )
            row = connection.execute(query).one_or_none()
            return None if row is None else read_request(row)

    def standing_denial(self, collection: str, job: str, digest: str) -> Request | None:
        """The job's last denied request, if it is for this plan and the plan was not approved since; else
        None.

        Waivers do not count: they are not about the plan alone.
        """
        own = (
            RequestRow.collection == collection,
            # Not of one that had the name, and has another one now.
            RequestRow.current_name == collection,
            RequestRow.job == job,
            ~RequestRow.waiver,
        )
        with self._database.read() as connection:
            row = connection.execute(
                select_requests()
                .where(*own, RequestRow.state == RequestState.DENIED)
                .order_by(RequestRow.decided.desc(), RequestRow.id.desc())
                .limit(1)
            ).one_or_none()
            if row is None or row.digest != digest:
                return None
            agreed = select(RequestRow.id).where(*own, RequestRow.digest == digest, RequestRow.id > row.id)
            if (
                connection.execute(
                    agreed.where(RequestRow.state.in_([RequestState.APPROVED, RequestState.APPLIED])).limit(1)
                ).first()
                is not None
            ):
                return None
            return read_request(row)

    def collections(self, *, pending_only: bool = False) -> tuple[str, ...]:
        """The names of all collections that requests are about, sorted; with `pending_only`, of those that
        wait.
        """
        query = select(RequestRow.current_name).distinct().order_by(RequestRow.current_name)
        if pending_only:
            query = query.where(RequestRow.state == RequestState.PENDING)
        with self._database.read() as connection:
            return tuple(connection.scalars(query))

    def decided_among(self, request_ids: Iterable[int]) -> dict[int, str]:
        """Those of these requests that no longer wait, with their state; `gone` for one that does not exist.
        One query.

        A pending one whose time is over by the database's clock counts as `expired`, whether or not that is
        noted already.
        """
        ids = sorted({request_id for request_id in request_ids if 0 < request_id <= LARGEST_ID})
        found = {request_id: GONE for request_id in request_ids if not 0 < request_id <= LARGEST_ID}
        if not ids:
            return found
        asked = self._table_of(ids)
        overdue = RequestRow.expires <= (
            datetime.now(UTC) if self._database.is_sqlite else func.clock_timestamp()
        )
        query = (
            select(
                asked.c.value,
                case(
                    (and_(RequestRow.state == RequestState.PENDING, overdue), RequestState.EXPIRED),
                    else_=RequestRow.state,
                ),
            )
            .select_from(asked.outerjoin(RequestRow, RequestRow.id == asked.c.value))
            .where(or_(RequestRow.state.is_distinct_from(RequestState.PENDING), overdue))
        )
        with self._database.read() as connection:
            return found | {request_id: state or GONE for request_id, state in connection.execute(query)}

    def verify(self, request: Request) -> None:
        """Return if a request is what was filed.

        Raises RequestNotFound, PlanAltered; earlier versions left nothing to check.
        """
        with self._database.read() as connection:
            seal = connection.execute(
                select(RequestRow.seal).where(RequestRow.id == request.id)
            ).scalar_one_or_none()
        require_filed(self._database, request, seal)

    def _table_of(self, ids: list[int]) -> TableValuedAlias:
        """Numbers as a table: one parameter, whatever their number."""
        if self._database.is_sqlite:
            return func.json_each(json.dumps(ids)).table_valued("value", name="asked")
        return func.unnest(cast(ids, ARRAY(Integer))).table_valued("value", name="asked").render_derived()

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
        RequestRow.state == RequestState.PENDING,
        or_(~_asked_by(user), RequestRow.requester_may_decide),
        ~exists().where(
            RequestEditorRow.request_id == RequestRow.id, RequestEditorRow.person == identity(user)
        ),
        exists().where(RequestAssigneeRow.request_id == RequestRow.id, asked),
        ~exists().where(RequestDecisionRow.request_id == RequestRow.id, RequestDecisionRow.person == user),
    )


def _conditions(filter: RequestFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filter.collections is not None:
        conditions.append(RequestRow.current_name.in_(filter.collections))
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
        part = _escaped(searched(_searchable(filter.object)))
        named = ChangeRow.search.like(f"%{part}%{END_OF_NAMES}%", escape=_ESCAPE)
        # A scalar, not EXISTS: PostgreSQL would make one join of that over all plans, instead of stopping
        # when the page is full.
        found = select(ChangeRow.sequence).where(ChangeRow.plan_id == RequestRow.plan_id, named).limit(1)
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


def _newest() -> Select[Any]:
    return select_requests().order_by(RequestRow.id.desc()).limit(1)
