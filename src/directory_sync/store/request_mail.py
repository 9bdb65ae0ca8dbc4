"""The outbox: events of requests that people have yet to hear about, and what was sent to whom.

An event enters the outbox in the transaction that records it, so none is missed and none is mailed that did
not happen. A sender takes one event at a time for a short while (`claim_mail`), so that two processes do not
send the same; no lease is held, because every sender would then wait for the slowest. It notes each address
before and after the mail server gets the mail (`start_mail`, `end_mail`) and holds the event on by that. A
sender that dies leaves its event to the next one, which goes on with the addresses that were not begun. The
history keeps what was sent, as `mailed` events; the outbox only holds what is left.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Select, Update, delete, or_, select, update

from directory_sync.printable import storable
from directory_sync.store.database import Database
from directory_sync.store.request_model import EventKind, Kind
from directory_sync.store.request_rows import add_event, find_request
from directory_sync.store.tables import RequestEventRow, RequestMailRow

_BEGUN, _REACHED = "begun", "reached"
_LOOKED_AT = 200
"""Due events that are looked at for the sake of those who wait."""


@dataclass(frozen=True, slots=True)
class DueMail:
    """An event that mail is due about, taken by one sender.

    Attributes:
        event, request: their numbers.
        tries: how often it was taken, this time included.
        first_try: when it was taken first; `at`: when it was taken now.
        problem: the one that was recorded last; empty for none.
        claim: stands for this taking of it.
        reached: addresses whose mail the server has taken, which the history does not say yet.
        begun: address → when somebody began to hand its mail over, and nobody has noted how that ended.
    """

    event: int
    request: int
    tries: int
    first_try: datetime
    at: datetime
    problem: str
    claim: str = ""
    reached: tuple[str, ...] = ()
    begun: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unreached:
    """Somebody who was to hear of an event and did not, and why; for the history."""

    kind: Kind
    name: str
    why: str


class RequestMail:
    """Queries of those who send mail about requests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim_mail(self, hold: timedelta, *, max_age: timedelta) -> DueMail | None:
        """Take the oldest event that mail is due about, or None. Nobody else gets it until `hold` is over.

        Args:
            hold: longer than sending takes; if nothing is recorded until then, it is due again.
            max_age: what happened longer ago and was never tried is left alone.
        """
        with self._database.read() as connection:
            # Looking takes no lock: most of the time nothing is due.
            if connection.execute(_due(self._database.now(connection), max_age)).first() is None:
                return None
        with self._database.write() as connection:
            now = self._database.now(connection)
            row = connection.execute(
                _due(now, max_age).with_for_update(of=RequestMailRow, skip_locked=True)
            ).first()
            if row is None:
                return None
            progress: Mapping[str, Any] = row.progress or {}
            claimed = DueMail(
                row.event_id,
                row.request_id,
                row.tries + 1,
                row.first_try or now,
                now,
                row.problem,
                claim=uuid4().hex,
                reached=tuple(address for address, (state, _) in progress.items() if state == _REACHED),
                begun={
                    address: datetime.fromisoformat(at)
                    for address, (state, at) in progress.items()
                    if state == _BEGUN
                },
            )
            connection.execute(
                update(RequestMailRow)
                .where(RequestMailRow.event_id == row.event_id)
                .values(due=now + hold, tries=claimed.tries, first_try=claimed.first_try, claim=claimed.claim)
            )
            return claimed

    def start_mail(self, due: DueMail, address: str, *, hold: timedelta) -> bool:
        """Note that this address is about to get its mail, and hold the event on; False if somebody else has
        taken it over.
        """
        with self._database.write() as connection:
            row = _locked(connection, due.event)
            if row is None or row.claim != due.claim:
                return False
            now = self._database.now(connection)
            progress = {**(row.progress or {}), address: [_BEGUN, now.isoformat()]}
            connection.execute(_row(due.event).values(progress=progress, due=now + hold))
            return True

    def end_mail(self, due: DueMail, address: str, *, reached: bool) -> None:
        """Note how that ended: the server has the mail, or certainly has not."""
        with self._database.write() as connection:
            row = _locked(connection, due.event)
            if row is None:
                return
            progress = {name: at for name, at in (row.progress or {}).items() if name != address}
            if reached:
                progress[address] = [_REACHED, self._database.now(connection).isoformat()]
            connection.execute(_row(due.event).values(progress=progress))

    def mail_due_among(self, request_ids: Collection[int], *, max_age: timedelta) -> frozenset[int]:
        """Those of these requests about which mail is due that nobody is sending.

        The first of them stands in for all others: where a sender was killed while it mailed about a request
        that has ended, or that no gate waits for, nothing else would go on with it soon.
        """
        with self._database.read() as connection:
            query = _due(self._database.now(connection), max_age).limit(_LOOKED_AT)
            due = connection.execute(query).all()
        waiting = set(request_ids)
        found = {row.request_id for row in due} & waiting
        left = any(row.claim is not None for row in due if row.request_id not in waiting)
        return frozenset(found | ({min(waiting)} if left and waiting else set()))

    def record_mail(
        self,
        request_id: int,
        to: Sequence[str],
        *,
        about: str,
        event: int,
        problem: str = "",
        unreached: Sequence[Unreached] = (),
        again: datetime | None = None,
        claim: str | None = None,
    ) -> bool:
        """Note that mail was sent, or that it could not be, and when it is to be tried again; False if
        another sender does.

        A problem that was noted last time is not noted again; neither is a time at which nothing was to be
        sent.

        Args:
            request_id: the request. Raises RequestNotFound.
            to: mail addresses.
            about: the kind of event that the mail is about.
            event: that event, taken by `claim_mail`.
            problem: why it could not be sent; empty if it was.
            unreached: who was to get it, and will not.
            again: when the event is due again; None if it is done with.
            claim: of the sender, who may have been overtaken; None where nobody else can have it.
        """
        with self._database.write() as connection:
            find_request(connection, request_id, lock=True)
            if claim is not None and ((row := _locked(connection, event)) is None or row.claim != claim):
                return False
            problem = storable(problem)
            if to or unreached or (problem and problem != _noted_problem(connection, event)):
                data = {
                    "to": list(to),
                    "about": about,
                    "event": event,
                    "unreached": [asdict(each) for each in unreached],
                }
                add_event(
                    connection,
                    request_id,
                    EventKind.MAILED,
                    at=self._database.now(connection),
                    text=problem,
                    data=data,
                )
            if again is None:
                connection.execute(delete(RequestMailRow).where(RequestMailRow.event_id == event))
            else:
                rest = _not_in_history(connection, event, to)
                connection.execute(_row(event).values(due=again, problem=problem, claim=None, progress=rest))
            return True

    def forget_mail(self, older_than: timedelta) -> int:
        """Drop from the outbox what happened longer ago and was never tried, as while no mail was sent; how
        many.
        """
        with self._database.read() as connection:
            query = select(RequestMailRow.event_id).where(
                *_never_tried(self._database.now(connection) - older_than)
            )
            if connection.execute(query.limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            old = _never_tried(self._database.now(connection) - older_than)
            return connection.execute(delete(RequestMailRow).where(*old)).rowcount


def _locked(connection: Connection, event: int) -> Row[Any] | None:
    query = select(RequestMailRow.__table__).where(RequestMailRow.event_id == event)
    return connection.execute(query.with_for_update()).one_or_none()


def _row(event: int) -> Update:
    return update(RequestMailRow).where(RequestMailRow.event_id == event)


def _not_in_history(connection: Connection, event: int, noted: Sequence[str]) -> dict[str, Any]:
    """What is left of the progress once these addresses stand in the history."""
    row = _locked(connection, event)
    progress = {} if row is None else row.progress or {}
    return {address: at for address, at in progress.items() if address not in noted}


def _due(now: datetime, max_age: timedelta) -> Select[Any]:
    return (
        select(RequestMailRow.__table__, RequestEventRow.request_id)
        .join(RequestEventRow, RequestEventRow.id == RequestMailRow.event_id)
        .where(
            RequestMailRow.due <= now, or_(RequestMailRow.tries > 0, RequestMailRow.queued >= now - max_age)
        )
        .order_by(RequestMailRow.event_id)
        .limit(1)
    )


def _never_tried(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return RequestMailRow.tries == 0, RequestMailRow.queued < before


def _noted_problem(connection: Connection, event: int) -> str:
    query = select(RequestMailRow.problem).where(RequestMailRow.event_id == event)
    return connection.execute(query).scalar_one_or_none() or ""
