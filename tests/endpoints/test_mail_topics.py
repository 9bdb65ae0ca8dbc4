"""The outbox is for whatever people are to hear of: here for runs, which have no history of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from directory_sync.approval.people import Approver
from directory_sync.errors import MailError, StoreError
from directory_sync.mail.audience import Letter, Occasion, Recipient
from directory_sync.mail.letters import LETTERS
from directory_sync.mail.links import Links
from directory_sync.mail.message import Thread
from directory_sync.mail.news import Noted
from directory_sync.mail.outbox import DeliveryResult
from directory_sync.mail.templates import Rendered
from directory_sync.store.outbox import DueMail, Topic, queue_mail
from directory_sync.store.store import Store
from tests.scenarios.clock import START, Clock
from tests.scenarios.mail import Box, file, send

NAMES = ("amy", "bea", "zoe")
REFUSED = MailError("The mail server refuses the address: 550 no such user.", for_good=True)
LATER = MailError("The mail server refuses the address: 451 try again later.")


@dataclass
class RunNews:
    """What has happened to a run, for three people."""

    due: DueMail
    repeats: bool = False
    thread: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.thread = Thread(f"run {self.due.subject}", f"run{self.due.subject}", "runs")

    def occasion(self) -> Occasion:
        return Occasion(Letter.OUTCOME, tuple(Recipient(Approver("user", name)) for name in NAMES))

    def content(self, letter: Letter, recipient: Recipient, *, links: Links) -> dict[str, Any]:
        return {"name": recipient.addressee.name}

    def noted(self) -> Noted:
        return Noted()


class Words:
    """Templates of one sentence."""

    def render(self, letter: str, content: dict[str, Any]) -> Rendered:
        return Rendered("A run has ended", f"For {content.get('name')}", "<p></p>")


def queue(store: Store, run: int = 7, kind: str = "finished") -> None:
    """A run has something to tell."""
    with store._database.write() as connection:
        queue_mail(connection, Topic.RUN, run, kind, at=store._database.now(connection))


def deliver(store: Store, box: Box) -> DeliveryResult:
    """Send what is due, also about runs."""
    letters = {**LETTERS, Topic.RUN: lambda store, due: RunNews(due)}
    return send(store, box, letters=letters, templates=Words())  # type: ignore[arg-type]


def addresses(box: Box) -> list[str]:
    """The names of those who got mail since the last time."""
    return [to.partition("@")[0] for to, _ in box.take()]


def test_runs_and_requests_share_one_outbox(store: Store) -> None:
    """In the order in which things happened; each topic's mails are threads and lists of their own."""
    box = Box()
    queue(store)
    request = file(store, users=("bea",))
    queue(store, kind="failed")
    result = deliver(store, box)
    assert [(each.topic, each.subject, each.about) for each in result.sent] == [
        *[("run", 7, "finished")] * 3,
        *[("request", request, "filed")] * 2,
        *[("run", 7, "failed")] * 3,
    ]
    lists = [message["List-Id"].split("<")[1].split(".")[0] for _, message in box.mails]
    assert lists == ["runs"] * 3 + ["requests"] * 2 + ["runs"] * 3
    assert {message["References"] for _, message in box.mails[:3]} == {"<run7@corp.example>"}
    deliver(store, box)
    assert len(box.mails) == 8


@pytest.mark.parametrize(("method", "call"), [("start_mail", 1), ("start_mail", 3), ("record_mail", 1)])
def test_nobody_hears_twice_of_a_run(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch, method: str, call: int
) -> None:
    """A sender that dies leaves the rest to the next one, without a history that says whom it had reached."""
    box = Box()
    queue(store)
    calls, real = iter(range(1, 99)), getattr(store.outbox, method)

    def dying(*arguments: Any, **keys: Any) -> Any:
        if next(calls) == call:
            raise KeyboardInterrupt
        return real(*arguments, **keys)

    with monkeypatch.context() as patch:
        patch.setattr(store.outbox, method, dying)
        with pytest.raises(KeyboardInterrupt):
            deliver(store, box)
    before = addresses(box)
    clock.advance(minutes=3)
    deliver(store, box)
    assert [*before, *addresses(box)] == list(NAMES)


def test_who_was_reached_or_given_up_is_remembered_while_others_wait(store: Store, clock: Clock) -> None:
    """One is refused for good, one for now: the second try is for that one only."""
    refusals = {"amy@corp.example": REFUSED, "zoe@corp.example": LATER}
    box = Box(refusals.get)
    queue(store)
    assert deliver(store, box).problems
    assert addresses(box) == ["bea"]
    refusals.clear()
    clock.advance(hours=1)
    deliver(store, box)
    assert addresses(box) == ["zoe"]
    clock.advance(days=1)
    assert store.outbox.claim_mail(timedelta(minutes=1), max_age=timedelta(days=7), topics=Topic) is None


def test_mail_about_a_topic_without_letters_waits(store: Store) -> None:
    """A version that knows no words for it takes nothing, and holds nothing else up."""
    box = Box()
    queue(store)
    request = file(store, users=("bea",))
    known = {Topic.REQUEST: LETTERS[Topic.REQUEST]}
    assert [each.subject for each in send(store, box, letters=known).sent] == [request] * 2
    assert addresses(box) == ["bea"]
    deliver(store, box)
    assert addresses(box) == list(NAMES)


def test_an_event_is_queued_once(store: Store) -> None:
    """The database refuses a second mail about the same."""
    queue(store)
    with pytest.raises((IntegrityError, StoreError)):
        queue(store)


def test_a_sender_of_another_event_changes_nothing(store: Store) -> None:
    """Subjects of two topics may have the same number."""
    request = file(store, users=("bea",))
    queue(store, run=request)
    store.outbox.record_mail(DueMail(Topic.RUN, request, "finished", 0, 1, START, START), [])
    box = Box()
    assert [each.topic for each in deliver(store, box).sent] == ["request"] * 2
