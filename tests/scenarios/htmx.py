"""Links and buttons that htmx takes over once it is loaded; before, they lead to a page of their own."""

from __future__ import annotations

from playwright.sync_api import Locator

_BOUND = """each => new Promise(done => {
  const isPlain = !each.hasAttribute('hx-get') && !each.hasAttribute('hx-post');
  const look = () => isPlain || 'htmx-internal-data' in each ? done() : setTimeout(look, 20);
  look();
})"""


def wait_until_bound(wanted: Locator) -> None:
    """Wait until htmx has seen it, if it is for htmx at all: a test is quicker than that."""
    wanted.evaluate(_BOUND)


def click_in_page(wanted: Locator) -> None:
    """Click on what opens a dialog or fetches a part of the page."""
    wait_until_bound(wanted)
    wanted.click()
