"""make screenshots: runs the demo, looks at Airflow's pages in Chromium, and writes the pictures that the documents show.

Needs `chromium`; `scripts/system_packages.sh browser` installs it.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from demo.__main__ import COLLECTION, Demo, Signals, running_demo  # noqa: E402 - needs the checkout on the path
from demo.check import SOURCE_CHANGES  # noqa: E402
from demo.report import Steps  # noqa: E402

IMAGES = PROJECT / "docs" / "images"
_SIZE = ViewportSize(width=1280, height=560)
_SETTLE = 2500  # milliseconds in which charts stop moving


def main() -> int:
    """Take all pictures."""
    browser_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser_path is None:
        print("There is no chromium. Run scripts/system_packages.sh browser.", file=sys.stderr)
        return 1
    steps, signals = Steps(), Signals()
    signals.install()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_demo(steps, signals) as demo:
        demo.run("the first run")
        demo.source.modify(SOURCE_CHANGES)
        run_id, state, _ = demo.run("somebody changed, somebody left")
        if state != "success":
            return 1
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
            context = browser.new_context(viewport=_SIZE, color_scheme="light", locale="en-GB", timezone_id="UTC")
            context.add_cookies([{"name": "_token", "value": demo.api.token, "url": demo.server.url}])
            _photograph(context.new_page(), demo, run_id)
            browser.close()
    return 0


def _photograph(page: Page, demo: Demo, run_id: str) -> None:
    """The log of the job `people` in its run: what was changed, field by field, beside all jobs of all runs."""
    page.goto(f"{demo.server.url}/dags/{COLLECTION}/runs/{run_id}/tasks/people", wait_until="networkidle")
    page.wait_for_timeout(_SETTLE)
    page.keyboard.press("w")  # wraps long lines
    page.wait_for_timeout(_SETTLE)
    page.screenshot(path=IMAGES / "run.png")
    print(f"Wrote {IMAGES / 'run.png'}")


if __name__ == "__main__":
    sys.exit(main())
