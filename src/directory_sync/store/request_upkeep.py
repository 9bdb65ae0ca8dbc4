"""What time does to requests that are stored: escalation, expiry, deletion after `request_retention`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from sqlalchemy import (
    delete,
    func,
    or_,
    select,
    update,
)

from directory_sync.approval.people import Approver
from directory_sync.approval.request import EventKind, Request, Why
from directory_sync.approval.states import RequestState
from directory_sync.errors import RequestError
from directory_sync.store.database import Database
from directory_sync.store.outbox import Topic, forget_subjects
from directory_sync.store.request_model import checked_approvers
from directory_sync.store.request_rows import (
    add_assignees,
    add_event,
    end_request,
    find_request,
    names,
    overdue,
    read_request,
    select_requests,
)
from directory_sync.store.tables import (
    RequestAssigneeRow,
    RequestDecisionRow,
    RequestEditorRow,
    RequestEventRow,
    RequestRow,
)

DELETE_BATCH = 500
"""Requests deleted in one transaction: other writers get in between."""


class RequestUpkeep:
    """Queries of sweeps and retention."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: datetime | None = None) -> tuple[Request, ...]:
        """Pending requests that have to be expired or escalated, oldest first.

        `now` is the database's clock unless given.
        """
        with self._database.read() as connection:
            now = now or self._database.now(connection)
            query = select_requests().where(
                RequestRow.state == RequestState.PENDING,
                or_(RequestRow.expires <= now, RequestRow.escalates <= now),
            )
            return tuple(map(read_request, connection.execute(query.order_by(RequestRow.id))))

    def expire(self, now: datetime | None = None) -> tuple[int, ...]:
        """End all pending requests whose time is over; their numbers. `now` is the database's clock unless
        given.

        One that someone works on at this moment is left to the next call.
        """
        with self._database.write() as connection:
            now = now or self._database.now(connection)
            query = (
                select_requests()
                .where(RequestRow.state == RequestState.PENDING, RequestRow.expires <= now)
                .order_by(RequestRow.id)
            )
            requests = tuple(
                map(read_request, connection.execute(query.with_for_update(of=RequestRow, skip_locked=True)))
            )
            for request in requests:
                end_request(connection, request, RequestState.EXPIRED, by="", at=now)
                add_event(connection, request.id, EventKind.EXPIRED, at=now)
        return tuple(request.id for request in requests)

    def escalate(
        self,
        request_id: int,
        to: Iterable[Approver],
        *,
        level: int,
        why: Why = "escalation",
        text: str = "",
        escalate_after: timedelta | None = None,
    ) -> bool:
        """Ask the next level too.

        Args:
            request_id: the request. Raises RequestNotFound.
            to: who is asked; may be no one, if no one could be found.
            level: its number; the request must be at the one before.
            why: `escalation` or `default`.
            text: for the history.
            escalate_after: when the level after this is due, from now; None if there is none.

        Returns whether it was done; False if it is no longer pending, or someone else has just escalated it.
        """
        to = checked_approvers(to)
        with self._database.write() as connection:
            request = find_request(connection, request_id, lock=True)
            now = self._database.now(connection)
            if not request.pending or overdue(request, now) or request.level != level - 1:
                return False
            escalates = None if escalate_after is None else now + escalate_after
            connection.execute(
                update(RequestRow).where(RequestRow.id == request_id).values(level=level, escalates=escalates)
            )
            add_assignees(self._database, connection, request_id, to, why=why, level=level, at=now)
            add_event(
                connection,
                request_id,
                EventKind.ESCALATED,
                at=now,
                text=text,
                data={"to": names(to), "level": level, "why": why},
            )
            return True

    def delete(self, older_than: timedelta, states: Collection[str]) -> int:
        """Delete requests that have been in one of these states for longer than this, with all about them;
        how many.

        Raises RequestError for pending ones: a gate waits for them, so they are to be cancelled first.
        """
        if RequestState.PENDING in states:
            raise RequestError("Pending requests cannot be deleted. Cancel them first.")
        deleted = 0
        while batch := self._delete_batch(older_than, states):
            deleted += batch
        return deleted

    def _delete_batch(self, older_than: timedelta, states: Collection[str]) -> int:
        with self._database.write() as connection:
            ended = func.coalesce(RequestRow.applied, RequestRow.decided)
            ids = connection.scalars(
                select(RequestRow.id)
                .where(
                    RequestRow.state.in_(list(states)), ended < self._database.now(connection) - older_than
                )
                .order_by(RequestRow.id)
                .limit(DELETE_BATCH)
                .with_for_update()
            ).all()
            if ids:
                connection.execute(
                    update(RequestRow).where(RequestRow.successor_id.in_(ids)).values(successor_id=None)
                )
                forget_subjects(connection, Topic.REQUEST, ids)
                for table in (RequestEventRow, RequestDecisionRow, RequestAssigneeRow, RequestEditorRow):
                    connection.execute(delete(table).where(table.request_id.in_(ids)))
                connection.execute(delete(RequestRow).where(RequestRow.id.in_(ids)))
            return len(ids)
