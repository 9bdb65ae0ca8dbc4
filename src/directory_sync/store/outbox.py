"""The outbox: what people have yet to hear about, whatever it is about, and what was sent to whom.

An event enters the outbox in the transaction that records it, so none is missed and none is mailed that did
not happen. A sender takes one event at a time for a short while (`claim_mail`), so that two processes do not
send the same; no lease is held, because every sender would then wait for the slowest. It notes each address
before and after the mail server gets the mail (`start_mail`, `end_mail`) and holds the event on by that. A
sender that dies leaves its event to the next one, which goes on with the addresses that were not begun.

What has a history of its own keeps there what was sent, and the outbox only holds what is left. Where there
is no history, the outbox itself remembers it until everyone was told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, delete, insert, or_, select, update

from directory_sync.approval.people import Kind
from directory_sync.printable import storable
from directory_sync.store.database import Database
from directory_sync.store.tables import OutboxRow

_BEGUN, _REACHED = "begun", "reached"
_LOOKED_AT = 200
"""Due events that are looked at for the sake of those who wait."""


class Topic(StrEnum):
    """What mail can be about."""

    REQUEST = "request"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Unreached:
    """Someone who was to hear of an event and did not, and why."""

    kind: Kind
    name: str
    why: str


@dataclass(frozen=True, slots=True)
class DueMail:
    """An event that mail is due about, taken by one sender.

    Attributes:
        topic, subject: what the event belongs to: a request or a run, by its number in the store.
        kind: what happened.
        event: tells it from others of its kind that happened to the same: its number in the history, 0 where
            there is none.
        tries: how often it was taken, this time included.
        first_try: when it was taken first; `at`: when it was taken now.
        problem: the one that was recorded last; empty for none.
        claim: stands for this taking of it; empty where no one else can have it.
        reached: addresses whose mail the server has taken, which no history says.
        begun: address → when someone began to hand its mail over, and no one has noted how that ended.
        unreached: who was given up before, which no history says.
    """

    topic: str
    subject: int
    kind: str
    event: int
    tries: int
    first_try: datetime
    at: datetime
    problem: str = ""
    claim: str = ""
    reached: tuple[str, ...] = ()
    begun: Mapping[str, datetime] = field(default_factory=dict)
    unreached: tuple[Unreached, ...] = ()


class MailHistory(NamedTuple):
    """Where it is kept what was sent about one topic.

    Attributes:
        lock: takes the subject's lock, which comes before that of its mail. Raises if it is gone.
        note: writes down a text and data.
    """

    lock: Callable[[Connection, int], object]
    note: Callable[[Connection, int, datetime, str, Mapping[str, Any]], None]


def queue_mail(
    connection: Connection, topic: Topic, subject: int, kind: str, *, event: int = 0, at: datetime
) -> None:
    """Let people hear of an event, once the transaction that records it is done; see `DueMail`."""
    row = {"topic": topic.value, "subject_id": subject, "kind": kind, "event_id": event}
    connection.execute(insert(OutboxRow), {**row, "queued": at, "due": at, "tries": 0, "problem": ""})


def forget_subjects(connection: Connection, topic: Topic, subjects: Collection[int]) -> None:
    """Drop all mail about subjects that are deleted."""
    here = (OutboxRow.topic == topic.value, OutboxRow.subject_id.in_(subjects))
    connection.execute(delete(OutboxRow).where(*here))


class Outbox:
    """Queries of those who send mail."""

    def __init__(self, database: Database, histories: Mapping[str, MailHistory]) -> None:
        """`histories`: by topic, of those that have one."""
        self._database = database
        self._histories = histories

    def keeps_history(self, topic: str) -> bool:
        """Whether what is sent about a topic stands in a history of its own."""
        return topic in self._histories

    def claim_mail(
        self, hold: timedelta, *, max_age: timedelta, topics: Iterable[str] = tuple(Topic)
    ) -> DueMail | None:
        """Take the oldest event that mail is due about, or None. No one else gets it until `hold` is over.

        Args:
            hold: longer than sending takes; if nothing is recorded until then, it is due again.
            max_age: what happened longer ago and was never tried is left alone.
            topics: that there are letters for.
        """
        known = tuple(topics)
        with self._database.read() as connection:
            # Looking takes no lock: most of the time nothing is due.
            if connection.execute(_due(self._database.now(connection), max_age, known)).first() is None:
                return None
        with self._database.write() as connection:
            now = self._database.now(connection)
            row = connection.execute(_due(now, max_age, known).with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            claimed = _claimed(row, now)
            connection.execute(
                update(OutboxRow)
                .where(OutboxRow.id == row.id)
                .values(due=now + hold, tries=claimed.tries, first_try=claimed.first_try, claim=claimed.claim)
            )
            return claimed

    def start_mail(self, due: DueMail, address: str, *, hold: timedelta) -> bool:
        """Note that this address is about to get its mail, and hold the event on; False if someone else has
        taken it over.
        """
        with self._database.write() as connection:
            row = _locked(connection, due)
            if row is None or row.claim != due.claim:
                return False
            now = self._database.now(connection)
            progress = {**(row.progress or {}), address: [_BEGUN, now.isoformat()]}
            _change(connection, due, {"progress": progress, "due": now + hold})
            return True

    def end_mail(self, due: DueMail, address: str, *, reached: bool) -> None:
        """Note how that ended: the server has the mail, or certainly has not."""
        with self._database.write() as connection:
            row = _locked(connection, due)
            if row is None:
                return
            progress = _without(row, [address])
            if reached:
                progress[address] = [_REACHED, self._database.now(connection).isoformat()]
            _change(connection, due, {"progress": progress})

    def mail_due_among(
        self, request_ids: Collection[int], *, max_age: timedelta, topics: Iterable[str] = tuple(Topic)
    ) -> frozenset[int]:
        """Those of these requests about which mail is due that no one is sending.

        The first of them stands in for all other mail: where a sender was killed while it mailed about
        something that has ended, or that no gate waits for, nothing else would go on with it soon.
        """
        with self._database.read() as connection:
            query = _due(self._database.now(connection), max_age, tuple(topics)).limit(_LOOKED_AT)
            due = connection.execute(query).all()
        waiting = set(request_ids)
        awaited = {row.id for row in due if row.topic == Topic.REQUEST and row.subject_id in waiting}
        left = any(row.claim is not None for row in due if row.id not in awaited)
        found = {row.subject_id for row in due if row.id in awaited}
        return frozenset(found | ({min(waiting)} if left and waiting else set()))

    def record_mail(
        self,
        due: DueMail,
        to: Sequence[str],
        *,
        problem: str = "",
        unreached: Sequence[Unreached] = (),
        again: datetime | None = None,
    ) -> bool:
        """Note that mail was sent, or that it could not be, and when it is to be tried again; False if
        another sender does.

        A problem that was noted last time is not noted again; neither is a time at which nothing was to be
        sent.

        Args:
            due: the event, as it was taken.
            to: mail addresses.
            problem: why it could not be sent; empty if it was.
            unreached: who was to get it, and will not.
            again: when the event is due again; None if it is done with.

        Raises what its history raises where the subject is gone: RequestNotFound.
        """
        history = self._histories.get(due.topic)
        with self._database.write() as connection:
            if history is not None:
                history.lock(connection, due.subject)
            row = _locked(connection, due)
            if due.claim and (row is None or row.claim != due.claim):
                return False
            problem = storable(problem)
            noted = "" if row is None else row.problem
            if history is not None and (to or unreached or (problem and problem != noted)):
                data = {
                    "to": list(to),
                    "about": due.kind,
                    "event": due.event,
                    "unreached": [asdict(each) for each in unreached],
                }
                history.note(connection, due.subject, self._database.now(connection), problem, data)
            if again is None:
                connection.execute(delete(OutboxRow).where(_is(due)))
                return True
            rest: dict[str, Any] = {"due": again, "problem": problem, "claim": None}
            if history is not None:
                rest["progress"] = {} if row is None else _without(row, to)
            elif row is not None and unreached:
                rest["unreached"] = [*(row.unreached or ()), *(asdict(each) for each in unreached)]
            _change(connection, due, rest)
            return True

    def forget_mail(self, older_than: timedelta) -> int:
        """Drop from the outbox what happened longer ago and was never tried, as while no mail was sent; how
        many.
        """
        with self._database.read() as connection:
            query = select(OutboxRow.id).where(*_never_tried(self._database.now(connection) - older_than))
            if connection.execute(query.limit(1)).first() is None:
                return 0
        with self._database.write() as connection:
            old = _never_tried(self._database.now(connection) - older_than)
            return connection.execute(delete(OutboxRow).where(*old)).rowcount


def _claimed(row: Row[Any], now: datetime) -> DueMail:
    progress: Mapping[str, Any] = row.progress or {}
    return DueMail(
        row.topic,
        row.subject_id,
        row.kind,
        row.event_id,
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
        unreached=tuple(Unreached(**each) for each in row.unreached or ()),
    )


def _is(due: DueMail) -> ColumnElement[bool]:
    return and_(
        OutboxRow.topic == due.topic,
        OutboxRow.subject_id == due.subject,
        OutboxRow.kind == due.kind,
        OutboxRow.event_id == due.event,
    )


def _locked(connection: Connection, due: DueMail) -> Row[Any] | None:
    return connection.execute(select(OutboxRow.__table__).where(_is(due)).with_for_update()).one_or_none()


def _change(connection: Connection, which: DueMail, values: Mapping[str, Any]) -> None:
    connection.execute(update(OutboxRow).where(_is(which)).values(**values))


def _without(row: Row[Any], addresses: Collection[str]) -> dict[str, Any]:
    """What is left of the progress without these addresses."""
    return {address: at for address, at in (row.progress or {}).items() if address not in addresses}


def _due(now: datetime, max_age: timedelta, topics: Collection[str]) -> Select[Any]:
    return (
        select(OutboxRow.__table__)
        .where(OutboxRow.due <= now, OutboxRow.topic.in_(topics))
        .where(or_(OutboxRow.tries > 0, OutboxRow.queued >= now - max_age))
        .order_by(OutboxRow.id)
        .limit(1)
    )


def _never_tried(before: datetime) -> tuple[ColumnElement[bool], ...]:
    return OutboxRow.tries == 0, OutboxRow.queued < before
