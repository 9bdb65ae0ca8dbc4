"""Pages that say that something is not possible."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest

from directory_sync.approval.people import Person
from directory_sync.errors import StoreError
from directory_sync.portal import airflow_runs
from directory_sync.requests import decisions
from directory_sync.store.request_decisions import RequestDecisions
from directory_sync.store.requests import Requests
from tests.portal.pages_client import Looker, text_of


def test_what_does_not_exist(looker: Looker) -> None:
    """A request that nobody knows, a number that is none, a page that is none: each a page with a way on."""
    for path in ("/requests/999999", "/requests/99999999999999", "/nothing"):
        answer = looker.client.get(f"/dirsync{path}")
        assert answer.status_code in (404, 422)
        assert "Go to the request inbox" in answer.text


def test_the_store_does_not_answer(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so, offers to try again, and does not need the store itself."""

    def broken(*args: object, **given: object) -> None:
        raise StoreError("The store does not answer. <b>Start</b> it.")

    monkeypatch.setattr(Requests, "get", broken)
    monkeypatch.setattr(Requests, "count_inbox", broken)
    page = looker.get(f"/requests/{looker.made['pending']}", status=503)
    assert "&lt;b&gt;Start&lt;/b&gt;" in page
    assert "Try again" in page


def test_an_error_as_a_part(looker: Looker) -> None:
    """Where htmx asks, the answer is the message alone."""
    part = looker.get("/requests/999999", status=404, part=True)
    assert part.startswith('<p role="alert">')


def test_somebody_who_is_not_logged_in(looker: Looker) -> None:
    """Every page leads to Airflow's sign-in and back; what htmx asks for does not take the page away under
    somebody's hands.
    """
    looker.pages.signed_in = False
    part = looker.client.get("/dirsync/requests?list=mine", headers={"HX-Request": "true"})
    assert part.status_code == 401
    assert "HX-Refresh" not in part.headers
    page = looker.get("/requests?list=mine", status=401)
    assert "Sign in first" in page
    assert "/api/v2/auth/login?next=%2Fplugin%2Fdirsync%2Fdirsync%2Frequests%3Flist%3Dmine" in page


@pytest.mark.parametrize(
    ("path", "form", "back"),
    [
        (
            "/requests/{pending}/deny",
            {"digest": "x", "reason": "no"},
            "/plugin/dirsync/dirsync/requests/{pending}",
        ),
        ("/requests/{pending}/comment", {"text": "hm"}, "/plugin/dirsync/dirsync/requests/{pending}"),
        (
            "/requests/decide",
            {"do": "deny", "back": "list=all&state=denied"},
            "/plugin/dirsync/dirsync/requests?list=all&state=denied",
        ),
        (
            "/requests/decide",
            {"do": "deny", "back": "//evil"},
            "/plugin/dirsync/dirsync/requests?list=inbox",
        ),
        (
            "/embed/waiver",
            {"dag_id": "crew", "run_id": "manual__2026-11-21T10:00:00+00:00", "job": "people", "reason": "x"},
            "/dags/crew/runs/manual__2026-11-21T10:00:00+00:00/plugin/dirsync_run",
        ),
    ],
)
def test_the_way_back_leads_to_where_one_was(
    looker: Looker, path: str, form: dict[str, str], back: str
) -> None:
    """After signing in, somebody whose session has ended while they typed is on the page with the form, not
    in the inbox.
    """
    looker.pages.signed_in = False
    page = looker.post(path.format(**looker.made), form, status=401)
    [link] = re.findall(r'href="/api/v2/auth/login\?next=([^"]*)"', page)
    assert unquote(link) == back.format(**looker.made)


@pytest.mark.parametrize(
    ("address", "back"),
    [
        ("/embed/run?dag_id=crew&run_id=manual__1", "/dags/crew/runs/manual__1/plugin/dirsync_run"),
        (
            "/embed/ti?dag_id=crew&run_id=a%2Bb&task_id=people.apply",
            "/dags/crew/runs/a+b/tasks/people.apply/plugin/dirsync_ti",
        ),
        ("/embed/run", "/plugin/dirsync/dirsync/embed/run"),
    ],
)
def test_a_tab_leads_back_to_airflows_own_page(looker: Looker, address: str, back: str) -> None:
    """Not to the tab's content in a frame of its own."""
    looker.pages.signed_in = False
    [link] = re.findall(r'href="/api/v2/auth/login\?next=([^"]*)"', looker.get(address, status=401))
    assert unquote(link) == back


@pytest.mark.parametrize("more", ["&x=1" * 200, "x" * 20_000], ids=["many", "long"])
def test_an_address_that_is_too_long_leads_to_the_page_without_it(looker: Looker, more: str) -> None:
    """Nothing of it is read, and nothing breaks: neither in an address nor in a form."""
    looker.pages.signed_in = False
    looker.get(f"/embed/run?dag_id=crew&run_id=manual__1{more}", status=401)
    looker.pages.signed_in = True
    data = {"do": "approve", "selected": [], "back": f"list=mine{more}"}
    assert looker.post("/requests/decide", data).startswith("/dirsync/requests?list=inbox")


TYPED = "Too many <b>deletions</b>.\nLook at the export."


def test_what_was_typed_comes_back_when_the_session_has_ended(looker: Looker) -> None:
    """It stands on the page that says so, and nothing was recorded."""
    number = looker.made["pending"]
    looker.pages.signed_in = False
    page = looker.post(
        f"/requests/{number}/deny", {"digest": looker.pages.digest(number), "reason": TYPED}, status=401
    )
    assert "Too many &lt;b&gt;deletions&lt;/b&gt;.\nLook at the export.</textarea>" in page
    assert "Nothing was recorded" in page
    assert looker.store.requests.get(number).request.pending


def test_what_was_typed_comes_back_when_somebody_was_first(
    looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can still be said, as a comment."""
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)
    number, digest = looker.made["pending"], looker.pages.digest(looker.made["pending"])
    decisions.approve(looker.store, number, Person("carl", frozenset(), verified=True), digest=digest)
    page = looker.post(f"/requests/{number}/deny", {"digest": digest, "reason": TYPED}, status=409)
    assert "approved by carl" in text_of(page)
    assert "Too many &lt;b&gt;deletions&lt;/b&gt;." in page
    posted = r'<form[^>]*method="post" action="/dirsync([^"]*)".*?<textarea[^>]*name="(text)"'
    [form] = re.findall(posted, page, re.DOTALL)
    looker.post(form[0], {form[1]: TYPED})
    assert looker.store.requests.get(number).events[-1].text == TYPED


def test_what_was_typed_is_sent_again_when_the_store_is_back(
    looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page has all of the form, and one button."""
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)
    number, digest = looker.made["pending"], looker.pages.digest(looker.made["pending"])
    with monkeypatch.context() as patched:
        patched.setattr(RequestDecisions, "decide", _broken)
        page = looker.post(f"/requests/{number}/deny", {"digest": digest, "reason": TYPED}, status=503)
    assert f'action="/dirsync/requests/{number}/deny"' in page
    assert f'name="digest" value="{digest}"' in page
    assert 'name="reason" readonly>Too many' in page
    looker.post(f"/requests/{number}/deny", {"digest": digest, "reason": TYPED})
    assert looker.store.requests.get(number).request.state == "denied"


def test_what_was_typed_comes_back_after_an_error_that_nobody_has_foreseen(
    looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page does not say that nothing was recorded: it cannot know."""
    number, digest = looker.made["pending"], looker.pages.digest(looker.made["pending"])
    monkeypatch.setattr(RequestDecisions, "decide", _defect)
    page = looker.post(f"/requests/{number}/deny", {"digest": digest, "reason": TYPED}, status=500)
    assert "Too many &lt;b&gt;deletions&lt;/b&gt;.\nLook at the export.</textarea>" in page
    assert "Nothing was recorded" not in page
    assert f"/requests/{number}" in page


def _defect(*args: object, **given: object) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"reason=" + b"x" * 10**6, b"&".join(b"reason=%d" % n for n in range(2000))]
)
@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "multipart/form-data", "multipart/form-data; boundary=x", "x"],
)
def test_a_form_that_is_none_is_refused_all_the_same(looker: Looker, content: bytes, kind: str) -> None:
    """Whatever a body holds, the answer is the refusal, of bounded size."""
    looker.pages.signed_in = False
    answer = looker.client.post(
        f"/dirsync/requests/{looker.made['pending']}/deny",
        content=content,
        headers={"Sec-Fetch-Site": "same-origin", "Content-Type": kind},
    )
    assert answer.status_code in (400, 401)
    assert len(answer.text) < 100_000


def _broken(*args: object, **given: object) -> None:
    raise StoreError("The store does not answer. Try again later.")
