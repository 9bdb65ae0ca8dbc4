"""A job's source, destination and mapping in a real browser, over a real directory: by labels only, and
accessible in light and dark, wide and narrow.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from playwright.sync_api import Browser, Locator, Page, expect

from directory_sync.forms.rewriting import data_of
from directory_sync.store.drafts import DraftKind
from tests.portal.pages_client import Looker
from tests.portal.test_pages_browser import AXE, RULES
from tests.scenarios.htmx import wait_until_bound

GROUPS = "ou=groups,dc=example,dc=org"
WHOLE = f"""\
name: alone
jobs:
- name: alone
  object: user
  source: {{connection: lab, container: "ou=people,dc=example,dc=org", filter: "(objectClass=person)"}}
  destination: {{connection: lab, container: "{GROUPS}"}}
  fields:
    cn: {{from: cn, key: true}}
    sn: {{join: [sn, cn], separator: "-"}}
"""


@pytest.fixture
def seen_at(seer: Looker) -> Iterator[str]:
    """The pages under an address that a browser can open."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = uvicorn.Config(seer.client.app, host="127.0.0.1", port=port, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/dirsync"
    server.should_exit = True
    thread.join(10)


def begun(seer: Looker, text: str) -> str:
    """A draft's id."""
    draft = seer.store.drafts.begin("ada", DraftKind.JOB, text)
    return draft.id


def test_a_job_is_pointed_at_real_containers(seer: Looker, seen_at: str, page: Page) -> None:
    """Test, tree with counts, Test Query, Map same names, field reference, Try one record."""
    id = begun(seer, "name: alone\njobs:\n- name: alone\n")
    page.goto(f"{seen_at}/drafts/{id}/jobs/1/endpoints")
    for side, container in (("source", "ou=people"), ("destination", "ou=groups")):
        place = page.locator(f"[data-side={side}]")
        place.get_by_role("button", name="lab", exact=True).click()
        place.get_by_role("button", name="Test of the", exact=False).first.click()
        expect(place.get_by_text("The connection works.")).to_be_visible()
        place.get_by_role("button", name="Pick a container").click()
        place.get_by_role("button", name="Open dc=example,dc=org").click()
        found = place.get_by_role("button", name=container, exact=True)
        expect(found).to_be_visible()
        if side == "source":
            expect(place.locator(".tree").get_by_text("2 objects")).to_be_visible()
        found.click()
    place = page.locator("[data-side=source]")
    place.get_by_label("Attribute").fill("sn")
    place.get_by_label("Value", exact=True).fill("x")
    place.get_by_role("button", name="Add Condition").click()
    place.get_by_role("button", name="Test Query").click()
    expect(place.get_by_text("2 records")).to_be_visible()
    expect(place.get_by_text("(sn=x)").first).to_be_visible()
    page.get_by_role("button", name="Next Step").click()
    page.get_by_label("Object type").select_option("user")
    page.get_by_role("button", name="Map same names").click()
    expect(page.get_by_label("Destination field sn")).to_have_value("sn")
    page.get_by_label("Key: cn").check()
    page.get_by_role("button", name="Show field reference").click()
    expect(page.get_by_text("Fields of the destination")).to_be_visible()
    page.get_by_label("Field of the source").fill("cn")
    page.get_by_label("Its value").fill("ann")
    page.get_by_role("button", name="Try one record").click()
    expect(page.get_by_text("An object would be created.")).to_be_visible()
    page.get_by_role("button", name="Next Step").click()
    expect(page.get_by_text("Step 4 of 6")).to_be_visible()
    job = data_of(seer.store.drafts.get(id, "ada").text)["jobs"][0]
    assert job["source"] == {
        "connection": "lab",
        "container": "ou=people,dc=example,dc=org",
        "filter": "(sn=x)",
    }
    assert job["destination"] == {"connection": "lab", "container": GROUPS}
    assert job["fields"] == {"cn": {"from": "cn", "key": "true"}, "sn": "sn"}


def test_a_job_is_pointed_and_mapped_by_keyboard(seer: Looker, seen_at: str, page: Page) -> None:
    """Everything is reached with the Tab key; an arrow in a list sends nothing before the next field."""

    def to(wanted: Locator) -> None:
        wait_until_bound(wanted)
        for _ in range(200):
            page.keyboard.press("Tab")
            if wanted.evaluate("each => each === document.activeElement"):
                return
        raise AssertionError(f"Tab does not lead to {wanted}")

    def press(name: str, key: str = "Enter", place: Locator | None = None) -> None:
        to((place or page).get_by_role("button", name=name, exact=name.startswith("ou=")).first)
        page.keyboard.press(key)

    id = begun(seer, "name: alone\njobs:\n- name: alone\n")
    page.goto(f"{seen_at}/drafts/{id}/jobs/1/endpoints")
    for side in ("source", "destination"):
        place = page.locator(f"[data-side={side}]")
        press("lab", place=place)
        expect(place.get_by_label("Connection")).to_have_value("lab")
        press("Pick a container", place=place)
        press("Open dc=example,dc=org", place=place)
        expect(place.get_by_role("button", name="ou=people", exact=True)).to_be_visible()
        press("ou=people" if side == "source" else "ou=groups", place=place)
    press("Next Step")
    kinds = page.get_by_label("Object type")
    expect(kinds).to_be_visible()
    to(kinds)
    page.keyboard.type("User")
    page.keyboard.press("Tab")
    expect(kinds).to_be_focused()
    expect(page.get_by_role("heading", name="Fields of the destination")).to_be_visible()
    press("Map same names")
    expect(page.get_by_label("Destination field sn")).to_have_value("sn")
    to(page.get_by_label("Key: cn"))
    page.keyboard.press("Space")
    to(page.get_by_label("Set the destination field to: sn"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Set the destination field to: sn")).to_be_focused()
    page.keyboard.press("Tab")
    fields = page.get_by_label("Source fields, with commas between them")
    expect(fields).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type(", cn")
    press("Next Step")
    expect(page.get_by_text("Step 4 of 6")).to_be_visible()
    job = data_of(seer.store.drafts.get(id, "ada").text)["jobs"][0]
    assert job["source"] == {"connection": "lab", "container": "ou=people,dc=example,dc=org"}
    assert job["destination"] == {"connection": "lab", "container": GROUPS}
    assert job["fields"]["cn"] == {"from": "cn", "key": "true"}
    assert job["fields"]["sn"] == {"join": ["sn", "cn"]}


@pytest.mark.parametrize("width", [1600, 500])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_looks_are_accessible_and_fit(
    seer: Looker, seen_at: str, browser: Browser, theme: str, width: int
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
        wrong.extend(f"{what}: {each['id']} {each['nodes'][0]['html'][:200]}" for each in found["violations"])
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            wrong.append(f"{what}: wider than the window")

    here = f"{seen_at}/drafts/{begun(seer, WHOLE)}/jobs/1"
    page.goto(f"{here}/endpoints")
    look("endpoints")
    place = page.locator("[data-side=source]")
    for button in ("Test of the source", "Pick a container", "Test Query"):
        place.get_by_role("button", name=button).first.click()
    place.get_by_role("button", name="Open dc=example,dc=org").click()
    expect(place.locator(".tree").get_by_text("2 objects")).to_be_visible()
    expect(place.get_by_text("2 records")).to_be_visible()
    place.locator("details.record summary").first.click()
    look("looks")
    page.goto(f"{here}/mapping")
    look("mapping")
    for summary in page.locator(".mapping details summary").all():
        summary.click()
    page.get_by_role("button", name="Show an example of sn").click()
    expect(page.get_by_text("A record without the input")).to_be_visible()
    page.get_by_role("button", name="Show field reference").click()
    expect(page.get_by_text("Fields of the destination")).to_be_visible()
    page.get_by_label("Field of the source").fill("cn")
    page.get_by_label("Its value").fill("ann")
    page.get_by_role("button", name="Try one record").click()
    expect(page.get_by_text("An object would be created.")).to_be_visible()
    look("tried")
    context.close()
    assert not wrong, "\n".join(wrong)
