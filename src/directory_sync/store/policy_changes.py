"""Undecided requests end when the policy that they were filed under is no longer the saved collection's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, select

from directory_sync.approval.request import EventKind
from directory_sync.approval.states import RequestState
from directory_sync.store.collection_names import is_called
from directory_sync.store.request_rows import add_event, end_request, read_request, select_requests
from directory_sync.store.run_telling import tell_again
from directory_sync.store.tables import CollectionRow, RequestRow


def hold_back_filing(connection: Connection, name: str) -> None:
    """Wait for requests of a collection that are being filed, and let none be filed before the transaction
    ends: each one is then seen here, or sees the version that is saved.
    """
    connection.execute(select(CollectionRow.id).where(is_called(name)).with_for_update())


def end_undecided(
    connection: Connection,
    name: str,
    jobs: Collection[str] | None,
    *,
    version: int,
    text: str,
    at: datetime,
) -> tuple[int, ...]:
    """End the undecided requests of some jobs of a collection, or of all (None); their numbers.

    Args:
        connection: the transaction that saves the version.
        name: of the collection.
        jobs: whose policy is another one now.
        version: which has changed it.
        text: why, for the history and for mail.
        at: now.
    """
    conditions = [RequestRow.collection == name, RequestRow.state == RequestState.PENDING]
    if jobs is not None:
        conditions.append(RequestRow.job.in_(list(jobs)))
    query = select_requests().where(*conditions).order_by(RequestRow.id)
    ended = [read_request(row) for row in connection.execute(query.with_for_update(of=RequestRow))]
    for request in ended:
        end_request(connection, request, RequestState.STALE, by="", at=at)
        data = {"policy_changed": version}
        add_event(connection, request.id, EventKind.STALE, at=at, text=text, data=data)
        # No newer plan tells of it.
        tell_again(connection, request.collection_run_id, at=at)
    return tuple(request.id for request in ended)
