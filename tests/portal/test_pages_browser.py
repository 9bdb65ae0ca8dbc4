"""The pages in a real browser: accessible in light and dark, wide and narrow; dialogs, selection, live parts,
keys.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.pages_client import Looker
from tests.scenarios.htmx import click_in_page

AXE = Path(__file__).parent / "vendor" / "axe" / "axe.min.js"
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
RUN = "dag_id=staff_to_branch&run_id=manual__2026-11-21"
STOPPED = "dag_id=stopped&run_id=manual__2026-11-24"
GOING = "dag_id=running&run_id=manual__2026-11-25"
PAGES = (
    "dashboard",
    "jobs?where=job.contains.e",
    "history",
    "templates",
    "templates/jobs/sync_gal",
    "search?q=branch",
    "help/pages",
    "requests?list=inbox",
    "requests?list=mine",
    "requests?list=mine&state=denied&requester=x",
    "requests/{pending}",
    "requests/{applied}",
    "requests/{stale}",
    "requests/{denied}",
    "requests/{waiver}",
    "requests/{pending}/changes/13",
    "requests/{pending}/comparison?with={stale}",
    "requests/{pending}/ask?do=deny",
    "requests/{pending}/ask?do=reroute",
    "requests/9999",
    f"embed/run?{RUN}",
    f"embed/run?{STOPPED}",
    f"embed/ti?{RUN}&task_id=people",
    f"embed/waiver?{STOPPED}&job=people",
    f"embed/run?{GOING}",
    f"embed/stop?{GOING}",
    "embed/run?dag_id=x&run_id=y",
)


@pytest.mark.parametrize("width", [1600, 1280, 500, 400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    looker: Looker, address: str, browser: Browser, theme: str, width: int
) -> None:
    """No violation of WCAG 2.2 AA or of best practice, nothing that has to be scrolled sideways, no error in
    the console.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on(
        "console",
        lambda message: wrong.append(f"{path}: {message.text}") if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: wrong.append(f"{path}: {error}"))
    axe = AXE.read_text(encoding="utf-8")
    for path in (pattern.format(**looker.made) for pattern in PAGES):
        page.goto(f"{address}/{path}")
        page.evaluate(axe)
        found = page.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")
        wrong += [f"{path}: {each['id']} {each['nodes'][0]['html'][:150]}" for each in found["violations"]]
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{path}: wider than the window")
    context.close()
    assert [each for each in wrong if "404" not in each] == []


def test_a_dialog_asks_and_the_form_decides(looker: Looker, address: str, page: Page) -> None:
    """The button opens a dialog with the numbers and the focus in it; Escape leaves it; sending leads back
    with a message.
    """
    number = looker.made["waiver"]
    page.goto(f"{address}/requests/{number}")
    click_in_page(page.get_by_role("button", name="Deny…"))
    dialog = page.get_by_role("dialog", name=f"Deny request {number}")
    expect(dialog).to_be_visible()
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    click_in_page(page.get_by_role("button", name="Deny…"))
    dialog.get_by_label("Reason").fill("The export was cut off.")
    page.on("dialog", lambda box: box.dismiss())
    dialog.get_by_role("button", name="Deny 140 deletions").click()
    expect(page.get_by_text("You have denied the request")).to_be_visible()
    assert looker.store.requests.get(number).request.state == "denied"
    assert "said=" not in page.url


def test_a_run_is_stopped_by_labels(
    looker: Looker, address: str, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its progress shows; *Stop* asks in a dialog what will happen; the page says who has done it."""
    from directory_sync.portal import airflow_runs
    from directory_sync.store.run_progress import JobProgress

    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda *args, **given: None)
    monkeypatch.setattr(airflow_runs, "end_idle_run", lambda *run: False)
    run = ("running", "manual__2026-11-25")
    (job,) = [each for each in looker.store.runs.job_results(*run) if each.state == "running"]
    progress = JobProgress("apply", read=1200, listed=34, planned=1200, applied=50, total=200)
    looker.store.run_progress.beat(job.job_run_id, progress, collection=run[0], run_id=run[1])
    page.goto(f"{address}/embed/run?{GOING}")
    expect(page.get_by_text("applied 50 of 200 changes")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("nothing resumes the run")).to_be_visible()
    dialog.get_by_label("Why").fill("wrong file")
    dialog.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopping by bea")).to_be_visible()
    expect(page.get_by_text("wrong file")).to_be_visible()
    assert looker.store.run_stops.of(*run) is not None


def test_a_selection_survives_that_the_list_is_brought_up_to_date(
    looker: Looker, address: str, page: Page
) -> None:
    """Ticks stay while new rows come; the question is about what is ticked; the list tells what became of
    each.
    """
    first, second = looker.made["branch_0"], looker.made["branch_1"]
    page.goto(f"{address}/requests?list=inbox")
    page.get_by_label(f"Select request {first}", exact=True).check()
    expect(page.get_by_text("1 selected")).to_be_visible()
    run = looker.pages.run("manual__later", name="newcomer")
    from tests.scenarios.portal_pages import changes

    later = looker.pages.request(run, looker.pages.plan(run, changes(updates=1)))
    page.evaluate(
        "htmx.ajax('GET', document.querySelector('#list').getAttribute('hx-get'), {target: '#list', swap:"
        " 'outerHTML'})"
    )
    expect(page.get_by_label(f"Select request {later}", exact=True)).to_be_visible()
    expect(page.get_by_label(f"Select request {first}", exact=True)).to_be_checked()
    page.get_by_label(f"Select request {second}", exact=True).check()
    page.get_by_role("button", name="Approve selected…").click()
    page.get_by_role("dialog", name="Approve 2 requests").get_by_role(
        "button", name="Approve 3 updates"
    ).click()
    expect(page.get_by_role("heading", name="Request inbox")).to_be_visible()
    assert {looker.store.requests.get(number).request.state for number in (first, second)} == {"approved"}


def test_changes_are_searched_while_typing(looker: Looker, address: str, page: Page) -> None:
    """`/` goes to the search field; what is typed filters the list without loading the page."""
    page.goto(f"{address}/requests/{looker.made['pending']}")
    page.keyboard.press("/")
    expect(page.get_by_label("Search in changes")).to_be_focused()
    page.keyboard.type("morbo")
    expect(page.locator("li.change")).to_have_count(1)
    page.get_by_label("Search in changes").fill("")
    expect(page.locator("li.change")).to_have_count(21)


def test_more_changes_are_fetched(looker: Looker, address: str, page: Page) -> None:
    """The rest is put below what is there."""
    page.goto(f"{address}/requests/{looker.made['waiver']}")
    page.get_by_text("Show more").click()
    expect(page.locator("li.change")).to_have_count(140)


def test_times_are_those_of_airflows_time_zone(looker: Looker, address: str, page: Page) -> None:
    """The zone that was chosen in Airflow is taken; UTC stands in the title."""
    page.goto(f"{address}/requests?list=inbox")
    page.evaluate("localStorage.setItem('timezone', JSON.stringify('Asia/Tokyo'))")
    page.reload()
    filed = page.locator("time").first
    expect(filed).to_contain_text("GMT+9")
    expect(filed).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d UTC$"))


def test_help_tells_the_keys_and_switches_them_off(looker: Looker, address: str, page: Page) -> None:
    """`?` opens it; without the keys, `/` is a letter like any other."""
    page.goto(f"{address}/requests/{looker.made['pending']}")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.get_by_role("dialog", name="Keys").get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Search in changes")).not_to_be_focused()


def test_everything_works_without_javascript(looker: Looker, address: str, browser: Browser) -> None:
    """Filter, page, ask and decide are links and forms."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    number = looker.made["pending"]
    page.goto(f"{address}/requests?list=inbox")
    page.get_by_label("Object", exact=True).fill("morbo")
    page.get_by_role("button", name="Filter").click()
    page.locator("a.title", has_text="staff_to_branch").click()
    page.get_by_role("button", name="Approve…").click()
    page.get_by_role("button", name="Approve 3 deletions").click()
    expect(page.get_by_text("You have approved the request")).to_be_visible()
    assert looker.store.requests.get(number).request.state == "approved"
    page.goto(f"{address}/requests?list=inbox")
    page.get_by_label(f"Select request {looker.made['branch_0']}", exact=True).check()
    page.get_by_role("button", name="Deny selected…").click()
    page.get_by_label("Reason").fill("no")
    page.get_by_role("button", name="Deny 1 update").click()
    expect(page.get_by_role("heading", name="Request inbox")).to_be_visible()
    assert looker.store.requests.get(looker.made["branch_0"]).request.state == "denied"
    context.close()
