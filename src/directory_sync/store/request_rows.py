"""What all queries about requests share: reading their rows, locking one, moving it on, noting what
happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from directory_sync.approval.people import Approver, Person, identity
from directory_sync.approval.request import (
    Assignee,
    Decision,
    Event,
    EventKind,
    MessageCode,
    Request,
    RequestView,
    SavedDefinition,
    Why,
)
from directory_sync.approval.states import UNDER_WAY, RequestState
from directory_sync.errors import AlreadyDecided, NotDecidable, RequestNotFound
from directory_sync.plan.model import LimitCheck
from directory_sync.store.database import Database
from directory_sync.store.outbox import MailHistory, Topic, queue_mail
from directory_sync.store.run_telling import tell_again
from directory_sync.store.runs import WAITING
from directory_sync.store.tables import (
    CollectionRunRow,
    JobRunRow,
    RequestAssigneeRow,
    RequestDecisionRow,
    RequestEditorRow,
    RequestEventRow,
    RequestRow,
)

LARGEST_ID = 2**31 - 1
"""What the databases hold as a number; anything beyond comes from a mistyped address."""

_NOT_MAILED = frozenset({EventKind.MAILED, EventKind.VIEWED, EventKind.COMMENTED})


def select_requests() -> Select[Any]:
    """The query for what `read_request` reads."""
    return select(RequestRow.__table__, CollectionRunRow.run_id).join(
        CollectionRunRow, CollectionRunRow.id == RequestRow.collection_run_id
    )


def read_request(row: Row[Any]) -> Request:
    """A row of that query."""
    return Request(
        id=row.id,
        collection=row.collection,
        current_name=row.current_name,
        job=row.job,
        run_id=row.run_id,
        collection_run_id=row.collection_run_id,
        plan_id=row.plan_id,
        digest=row.digest,
        policy=row.policy,
        waives=tuple(map(LimitCheck.from_json, row.waives)),
        waiver=row.waiver,
        requester=row.requester,
        requester_verified=row.requester_verified,
        requester_may_decide=row.requester_may_decide,
        asked_by=row.asked_by or "",
        title=row.title or "",
        source=row.source or "",
        destination=row.destination or "",
        trigger=row.trigger,
        reason=row.reason,
        description=row.description,
        statistics=row.statistics,
        changes=row.changes,
        state=RequestState(row.state),
        filed=row.filed,
        expires=row.expires,
        level=row.level,
        escalates=row.escalates,
        decided=row.decided,
        decided_by=row.decided_by,
        begun=row.begun,
        successor=row.successor_id,
        applied=row.applied,
        result=row.result,
        result_code=MessageCode(row.result_code),
        saved=None if row.saved is None else SavedDefinition.from_json(row.saved),
    )


def find_request(connection: Connection, request_id: int, *, lock: bool = False) -> Request:
    """One request; with `lock` no one else changes it until the transaction ends. Raises RequestNotFound.

    What changes a request, or adds anything to it, locks it first, so that everything that happens to one
    request happens one after another. SQLite has one writer anyway.
    """
    row = None
    if 0 < request_id <= LARGEST_ID:
        query = select_requests().where(RequestRow.id == request_id)
        row = connection.execute(query.with_for_update(of=RequestRow) if lock else query).one_or_none()
    if row is None:
        raise RequestNotFound(
            f"There is no request {request_id}. It may have been deleted because of its age; see the list of"
            " requests."
        )
    return read_request(row)


def view_request(connection: Connection, request: Request) -> RequestView:
    """The request with everything about it."""
    assignees = connection.execute(
        select(RequestAssigneeRow.__table__)
        .where(RequestAssigneeRow.request_id == request.id)
        .order_by(
            RequestAssigneeRow.since,
            RequestAssigneeRow.level,
            RequestAssigneeRow.kind,
            RequestAssigneeRow.name,
        )
    )
    events = connection.execute(
        select(RequestEventRow.__table__)
        .where(RequestEventRow.request_id == request.id)
        .order_by(RequestEventRow.id)
    )
    return RequestView(
        request=request,
        assignees=tuple(Assignee(row.kind, row.name, row.why, row.level, row.since) for row in assignees),
        decisions=read_decisions(connection, request.id),
        events=tuple(
            Event(row.id, EventKind(row.kind), row.actor, row.text, row.at, row.data) for row in events
        ),
    )


def read_decisions(connection: Connection, request_id: int) -> tuple[Decision, ...]:
    """Who has decided what so far, first one first."""
    rows = connection.execute(
        select(RequestDecisionRow.__table__)
        .where(RequestDecisionRow.request_id == request_id)
        .order_by(RequestDecisionRow.at, RequestDecisionRow.person)
    )
    return tuple(
        Decision(Person(row.person, frozenset(row.roles), row.verified), row.approve, row.at, row.reason)
        for row in rows
    )


def require_pending(request: Request, now: datetime) -> None:
    """Return if the request can still be decided, else raise AlreadyDecided.

    An expiry counts from its very moment.
    """
    if request.pending and overdue(request, now):
        assert request.expires is not None
        raise AlreadyDecided(
            f"Request {request.id} expired on {_written(request.expires)}. Nothing was recorded; run the job"
            " again.",
            by="",
            at=request.expires,
            state=RequestState.EXPIRED,
        )
    if request.pending:
        return
    if request.state == RequestState.STALE:
        what = (
            "is stale"
            if request.successor is None
            else f"is stale: request {request.successor} has taken its place"
        )
    elif request.state == RequestState.APPLIED:
        what = f"was applied, approved by {request.decided_by}"
    else:
        what = (
            f"was {request.state} by {request.decided_by}" if request.decided_by else f"was {request.state}"
        )
    at = request.decided or request.filed
    raise AlreadyDecided(
        f"Request {request.id} {what}, on {_written(at)}. Nothing was recorded.",
        by=request.decided_by or "",
        at=at,
        state=request.state,
    )


def overdue(request: Request, now: datetime) -> bool:
    """Whether its time is over."""
    return request.expires is not None and request.expires <= now


def end_request(connection: Connection, request: Request, state: str, *, by: str, at: datetime) -> None:
    """The one way out of `pending`, and out of `approved` without being applied.

    The condition makes sure that there is only one, whatever the caller has read before.
    """
    ended = connection.execute(
        update(RequestRow)
        .where(
            RequestRow.id == request.id,
            RequestRow.state == request.state,
            RequestRow.state.in_(UNDER_WAY),
        )
        .values(state=state, live_key=None, decided=at, decided_by=by, escalates=None)
    ).rowcount
    if ended != 1:
        raise NotDecidable(
            f"Request {request.id} is no longer {request.state}. Nothing was recorded; look at it again."
        )
    settle_jobs(connection, find_request(connection, request.id))
    if state != RequestState.STALE:
        # The run of a newer plan tells of that one.
        tell_again(connection, request.collection_run_id, at=at)


def settle_jobs(connection: Connection, request: Request) -> None:
    """Note the result of a request on all attempts that wait for it, also those of other runs; nothing
    if it is not over.
    """
    if request.state in UNDER_WAY:
        return
    if request.state == RequestState.APPLIED:
        result = request.result or {}
        where = f" in run {result['run_id']}" if result.get("run_id") else ""
        state, message = (
            str(result.get("state", RequestState.APPLIED)),
            f"Request {request.id} was applied{where}.",
        )
    else:
        by = f" by {request.decided_by}" if request.decided_by else ""
        state, message = request.state, f"Request {request.id}: {request.state}{by}. Nothing was written."
    connection.execute(
        update(JobRunRow)
        .where(JobRunRow.request_id == request.id, JobRunRow.state == WAITING)
        .values(state=state, message=message)
    )


def add_event(
    connection: Connection,
    request_id: int,
    kind: EventKind,
    *,
    at: datetime,
    actor: str = "",
    text: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Note what happened, for the history and, where people are to hear of it, in the outbox.

    Events are never changed.
    """
    event_id = connection.execute(
        insert(RequestEventRow).returning(RequestEventRow.id),
        {"request_id": request_id, "kind": kind.value, "actor": actor, "text": text, "at": at, "data": data},
    ).scalar_one()
    if kind not in _NOT_MAILED:
        queue_mail(connection, Topic.REQUEST, request_id, kind.value, event=event_id, at=at)


def _lock(connection: Connection, request_id: int) -> None:
    find_request(connection, request_id, lock=True)


def _note_mail(
    connection: Connection, request_id: int, at: datetime, problem: str, data: Mapping[str, Any]
) -> None:
    add_event(connection, request_id, EventKind.MAILED, at=at, text=problem, data=data)


MAIL_HISTORY = MailHistory(_lock, _note_mail)
"""A request's own history says what was mailed about it, as `mailed` events."""


def add_assignees(
    database: Database,
    connection: Connection,
    request_id: int,
    approvers: Iterable[Approver],
    *,
    why: Why,
    level: int,
    at: datetime,
) -> None:
    """Ask these too. Someone who is asked already stays as they are."""
    rows = [
        {
            "request_id": request_id,
            "kind": approver.kind,
            "name": approver.name,
            "why": why,
            "level": level,
            "since": at,
        }
        for approver in approvers
    ]
    if rows:
        statement = (sqlite if database.is_sqlite else postgresql).insert(RequestAssigneeRow)
        connection.execute(statement.on_conflict_do_nothing(), rows)


def add_editors(connection: Connection, request: Request) -> None:
    """Note who may not decide a request because they saved what it asks for."""
    people = set() if request.requester_may_decide else {identity(edit.by) for edit in request.edits}
    if people:
        rows = [{"request_id": request.id, "person": person} for person in sorted(people)]
        connection.execute(insert(RequestEditorRow), rows)


def names(approvers: Iterable[Approver]) -> list[dict[str, str]]:
    """Approvers as an event's data shows them."""
    return [{"kind": approver.kind, "name": approver.name} for approver in approvers]


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%d at %H:%M:%S} UTC"
