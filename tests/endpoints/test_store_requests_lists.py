"""Finding requests: the three lists, their filters, pages and counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from directory_sync.approval.people import Approver
from directory_sync.approval.request import EventKind
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.errors import RequestError
from directory_sync.store.request_model import SEARCH_LENGTH, RequestFilter, RequestPage
from directory_sync.store.store import Store
from directory_sync.store.tables import RequestRow
from tests.scenarios.requests import ADMINS, BEA, POLICY, decide, file, stored_plan

ZOE = Approver("user", "zoe")


def ids(page: RequestPage) -> list[int]:
    """The numbers on a page."""
    return [request.id for request in page.requests]


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, but for the beginning and end of transactions."""
    sent: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(store._database.engine, "before_cursor_execute", note)
    yield sent
    event.remove(store._database.engine, "before_cursor_execute", note)


def asking_about(store: Store, *changes: Change, number: int = 0) -> int:
    """A request for these changes, in a collection of its own."""
    plan_id = stored_plan(store, changes, name=f"objects_{number}")
    return store.filing.file(plan_id, policy=POLICY, approvers=[BEA]).id


def test_the_inbox_holds_what_waits_for_a_person(store: Store) -> None:
    """Pending requests that ask them by name or by a role they have; not those of others, nor what is
    decided.
    """
    named = file(store, name="a", approvers=[BEA]).id
    by_role = file(store, name="b", approvers=[ADMINS, ZOE]).id
    both = file(store, name="c", approvers=[BEA, ADMINS]).id
    decided = file(store, name="d", approvers=[BEA]).id
    decide(store, decided)
    file(store, name="e", approvers=[])
    file(store, name="f", approvers=[Approver("role", "bea"), Approver("user", "admins")])
    assert ids(store.requests.inbox("bea", ["admins", "others"])) == [both, by_role, named]
    assert ids(store.requests.inbox("bea")) == [both, named]
    assert ids(store.requests.inbox("zoe", ["bea"]))[1:] == [by_role]
    assert ids(store.requests.inbox("Bea")) == [], "names are exact"
    assert store.requests.count_inbox("bea", ["admins"]) == 3
    assert store.requests.count_inbox("bea", ["admins"], RequestFilter(collections=("a", "b"))) == 2
    assert store.requests.count_inbox("mal") == 0


def test_what_a_person_has_done_is_out_of_their_inbox(store: Store) -> None:
    """One vote of two given: it waits for the others only; a reroute shows it to one more; so does an
    escalation.
    """
    request_id = file(store, approvers=[BEA, ZOE]).id
    decide(store, request_id, "bea", needed=2)
    assert (store.requests.count_inbox("bea"), store.requests.count_inbox("zoe")) == (0, 1)
    store.decisions.reroute(request_id, "zoe", [Approver("user", "mia")], roles=["crew"], verified=True)
    assert (store.requests.count_inbox("zoe"), store.requests.count_inbox("mia")) == (1, 1)
    store.request_upkeep.escalate(request_id, [ADMINS], level=1)
    assert (store.requests.count_inbox("mia"), store.requests.count_inbox("eva", ["admins"])) == (1, 1)


@pytest.mark.parametrize("allowed", [True, False])
def test_an_own_request_is_in_the_inbox_only_if_it_can_be_decided(store: Store, allowed: bool) -> None:
    """A requester with the role of an approver does not see what they may not decide; others with the role
    do.
    """
    file(store, approvers=[ADMINS], requester="bea", requester_may_decide=allowed)
    assert (
        store.requests.count_inbox("bea", ["admins"])
        == len(store.requests.inbox("bea", ["admins"]).requests)
        == allowed
    )
    assert store.requests.count_inbox("zoe", ["admins"]) == 1


def test_a_waiver_belongs_to_who_asked_for_it_as_well(store: Store) -> None:
    """Not only to who started the stopped run; and neither finds it in their inbox, whatever their role."""
    waiver = file(store, approvers=[ADMINS], requester="fry", waiver=True, asked_by="zoe").id
    other = file(store, name="b", approvers=[ADMINS], requester="fry").id
    assert ids(store.requests.mine("zoe")) == [waiver]
    assert store.requests.count_mine("zoe") == 1
    assert ids(store.requests.mine("fry")) == [other, waiver]
    assert ids(store.requests.inbox("zoe", ["admins"])) == [other]
    assert ids(store.requests.inbox("bea", ["admins"])) == [other, waiver]
    assert store.requests.count_mine("bea") == 0


def test_pages_follow_one_another_without_gap_or_overlap(store: Store) -> None:
    """All pages together are the list, newest first, also when new requests come in between."""
    made = [file(store, name=f"c{number}").id for number in range(7)]
    first = store.requests.all(limit=3)
    newest = file(store, name="newest").id
    second = store.requests.all(before=first.next, limit=3)
    third = store.requests.all(before=second.next, limit=3)
    assert ids(first) + ids(second) + ids(third) == made[::-1]
    assert (len(third.requests), third.next) == (1, None)
    assert ids(store.requests.mine("ida", limit=1)) == [newest]
    page = store.requests.inbox("bea", limit=2)
    assert ids(store.requests.inbox("bea", before=page.next, limit=2)) == [made[5], made[4]]
    assert store.requests.all(limit=8).next is None, "exactly full"
    for limit, count in ((0, 1), (-5, 1), (10**9, 8)):
        assert len(store.requests.all(limit=limit).requests) == count
    for before, count in ((10**30, 8), (-(10**30), 0), (1, 0)):
        assert len(store.requests.all(before=before).requests) == count


def test_lists_are_filtered(store: Store) -> None:
    """Each filter restricts alone, all together, and counts agree with lists."""
    one = file(
        store, name="crew", requester="ida", description="New people in Berlin", approvers=[BEA, ADMINS]
    ).id
    two = file(
        store, name="guests", run_id="run 2", requester="leo", reason="Berlin closes", approvers=[ZOE]
    ).id
    three = file(
        store,
        name="robots",
        requester="leo",
        description="100% of_robots",
        approvers=[Approver("role", "bea")],
    ).id
    decide(store, two, "zoe", approve=False)
    store.decisions.cancel(three, "leo")
    store.decisions.comment(one, "bea", "hm")
    decide(store, one, "mia", needed=2)
    long_ago = datetime.now(UTC) - timedelta(days=30)
    with store._database.write() as connection:
        connection.execute(update(RequestRow).where(RequestRow.id == two).values(filed=long_ago))
    for filter, expected in (
        (RequestFilter(), [three, two, one]),
        (RequestFilter(collections=("crew", "robots")), [three, one]),
        (RequestFilter(collections=()), []),
        (RequestFilter(job="people"), [three, two, one]),
        (RequestFilter(job="groups"), []),
        (RequestFilter(run_id="run 2"), [two]),
        (RequestFilter(requester="leo"), [three, two]),
        (RequestFilter(approver="bea"), [one]),
        (RequestFilter(decided_by="zoe"), [two]),
        (RequestFilter(decided_by="mia"), [one]),
        (RequestFilter(decided_by="leo"), [three]),
        (RequestFilter(filed_from=long_ago), [three, two, one]),
        (RequestFilter(filed_from=long_ago + timedelta(seconds=1)), [three, one]),
        (RequestFilter(filed_before=long_ago), []),
        (RequestFilter(filed_before=long_ago + timedelta(seconds=1)), [two]),
        (RequestFilter(states=("denied", "cancelled")), [three, two]),
        (RequestFilter(event=EventKind.COMMENTED), [one]),
        (RequestFilter(event=EventKind.APPROVED), [one]),
        (RequestFilter(description="bERLIN"), [two, one]),
        (RequestFilter(description="0% of_"), [three]),
        (RequestFilter(description="%"), [three]),
        (RequestFilter(description="of%robots"), []),
        (RequestFilter(description="n_w"), []),
        (RequestFilter(description="\x00 '; -- \udcff"), []),
        (RequestFilter(requester="leo", states=("denied",), description="berlin", decided_by="zoe"), [two]),
        (
            RequestFilter(
                requester="ida\x00", collections=("x\udcff",), approver="\x00", decided_by="\x00", job="\x00"
            ),
            [],
        ),
    ):
        assert ids(store.requests.all(filter)) == expected, filter
        assert store.requests.count(filter) == len(expected), filter
    assert ids(store.requests.mine("leo", RequestFilter(states=("cancelled",)))) == [three]
    assert ids(store.requests.inbox("bea", (), RequestFilter(description="munich"))) == []


def test_requests_are_found_by_the_objects_they_change(store: Store) -> None:
    """Any part of an object's id, before or after the change, in any case; not what stands in its fields, key
    or elsewhere.
    """
    fry = asking_about(
        store,
        Change(
            Action.UPDATE,
            "key of fry",
            "cn=Fry,ou=crew,dc=x",
            fields=(FieldChange("manager", (b"cn=Zoidberg,dc=x",), (b'"object":"cn=Mom"}',)),),
            after=("cn=Before,dc=x",),
        ),
        number=1,
    )
    leela = asking_about(
        store,
        Change(Action.CREATE, "k", "cn=Amy,dc=y"),
        Change(Action.MOVE, "k", "cn=Leela,ou=crew,dc=x", new_object="cn=Leela,ou=left_100%,dc=x"),
        number=2,
    )
    odd = asking_about(store, Change(Action.DELETE, "k", 'cn=a\\, "b"/\x00\n\u05d0\U0001f680,dc=z'), number=3)
    for text, expected in (
        ("cn=fry", [fry]),
        ("OU=CREW", [leela, fry]),
        ("ou=left", [leela]),
        ("left_100%", [leela]),
        ("left%100", []),
        ("leftx100", []),
        ("cn=Amy", [leela]),
        ("zoidberg", []),
        ("Mom", []),
        ("Before", []),
        ("key of", []),
        ("object", []),
        ('","', []),
        ("update", []),
        ('a\\, "B"/\x00\n\u05d0\U0001f680', [odd]),
        ("\\", [odd]),
        ("/", [odd]),
        ("\udcff", []),
        ("", [odd, leela, fry]),
    ):
        assert ids(store.requests.all(RequestFilter(object=text))) == expected, text
    assert ids(store.requests.inbox("bea", (), RequestFilter(object="cn=fry"))) == [fry]


def test_a_text_to_search_for_has_a_limit(store: Store) -> None:
    """A megabyte in a search field is refused with a clear word; the longest allowed text can be searched
    for.
    """
    for filter in (RequestFilter(object="x" * 1_048_576), RequestFilter(description="x" * 1_048_576)):
        with pytest.raises(RequestError, match=r"has 1,048,576 characters; at most 1,000 are possible"):
            store.requests.all(filter)
    longest = "%" * SEARCH_LENGTH
    assert store.requests.count(RequestFilter(object=longest, description=longest)) == 0


def test_counting_an_inbox_is_one_query(store: Store) -> None:
    """It stands on every page, so it costs one question to the database."""
    file(store)
    with statements(store) as sent:
        assert store.requests.count_inbox("bea", ["admins"]) == 1
    assert len(sent) == 1


def test_a_poll_is_one_query_whatever_the_number_of_gates(store: Store) -> None:
    """All waiting gates are looked up at once; each gets the state of its own request, and one without a
    request learns that.
    """
    pending = file(store, name="a").id
    approved = file(store, name="b").id
    decide(store, approved)
    cancelled = file(store, name="c").id
    store.decisions.cancel(cancelled, "")
    many = range(100_000, 150_000)
    with statements(store) as sent:
        found = store.requests.decided_among([pending, approved, cancelled, *many, approved, -1, 10**30])
    assert len(sent) == 1
    assert found == {
        approved: "approved",
        cancelled: "cancelled",
        **dict.fromkeys([*many, -1, 10**30], "gone"),
    }
    assert store.requests.decided_among([]) == {}
    assert store.requests.decided_among([pending]) == {}


def test_a_poll_sees_that_time_is_over_before_anybody_notes_it(store: Store) -> None:
    """A gate need not wait for the next sweep: an overdue request is expired for it, still with one query."""
    late, early = (
        file(store, name="a", expires_after=timedelta(0)).id,
        file(store, name="b", expires_after=timedelta(hours=1)).id,
    )
    with statements(store) as sent:
        assert store.requests.decided_among([late, early]) == {late: "expired"}
    assert len(sent) == 1
    assert store.requests.get(late).request.state == "pending"
