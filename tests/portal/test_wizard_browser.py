"""The wizard in a real browser: from *Create New* to *Finish* by labels only, the same by keyboard alone,
accessible in light and dark, wide and narrow.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from directory_sync.store.drafts import DraftKind
from tests.portal.pages_client import Looker
from tests.portal.test_pages_browser import AXE, RULES
from tests.scenarios.htmx import click_in_page, wait_until_bound
from tests.scenarios.portal_pages import ADA
from tests.scenarios.saved import text_of

pytestmark = pytest.mark.usefixtures("airflow_database")

JOB = """\
name: rooms
object: row
source: {file: rooms.csv}
destination: {file: out.csv}
fields:
  room: {from: room, key: true}
"""
STEPS = (
    "Source and Destination",
    "Fields and Mapping",
    "Missing Records and Limits",
    "Approval and Settings",
)


@pytest.fixture
def looker_with_jobs(looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looker:
    """Two saved collections with a job each; the administrator looks."""
    folder = tmp_path / "collections"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    for name, title in (("crew", "The crew"), ("guests", "Guests of the house")):
        looker.store.collections.save(name, text_of(name, title=title), expected=0, by=ADA)
    looker.become(ADA)
    return looker


def new_collection(page: Page, address: str, title: str) -> None:
    """To the second step of a new collection."""
    page.goto(f"{address}/dashboard")
    page.get_by_text("Create New", exact=True).click()
    page.get_by_role("button", name="Job Collection", exact=True).click()
    expect(page.get_by_text("Step 1 of 4")).to_be_visible()
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Step 2 of 4")).to_be_visible()


def add_existing(page: Page) -> None:
    """Both jobs that there are, found by a search."""
    click_in_page(page.get_by_role("link", name="Add Existing Jobs"))
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Search")).to_be_focused()
    wait_until_bound(dialog.get_by_label("Search"))
    dialog.get_by_label("Search").fill("crew")
    expect(dialog.get_by_text("1 job matches")).to_be_visible()
    dialog.get_by_role("checkbox", name=re.compile("The crew")).check()
    dialog.get_by_label("Search").fill("guests")
    expect(dialog.get_by_role("checkbox", name=re.compile("Guests"))).to_be_visible()
    dialog.get_by_role("checkbox", name=re.compile("Guests")).check()
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The jobs were copied")).to_be_visible()


def names_in_order(page: Page) -> list[str]:
    """The jobs of the list."""
    return [each.strip() for each in page.locator(".draft-jobs td.what strong").all_inner_texts()]


def test_a_collection_is_made_in_steps(looker_with_jobs: Looker, address: str, page: Page) -> None:
    """Two jobs that are there and a new one, order, On Failure, schedule, notifications, review, Finish."""
    new_collection(page, address, "Rooms & Crew")
    add_existing(page)
    page.get_by_role("button", name="Add New Job").click()
    expect(page.get_by_text("Step 1 of 6")).to_be_visible()
    page.get_by_role("button", name="Show YAML").click()
    field = page.get_by_label("Definition as YAML")
    text = field.input_value()
    assert text.startswith("name: rooms_crew\ntitle: Rooms & Crew\n")
    job = JOB.rstrip().replace("\n", "\n    ")
    field.fill(text.replace("- name: new_job\n", f"- {job}\n"))
    page.get_by_role("button", name="Back to the Steps").click()
    expect(page.get_by_text("Step 1 of 6")).to_be_visible()
    for number, step in enumerate(STEPS, start=2):
        page.get_by_role("button", name="Next Step").click()
        expect(page.get_by_role("heading", name=step, level=2)).to_be_visible()
        expect(page.get_by_text(f"Step {number} of 6")).to_be_visible()
    page.get_by_role("button", name="Jobs", exact=True).click()
    assert names_in_order(page) == ["people", "people_2", "rooms"]
    page.get_by_label("On Failure of people", exact=True).select_option(label="Continue")
    page.get_by_role("button", name="Move Up rooms").click()
    expect(page.get_by_role("button", name="Move Up rooms")).to_be_focused()
    page.get_by_role("button", name="Rename people_2").click()
    page.get_by_label("New name of people_2").fill("guests")
    page.get_by_role("dialog").get_by_role("button", name="Rename", exact=True).click()
    assert names_in_order(page) == ["people", "rooms", "guests"]
    page.locator("[data-order='3'] .handle").drag_to(page.locator("[data-order='1'] .what"))
    expect(page.locator("[data-order='1'] .what strong")).to_have_text("guests")
    page.get_by_role("button", name="Next Step").click()
    page.get_by_role("radio", name="Daily").check()
    page.locator(".variant", has=page.get_by_role("radio", name="Daily")).get_by_label("Time").fill("03:15")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Time zone").blur()
    expect(page.get_by_text("at 03:15 (Europe/Berlin)")).to_be_visible()
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Step 4 of 4")).to_be_visible()
    expect(page.get_by_label("Switch on when finished")).to_be_checked()
    page.get_by_label("Preview job collection when finished").uncheck()
    page.get_by_label("Why").fill("a new house")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", name="Rooms & Crew")).to_be_visible()
    saved = looker_with_jobs.store.collections.get("rooms_crew")
    assert saved is not None
    assert saved.comment == "a new house"
    assert "on_failure: continue" in saved.text
    assert "paused: false" in saved.text
    assert not looker_with_jobs.store.drafts.of("ada")


def test_nothing_typed_is_lost(looker_with_jobs: Looker, address: str, page: Page) -> None:
    """Back, a wrong value, a session that ends, a closed page: the draft goes on where it was."""
    new_collection(page, address, "Kept")
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("Title")).to_have_value("Kept")
    page.get_by_label("Name").fill("Not A Name")
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_role("alert")).to_contain_text("is not a valid name")
    page.get_by_role("alert").get_by_role("link").first.click()
    expect(page.get_by_label("Name")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("Not A Name")
    page.get_by_label("Description").fill("typed before the session ended")
    page.get_by_label("Title").fill("Another title")
    page.get_by_text("For all jobs: approval and limits").click()
    page.get_by_role("radio", name="Ask for approval").check()
    looker_with_jobs.pages.signed_in = False
    page.get_by_role("button", name="Save draft", exact=True).last.click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    looker_with_jobs.pages.signed_in = True
    page.goto(f"{address}/collections")
    page.get_by_role("link", name=re.compile("^Go on with Kept")).click()
    expect(page.get_by_text("This is what you typed before and did not send")).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("typed before the session ended")
    expect(page.get_by_label("Title")).to_have_value("Another title")
    if not page.get_by_role("radio", name="Ask for approval").is_visible():
        page.get_by_text("For all jobs: approval and limits").click()
    expect(page.get_by_role("radio", name="Ask for approval")).to_be_checked()
    page.get_by_role("radio", name="No approval").check()
    page.get_by_role("button", name="Save draft", exact=True).last.click()
    expect(page.get_by_text("The draft is saved")).to_be_visible()
    expect(page.get_by_text("This is what you typed before and did not send")).to_be_hidden()
    page.get_by_label("Title").fill("")
    page.get_by_role("button", name="Next Step").click()
    page.get_by_role("button", name="Details").first.click()
    expect(page.get_by_label("Title")).to_have_value("")
    expect(page.get_by_text("This is what you typed before and did not send")).to_be_hidden()
    page.get_by_role("button", name="Discard", exact=True).click()
    page.get_by_role("button", name="Discard the draft").click()
    expect(page.get_by_text("The draft was discarded")).to_be_visible()
    expect(page.get_by_role("heading", name="Your drafts")).to_have_count(0)


def test_a_collection_is_made_by_keyboard(looker_with_jobs: Looker, address: str, page: Page) -> None:
    """Without a mouse, from the dashboard to the saved collection."""

    def press(role: str, name: str) -> None:
        found = page.get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
        found.last.focus()
        page.keyboard.press("Enter")

    page.goto(f"{address}/dashboard")
    page.get_by_text("Create New", exact=True).focus()
    page.keyboard.press("Enter")
    press("button", "Job Collection")
    page.get_by_label("Title").focus()
    page.keyboard.type("By keys")
    press("button", "Next Step")
    press("link", "Add Existing Jobs")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Search")).to_be_focused()
    wait_until_bound(dialog.get_by_label("Search"))
    page.keyboard.type("people")
    expect(dialog.get_by_text("2 jobs match")).to_be_visible()
    for _ in range(2):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
    dialog.get_by_role("button", name="Add", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("The jobs were copied")).to_be_visible()
    press("button", "Move Down people")
    expect(page.get_by_role("button", name="Move Up people", exact=True)).to_be_visible()
    assert names_in_order(page) == ["people_2", "people"]
    press("button", "Remove people_2")
    press("button", "Remove the job")
    expect(page.locator(".draft-jobs td.what strong")).to_have_text("people")
    press("button", "Next Step")
    expect(page.get_by_text("Step 3 of 4")).to_be_visible()
    press("button", "Next Step")
    page.get_by_label("Preview job collection when finished").focus()
    page.keyboard.press("Space")
    press("button", "Finish")
    expect(page.get_by_role("heading", name="By keys")).to_be_visible()
    assert looker_with_jobs.store.collections.get("by_keys") is not None


@pytest.mark.parametrize("width", [1600, 1000, 500])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_steps_are_accessible_and_fit(
    looker_with_jobs: Looker, address: str, browser: Browser, theme: str, width: int
) -> None:
    """No violation of WCAG 2.2 AA or of best practice, nothing that has to be scrolled sideways, no error in
    the console.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    axe = AXE.read_text(encoding="utf-8")

    def look(what: str) -> None:
        page.evaluate(axe)
        found = page.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")
        wrong.extend(f"{what}: {each['id']} {each['nodes'][0]['html'][:150]}" for each in found["violations"])
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{what}: wider than the window")

    draft = looker_with_jobs.store.drafts.begin(
        "ada", DraftKind.COLLECTION, text_of("x" * 60, schedule="@daily")
    )
    looker_with_jobs.store.drafts.write(draft.id, "ada", expected=1, title="A <b>title</b>")
    here = f"{address}/drafts/{draft.id}"
    for step in ("details", "jobs", "schedule", "review", "yaml", "jobs/add", "jobs/1/review"):
        page.goto(f"{here}/{step}")
        look(step)
    page.goto(f"{here}/jobs")
    page.get_by_role("button", name="Rename people").click()
    look("Rename")
    page.goto(f"{here}/jobs")
    click_in_page(page.get_by_role("link", name="Add Existing Jobs"))
    expect(page.get_by_role("dialog").get_by_label("Search")).to_be_visible()
    look("Add Existing Jobs")
    wrong_text = text_of("Bad Name", timezone="Mars/Base", schedule="soon", jobs=[{"name": "x"}])
    looker_with_jobs.store.drafts.write(draft.id, "ada", expected=2, text=wrong_text)
    for step in ("details", "jobs", "schedule", "review"):
        page.goto(f"{here}/{step}?checked=yes")
        look(f"{step} with problems")
    for path in ("collections", "dashboard"):
        page.goto(f"{address}/{path}")
        look(path)
    context.close()
    assert wrong == []
