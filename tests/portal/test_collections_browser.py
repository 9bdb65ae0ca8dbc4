"""Pages of collections in a real browser: accessible in light and dark, wide and narrow; typing is not lost;
by keyboard alone.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.pages_client import Looker
from tests.portal.test_pages_browser import AXE, RULES
from tests.scenarios.portal_pages import ADA
from tests.scenarios.saved import text_of

pytestmark = pytest.mark.usefixtures("airflow_database")

PAGES = (
    "collections",
    "collections?search=nothing&kind=saved",
    "collections?sort=times&order=down",
    "collections/hr_feed",
    "collections/phones",
    "collections/gone",
    "collections/odd",
    "collections/hr_feed/edit",
    "collections/hr_feed/versions/2",
    "collections/hr_feed/run",
    "collections/hr_feed/delete",
    "new-collection",
    "import-collections",
)


@pytest.fixture
def collections(looker: Looker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Looker:
    """Saved ones, one from a file, a broken one and a deleted one; the administrator looks."""
    folder = tmp_path / "collections"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTIONS_FOLDER", str(folder))
    (folder / "phones.yaml").write_text(text_of("phones", title="Phones"), encoding="utf-8")
    saved = looker.store.collections
    saved.save(
        "hr_feed", text_of("hr_feed", title="HR <b>feed</b>", limits={"delete": 5}), expected=0, by=ADA
    )
    change = [{"code": "limit_removed", "key": "limits.delete", "old": 5, "new": "none", "weakens": True}]
    saved.save(
        "hr_feed",
        text_of("hr_feed", title="HR <b>feed</b>"),
        expected=1,
        by=ADA,
        comment="Why",
        change=change,
    )
    saved.save("odd", "name: odd\njobs: 3\n", expected=0, by=ADA)
    saved.save("gone", text_of("gone"), expected=0, by=ADA)
    saved.delete("gone", expected=1, by=ADA)
    looker.become(ADA)
    return looker


@pytest.mark.parametrize("width", [1600, 1000, 500])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible_and_fit(
    collections: Looker, address: str, browser: Browser, theme: str, width: int
) -> None:
    """No violation of WCAG 2.2 AA or of best practice, nothing that has to be scrolled sideways, no error in
    the console.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    axe = AXE.read_text(encoding="utf-8")

    def look(what: str) -> None:
        page.evaluate(axe)
        found = page.evaluate(f"axe.run(document, {{runOnly: {RULES}}})")
        wrong.extend(f"{what}: {each['id']} {each['nodes'][0]['html'][:150]}" for each in found["violations"])
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{what}: wider than the window")

    page.on("pageerror", lambda error: wrong.append(str(error)))
    for path in PAGES:
        answer = page.goto(f"{address}/{path}")
        assert answer is not None
        assert answer.status == 200, path
        look(path)
    page.goto(f"{address}/new-collection")
    page.get_by_label("Definition as YAML").fill("name: made_in_a_browser\njobs: 3\n")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("in the definition")
    look("a definition with a problem")
    page.goto(f"{address}/import-collections")
    page.get_by_label("Definitions as YAML").fill(
        text_of("hr_feed") + "---\nname: x\n---\n" + text_of("new_one")
    )
    page.get_by_role("button", name="See what it holds").click()
    expect(page.get_by_text("Nothing was saved yet")).to_be_visible()
    look("a file to import")
    context.close()
    assert wrong == []


def test_a_problem_leads_to_its_line(collections: Looker, address: str, page: Page) -> None:
    """The link selects the line in the field."""
    page.goto(f"{address}/collections/hr_feed/edit")
    field = page.get_by_label("Definition as YAML")
    field.fill("name: hr_feed\ntitle: x\njobs: 3\n")
    page.get_by_role("button", name="Check").click()
    page.get_by_role("link", name="line 3").click()
    expect(field).to_be_focused()
    assert field.evaluate("each => each.value.slice(each.selectionStart, each.selectionEnd)") == "jobs: 3"


def test_what_was_typed_comes_back(collections: Looker, address: str, page: Page) -> None:
    """After a closed page; with the version that it was typed on, so that another person's is not
    overwritten; it can be discarded; once saved it is forgotten.
    """
    saved = collections.store.collections
    edit = f"{address}/collections/hr_feed/edit"
    page.goto(edit)
    mine = text_of("hr_feed", title="Mine")
    page.get_by_label("Definition as YAML").fill(mine)
    page.get_by_label("Why").fill("because")
    saved.save("hr_feed", text_of("hr_feed", title="Theirs"), expected=2, by=ADA)
    page.goto(edit)
    expect(page.get_by_text("This is what you typed before and did not save")).to_be_visible()
    expect(page.get_by_label("Definition as YAML")).to_have_value(mine)
    expect(page.get_by_label("Why")).to_have_value("because")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Another person has changed this collection")
    expect(page.get_by_label("Definition as YAML")).to_have_value(mine)
    page.get_by_role("button", name="Save over version 3").click()
    expect(page.get_by_role("status").filter(has_text="Saved. Runs that begin")).to_be_visible()
    newest = saved.get("hr_feed")
    assert newest is not None
    assert (newest.number, newest.text, newest.comment) == (4, mine, "because")
    page.goto(edit)
    expect(page.get_by_text("This is what you typed before")).to_be_hidden()
    page.get_by_label("Definition as YAML").fill("name: other\n")
    page.goto(edit)
    expect(page.get_by_label("Definition as YAML")).to_have_value("name: other\n")
    page.get_by_role("button", name="Discard it").click()
    expect(page.get_by_label("Definition as YAML")).to_have_value(mine)
    page.goto(edit)
    expect(page.get_by_label("Definition as YAML")).to_have_value(mine)


def test_a_session_that_ends_while_typing(collections: Looker, address: str, page: Page) -> None:
    """The page shows the text; after signing in it stands in the form again."""
    page.goto(f"{address}/collections/hr_feed/edit")
    page.get_by_label("Definition as YAML").fill(text_of("hr_feed", title="Mine"))
    collections.pages.signed_in = False
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    expect(page.get_by_label("Definition as YAML, as you typed it")).to_have_value(
        text_of("hr_feed", title="Mine")
    )
    collections.pages.signed_in = True
    page.goto(f"{address}/collections/hr_feed/edit")
    expect(page.get_by_label("Definition as YAML")).to_have_value(text_of("hr_feed", title="Mine"))


def test_a_collection_is_made_by_keyboard(collections: Looker, address: str, page: Page) -> None:
    """From the list to the saved collection without a mouse; Tab leaves the field for the text."""
    page.goto(f"{address}/collections")
    page.get_by_text("Create New", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Write it as YAML").focus()
    page.keyboard.press("Enter")
    field = page.get_by_label("Definition as YAML")
    expect(field).to_be_visible()
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text_of("made_in_a_browser"))
    page.keyboard.press("Tab")
    expect(page.get_by_label("Why")).to_be_focused()
    page.keyboard.type("first")
    page.get_by_role("button", name="Save", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="made_in_a_browser")).to_be_visible()
    newest = collections.store.collections.get("made_in_a_browser")
    assert newest is not None
    assert newest.comment == "first"


def test_pages_work_without_javascript(collections: Looker, address: str, browser: Browser) -> None:
    """Search, edit with a problem and its line, save, delete."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/collections")
    page.get_by_label("Search").fill("feed")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("1 collection matches")).to_be_visible()
    page.get_by_role("link", name="HR <b>feed</b>").click()
    page.get_by_role("link", name="Edit as YAML").click()
    page.get_by_label("Definition as YAML").fill("name: hr_feed\njobs: 3\n")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("link", name="line 2").click()
    expect(page.locator("#line-2")).to_be_in_viewport()
    page.get_by_label("Definition as YAML").fill(text_of("hr_feed", title="Later"))
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", name="Later")).to_be_visible()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_label("Type the name hr_feed").fill("hr_feed")
    page.get_by_role("button", name="Delete hr_feed").click()
    expect(page.get_by_text("The collection was deleted")).to_be_visible()
    context.close()
