"""make screenshots: runs the demo, looks at Airflow's pages in Chromium, and writes the pictures that the
documents show.

Needs `chromium`; `scripts/system_packages.sh browser` installs it.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, FrameLocator, Locator, Page, ViewportSize, expect, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from demo.__main__ import COLLECTION, SAVED, Demo, Signals, running_demo  # noqa: E402 - needs the checkout on the path
from demo.check import SOURCE_CHANGES  # noqa: E402
from demo.product_api import ProductApi  # noqa: E402
from demo.report import Steps  # noqa: E402

IMAGES = PROJECT / "docs" / "images"
_SIZE = ViewportSize(width=1280, height=560)
_TALL = ViewportSize(width=1280, height=1150)
_WIZARD = ViewportSize(width=1280, height=1500)
_SETTLE = 2500  # milliseconds in which charts stop moving
_PATIENCE = 60_000  # milliseconds that a page may take on a busy machine


def main() -> int:
    """Take all pictures."""
    browser_path = (
        shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )
    if browser_path is None:
        print("There is no chromium. Run scripts/system_packages.sh browser.", file=sys.stderr)
        return 1
    steps, signals = Steps(), Signals()
    signals.install()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_demo(steps, signals) as demo:
        demo.run("the first run")
        demo.source.modify(SOURCE_CHANGES)
        run_id, state, _ = demo.run("one person changed, one left")
        if state not in {"success", "waiting"}:  # the guests wait for Bob
            return 1
        demo.run_saved()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            with _looking(browser, demo, "ida") as page:
                _photograph_run(page, demo, run_id)
            with _looking(browser, demo, "bob") as page:
                _photograph_request(page, demo)
            with _looking(browser, demo, "admin") as page:
                _photograph_collections(page, demo)
                _photograph_report(page, demo, run_id)
                _photograph_wizard(page, demo)
            browser.close()
    return 0


@contextlib.contextmanager
def _looking(browser: Browser, demo: Demo, user: str) -> Iterator[Page]:
    """A page that one of the demo's users is logged in on."""
    demo.api.log_in(user, user)
    context = browser.new_context(viewport=_SIZE, color_scheme="light", locale="en-GB", timezone_id="UTC")
    context.add_cookies([{"name": "_token", "value": demo.api.token, "url": demo.server.url}])
    yield context.new_page()
    context.close()


def _photograph_run(page: Page, demo: Demo, run_id: str) -> None:
    """The log of the job `people` in its run: what was changed, field by field, beside all jobs of all
    runs.
    """
    page.goto(f"{demo.server.url}/dags/{COLLECTION}/runs/{run_id}/tasks/people", wait_until="networkidle")
    page.wait_for_timeout(_SETTLE)
    page.get_by_text("Job people:").first.wait_for(timeout=_PATIENCE)
    page.keyboard.press("w")  # wraps long lines
    _save(page, "run.png")


def _photograph_request(page: Page, demo: Demo) -> None:
    """The request of the job `guests` as its approver sees it: what it would do, worst first, and what can be
    answered.
    """
    with contextlib.closing(ProductApi(demo.server.url, "bob", "bob")) as api:
        number = api.inbox()[0]["id"]
    page.set_viewport_size(_TALL)
    page.goto(f"{demo.server.url}/plugin/dirsync/dirsync/requests/{number}", wait_until="networkidle")
    _wait_for_frame(page)
    _save(page, "request.png")


def _photograph_collections(page: Page, demo: Demo) -> None:
    """The list of collections, and the page of the saved one."""
    portal = f"{demo.server.url}/plugin/dirsync/dirsync"
    page.goto(f"{portal}/collections", wait_until="networkidle")
    _wait_for_frame(page)
    _save(page, "collections.png")
    page.set_viewport_size(_TALL)
    page.goto(f"{portal}/collections/{SAVED}", wait_until="networkidle")
    _wait_for_frame(page)
    _save(page, "collection.png")


def _photograph_report(page: Page, demo: Demo, run_id: str) -> None:
    """The report of the run in which one person was changed and one left."""
    page.set_viewport_size(_TALL)
    pages = f"{demo.server.url}/plugin/dirsync/dirsync/runs/{COLLECTION}/{quote(run_id, safe='')}"
    page.goto(f"{pages}/report", wait_until="networkidle")
    _wait_for_frame(page)
    _save(page, "report.png")


def _photograph_wizard(page: Page, demo: Demo) -> None:
    """The steps of the tutorial, up to the last one before *Finish*."""
    page.goto(f"{demo.server.url}/plugin/dirsync/dirsync/dashboard", wait_until="networkidle")
    frame = page.frame_locator("iframe[title='Dir Sync']")
    frame.get_by_text("Create New", exact=True).click()
    frame.get_by_role("button", name="Job Collection", exact=True).click()
    frame.get_by_label("Title").fill("Interns of the branch office")
    frame.get_by_role("button", name="Next Step").click()
    frame.get_by_role("button", name="Add New Job").click()
    frame.get_by_label("Name").first.fill("people")
    frame.get_by_role("button", name="Next Step").click()
    _point_at_places(frame)
    page.set_viewport_size(_WIZARD)
    _save(page, "wizard-places.png")
    frame.get_by_role("button", name="Next Step").click()
    _map_fields(frame)
    page.set_viewport_size(_TALL)
    frame.get_by_role("button", name="Next Step").scroll_into_view_if_needed()
    _save(page, "wizard.png")
    frame.get_by_role("button", name="Next Step").click()
    frame.get_by_role("radio", name="Delete it").check()
    frame.get_by_role("button", name="Next Step").click()
    frame.get_by_role("radio", name="A policy of this job").check()
    frame.get_by_label("User 1").first.fill("bob")
    frame.get_by_role("button", name="Next Step").click()
    frame.get_by_role("button", name="Back to the Collection").click()
    frame.get_by_role("heading", name="Jobs", level=2).wait_for()
    frame.get_by_role("button", name="Next Step").click()
    frame.get_by_role("radio", name="Daily").check()
    frame.get_by_role("button", name="Next Step").click()
    frame.get_by_role("button", name="Finish").wait_for()
    page.set_viewport_size(_TALL)
    _save(page, "wizard-review.png")


def _point_at_places(frame: FrameLocator) -> None:
    """*Source and Destination*: the file, and the container of the interns."""
    source, destination = (frame.locator(f"[data-side={side}]") for side in ("source", "destination"))
    source.get_by_role("radio", name="File", exact=True).check()
    source.get_by_role("button", name="Pick a file").click()
    source.get_by_role("button", name="interns.csv").click()
    source.get_by_role("button", name="Test Query").click()
    source.get_by_text("7 records").wait_for()
    destination.get_by_role("button", name="branch_office", exact=True).click()
    destination.get_by_label("Attribute").fill("employeeType")
    destination.get_by_label("Value", exact=True).fill("Intern")
    destination.get_by_role("button", name="Add Condition").click()
    expect(destination.get_by_label("Filter").first).to_have_value("(employeeType=Intern)")
    destination.get_by_role("button", name="Test of the").first.click()
    destination.get_by_text("The connection works.").wait_for()
    destination.get_by_role("button", name="Pick a container").click()
    destination.get_by_role("button", name="Open dc=branch,dc=example").click()
    destination.get_by_role("button", name="ou=Interns", exact=True).click()


_COPIED = {"employeeNumber": "id", "sn": "last", "givenName": "first", "telephoneNumber": "phone"}
_TRANSFORMED = {
    "cn": ("Join two or more source fields", "join", "first, last"),
    "uid": ("Template: compute it with Jinja", "template", "{{ first|lower }}.{{ last|lower }}"),
    "employeeType": ("Static: assign a fixed value", "static", "Intern"),
}


def _map_fields(frame: FrameLocator) -> None:
    """*Fields and Mapping*, as the tutorial says, and one record tried."""
    with _sent(frame):
        frame.get_by_label("Object type").select_option(label="inetOrgPerson")
    frame.get_by_role("heading", name="Fields of the destination").wait_for()
    with _sent(frame):
        frame.get_by_role("button", name="Add lines").click()  # cn and sn have theirs
    for field, source in _COPIED.items():
        line = _line(frame, field)
        line.get_by_label("Source of").fill(source)
        _keep_line(frame, field)
    for field, (kind, name, value) in _TRANSFORMED.items():
        line = _line(frame, field)
        with _sent(frame):
            line.get_by_label("Set the destination field to").select_option(label=kind)
        more = frame.locator("table.mapping tr.below")
        more.locator(f"[name$='.{name}']").last.fill(value)
        _keep_line(frame, field)
    frame.get_by_label("Key: employeeNumber").check()
    frame.get_by_label("Field of the source").fill("id")
    frame.get_by_label("Its value").fill("104")
    frame.get_by_role("button", name="Try one record").click()
    frame.get_by_text("An object would be created.").wait_for()


def _line(frame: FrameLocator, field: str) -> Locator:
    """The line of a destination field; an empty one gets its name."""
    lines = frame.locator("table.mapping tbody tr:not(.below)")
    own = lines.filter(has=frame.get_by_label(f"Destination field {field}", exact=True))
    if own.count():
        return own
    line = lines.filter(has=frame.get_by_label("Destination field", exact=True)).first
    line.get_by_label("Destination field", exact=True).fill(field)
    return line


def _keep_line(frame: FrameLocator, field: str) -> None:
    """Save the draft, which gives more empty lines."""
    with _sent(frame):
        frame.get_by_role("button", name="Save draft", exact=True).last.click()
    frame.get_by_label(f"Destination field {field}", exact=True).wait_for()


@contextlib.contextmanager
def _sent(frame: FrameLocator) -> Iterator[None]:
    """Wait for the page that what is done leads to."""
    frame.locator("body").evaluate("body => { body.dataset.sent = 'yes'; }")
    yield
    expect(frame.locator("body[data-sent]")).to_have_count(0, timeout=_PATIENCE)
    frame.locator("body").wait_for()


def _wait_for_frame(page: Page) -> None:
    """Wait until Airflow shows a page of ours in its frame."""
    page.frame_locator("iframe").locator("h1").first.wait_for(timeout=_PATIENCE)


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(_SETTLE)
    page.screenshot(path=IMAGES / name)
    print(f"Wrote {IMAGES / name}")


if __name__ == "__main__":
    sys.exit(main())
