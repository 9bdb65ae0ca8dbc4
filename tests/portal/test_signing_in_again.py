"""A session that ends under somebody's hands, in a real Airflow: they sign in, are where they were, and have
lost nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.asking import ask
from tests.scenarios.portal_server import PASSWORD, PortalServer

LONG = 60_000


@pytest.fixture
def bea(server: PortalServer, browser: Browser) -> Iterator[Page]:
    """Airflow's pages for bea, who has signed in."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(LONG)
    found = context.new_page()
    found.goto(f"http://airflow.example:{server.port}/")
    sign_in(server, found)
    yield found
    context.close()


def sign_in(server: PortalServer, page: Page) -> None:
    """Fill in Airflow's own form."""
    expect(page).to_have_url(re.compile("/login"), timeout=LONG)
    if server.kind == "fab":
        page.locator("#username").fill("bea")
        page.locator("#password").fill(PASSWORD)
        page.locator("input[type=submit]").click()
    else:
        page.get_by_label("Username").fill("bea")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
    expect(page).not_to_have_url(re.compile("/login"), timeout=LONG)


def test_a_reason_is_there_again_after_signing_in(server: PortalServer, bea: Page) -> None:
    """The form cannot be sent any more; after signing in, the same page opens in Airflow's frame, and the
    reason stands there.
    """
    asked = ask(server)
    address = f"http://airflow.example:{server.port}/plugin/dirsync/dirsync/requests/{asked.id}"
    bea.goto(address)
    frame = bea.frame_locator("iframe[title='Dir Sync']")
    frame.get_by_role("button", name="Deny…").click()
    frame.get_by_role("dialog").get_by_label("Reason").fill("The branch\noffice was never closed.")
    bea.context.clear_cookies()
    frame.get_by_role("dialog").get_by_role("button", name="Deny 1 update").click()
    expect(frame.get_by_text("as you typed it")).to_be_visible(timeout=LONG)
    expect(frame.locator("textarea").first).to_have_value("The branch\noffice was never closed.")
    frame.get_by_role("link", name="Sign in").click()
    sign_in(server, bea)
    expect(bea).to_have_url(address, timeout=LONG)
    frame.get_by_role("button", name="Deny…").click()
    expect(frame.get_by_role("dialog").get_by_label("Reason")).to_have_value(
        "The branch\noffice was never closed."
    )
    assert server.store.requests.get(asked.id).request.pending
    frame.get_by_role("dialog").get_by_role("button", name="Deny 1 update").click()
    expect(frame.get_by_text("You have denied the request")).to_be_visible(timeout=LONG)


def test_an_open_page_says_that_the_session_has_ended(server: PortalServer, bea: Page) -> None:
    """Without anybody doing anything; its link leads back to it."""
    asked = ask(server)
    address = f"http://airflow.example:{server.port}/plugin/dirsync/dirsync/requests/{asked.id}"
    bea.goto(address)
    frame = bea.frame_locator("iframe[title='Dir Sync']")
    expect(frame.get_by_role("button", name="Approve…")).to_be_visible(timeout=LONG)
    bea.context.clear_cookies()
    line = frame.locator("#freshness")
    expect(line).to_contain_text("Your session has ended.", timeout=LONG)
    line.get_by_role("link").click()
    sign_in(server, bea)
    expect(bea).to_have_url(address, timeout=LONG)
    expect(frame.get_by_role("button", name="Approve…")).to_be_visible(timeout=LONG)
