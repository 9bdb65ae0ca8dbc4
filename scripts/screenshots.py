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

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from demo.__main__ import COLLECTION, SAVED, Demo, Signals, running_demo  # noqa: E402 - needs the checkout on the path
from demo.check import SOURCE_CHANGES  # noqa: E402
from demo.product_api import ProductApi  # noqa: E402
from demo.report import Steps  # noqa: E402

IMAGES = PROJECT / "docs" / "images"
_SIZE = ViewportSize(width=1280, height=560)
_TALL = ViewportSize(width=1280, height=1150)
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


def _wait_for_frame(page: Page) -> None:
    """Wait until Airflow shows a page of ours in its frame."""
    page.frame_locator("iframe").locator("h1").first.wait_for(timeout=_PATIENCE)


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(_SETTLE)
    page.screenshot(path=IMAGES / name)
    print(f"Wrote {IMAGES / name}")


if __name__ == "__main__":
    sys.exit(main())
