"""What people and attackers type, and a database that does not answer: refused or kept, always with a clear
word.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from directory_sync.approval.people import Approver
from directory_sync.errors import RequestError, RequestNotFound, StoreError
from directory_sync.store.migrate import upgrade
from directory_sync.store.request_model import NAME_LENGTH, TEXT_LENGTH
from directory_sync.store.store import Store
from tests.scenarios.mail import of_request
from tests.scenarios.postgres import Postgres
from tests.scenarios.requests import BEA, POLICY, decide, file, stored_plan

HOUR = timedelta(hours=1)
ZOE = Approver("user", "zoe")
HTML = "<script>alert('x')</script><img src=x onerror=alert(1)>"
RIGHT_TO_LEFT = "\u202egnp.exe \u05e9\u05dc\u05d5\u05dd \u200f"


@pytest.mark.parametrize("request_id", [-1, 0, 1, 2**31, 2**63, 10**30])
def test_a_request_that_is_not_there_is_named(store: Store, request_id: int) -> None:
    """A number from a mistyped address, however large, is an answer, not a crash."""
    attempts: tuple[Callable[[], object], ...] = (
        lambda: store.requests.get(request_id),
        lambda: decide(store, request_id),
        lambda: store.decisions.cancel(request_id, "ida"),
        lambda: store.decisions.comment(request_id, "ida", "x"),
        lambda: store.decisions.reroute(request_id, "ida", [ZOE], roles=["crew"], verified=True),
        lambda: store.request_upkeep.escalate(request_id, [ZOE], level=1),
        lambda: store.decisions.record_view(request_id, "ida"),
        lambda: store.outbox.record_mail(of_request(request_id, "filed", 1), ["a@b"]),
        lambda: store.approvals.mark_applied(request_id, {}),
    )
    for attempt in attempts:
        with pytest.raises(RequestNotFound, match=f"There is no request {request_id}"):
            attempt()


def test_hostile_texts_are_kept_as_they_are(store: Store) -> None:
    """Markup and right-to-left text come back unchanged; NUL and half characters are replaced; quoting does
    not matter.
    """
    hostile = f"{HTML} {RIGHT_TO_LEFT} '; DROP TABLE x; --"
    request_id = file(
        store, approvers=[Approver("user", hostile)], description=hostile, requester=hostile, reason=hostile
    ).id
    decide(store, request_id, hostile, needed=2, reason=f"{hostile}\x00\udcff")
    store.decisions.comment(request_id, hostile, f"\x00{hostile}")
    store.outbox.record_mail(of_request(request_id, hostile, 1), [hostile], problem="\x00")
    view = store.requests.get(request_id)
    assert (view.request.description, view.request.requester, view.request.reason) == (hostile,) * 3
    assert view.assignees[0].name == hostile
    assert view.decisions[0].reason == f"{hostile}\ufffd\ufffd"
    assert [event.text for event in view.events] == [
        hostile,
        f"{hostile}\ufffd\ufffd",
        f"\ufffd{hostile}",
        "\ufffd",
    ]
    assert view.events[-1].data == {"to": [hostile], "about": hostile, "event": 1, "unreached": []}
    assert len(store.requests.inbox(hostile).requests) == 0
    assert len(store.requests.mine(hostile).requests) == 1


def test_texts_that_are_too_long_are_refused_or_shortened(store: Store) -> None:
    """A megabyte from a form is refused with the number; one from a definition or a run, which keep it, is
    shortened.
    """
    huge = "x" * 1_048_576
    request_id = file(store, description=huge, reason=huge).id
    request = store.requests.get(request_id).request
    assert (len(request.description), len(request.reason)) == (TEXT_LENGTH, TEXT_LENGTH)
    assert request.description.endswith("\N{HORIZONTAL ELLIPSIS}")
    attempts: tuple[Callable[[], object], ...] = (
        lambda: decide(store, request_id, reason=huge),
        lambda: store.decisions.cancel(request_id, "ida", reason=huge),
        lambda: store.decisions.comment(request_id, "ida", huge),
        lambda: store.decisions.reroute(request_id, "ida", [ZOE], roles=["crew"], verified=True, reason=huge),
    )
    for attempt in attempts:
        with pytest.raises(RequestError, match=r"has 1,048,576 characters; at most 10,000 can be stored"):
            attempt()
    store.decisions.comment(request_id, "ida", "\U0001f680" * TEXT_LENGTH)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("", "is empty"),
        ("bea\x00", "cannot be stored"),
        ("bea\udcff", "cannot be stored"),
        ("x" * (NAME_LENGTH + 1), "251 characters"),
    ],
)
def test_names_are_never_altered(store: Store, name: str, match: str) -> None:
    """A name that cannot be stored exactly could become somebody else's: refused everywhere, and nothing is
    stored.
    """
    request_id = file(store).id
    attempts: tuple[Callable[[], object], ...] = (
        lambda: file(store, 3, approvers=[Approver("role", name)]),
        lambda: decide(store, request_id, name),
        lambda: store.decisions.comment(request_id, name, "x"),
        lambda: store.decisions.reroute(request_id, name, [ZOE], roles=["crew"], verified=True),
        lambda: store.decisions.reroute(
            request_id, "bea", [Approver("user", name)], roles=["crew"], verified=True
        ),
        lambda: store.request_upkeep.escalate(request_id, [Approver("user", name)], level=1),
        lambda: store.decisions.record_view(request_id, name),
        lambda: store.requests.inbox(name),
        lambda: store.requests.mine(name),
    )
    for attempt in attempts:
        with pytest.raises(RequestError, match=match):
            attempt()
    assert len(store.requests.get(request_id).events) == 1
    longest = Approver("user", "\U0001f680" * NAME_LENGTH)
    assert store.requests.inbox(longest.name).requests == ()
    store.decisions.reroute(request_id, "bea", [longest], roles=["crew"], verified=True)
    assert len(store.requests.inbox(longest.name).requests) == 1


def test_a_database_that_does_not_answer_is_an_error_of_the_store() -> None:
    """While PostgreSQL is away every query about requests is a StoreError, and afterwards all is as it
    was.
    """
    with Postgres() as cluster:
        url = cluster.create_database()
        upgrade(url)
        with Store.open(url) as store:
            plan_id = stored_plan(store)
            request_id = store.filing.file(plan_id, policy=POLICY, approvers=[BEA]).id
            before = store.requests.get(request_id)
            cluster.stop()
            attempts: tuple[Callable[[], object], ...] = (
                lambda: store.filing.file(plan_id, policy=POLICY, approvers=[BEA]),
                lambda: store.filing.mark_stale("crew", "people", reason=""),
                lambda: store.decisions.decide(
                    request_id,
                    "bea",
                    roles=["crew"],
                    verified=True,
                    approve=True,
                    expected_digest=before.request.digest,
                    evaluate=lambda view, decisions: None,
                ),
                lambda: store.decisions.cancel(request_id, "ida"),
                lambda: store.decisions.comment(request_id, "ida", "x"),
                lambda: store.decisions.reroute(request_id, "ida", [ZOE], roles=["crew"], verified=True),
                lambda: store.request_upkeep.escalate(request_id, [ZOE], level=1),
                store.request_upkeep.expire,
                store.request_upkeep.due,
                lambda: store.approvals.mark_applied(request_id, {}),
                lambda: store.decisions.record_view(request_id, "bea"),
                lambda: store.outbox.record_mail(of_request(request_id, "x", 1), []),
                lambda: store.requests.get(request_id),
                lambda: store.requests.inbox("bea"),
                lambda: store.requests.count_inbox("bea"),
                lambda: store.requests.mine("ida"),
                store.requests.all,
                store.requests.count,
                lambda: store.requests.decided_among([request_id]),
                lambda: store.request_upkeep.delete(HOUR, ["denied"]),
            )
            for attempt in attempts:
                with pytest.raises(StoreError, match="See that the server runs"):
                    attempt()
            cluster.start()
            assert store.requests.get(request_id) == before
