"""Mails as they go over the wire: no data, no injection, threads, and marks for machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from pathlib import Path
from typing import Any

import pytest

from directory_sync.approval.people import Approver
from directory_sync.definition.models import Collection
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.errors import MailError
from directory_sync.mail.message import message, request_thread
from directory_sync.mail.templates import Rendered
from directory_sync.plan.digest import plan_digest
from directory_sync.plan.model import LimitCheck, Plan, Statistics
from directory_sync.store.store import Store
from tests.scenarios.mail import Box, file, send, text_of
from tests.scenarios.new_store import new_store
from tests.scenarios.plans import collection as crew
from tests.scenarios.plans import creations, plan
from tests.scenarios.requests import decide, stored_plan

HOSTILE = (
    "<img src=x onerror=alert(1)>\r\nBcc: victim@x.org\r\n\r\n\x1b[2J\u202eevil\u2028\x00\ud800{{ 7*7 }}"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of this test's own."""
    url = new_store(tmp_path / "store.db")
    with Store.open(url) as store:
        yield store


def wire(mail: EmailMessage) -> EmailMessage:
    """The mail as a mail program reads it."""
    return message_from_bytes(mail.as_bytes(policy=SMTP), policy=default)  # type: ignore[return-value]


def all_mails(store: Store, box: Box, request: int) -> list[EmailMessage]:
    """Those that are sent in the life of a request: asked, approved, carried out."""
    send(store, box)
    decide(store, request, "bea", reason=given_reason(store, request))
    send(store, box)
    store.approvals.mark_applied(
        request, {"state": "conflicts", "statistics": {"created": 1, "conflicts": 1}}
    )
    send(store, box)
    return [wire(mail) for _, mail in box.take()]


def given_reason(store: Store, request: int) -> str:
    return store.requests.get(request).request.reason


def test_hostile_texts_are_harmless_everywhere(store: Store) -> None:
    """Names, reasons and limits stay what they are: text on one line, without a header, tag, control or
    template of their own.
    """
    hostile = HOSTILE.replace("\x00", "").replace("\ud800", "")
    request = file(
        store,
        reason=hostile,
        description=hostile,
        waives=[LimitCheck("clear", hostile, 3, 9, 2, "2")],
        requester=hostile,
        users=("bea", f"{hostile}@x.org"),
    )
    box = Box()
    mails = all_mails(store, box, request)
    assert len(mails) == 2
    for mail in mails:
        assert mail["To"] == "bea@corp.example"
        assert mail["Bcc"] is None
        assert mail.get_all("Subject") is not None
        assert mail["Subject"].isprintable()
        assert r"\u202eevil" in text_of(mail)
        for kind in ("plain", "html"):
            body = text_of(mail, kind)
            assert not {"\x1b", "\u202e", "\u2028", "\x00"} & set(body)
            assert "\nBcc:" not in body.replace("\r", "")
            assert "{{ 7*7 }}" in body
        assert "<img" not in text_of(mail, "html")
        assert "&lt;img src=x" in text_of(mail, "html")
    assert [each["name"] for each in (store.requests.get(request).events[1].data or {})["unreached"]] == [
        f"{hostile}@x.org",
        hostile,  # who has started the run
    ]


def test_no_value_of_a_field_is_mailed(store: Store) -> None:
    """What the plan changes into what, on which object, stays on the page that the link leads to.

    Which fields change is told by pattern.
    """
    secret = Change(
        Action.CREATE,
        "key-K4711",
        "cn=Petra Geheim,ou=people,dc=x",
        fields=(FieldChange("telephoneNumber", (), (b"+49-SECRET",)),),
    )
    plan_id = stored_plan(store, [secret])
    request = store.filing.file(
        plan_id, policy={"approvers": {"users": ["bea"]}}, approvers=[Approver("user", "bea")]
    ).id
    mails = all_mails(store, Box(), request) or pytest.fail("no mail")
    for mail in mails:
        everything = mail.as_string() + text_of(mail) + text_of(mail, "html")
        for value in ("K4711", "Geheim", "SECRET"):
            assert value not in everything


def test_a_mail_names_where_the_job_reads_and_writes(store: Store) -> None:
    """And the collection by its title; what is asked for is planned, and not done."""
    fields = {"uid": {"from": "id", "key": True}, "sn": "name"}
    destination = {"connection": "corp", "container": "ou=people,dc=example,dc=org"}
    job = {
        "name": "people",
        "source": {"file": "staff.csv"},
        "destination": destination,
        "object": "inetOrgPerson",
        "fields": fields,
    }
    collection = Collection.model_validate({"name": "crew", "title": "Delivery crew", "jobs": [job]})
    run = store.runs.start(collection, "one", trigger="manual", requester="ida", verified=True)
    attempt = store.runs.start_job(run.id, "people").id
    changes = [Change(Action.DELETE, "k1", "cn=a,ou=people,dc=example,dc=org")]
    digest = plan_digest("crew", "people", "corp/people", changes)
    made = Plan("crew", "people", "corp/people", tuple(changes), digest, Statistics(deleted=1), 1)
    bea = Approver("user", "bea")
    store.filing.file(
        store.plans.save(attempt, made), policy={"approvers": {"users": ["bea"]}}, approvers=[bea]
    )
    box = Box()
    send(store, box)
    [(_, mail)] = box.take()
    assert mail["Subject"].startswith("Approve changes of crew / people: 1 deletion planned")
    for kind in ("plain", "html"):
        words = " ".join(re.sub("<[^>]*>", "", text_of(mail, kind)).split())
        for said in (
            "(collection crew: Delivery crew)",
            "staff.csv",
            "corp",
            "ou=people,dc=example,dc=org",
            "1 deletion",
        ):
            assert said in words, (kind, said)
        assert "Exactly these changes will be made." in words


def test_a_mail_about_a_waiver_says_what_it_needs(store: Store) -> None:
    """Before and after: another run, by somebody else, by a day; its reason is that of who asks for it."""
    limit = LimitCheck("delete", "", 9, 100, 5, "5%")
    plan_id = stored_plan(store, reason="monthly run")
    policy = {"approvers": {"users": ["bea", "zoe"]}}
    request = store.filing.file(
        plan_id,
        policy=policy,
        approvers=[Approver("user", "bea"), Approver("user", "zoe")],
        waives=[limit],
        waiver=True,
        asked_by="max",
        reason="the merger",
    ).id
    box = Box()
    send(store, box)
    (_, asked), *_ = box.take()
    assert asked["Subject"].startswith("Waiver asked for crew / people")
    decide(store, request, "bea")
    send(store, box)
    approved = dict(box.take())["ida@corp.example"]
    until = store.requests.get(request).request.decided
    assert until is not None
    until += timedelta(days=7)
    for kind in ("plain", "html"):
        words = " ".join(re.sub("<[^>]*>", "", text_of(asked, kind)).split())
        assert "max asks for a waiver of limits" in words
        assert "the merger" in words
        assert "monthly run" not in words
        assert "An approval writes nothing by itself" in words
        assert "within 7 days" in words
        assert "Exactly these changes" not in words
        words = " ".join(re.sub("<[^>]*>", "", text_of(approved, kind)).split())
        assert "was approved by bea. Nothing is written yet: a waiver needs another run." in words
        assert (
            f"applies it, by {until:%Y-%m-%d %H:%M} UTC: the schedule may start that run, or someone other"
            " than bea." in words
        )
        assert "Exactly these changes" not in words


def test_a_mail_about_a_terminals_request_says_what_it_needs(store: Store) -> None:
    """Nobody else carries it out: the approval alone writes nothing."""
    run = store.runs.start(crew("crew"), "terminal 1", trigger="terminal", requester="ida", verified=False)
    plan_id = store.plans.save(store.runs.start_job(run.id, "people").id, plan(creations(2)))
    asked = [Approver("user", "bea"), Approver("user", "zoe")]
    request = store.filing.file(plan_id, policy={"approvers": {"users": ["bea", "zoe"]}}, approvers=asked).id
    box = Box()
    send(store, box)
    decide(store, request, "bea")
    send(store, box)
    for _, mail in box.take():
        for kind in ("plain", "html"):
            assert f"--approved {request}, in a terminal, applies exactly these changes" in " ".join(
                text_of(mail, kind).split()
            )


def test_mails_of_a_request_are_one_thread(store: Store) -> None:
    """They refer to the same ancestor, each has an id of its own, and other requests have another
    ancestor.
    """
    box = Box()
    first, second = (file(store, name=name) for name in ("a", "b"))
    mails = [*all_mails(store, box, first), *all_mails(store, box, second)]
    threads = {mail["References"] for mail in mails}
    assert len(threads) == 2
    assert all(mail["In-Reply-To"] == mail["References"] for mail in mails)
    ids = [mail["Message-ID"] for mail in mails]
    assert len(set(ids)) == len(ids)
    assert not threads & set(ids)
    assert all(each.startswith("<") and each.endswith("@corp.example>") for each in (*ids, *threads))


def test_machines_do_not_answer(store: Store) -> None:
    """Vacation notices and list loops are kept away (RFC 3834, RFC 2919); the date is in UTC."""
    box = Box()
    file(store, users=("bea",))
    send(store, box)
    [(_, sent)] = box.take()
    mail = wire(sent)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Directory Sync requests <requests.directory-sync.corp.example>"
    assert mail["From"] == "Directory Sync <sync@corp.example>"
    assert mail["Date"].datetime.utcoffset().total_seconds() == 0
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_what_goes_out_is_plain_mail(store: Store) -> None:
    """Seven-bit, lines that end with CRLF and are short enough for every server (RFC 5321, section
    4.5.3.1.6).
    """
    box = Box()
    file(store, users=("bea",), reason=f"{'ä' * 5000} .\n.\nFrom me", requester="Größe 日本")
    send(store, box)
    [(_, mail)] = box.take()
    data = mail.as_bytes()
    assert data.isascii()
    assert data.count(b"\n") == data.count(b"\r\n")
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert "Größe 日本" in text_of(wire(mail))


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("sync@corp.example", "sync@corp.example"),
        ("Sync, the one <sync@corp.example>", None),
        ('"Sync, the one" <sync@corp.example>', '"Sync, the one" <sync@corp.example>'),
        ("Größe <sync@corp.example>", "Größe <sync@corp.example>"),
        ("", None),
        ("nobody", None),
        ("a@b.org\r\nBcc: x@y.org", None),
    ],
)
def test_the_sender_is_one_address(store: Store, sender: str, shown: str | None) -> None:
    """With or without a name; anything else names the setting."""
    request = store.requests.get(file(store))

    def make() -> EmailMessage:
        arguments: dict[str, Any] = {
            "thread": request_thread(request.request),
            "event": request.events[0].id,
            "at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        return message(Rendered("s", "t", "h"), sender=sender, to="bea@corp.example", **arguments)

    if shown is None:
        with pytest.raises(MailError, match="mail_from"):
            make()
    else:
        assert wire(make())["From"] == shown
