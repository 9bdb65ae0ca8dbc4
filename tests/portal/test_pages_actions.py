"""What people do on pages: questions with their numbers, forms, and where they lead."""

from __future__ import annotations

import re

import pytest

from directory_sync.portal import airflow_runs
from directory_sync.requests import decisions
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.portal_pages import ADA, BEA, IDA


@pytest.fixture(autouse=True)
def no_airflow(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Neither Airflow's audit log nor its scheduler; what was started."""
    started: list[str] = []

    def start(dag_id: str, **given: object) -> str:
        started.append(dag_id)
        return "manual__new"

    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)
    monkeypatch.setattr(airflow_runs, "start_run", start)
    return started


@pytest.mark.parametrize(
    ("action", "button"),
    [
        ("approve", "Approve 3 deletions, 1 disable, 1 move, 15 updates, 1 creation"),
        ("deny", "Deny 3 deletions, 1 disable, 1 move, 15 updates, 1 creation"),
        ("reroute", "Ask them too"),
        ("replan", "Start a new run of this job"),
    ],
)
def test_the_question_repeats_the_numbers(looker: Looker, action: str, button: str) -> None:
    """As a page without JavaScript and as the content of a dialog, with the digest that was shown."""
    number = looker.made["pending"]
    page = looker.get(f"/requests/{number}/ask?do={action}")
    assert f">{button}</button>" in page
    assert f'name="digest" value="{looker.pages.digest(number)}"' in page
    part = looker.get(f"/requests/{number}/ask?do={action}", part=True)
    assert "<html" not in part
    assert 'id="dialog-title"' in part


@pytest.mark.parametrize(("action", "most"), [("approve", 10_000), ("reroute", 10_000), ("replan", 1_000)])
def test_a_field_takes_what_may_be_sent(looker: Looker, action: str, most: int) -> None:
    """The reason of a new run is a parameter of its DAG, which is bounded more tightly."""
    page = looker.get(f"/requests/{looker.made['pending']}/ask?do={action}")
    assert f'name="reason" maxlength="{most}"' in page


def test_a_question_that_may_not_be_asked_says_why(looker: Looker) -> None:
    """Instead of the button stands the reason."""
    looker.become(IDA)
    page = looker.get(f"/requests/{looker.made['pending']}/ask?do=approve")
    assert "You asked for these changes" in page
    assert ">Approve 3" not in page


def test_approving(looker: Looker) -> None:
    """Leads back to the page, which says what was done."""
    number = looker.made["pending"]
    address = looker.post(
        f"/requests/{number}/approve", {"digest": looker.pages.digest(number), "reason": "fine"}
    )
    assert address == f"/dirsync/requests/{number}?said=approved"
    page = looker.get(address.removeprefix("/dirsync"))
    assert "You have approved the request" in page
    assert looker.store.requests.get(number).request.state == "approved"


def test_approving_where_others_have_to_agree(looker: Looker) -> None:
    """One of two: it goes on waiting, and the page says so."""
    number = looker.made["two"]
    address = looker.post(f"/requests/{number}/approve", {"digest": looker.pages.digest(number)})
    page = text_of(looker.get(address.removeprefix("/dirsync")))
    assert "More people have to agree" in page
    assert "Still has to agree: carl." in page
    assert "You have approved this request already" in page


def test_a_denial_needs_a_reason(looker: Looker) -> None:
    """Without one the question comes again and says so; with one nothing will be written."""
    number = looker.made["pending"]
    digest = looker.pages.digest(number)
    assert "needs a reason" in looker.post(
        f"/requests/{number}/deny", {"digest": digest, "reason": " "}, status=422
    )
    assert looker.store.requests.get(number).request.pending
    assert looker.post(f"/requests/{number}/deny", {"digest": digest, "reason": "no"}).endswith(
        "?said=denied"
    )
    assert looker.store.requests.get(number).request.state == "denied"


def test_what_was_entered_is_kept(looker: Looker) -> None:
    """A text that is too long is not lost: the form comes again with it."""
    number = looker.made["pending"]
    page = looker.post(
        f"/requests/{number}/deny",
        {"digest": looker.pages.digest(number), "reason": "<b>" * 4_000},
        status=422,
    )
    assert "at most 10,000" in page
    assert "&lt;b&gt;" * 4_000 in page


def test_another_plan_is_not_approved(looker: Looker) -> None:
    """A digest that is not the request's is refused, whatever the form says."""
    number = looker.made["pending"]
    page = looker.post(f"/requests/{number}/approve", {"digest": "0" * 64}, status=409)
    assert "about another plan" in page
    assert f'href="/dirsync/requests/{number}"' in page


def test_the_second_is_told_who_was_first(looker: Looker) -> None:
    """Of two decisions at the same time, the later one gets a page that names the earlier one."""
    number = looker.made["pending"]
    digest = looker.pages.digest(number)
    decisions.deny(
        looker.store,
        number,
        looker.pages.person.__class__("carl", frozenset(), verified=True),
        digest=digest,
        reason="no",
    )
    page = text_of(looker.post(f"/requests/{number}/approve", {"digest": digest}, status=409))
    assert "denied by carl" in page
    assert "Nothing was recorded" in page


def test_mail_goes_at_once_where_no_task_sends_it(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whom a request is rerouted to, and what becomes of a waiver, no gate tells; all else the gate of its
    run does.
    """
    hastened: list[str] = []
    monkeypatch.setattr(airflow_runs, "send_mail_soon", lambda: hastened.append("mail"))
    number = looker.made["pending"]
    looker.post(f"/requests/{number}/reroute", {"users": "dora"})
    assert hastened == ["mail"]
    looker.post(f"/requests/{number}/approve", {"digest": looker.pages.digest(number)})
    assert hastened == ["mail"]
    stopped = {
        "dag_id": "stopped",
        "run_id": "manual__2026-11-24",
        "job": "people",
        "reason": "The office was closed.",
    }
    looker.post("/embed/waiver", stopped)
    assert hastened == ["mail"] * 2
    waiver = looker.store.requests.pending("stopped", "people")
    assert waiver is not None
    looker.post(f"/requests/{waiver.id}/cancel", {"reason": "Not needed."})
    assert hastened == ["mail"] * 3


def test_rerouting(looker: Looker) -> None:
    """Users and roles, separated by commas or lines; nobody is a mistake that is said."""
    number = looker.made["pending"]
    assert "at least one user or role" in looker.post(
        f"/requests/{number}/reroute", {"users": " , "}, status=422
    )
    looker.post(
        f"/requests/{number}/reroute",
        {"users": "dora, emil\nfay", "roles": "Directory Owners", "reason": "holiday"},
    )
    page = text_of(looker.get(f"/requests/{number}"))
    assert "asked others too: dora, emil, fay, everyone with the role Directory Owners" in page


def test_commenting(looker: Looker) -> None:
    """Whoever may see a request may comment on it; the comment is text."""
    looker.become(IDA)
    number = looker.made["denied"]
    address = looker.post(f"/requests/{number}/comment", {"text": "<i>two</i>\nlines"})
    assert address == f"/dirsync/requests/{number}?said=commented#history"
    assert "&lt;i&gt;two&lt;/i&gt;</bdi><br><bdi>lines" in looker.get(f"/requests/{number}")
    assert "The comment is empty" in looker.post(f"/requests/{number}/comment", {"text": ""}, status=422)


def test_cancelling(looker: Looker) -> None:
    """The requester may, others are refused."""
    number = looker.made["pending"]
    assert "can cancel the request" in looker.post(f"/requests/{number}/cancel", status=403)
    looker.become(IDA)
    looker.post(f"/requests/{number}/cancel", {"reason": "wrong export"})
    assert looker.store.requests.get(number).request.state == "cancelled"


def test_planning_again(looker: Looker, no_airflow: list[str]) -> None:
    """Starts a run of the collection as this person, if Airflow lets them."""
    number = looker.made["stale"]
    assert looker.post(f"/requests/{number}/replan").endswith("?said=replanned")
    assert no_airflow == ["staff_to_branch"]
    looker.become(BEA, start=False)
    looker.post(f"/requests/{number}/replan", status=403)
    assert len(no_airflow) == 1


def _selected(looker: Looker, *names: str) -> list[str]:
    return [f"{looker.made[name]}:{looker.pages.digest(looker.made[name])}" for name in names]


def test_a_selection_is_asked_about_with_its_sum(looker: Looker) -> None:
    """What all of them change together; those that this person may not decide are named and left out."""
    query = "&".join(f"selected={each}" for each in _selected(looker, "pending", "branch_1", "denied"))
    page = looker.get(f"/requests/ask?do=approve&{query}&back=list%3Dinbox")
    assert ">Approve 3 deletions, 1 disable, 1 move, 17 updates, 1 creation</button>" in page
    assert "Approve 2 requests" in page
    assert "Left out: This request was already denied by bea." in text_of(page)
    assert page.count('type="hidden" name="selected"') == 2


def test_deciding_a_selection(looker: Looker) -> None:
    """Each by itself; the list then says what became of each, and keeps its filters."""
    selected = _selected(looker, "pending", "two", "denied")
    address = looker.post(
        "/requests/decide", {"do": "approve", "selected": selected, "back": "list=all&requester=ida&evil=1"}
    )
    assert address.startswith("/dirsync/requests?list=all&requester=ida&results=")
    looker.become(ADA)
    page = text_of(looker.get(address.removeprefix("/dirsync").replace("&requester=ida", "")))
    assert "Approved just now." in page
    assert "more people have to agree" in page
    assert "Nothing was recorded" in page


def test_denying_a_selection_needs_a_reason(looker: Looker) -> None:
    """One reason for all of them."""
    selected = _selected(looker, "pending", "branch_0")
    data = {"do": "deny", "selected": selected, "back": "list=inbox"}
    assert "a denial needs a reason" in looker.post("/requests/decide", data, status=422)
    looker.post("/requests/decide", {**data, "reason": "not today"})
    assert {
        looker.store.requests.get(looker.made[name]).request.state for name in ("pending", "branch_0")
    } == {"denied"}


@pytest.mark.parametrize("selected", [[], ["4"], ["4:xyz"], ["-1:" + "0" * 64]])
def test_nothing_selected(looker: Looker, selected: list[str]) -> None:
    """What is no selection leads back to the list, which says so."""
    address = looker.post("/requests/decide", {"do": "approve", "selected": selected, "back": "list=inbox"})
    assert "Nothing was selected" in looker.get(address.removeprefix("/dirsync"))


def test_results_in_an_address_are_not_believed(looker: Looker) -> None:
    """A list says “approved” of a request only where it is; codes that do not exist say nothing."""
    number = looker.made["pending"]
    page = looker.get(f"/requests?list=inbox&results={number}.approved,{number + 1}.%3Cb%3E")
    assert "just now" not in page
    assert "&lt;b&gt;" not in re.sub(r"<p class=\"small muted\">.*?</p>", "", page)


def test_forms_lead_nowhere_else(looker: Looker) -> None:
    """The list to go back to is made of what lists know, so that no form can lead to another host."""
    for back in (
        "//evil.example/",
        "https://evil.example",
        "list=inbox#x",
        "list=nothing&object=%0d%0aSet-Cookie:x",
    ):
        address = looker.post("/requests/decide", {"do": "approve", "selected": [], "back": back})
        assert address.startswith("/dirsync/requests?list=inbox")
        assert "\n" not in address
