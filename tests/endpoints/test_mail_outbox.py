"""Who gets mail about what, that it arrives once, and what happens while it cannot: on a real store with a
clock that is set.
"""

from __future__ import annotations

import subprocess
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from directory_sync.approval.people import Approver
from directory_sync.approval.request import EventKind
from directory_sync.errors import EndpointUnavailable, MailError
from directory_sync.mail import outbox
from directory_sync.mail.addresses import Addresses
from directory_sync.mail.templates import Templates
from directory_sync.store.store import Store
from tests.scenarios.clock import START, Clock
from tests.scenarios.mail import ADDRESSES, DOWN, PORTAL, Box, file, send, text_of
from tests.scenarios.plans import collection, creations, plan
from tests.scenarios.ready_python import ReadyPython
from tests.scenarios.requests import decide

STARTER = "ida@corp.example"
REFUSED = MailError("The mail server refuses the address: 550 no such user.", for_good=True)
LATER = MailError("The mail server refuses the address: 451 try again later.")


def mailed(store: Store, request: int) -> list[tuple[list[str], list[str], str]]:
    """Of each `mailed` event: who was reached, who was not, and the problem; without the person who hears
    that their run has filed it.
    """
    return [
        (
            [
                to
                for to in (event.data or {})["to"]
                if not (to == STARTER and (event.data or {})["about"] == EventKind.FILED)
            ],
            [each["name"] for each in (event.data or {})["unreached"]],
            event.text,
        )
        for event in store.requests.get(request).events
        if event.kind is EventKind.MAILED
    ]


def waiting(store: Store) -> int:
    """How many events are in the outbox."""
    with store._database.read() as connection:
        return int(connection.execute(text("SELECT count(*) FROM directory_sync_outbox")).scalar_one())


# -- who hears of what ---------------------------------------------------------------------------------------


def test_everybody_who_is_asked_gets_a_mail_with_the_link(store: Store) -> None:
    """Users and roles each one of their own; the history names the event that it is about."""
    box = Box()
    request = file(store, roles=("Heads",))
    result = send(store, box)
    assert [to for to, _ in box.mails] == ["bea@corp.example", "zoe@corp.example", "heads@corp.example"]
    for to, message in box.take():
        assert message["To"] == to
        assert f"{PORTAL}/requests/{request}" in text_of(message)
        assert f'href="{PORTAL}/requests/{request}"' in text_of(message, "html")
    filed, noted = store.requests.get(request).events
    assert noted.data == {
        "to": ["bea@corp.example", "zoe@corp.example", "heads@corp.example", STARTER],
        "about": "filed",
        "event": filed.id,
        "unreached": [],
    }
    assert (result.sent[0].subject, result.sent[0].about, result.sent[0].to) == (
        request,
        EventKind.FILED,
        "bea@corp.example",
    )
    send(store, box)
    assert box.mails == []


def test_who_started_the_run_hears_that_others_are_asked(store: Store) -> None:
    """When it is filed, and not again when it is rerouted; with who is asked, and the link."""
    box = Box()
    request = file(store, roles=("Heads",))
    send(store, box)
    [(to, message)] = box.filed
    assert to == STARTER
    assert message["Subject"] == (
        f"Waits for approval: changes of crew / people: 2 creations planned (request {request})"
    )
    for kind in ("plain", "html"):
        body = text_of(message, kind)
        for part in ("You started a run", "bea", "role Heads", f"{PORTAL}/requests/{request}"):
            assert part in body
    store.decisions.reroute(request, "bea", [Approver("user", "max")], roles=[], verified=True)
    send(store, box)
    assert len(box.filed) == 1


@pytest.mark.parametrize(
    ("given", "hears"),
    [
        ({"users": ("ida", "bea"), "policy": {"self_approval": "allow"}}, False),
        ({"users": ("ida", "bea")}, True),
        ({"waiver": True, "asked_by": "ida"}, False),
        ({"waiver": True, "asked_by": "max"}, True),
    ],
    ids=["asked themselves", "named, but may not decide", "filed it by hand", "another person has filed it"],
)
def test_who_knows_of_a_request_is_not_told_that_it_was_filed(
    store: Store, given: dict[str, Any], hears: bool
) -> None:
    """One mail about it is enough."""
    box = Box()
    file(store, **given)
    send(store, box)
    assert bool(box.filed) is hears


def test_who_started_the_run_hears_nothing_once_it_is_decided(store: Store) -> None:
    """The outcome says more."""
    box = Box()
    request = file(store)
    decide(store, request, "bea")
    send(store, box)
    assert box.filed == []


def test_only_who_is_newly_asked_is_asked_by_mail(store: Store) -> None:
    """Rerouting and escalation mail nobody who knows of it already."""
    box = Box()
    request = file(store, escalate_after=timedelta(days=1))
    send(store, box)
    box.take()
    store.decisions.reroute(
        request,
        "bea",
        [Approver("user", "zoe"), Approver("user", "max")],
        roles=[],
        verified=True,
        reason="you know them",
    )
    send(store, box)
    [(to, message)] = box.take()
    assert to == "max@corp.example"
    assert "bea asks you to decide" in text_of(message)
    assert "you know them" in text_of(message)
    store.request_upkeep.escalate(request, [Approver("user", "max"), Approver("role", "Heads")], level=1)
    send(store, box)
    [(to, message)] = box.take()
    assert to == "heads@corp.example"
    assert "no one has answered yet" in text_of(message)


def test_who_may_not_decide_is_not_asked(store: Store) -> None:
    """The requester whom the policy keeps from deciding gets no mail that asks them to."""
    box = Box()
    file(store, users=("ida", "bea"), requester="ida")
    send(store, box)
    assert [to for to, _ in box.mails] == ["bea@corp.example"]


def test_nobody_is_asked_about_what_is_over(store: Store) -> None:
    """If it was decided before the mail went out, only the outcome is told."""
    box = Box()
    request = file(store)
    decide(store, request, "bea")
    send(store, box)
    assert box.take_subjects() == [("ida@corp.example", "Approved"), ("zoe@corp.example", "Approved")]


def test_each_of_several_agreements_is_no_outcome(store: Store) -> None:
    """Of two who have to agree, the second one's answer is told; who has agreed is not asked again."""
    box = Box()
    request = file(store, users=("bea", "zoe", "max"))
    decide(store, request, "bea", needed=2)
    send(store, box)
    assert box.take_subjects() == [("zoe@corp.example", "Approve"), ("max@corp.example", "Approve")]
    decide(store, request, "zoe", needed=2)
    send(store, box)
    found = box.take()
    assert [to for to, _ in found] == ["ida@corp.example", "bea@corp.example", "max@corp.example"]
    assert "Your request was approved by bea, zoe." in text_of(found[0][1])
    assert "The request was approved by bea, zoe." in text_of(found[1][1])


def test_a_denial_is_told_with_its_reason(store: Store) -> None:
    """To the requester and the other approvers, not to who denied."""
    box = Box()
    request = file(store)
    send(store, box)
    box.take()
    decide(store, request, "zoe", approve=False, reason="too many\nask HR first")
    send(store, box)
    found = box.take()
    assert [to for to, _ in found] == ["ida@corp.example", "bea@corp.example"]
    assert found[0][1]["Subject"] == f"Denied: changes of crew / people (request {request})"
    for line in ("was denied by zoe", "too many", "ask HR first"):
        assert line in text_of(found[0][1])


@pytest.mark.parametrize("how", ["expired", "cancelled", "stale"])
def test_other_ends_are_told_to_all(store: Store, clock: Clock, how: str) -> None:
    """Expiry and a newer plan are nobody's doing, so everybody hears of them; a requester who cancels
    knows.
    """
    box = Box()
    request = file(store, expires_after=timedelta(hours=1))
    send(store, box)
    box.take()
    if how == "expired":
        clock.advance(hours=2)
        store.request_upkeep.expire()
    elif how == "cancelled":
        store.decisions.cancel(request, "ida", reason="a mistake")
    else:
        store.filing.mark_stale("crew", "people", reason="The policy was changed.")
    send(store, box)
    others = [] if how == "cancelled" else ["ida@corp.example"]
    everybody = [*others, "bea@corp.example", "zoe@corp.example"]
    assert box.take_subjects() == [(to, how.capitalize()) for to in everybody]


def test_a_stale_request_names_its_successor(store: Store) -> None:
    """Who is asked about the newer one gets one mail, which says what it replaces; whom nobody asks anew
    hears of the end.
    """
    box = Box()
    older = file(store)
    store.decisions.reroute(older, "bea", [Approver("user", "amy")], roles=[], verified=True)
    send(store, box)
    box.take()
    run = store.runs.start(collection(), "run 2", trigger="manual", requester="ida", verified=True)
    newer = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(5)))
    successor = store.filing.file(
        newer, policy={"approvers": {"users": ["bea"]}}, approvers=[Approver("user", "bea")]
    ).id
    send(store, box)
    found = {(to, message["Subject"].split()[0]): message for to, message in box.take()}
    assert set(found) == {
        ("bea@corp.example", "Approve"),
        ("ida@corp.example", "Stale:"),
        ("amy@corp.example", "Stale:"),
    }
    assert f"request {successor}" in text_of(found["ida@corp.example", "Stale:"])
    assert f"take the place of request {older}" in " ".join(
        text_of(found["bea@corp.example", "Approve"]).split()
    )


@pytest.mark.parametrize(
    ("state", "statistics", "said"),
    [
        ("success", {"created": 2}, "and the changes were applied"),
        ("conflicts", {"created": 1, "conflicts": 1}, "but not all changes were applied"),
        (
            "success_with_errors",
            {"created": 1, "errors": 1, "conflicts": 3},
            "but not all changes were applied",
        ),
        ("failed", {"created": 1}, "but applying the changes failed"),
    ],
)
def test_what_became_of_it_is_told_with_problems_first(
    store: Store, state: str, statistics: dict[str, int], said: str
) -> None:
    """To requester and approvers; failures and conflicts stand before what went well.

    No error's text: it may quote data.
    """
    box = Box()
    request = file(store)
    decide(store, request, "bea")
    send(store, box)
    box.take()
    store.approvals.mark_applied(
        request, {"state": state, "statistics": {"read": 9, **statistics}, "message": "cn=Secret Person: no"}
    )
    send(store, box)
    found = box.take()
    assert [to for to, _ in found] == ["ida@corp.example", "bea@corp.example"]
    text = text_of(found[0][1])
    assert said in text
    assert "Secret" not in text + text_of(found[0][1], "html")
    places = [text.index(part) for part in ("Failed:", "Conflicts:", "Done:") if part in text]
    assert places == sorted(places)
    assert ("Failed:" in text, "Conflicts:" in text) == ("errors" in statistics, "conflicts" in statistics)


def test_a_result_that_is_noted_twice_is_told_once(store: Store) -> None:
    """A retry notes the result again; the last one is mailed."""
    box = Box()
    request = file(store)
    decide(store, request, "bea")
    store.approvals.mark_applied(request, {"state": "failed", "statistics": {}})
    store.approvals.mark_applied(request, {"state": "success", "statistics": {"created": 2}})
    send(store, box)
    assert [line for line in box.take_subjects() if line[1] not in {"Approved", "Approve"}] == [
        ("ida@corp.example", "Applied"),
        ("bea@corp.example", "Applied"),
    ]


@pytest.mark.parametrize(("trigger", "verified"), [("scheduled", True), ("manual", False)])
def test_who_is_nobody_gets_no_mail(store: Store, trigger: str, verified: bool) -> None:
    """Neither the schedule nor a name that nobody has checked is a person whom mail could reach."""
    box = Box()
    run = store.runs.start(collection(), "run 1", trigger=trigger, requester="schedule", verified=verified)
    made = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(2)))
    request = store.filing.file(
        made, policy={"approvers": {"users": ["bea"]}}, approvers=[Approver("user", "bea")]
    ).id
    store.decisions.cancel(request, "root")
    send(store, box)
    assert [to for to, _ in box.take()] == ["bea@corp.example"]
    assert mailed(store, request) == [(["bea@corp.example"], [], "")]


def test_a_user_called_like_the_schedule_is_not_the_schedule(store: Store) -> None:
    """They can decide what it has asked for, so they are asked."""
    box = Box()
    run = store.runs.start(collection(), "run 1", trigger="scheduled", requester="schedule", verified=True)
    made = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(2)))
    store.filing.file(
        made, policy={"approvers": {"users": ["schedule"]}}, approvers=[Approver("user", "schedule")]
    )
    send(store, box)
    assert [to for to, _ in box.take()] == ["schedule@corp.example"]


# -- addresses -----------------------------------------------------------------------------------------------


def test_who_has_no_address_stands_in_the_history(store: Store) -> None:
    """It is no error, and is not tried again."""
    box = Box()
    request = file(store, users=("bea", "no body"), roles=("Nameless",))
    assert send(store, box).problems == []
    assert mailed(store, request) == [(["bea@corp.example"], ["no body", "Nameless"], "")]
    assert waiting(store) == 0


def test_one_address_gets_one_mail(store: Store) -> None:
    """Users and a role that share a mailbox; who is asked comes before who only hears of it."""
    box = Box()
    request = file(store, users=("bea", "zoe"), roles=("Heads",))
    shared = Addresses(
        mail_of={"bea": "Team@x.org", "zoe": "team@x.org", "ida": "TEAM@x.org"}.get,
        roles={"Heads": "team@X.org"},
    )
    send(store, box, addresses=shared)
    assert [to for to, _ in box.take()] == ["Team@x.org"]
    assert mailed(store, request) == [(["Team@x.org"], [], "")]


def test_a_people_directory_that_is_down_delays_only_its_own(store: Store, clock: Clock) -> None:
    """Whoever needs it gets the mail later; the others now, and only once."""
    box = Box()
    request = file(store, users=("bea", "max@x.org"))

    def down(user: str) -> str | None:
        if user == "max@x.org":
            return user
        raise EndpointUnavailable("it does not answer.")

    result = send(store, box, addresses=Addresses(mail_of=down))
    assert [to for to, _ in box.take()] == ["max@x.org"]
    assert (
        "The mail addresses of bea and ida could not be looked up. it does not answer." in result.problems[0]
    )
    clock.advance(minutes=5)
    send(store, box)
    assert [to for to, _ in box.take()] == ["bea@corp.example"]
    assert [reached for reached, _, _ in mailed(store, request)] == [["max@x.org"], ["bea@corp.example"]]


# -- what cannot be sent -------------------------------------------------------------------------------------


def test_a_server_that_is_down_is_asked_again_with_growing_pauses(store: Store, clock: Clock) -> None:
    """The problem is noted once; the mail goes out when the server is back."""
    box = Box(lambda to: DOWN)
    request = file(store)
    tries = []
    for minute in range(0, 24 * 60, 5):
        before = box.tries
        send(store, box)
        if box.tries > before:
            tries.append(minute)
        clock.advance(minutes=5)
    assert tries == [0, 5, 15, 35, 70, 135, 265, 525, 885, 1245]
    assert box.tries == len(tries)
    assert mailed(store, request) == [([], [], str(DOWN))]
    box.problem = lambda to: None
    clock.advance(hours=6)
    send(store, box)
    assert [to for to, _ in box.take()] == ["bea@corp.example", "zoe@corp.example"]
    assert mailed(store, request)[-1] == (["bea@corp.example", "zoe@corp.example"], [], "")
    assert waiting(store) == 0


def test_a_new_problem_is_noted_anew(store: Store, clock: Clock) -> None:
    """The history tells each problem, not each try."""
    box = Box(lambda to: DOWN)
    request = file(store)
    for problem in (DOWN, DOWN, LATER, LATER, DOWN):
        box.problem = lambda to, problem=problem: problem
        send(store, box)
        clock.advance(hours=6)
    assert [text for _, _, text in mailed(store, request)] == [str(DOWN), str(LATER), str(DOWN)]


def test_while_the_server_takes_no_mail_it_is_not_bothered(store: Store) -> None:
    """One try at one go, however much waits; no other address of the same event either."""
    box = Box(lambda to: DOWN)
    for name in ("a", "b", "c"):
        file(store, name=name)
    result = send(store, box)
    assert box.tries == 1
    assert len(result.problems) == 1
    assert waiting(store) == 3


def test_after_three_days_it_is_given_up(store: Store, clock: Clock) -> None:
    """The history says so and names who was not reached; nothing is tried any more."""
    box = Box(lambda to: DOWN)
    request = file(store)
    for _ in range(4 * 24):
        send(store, box)
        clock.advance(hours=1)
    assert waiting(store) == 0
    last = mailed(store, request)[-1]
    assert last[:2] == ([], ["bea", "zoe", "ida"])
    assert last[2].startswith("Given up after 3 days. The mail server takes no mail")
    box.problem = lambda to: None
    send(store, box)
    assert box.mails == []


def test_a_refused_address_does_not_keep_others_from_their_mail(store: Store, clock: Clock) -> None:
    """Refused for good, it is not tried again; refused for now, only that one is."""
    box = Box({"bea@corp.example": REFUSED, "zoe@corp.example": LATER}.get)
    request = file(store, users=("bea", "zoe", "max"))
    send(store, box)
    assert [to for to, _ in box.take()] == ["max@corp.example"]
    assert mailed(store, request) == [(["max@corp.example"], ["bea"], str(LATER))]
    box.problem = lambda to: None
    clock.advance(minutes=5)
    send(store, box)
    assert [to for to, _ in box.take()] == ["zoe@corp.example"]


def test_a_mail_that_cannot_be_made_does_not_hold_up_others(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect of ours costs that mail and is reported; the other requests' mails go out."""
    broken, fine = file(store, name="a", users=("bea",)), file(store, name="b", users=("bea",))
    render = Templates.render

    def fail(self: Templates, letter: str, content: Any) -> Any:
        if content["request"]["id"] == broken:
            raise KeyError("oops")
        return render(self, letter, content)

    monkeypatch.setattr(Templates, "render", fail)
    box = Box()
    result = send(store, box)
    assert [message["Subject"] for _, message in box.take()] == [
        f"Approve changes of b / people: 2 creations planned (request {fine})"
    ]
    assert "unexpected KeyError" in result.problems[0]


FIVE = ("ada", "bea", "cid", "dan", "eve")


class Killed(BaseException):
    """The process ends here, and notes nothing more."""


def _killed_at(store: Store, box: Box, method: str, call: int) -> None:
    """Deliver until a call of the store, which does not happen any more."""
    original, calls = getattr(store.outbox, method), 0

    def kill(*given: Any, **keys: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise Killed
        return original(*given, **keys)

    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(store.outbox, method, kill)
        send(store, box)


@pytest.mark.parametrize(
    ("method", "call", "first"),
    [("start_mail", 1, 0), ("start_mail", 2, 1), ("start_mail", 5, 4), ("record_mail", 1, 5)],
    ids=["before the first", "before the second", "before the last", "before it is noted"],
)
def test_a_sender_that_dies_leaves_the_rest_to_the_next(
    store: Store, clock: Clock, method: str, call: int, first: int
) -> None:
    """Within a minute another one goes on with those who have no mail yet; nobody gets it twice; the history
    says all of it.
    """
    box = Box()
    request = file(store, users=FIVE)
    _killed_at(store, box, method, call)
    before = [to for to, _ in box.take()]
    assert before == [f"{name}@corp.example" for name in FIVE[:first]]
    send(store, box)
    assert box.mails == [], "it may still be at it"
    clock.advance(seconds=60)
    send(store, box)
    assert [*before, *(to for to, _ in box.take())] == [f"{name}@corp.example" for name in FIVE]
    assert mailed(store, request) == [([f"{name}@corp.example" for name in FIVE], [], "")]
    assert waiting(store) == 0


def test_of_a_mail_that_was_being_handed_over_nobody_knows(store: Store, clock: Clock) -> None:
    """It may have arrived, so it is not sent again; the others get theirs at once, and the history says who
    is in doubt.
    """
    box = Box()
    request = file(store, users=FIVE)
    _killed_at(store, box, "end_mail", 2)
    assert [to for to, _ in box.take()] == ["ada@corp.example", "bea@corp.example"]
    clock.advance(seconds=60)
    send(store, box)
    assert [to for to, _ in box.take()] == ["cid@corp.example", "dan@corp.example", "eve@corp.example"]
    clock.advance(minutes=2)
    send(store, box)
    assert box.take() == []
    reached = [address for to, _, _ in mailed(store, request) for address in to]
    assert reached == [f"{name}@corp.example" for name in FIVE if name != "bea"]
    assert [name for _, names, _ in mailed(store, request) for name in names] == ["bea"]
    [doubt] = [
        each
        for event in store.requests.get(request).events
        for each in (event.data or {}).get("unreached", ())
    ]
    assert "it is not known whether it has arrived" in doubt["why"]
    assert waiting(store) == 0


def test_a_sender_that_was_still_for_long_stops(store: Store, clock: Clock) -> None:
    """A process that was stopped and goes on finds that another one has taken over: nobody gets a mail
    twice.
    """
    box, other = Box(), Box()
    request = file(store, users=FIVE)
    original, calls = store.outbox.start_mail, 0

    def slow(*given: Any, **keys: Any) -> bool:
        nonlocal calls
        calls += 1
        if calls == 3:
            clock.advance(seconds=60)
            with pytest.MonkeyPatch.context() as inner:
                inner.setattr(store.outbox, "start_mail", original)
                send(store, other)
        return original(*given, **keys)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.outbox, "start_mail", slow)
        send(store, box)
    assert [to for to, _ in box.take()] == ["ada@corp.example", "bea@corp.example"]
    assert [to for to, _ in other.take()] == ["cid@corp.example", "dan@corp.example", "eve@corp.example"]
    assert mailed(store, request) == [([f"{name}@corp.example" for name in FIVE], [], "")]
    assert waiting(store) == 0


def test_a_sender_that_works_is_not_overtaken(store: Store, clock: Clock) -> None:
    """However long all of its mails take together: each one holds the event on."""
    box, other = Box(), Box()
    file(store, users=FIVE)
    original = store.outbox.end_mail

    def slow(*given: Any, **keys: Any) -> None:
        original(*given, **keys)
        clock.advance(seconds=30)
        send(store, other)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.outbox, "end_mail", slow)
        send(store, box)
    assert len(box.take()) == 5
    assert other.take() == []


def test_a_killed_process_is_taken_over(store: Store, store_url: str) -> None:
    """A real one, by SIGKILL, while the server takes the second of five mails its time."""
    request = file(store, users=FIVE)
    command = ["-m", "tests.scenarios.mail", store_url, "cid@corp.example"]
    process = ReadyPython(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    sent = [process.stdout.readline().strip() for _ in range(2)]
    assert process.stdout.readline() == "waiting for cid@corp.example\n"
    process.kill()
    process.communicate()
    box = Box()
    Clock(store, store.now() + timedelta(seconds=60))
    send(store, box)
    assert sent + [to for to, _ in box.take()] == [f"{name}@corp.example" for name in FIVE]
    assert mailed(store, request)[0][0] == [f"{name}@corp.example" for name in FIVE]


def test_mail_switched_on_later_begins_with_the_last_week(store: Store, clock: Clock) -> None:
    """What is older is left alone for ever."""
    box = Box()
    old = file(store, name="old")
    clock.advance(days=4)
    new = file(store, name="new")
    clock.at = START + timedelta(days=7, seconds=1)
    send(store, box)
    assert {message["Subject"].split("request ")[1] for _, message in box.take()} == {f"{new})"}
    assert mailed(store, old) == []
    assert waiting(store) == 0


def test_what_was_tried_is_not_forgotten_by_age(store: Store, clock: Clock) -> None:
    """An event of almost a week ago that met a server which was down still gets its three days."""
    box = Box(lambda to: DOWN)
    file(store, users=("bea",))
    clock.advance(days=6, hours=23)
    send(store, box)
    box.problem = lambda to: None
    clock.advance(hours=6)
    send(store, box)
    assert [to for to, _ in box.take()] == ["bea@corp.example"]


def test_so_much_at_one_go(store: Store) -> None:
    """The rest is sent next time."""
    box = Box()
    for name in ("a", "b", "c"):
        file(store, name=name, users=("bea",))
    send(store, box, limit=2)
    assert len(box.take()) == 2
    send(store, box, limit=2)
    assert len(box.take()) == 1


def test_pauses_grow_to_a_bound() -> None:
    """They double up to six hours, however many tries there were."""
    pauses = [outbox.pause(tries) for tries in range(1, 2000)]
    assert pauses == sorted(pauses)
    assert pauses[:3] == [timedelta(minutes=4), timedelta(minutes=8), timedelta(minutes=16)]
    assert pauses[-1] == timedelta(hours=6)


def test_comments_and_views_are_not_mailed(store: Store) -> None:
    """Only what asks somebody or ends something."""
    box = Box()
    request = file(store)
    send(store, box)
    box.take()
    store.decisions.comment(request, "bea", "hm")
    store.decisions.record_view(request, "zoe")
    assert waiting(store) == 0
    send(store, box, addresses=ADDRESSES)
    assert box.mails == []
