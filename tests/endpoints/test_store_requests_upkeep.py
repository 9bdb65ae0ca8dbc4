"""What happens to requests without anybody deciding: escalation, expiry, views, mails, results, retention."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from directory_sync.approval.people import Approver
from directory_sync.errors import RequestError, RequestNotFound, StoreError
from directory_sync.store.migrate import upgrade
from directory_sync.store.store import Store
from directory_sync.store.tables import (
    Base,
    CollectionRunRow,
    PlanRow,
    RequestAssigneeRow,
    RequestDecisionRow,
    RequestEventRow,
    RequestRow,
)
from tests.scenarios.mail import of_request
from tests.scenarios.postgres import Postgres
from tests.scenarios.requests import ADMINS, BEA, decide, file

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ZOE = Approver("user", "zoe")


def happened(store: Store, request_id: int) -> list[tuple[str, str]]:
    """Kind and actor of each event, in order."""
    return [(event.kind.value, event.actor) for event in store.requests.get(request_id).events]


def rows(store: Store, *tables: type[Base]) -> list[int]:
    """How many rows the tables have."""
    with store._database.read() as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def change(store: Store, ids: Sequence[int], **values: Any) -> None:
    """Alter requests behind the store's back."""
    with store._database.write() as connection:
        connection.execute(update(RequestRow).where(RequestRow.id.in_(ids)).values(**values))


def test_only_what_is_due_is_swept(store: Store) -> None:
    """Requests become due for expiry and escalation at their own times, and only while they are pending."""
    escalates = file(store, name="a", escalate_after=HOUR).id
    expires = file(store, name="b", expires_after=2 * HOUR).id
    file(store, name="c")
    decided = file(store, name="d", escalate_after=HOUR, expires_after=HOUR).id
    decide(store, decided)
    now = store.requests.get(escalates).request.filed
    later = store.requests.get(expires).request.filed
    assert store.request_upkeep.due() == ()
    assert store.request_upkeep.due(now + HOUR - timedelta(microseconds=1)) == ()
    assert [request.id for request in store.request_upkeep.due(now + HOUR)] == [escalates]
    assert [request.id for request in store.request_upkeep.due(later + 2 * HOUR)] == [
        escalates,
        expires,
    ]


def test_expiry_ends_what_nobody_answered(store: Store) -> None:
    """Overdue requests end by nobody's hand, once; others stay."""
    overdue = [file(store, name=name, expires_after=HOUR).id for name in ("a", "b")]
    other = file(store, name="c", expires_after=3 * HOUR).id
    assert store.request_upkeep.expire() == ()
    at = store.requests.get(overdue[1]).request.filed + HOUR
    assert store.request_upkeep.expire(at) == tuple(overdue)
    assert store.request_upkeep.expire(at) == ()
    for request_id in overdue:
        request = store.requests.get(request_id).request
        assert (request.state, request.decided, request.decided_by) == ("expired", at, "")
        assert happened(store, request_id) == [("filed", "ida"), ("expired", "")]
    assert store.requests.get(other).request.pending


def test_expiry_does_not_wait_for_somebody_who_decides(postgres: Postgres) -> None:
    """Where several can write, a request that is being decided is left to the next sweep, and the sweep goes
    on.
    """
    url = postgres.create_database()
    upgrade(url)
    with Store.open(url) as store:
        held, other = (file(store, name=name, expires_after=HOUR).id for name in ("a", "b"))
        change(store, [held, other], expires=datetime.now(UTC) - HOUR)
        with store._database.write() as connection:
            connection.execute(select(RequestRow.id).where(RequestRow.id == held).with_for_update())
            assert store.request_upkeep.expire() == (other,)
        assert store.request_upkeep.expire() == (held,)


def test_escalation_asks_the_next_level_too(store: Store) -> None:
    """Level by level, each once; who was asked before stays asked; the next is due by the database's
    clock.
    """
    request_id = file(store, escalate_after=HOUR).id
    assert not store.request_upkeep.escalate(request_id, [ZOE], level=2), "one level after the other"
    assert store.request_upkeep.escalate(
        request_id, [ZOE, BEA], level=1, text="Nobody has answered.", escalate_after=2 * HOUR
    )
    assert not store.request_upkeep.escalate(request_id, [ADMINS], level=1), "somebody else was there"
    view = store.requests.get(request_id)
    event = view.events[-1]
    assert (view.request.level, view.request.escalates) == (1, event.at + 2 * HOUR)
    assert (event.kind, event.text) == ("escalated", "Nobody has answered.")
    assert event.data == {
        "to": [{"kind": "user", "name": "zoe"}, {"kind": "user", "name": "bea"}],
        "level": 1,
        "why": "escalation",
    }
    assert [(each.name, each.why, each.level) for each in view.assignees] == [
        ("bea", "policy", 0),
        ("zoe", "escalation", 1),
    ]
    assert store.request_upkeep.escalate(request_id, [], level=2), "also when nobody was found"
    assert store.request_upkeep.escalate(request_id, [ADMINS], level=3, why="default")
    assert store.requests.get(request_id).request.escalates is None
    decide(store, request_id)
    assert not store.request_upkeep.escalate(request_id, [ADMINS], level=4)


def test_a_view_is_noted_once_for_each_person(store: Store) -> None:
    """Whoever looks again adds nothing to the history; a decided request can still be seen."""
    request_id = file(store).id
    assert store.decisions.record_view(request_id, "bea")
    assert not store.decisions.record_view(request_id, "bea")
    decide(store, request_id)
    assert store.decisions.record_view(request_id, "zoe")
    assert happened(store, request_id) == [
        ("filed", "ida"),
        ("viewed", "bea"),
        ("approved", "bea"),
        ("viewed", "zoe"),
    ]


def test_mails_are_noted(store: Store) -> None:
    """To whom, about what, and what went wrong."""
    request_id = file(store).id
    filed = store.requests.get(request_id).events[0].id
    due = of_request(request_id, "filed", filed)
    store.outbox.record_mail(due, ["bea@x.org", "zoe@x.org"])
    store.outbox.record_mail(due, ["bea@x.org"], problem="The server refused it.")
    sent, failed = store.requests.get(request_id).events[1:]
    data = {"to": ["bea@x.org", "zoe@x.org"], "about": "filed", "event": filed, "unreached": []}
    assert (sent.kind, sent.text, sent.data) == ("mailed", "", data)
    assert failed.text == "The server refused it."


def test_old_requests_are_deleted_with_all_about_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By age and state, in batches; nothing of them is left but run and plan; numbers are never given
    again.
    """
    monkeypatch.setattr("directory_sync.store.request_upkeep.DELETE_BATCH", 2)
    old = [file(store, name=f"old_{number}").id for number in range(5)]
    for request_id in old:
        decide(store, request_id, approve=False)
    young, approved = file(store, name="young").id, file(store, name="approved").id
    decide(store, young, approve=False)
    decide(store, approved)
    change(store, [*old, approved], decided=datetime.now(UTC) - 10 * DAY)
    plans = rows(store, PlanRow, CollectionRunRow)
    assert store.request_upkeep.delete(9 * DAY, ["denied", "expired"]) == 5
    assert {request.id for request in store.requests.all().requests} == {young, approved}
    assert rows(store, RequestEventRow, RequestDecisionRow, RequestAssigneeRow) == [4, 2, 2]
    assert rows(store, PlanRow, CollectionRunRow) == plans
    with pytest.raises(RequestNotFound):
        store.requests.get(old[0])
    change(store, [young, approved], decided=datetime.now(UTC) - 10 * DAY)
    assert store.request_upkeep.delete(9 * DAY, ["denied", "approved"]) == 2
    assert file(store, name="next").id > approved


def test_a_successor_can_be_deleted_before_its_predecessor(store: Store) -> None:
    """A stale request whose successor has gone stays, without the link."""
    older = file(store).id
    newer = file(store, 3).id
    store.decisions.cancel(newer, "ida")
    change(store, [newer], decided=datetime.now(UTC) - 10 * DAY)
    assert store.request_upkeep.delete(DAY, ["cancelled"]) == 1
    request = store.requests.get(older).request
    assert (request.state, request.successor) == ("stale", None)


def test_what_waits_is_never_deleted(store: Store) -> None:
    """However old: a gate waits for it."""
    request_id = file(store).id
    change(store, [request_id], filed=datetime.now(UTC) - 1000 * DAY)
    with pytest.raises(RequestError, match="Cancel them first"):
        store.request_upkeep.delete(DAY, ["denied", "pending"])
    assert store.request_upkeep.delete(DAY, ["denied", "approved", "expired", "cancelled", "stale"]) == 0
    assert store.requests.get(request_id).request.pending


def test_the_age_of_an_applied_request_counts_from_then(store: Store) -> None:
    """What was approved long ago and applied just now is not old."""
    request_id = file(store).id
    decide(store, request_id)
    change(store, [request_id], decided=datetime.now(UTC) - 10 * DAY)
    store.approvals.mark_applied(request_id, {})
    assert store.request_upkeep.delete(DAY, ["approved", "applied"]) == 0


def test_the_database_itself_refuses_a_second_pending_request(store: Store) -> None:
    """The rule does not depend on the program: two live requests of one job cannot be stored."""
    first, second = file(store).id, file(store, name="guests").id
    with store._database.read() as connection:
        key = connection.execute(select(RequestRow.live_key).where(RequestRow.id == first)).scalar_one()
    with pytest.raises(StoreError, match=r"(?i)unique constraint"):
        change(store, [second], live_key=key)
