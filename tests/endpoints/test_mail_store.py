"""The outbox in the store, on both kinds of database: nothing is missed, nothing is sent by two, and looking
costs nothing.
"""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from alembic import command
from sqlalchemy import event, func, select, text

from directory_sync.approval.request import EventKind
from directory_sync.errors import RequestNotFound
from directory_sync.store import migrate
from directory_sync.store.database import Database
from directory_sync.store.outbox import Topic, Unreached, _due
from directory_sync.store.store import Store
from directory_sync.store.tables import OutboxRow
from tests.scenarios.clock import Clock
from tests.scenarios.mail import Box, file, of_request, send
from tests.scenarios.ready_python import ReadyPython
from tests.scenarios.requests import decide

HOLD, WEEK = timedelta(minutes=15), timedelta(days=7)


def claim(store: Store) -> int | None:
    """The event that is taken, or None."""
    due = store.outbox.claim_mail(HOLD, max_age=WEEK)
    return None if due is None else due.event


def rows(store: Store) -> int:
    """How many events are in the outbox."""
    with store._database.read() as connection:
        return connection.execute(select(func.count()).select_from(OutboxRow)).scalar_one()


def test_an_event_is_in_the_outbox_with_the_transaction_that_records_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What did not happen is not mailed: if a decision fails at its end, neither event nor mail is there."""
    request = file(store, users=("bea",))
    before = rows(store)

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("directory_sync.store.request_decisions.end_request", fail)
        with pytest.raises(RuntimeError):
            decide(store, request, "bea")
    assert rows(store) == before == 1
    assert len(store.requests.get(request).events) == 1


def test_the_oldest_comes_first_and_each_is_taken_by_one(store: Store) -> None:
    """Until it is done with or its time is over."""
    clock = Clock(store)
    requests = [file(store, name=name) for name in ("a", "b", "c")]
    events = [store.requests.get(request).events[0].id for request in requests]
    assert [claim(store) for _ in range(4)] == [*events, None]
    store.outbox.record_mail(of_request(requests[1], "filed", events[1]), ["bea@x.org"])
    clock.at += HOLD
    assert [claim(store) for _ in range(3)] == [events[0], events[2], None]


def test_what_is_taken_says_how_often_it_was_tried(store: Store) -> None:
    """With the first time and the last problem, on which the sender decides when to give up."""
    clock = Clock(store)
    request = file(store)
    first = store.outbox.claim_mail(HOLD, max_age=WEEK)
    assert first is not None
    assert (first.subject, first.tries, first.first_try, first.at, first.problem) == (
        request,
        1,
        clock.at,
        clock.at,
        "",
    )
    store.outbox.record_mail(
        of_request(request, "filed", first.event), [], problem="down", again=clock.at + timedelta(hours=1)
    )
    assert claim(store) is None
    start = clock.at
    clock.advance(hours=1)
    second = store.outbox.claim_mail(HOLD, max_age=WEEK)
    assert second is not None
    assert (second.event, second.tries, second.first_try, second.at, second.problem) == (
        first.event,
        2,
        start,
        clock.at,
        "down",
    )


def test_what_was_sent_is_in_the_history(store: Store) -> None:
    """Addresses, event, who was not reached; the same problem once, and nothing where nothing was to be
    said.
    """
    request = file(store)
    filed = store.requests.get(request).events[0].id
    later = store.now()
    for problem in ("down", "down", "", "full", "full"):
        store.outbox.record_mail(of_request(request, "filed", filed), [], problem=problem, again=later)
    store.outbox.record_mail(
        of_request(request, "filed", filed),
        ["bea@x.org"],
        unreached=[Unreached("role", "Heads", "no address")],
    )
    mailed = [each for each in store.requests.get(request).events if each.kind is EventKind.MAILED]
    assert [each.text for each in mailed] == ["down", "full", ""]
    assert mailed[-1].data == {
        "to": ["bea@x.org"],
        "about": "filed",
        "event": filed,
        "unreached": [{"kind": "role", "name": "Heads", "why": "no address"}],
    }
    assert rows(store) == 0


def test_hostile_problems_are_storable(store: Store) -> None:
    """A mail server's words, whatever they hold, are noted once."""
    request = file(store)
    filed = store.requests.get(request).events[0].id
    for _ in range(2):
        store.outbox.record_mail(
            of_request(request, "filed", filed), [], problem="a\x00\ud800'; --", again=store.now()
        )
    assert [each.text for each in store.requests.get(request).events[1:]] == ["a\ufffd\ufffd'; --"]


def test_a_deleted_request_takes_its_mail_with_it(store: Store) -> None:
    """Nothing is left that a sender would stumble over."""
    clock = Clock(store)
    request = file(store, users=("bea",))
    decide(store, request, "bea", approve=False)
    due = store.outbox.claim_mail(HOLD, max_age=WEEK)
    assert due is not None
    clock.advance(days=1)
    assert store.request_upkeep.delete(timedelta(hours=1), {"denied"}) == 1
    assert rows(store) == 0
    assert claim(store) is None
    with pytest.raises(RequestNotFound):
        store.outbox.record_mail(of_request(request, "filed", due.event), [])


def test_old_mail_is_dropped_unless_it_was_tried(store: Store) -> None:
    """It is neither taken nor kept."""
    clock = Clock(store)
    tried = file(store, name="a")
    claim(store)
    file(store, name="b")
    clock.advance(days=8)
    assert claim(store) == store.requests.get(tried).events[0].id
    assert claim(store) is None
    assert store.outbox.forget_mail(WEEK) == 1
    assert store.outbox.forget_mail(WEEK) == 0
    assert rows(store) == 1


def test_threads_never_take_the_same(store: Store) -> None:
    """Forty events, eight takers at once: each is taken once, none is left."""
    expected = sorted(store.requests.get(file(store, name=f"c{number}")).events[0].id for number in range(40))

    def take(_: int) -> list[int]:
        taken = []
        while (event := claim(store)) is not None:
            taken.append(event)
        return taken

    with ThreadPoolExecutor(8) as pool:
        found = [event for taken in pool.map(take, range(8)) for event in taken]
    assert sorted(found) == expected


def test_processes_that_deliver_at_the_same_time_send_each_mail_once(store: Store, store_url: str) -> None:
    """Three processes, sixty mails."""
    for number in range(30):
        file(store, name=f"c{number}")
    command = ["-m", "tests.scenarios.mail", store_url]
    processes = [ReadyPython(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    sent = [each for process in processes for each in json.loads(process.communicate(timeout=60)[0])]
    assert len(sent) == 90, "three people for each of thirty"
    assert len({message_id for _, message_id in sent}) == 90
    assert rows(store) == 0


def test_a_waiting_request_stands_in_for_others(store: Store) -> None:
    """Mail about a request that has ended, whose sender was killed, is taken over by a gate that waits for
    another one.
    """
    clock = Clock(store)
    ended, first, second = (file(store, name=name) for name in ("ended", "first", "second"))
    for _ in range(3):
        claimed = store.outbox.claim_mail(HOLD, max_age=WEEK)
        assert claimed is not None
        if claimed.subject != ended:
            store.outbox.record_mail(claimed, [])
    assert store.outbox.mail_due_among([first, second], max_age=WEEK) == frozenset(), "it is being sent"
    clock.advance(seconds=HOLD.total_seconds() + 1)
    assert store.outbox.mail_due_among([second, first], max_age=WEEK) == {min(first, second)}
    assert store.outbox.mail_due_among([], max_age=WEEK) == frozenset()
    again = store.outbox.claim_mail(HOLD, max_age=WEEK)
    assert again is not None
    store.outbox.record_mail(again, [], problem="no", again=store.now())
    clock.advance(seconds=1)
    assert store.outbox.mail_due_among([first], max_age=WEEK) == frozenset(), (
        "it was put off, not left behind"
    )


@pytest.mark.parametrize(
    "store_url", ["sqlite"], indirect=True
)  # PostgreSQL plans by size, and these tables are small
def test_looking_goes_by_keys(store: Store) -> None:
    """However long the histories are, none of them is read: all that is needed stands in the outbox."""

    def explain(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        return (f"EXPLAIN QUERY PLAN {statement}" if "_outbox" in statement else statement), parameters

    with store._database.read() as connection:
        event.listen(connection, "before_cursor_execute", explain, retval=True)
        result = connection.execute(_due(store._database.now(connection), WEEK, tuple(Topic)))
        steps = [row[3] for row in result.cursor.fetchall()]  # type: ignore[union-attr]
        result.close()
    assert any("directory_sync_outbox" in step for step in steps), steps
    assert not any("directory_sync_request" in step for step in steps), steps


def test_looking_in_vain_takes_no_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of the time nothing is due: then nobody who writes is held up."""
    file(store)
    assert claim(store) is not None
    monkeypatch.setattr(store._database, "write", lambda: pytest.fail("looking took a lock"))
    assert claim(store) is None
    assert store.outbox.forget_mail(WEEK) == 0


def test_mail_that_waits_is_kept_by_an_upgrade(store_url: str) -> None:
    """What waits in the outbox of the version before is sent after the upgrade, as mails of the same thread.
    Who has got it before does not get it again, and of a mail that was being handed over nobody knows.
    """
    five = ("amy", "bea", "fry", "leela", "zoe")
    with Store.open(store_url) as store:
        before, clock = Box(), Clock(store)
        first, second = file(store, name="a", users=five), file(store, name="b", users=("zoe",))
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(store.outbox, "end_mail", _dies_at(store, 3))
            send(store, before)
        at = clock.at
    assert [to for to, _ in before.mails] == [f"{name}@corp.example" for name in five[:3]]
    database = Database(store_url)
    command.downgrade(migrate.alembic_config(database), "0007")
    with database.read() as connection:
        waits = "SELECT event_id, tries, claim IS NULL FROM directory_sync_request_mail ORDER BY event_id"
        rows_before = [tuple(row) for row in connection.execute(text(waits))]
    assert [(tries, bool(free)) for _, tries, free in rows_before] == [(1, False), (0, True)]
    database.close()
    migrate.upgrade(store_url)
    with Store.open(store_url) as store:
        clock = Clock(store, at + timedelta(minutes=3))
        after = Box()
        send(store, after)
        assert [to for to, _ in after.mails] == [
            *(f"{name}@corp.example" for name in five[3:]),
            "zoe@corp.example",
        ]
        sent = [message["Message-ID"] for _, message in (*before.mails, *after.mails)]
        assert len(set(sent)) == len(sent)
        assert {each.split(".")[1] for each in sent[:5]} == {sent[0].split(".")[1]}
        noted = store.requests.get(first).events[-1]
        assert noted.data is not None
        assert [each["name"] for each in noted.data["unreached"]] == ["fry"]
        assert noted.data["to"] == [f"{name}@corp.example" for name in ("amy", "bea", "leela", "zoe", "ida")]
        assert rows(store) == 0
        assert store.requests.get(second).events[-1].kind is EventKind.MAILED


def _dies_at(store: Store, call: int) -> Any:
    calls, end_mail = iter(range(1, 99)), store.outbox.end_mail

    def dying(*arguments: Any, **keys: Any) -> None:
        if next(calls) == call:
            raise KeyboardInterrupt
        end_mail(*arguments, **keys)

    return dying


def test_a_store_of_before_has_nothing_in_its_outbox(empty_url: str) -> None:
    """What happened before the upgrade is not mailed afterwards."""
    migrate.upgrade(empty_url)
    with Store.open(empty_url) as store:
        request = file(store)
    database = Database(empty_url)
    command.downgrade(migrate.alembic_config(database), "0002")
    database.close()
    assert migrate.upgrade(empty_url) == migrate.REVISIONS[-1]
    with Store.open(empty_url) as store:
        assert rows(store) == 0
        store.decisions.cancel(request, "ida")
        assert rows(store) == 1
