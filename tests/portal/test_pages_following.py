"""Pages in a real browser that follow what happens until its end, and say when they are not current; nothing
typed is lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlencode

import pytest
from playwright.sync_api import Page, Route, expect

from directory_sync.approval.people import Person
from directory_sync.endpoints.change import Outcome, Result
from directory_sync.plan.model import Statistics
from directory_sync.portal import airflow_runs
from directory_sync.requests import decisions
from tests.portal.pages_client import Looker
from tests.scenarios.portal_pages import BEA

CARL = Person("carl", frozenset(), verified=True)
RUN = {"dag_id": "staff_to_branch", "run_id": "manual__2026-11-21"}
REASON = "The export was cut off.\nAsk the payroll office."


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is looked at every second; Airflow's audit log is not there."""
    from directory_sync.portal.views import request as request_page
    from directory_sync.portal.views import run as run_page

    for module in (request_page, run_page):
        monkeypatch.setattr(module, "_SOON", 1)
        monkeypatch.setattr(module, "_SLOWLY", 1)
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)


@pytest.fixture
def cut(page: Page) -> Iterator[Callable[[], None]]:
    """Take the server away: what the page asks for is not answered any more, until the test gives it back."""

    def off() -> None:
        page.route("**/dirsync/**", lambda route: route.abort())

    yield off
    page.unroute_all()


def approve(looker: Looker, number: int) -> None:
    """Somebody approves it elsewhere."""
    decisions.approve(looker.store, number, CARL, digest=looker.pages.digest(number))


def apply(looker: Looker, number: int) -> None:
    """Its run applies it."""
    request = looker.store.requests.get(number).request
    looker.store.approvals.mark_applied(
        number, {"state": "success", "statistics": Statistics(updated=15).to_json()}, plan_id=request.plan_id
    )


def test_a_request_is_followed_until_it_was_applied(looker: Looker, address: str, page: Page) -> None:
    """Decision, progress and results come by themselves; what is typed meanwhile stays, and following
    ends.
    """
    number = looker.made["pending"]
    request = looker.store.requests.get(number).request
    page.goto(f"{address}/requests/{number}")
    page.get_by_label("Add a comment").fill("half a sente")
    page.evaluate("window.neverLoadedAgain = true")
    approve(looker, number)
    expect(page.get_by_text("Approved by carl. Its run applies exactly these changes now")).to_be_visible()
    expect(page.locator("#request-timeline")).to_contain_text("carl approved")
    expect(page.locator("#request-asked")).to_contain_text("carl approved")
    looker.store.approvals.claim(number, expected_digest=request.digest)
    looker.store.plans.record_outcomes(
        request.plan_id, [Outcome(0, Result.DONE), Outcome(1, Result.CONFLICT, "It has changed.")]
    )
    expect(page.get_by_text("Applied so far: 2 of 21 changes")).to_be_visible()
    apply(looker, number)
    expect(page.get_by_text("Approved by carl, and applied.")).to_be_visible()
    expect(page.locator("li.change").get_by_text("Conflict: not made")).to_be_visible()
    expect(page.get_by_label("Result")).to_be_visible()
    assert page.get_by_label("Add a comment").input_value() == "half a sente"
    assert page.evaluate("window.neverLoadedAgain")
    assert page.locator("[data-live]:not([data-quiet])").count() == 0


def test_the_filter_of_a_request_survives_its_results(looker: Looker, address: str, page: Page) -> None:
    """Who has searched in the changes still sees what was searched for."""
    number = looker.made["pending"]
    page.goto(f"{address}/requests/{number}")
    page.get_by_label("Search in changes").fill("morbo")
    expect(page.locator("li.change")).to_have_count(1)
    approve(looker, number)
    apply(looker, number)
    expect(page.get_by_label("Result")).to_be_visible()
    expect(page.locator("li.change")).to_have_count(1)
    expect(page.get_by_label("Search in changes")).to_have_value("morbo")


@pytest.mark.parametrize(("tab", "task"), [("run", ""), ("ti", "people")])
def test_sync_results_follow_a_run_that_waits(
    looker: Looker, address: str, page: Page, tab: str, task: str
) -> None:
    """After the approval the tab shows that, and then what was written: not for longer than a moment
    something else.
    """
    number = looker.made["pending"]
    looker.store.runs.finish_job(
        looker.store.runs.job_results(**_named(RUN))[0].job_run_id, "waiting", request=number
    )
    page.goto(f"{address}/embed/{tab}?{urlencode({**RUN, 'task_id': task})}")
    unwritten = page.get_by_text("has been written yet")
    expect(unwritten.first).to_be_visible()
    approve(looker, number)
    expect(page.get_by_text("Approved", exact=True).first).to_be_visible()
    run = looker.store.runs.find(RUN["dag_id"], RUN["run_id"])
    assert run is not None
    attempt = looker.store.runs.start_job(run.id, "people", request=number)
    looker.store.runs.finish_job(
        attempt.id, "success", statistics=Statistics(updated=15, deleted=3), request=number
    )
    apply(looker, number)
    looker.store.runs.finish(RUN["dag_id"], RUN["run_id"], "success")
    expect(page.get_by_text("Written:").first).to_contain_text("3 deletions, ")
    expect(unwritten).to_have_count(0)
    expect(page.locator("[data-live]")).to_have_count(0)


def _named(run: dict[str, str]) -> dict[str, str]:
    return {"collection": run["dag_id"], "run_id": run["run_id"]}


@pytest.mark.parametrize("path", ["requests/{pending}", "requests?list=inbox", f"embed/run?{urlencode(RUN)}"])
def test_a_page_that_is_not_current_says_so(
    looker: Looker, address: str, page: Page, cut: Callable[[], None], path: str
) -> None:
    """As of when it is, and why it is not; once the server answers again the line goes."""
    page.goto(f"{address}/{path.format(**looker.made)}")
    line = page.locator("#freshness")
    expect(line).to_be_hidden()
    cut()
    page.evaluate(
        "document.querySelectorAll('[data-live]').forEach((part) => htmx.trigger(part, 'look-now'))"
    )
    expect(line).to_have_text(
        re.compile(r"^As of \d\d:\d\d; not current\. The server does not answer; trying again\.$")
    )
    page.unroute_all()
    page.evaluate(
        "document.querySelectorAll('[data-live]').forEach((part) => htmx.trigger(part, 'look-now'))"
    )
    expect(line).to_be_hidden()


def test_an_error_of_the_server_is_no_current_page(looker: Looker, address: str, page: Page) -> None:
    """A store that is away answers with 503."""
    page.goto(f"{address}/requests/{looker.made['pending']}")

    def broken(route: Route) -> None:
        route.fulfill(status=503, body="no")

    page.route("**/live*", broken)
    expect(page.locator("#freshness")).to_contain_text("not current. The server answers with an error (503)")


def test_a_page_that_was_not_looked_at_for_long_says_so(looker: Looker, address: str, page: Page) -> None:
    """When somebody comes back to it, until it is current; and it looks at once instead of after its
    pause.
    """
    number = looker.made["pending"]
    page.add_init_script("const now = Date.now; window.later = 0; Date.now = () => now() + window.later;")
    page.goto(f"{address}/requests/{number}")
    hidden = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true})"
    page.evaluate(hidden % "true")
    page.wait_for_timeout(1500)
    approve(looker, number)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/live*", hold)
    page.evaluate("window.later = 3600000")
    page.evaluate(hidden % "false")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#freshness")).to_contain_text("not current. Bringing it up to date")
    for route in held:
        route.continue_()
    page.unroute("**/live*")
    expect(page.get_by_text("Approved by carl.")).to_be_visible()
    expect(page.locator("#freshness")).to_be_hidden()


def test_an_ended_session_is_said_on_the_open_page(looker: Looker, address: str, page: Page) -> None:
    """With a link that leads back to this very page; what is on it stays, and after signing in it goes on."""
    number = looker.made["pending"]
    page.goto(f"{address}/requests/{number}")
    page.get_by_label("Add a comment").fill("half a sente")
    looker.pages.signed_in = False
    line = page.locator("#freshness")
    expect(line).to_contain_text("Your session has ended. What you have typed here is kept.")
    link = line.get_by_role("link", name="Sign in again")
    target = unquote(str(link.get_attribute("href")))
    assert target == f"/api/v2/auth/login?next=/dirsync/requests/{number}"
    assert page.get_by_label("Add a comment").input_value() == "half a sente"
    page.get_by_role("button", name="Deny…").click()
    page.wait_for_timeout(300)
    assert page.url.endswith(f"/requests/{number}"), "a button does not take the page away"
    looker.pages.signed_in = True
    expect(line).to_be_hidden()


def test_a_reason_survives_an_ended_session(looker: Looker, address: str, page: Page) -> None:
    """It is in the dialog again after signing in; once it was taken it is forgotten."""
    number = looker.made["pending"]
    page.goto(f"{address}/requests/{number}")
    page.get_by_role("button", name="Deny…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(REASON)
    looker.pages.signed_in = False
    dialog.get_by_role("button", name="Deny 3 deletions").click()
    expect(page.get_by_role("heading", name="Sign in first")).to_be_visible()
    expect(page.get_by_label("Reason, as you typed it")).to_have_value(REASON)
    assert looker.store.requests.get(number).request.pending
    looker.pages.signed_in = True
    page.goto(f"{address}/requests/{number}")
    page.get_by_role("button", name="Deny…").click()
    expect(dialog.get_by_label("Reason")).to_have_value(REASON)
    expect(dialog.get_by_text("This is what you typed before.")).to_be_visible()
    dialog.get_by_role("button", name="Deny 3 deletions").click()
    expect(page.get_by_text("You have denied the request")).to_be_visible()
    assert looker.store.requests.get(number).decisions[0].reason.replace("\r\n", "\n") == REASON
    kept = page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('directory_sync.typed:'))")
    assert kept == []


def test_a_text_is_kept_for_who_has_typed_it_alone(looker: Looker, address: str, page: Page) -> None:
    """Closing the dialog or the page does not lose it; somebody else in the same browser does not see it."""
    number = looker.made["pending"]
    page.goto(f"{address}/requests/{number}")
    page.get_by_role("button", name="Ask others…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Users").fill("dora")
    page.keyboard.press("Escape")
    page.goto("about:blank")
    page.goto(f"{address}/requests/{number}")
    page.get_by_role("button", name="Ask others…").click()
    expect(dialog.get_by_label("Users")).to_have_value("dora")
    looker.become(CARL)
    page.goto(f"{address}/requests/{number}")
    page.get_by_role("button", name="Ask others…").click()
    expect(dialog.get_by_label("Users")).to_have_value("")
    looker.become(BEA)


def test_a_text_is_not_kept_for_good(looker: Looker, address: str, page: Page) -> None:
    """After a day it is gone, also from the browser's storage."""
    number = looker.made["pending"]
    page.goto(f"{address}/requests/{number}")
    page.get_by_label("Add a comment").fill("half a sente")
    page.evaluate(
        """() => { for (const key of Object.keys(localStorage)) {
            const kept = JSON.parse(localStorage.getItem(key));
            localStorage.setItem(key, JSON.stringify({...kept, at: kept.at - 25 * 3600 * 1000}));
        } }"""
    )
    page.reload()
    assert page.get_by_label("Add a comment").input_value() == ""
    assert page.evaluate("Object.keys(localStorage).length") == 0
