"""An approver needs no more in Airflow than seeing: the role *viewer*, or under FAB read on the DAG and on
plugins.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.portal.asking import ask
from tests.scenarios.portal_server import COLLECTION, PortalServer

LONG = 60_000


def airflow(server: PortalServer, user: str, method: str, path: str, **given: object) -> int:
    """The status of Airflow's own answer to this user."""
    headers = {"Authorization": f"Bearer {server.token(user)}"}
    return httpx.request(
        method, f"{server.url}{path}", headers=headers, timeout=60, trust_env=False, **given
    ).status_code  # type: ignore[arg-type]


def test_an_approver_can_do_nothing_else_in_airflow(server: PortalServer) -> None:
    """They see the DAG; they start, clear, pause and delete nothing of it."""
    run = f"/api/v2/dags/{COLLECTION}/dagRuns/none"
    assert airflow(server, "bea", "GET", f"/api/v2/dags/{COLLECTION}") == 200
    assert airflow(server, "bea", "GET", "/api/v2/plugins") == 200
    start = {"logical_date": None, "conf": {}}
    assert airflow(server, "bea", "POST", f"/api/v2/dags/{COLLECTION}/dagRuns", json=start) == 403
    assert airflow(server, "bea", "POST", f"{run}/clear", json={"dry_run": False}) == 403
    assert airflow(server, "bea", "DELETE", run) == 403
    assert airflow(server, "bea", "DELETE", f"/api/v2/dags/{COLLECTION}") == 403
    assert airflow(server, "bea", "PATCH", f"/api/v2/dags/{COLLECTION}", json={"is_paused": True}) == 403
    assert (
        airflow(
            server, "bea", "POST", f"/api/v2/dags/{COLLECTION}/clearTaskInstances", json={"dry_run": True}
        )
        == 403
    )


def test_everything_about_deciding_is_open_to_them(server: PortalServer) -> None:
    """Inbox, request, changes, download, comment, reroute, deny and approve; through pages and REST API
    alike.
    """
    api, pages = server.client("bea"), server.client("bea")
    origin = {"Sec-Fetch-Site": "same-origin"}
    asked = ask(server)
    assert asked.id in {each["id"] for each in api.get("/api/v1/requests").json()["requests"]}
    for path in ("", "/changes", "/changes.csv", "/changes.ldif"):
        assert api.get(f"/api/v1/requests/{asked.id}{path}").status_code == 200, path
    for path in ("", "/ask?do=approve", "/changes/0"):
        assert pages.get(f"/requests/{asked.id}{path}").status_code == 200, path
    assert api.post(f"/api/v1/requests/{asked.id}/comment", json={"text": "Looks fine."}).status_code == 200
    assert api.post(f"/api/v1/requests/{asked.id}/reroute", json={"users": ["olga"]}).status_code == 200
    form = {"digest": asked.digest, "reason": "fine"}
    assert pages.post(f"/requests/{asked.id}/approve", data=form, headers=origin).status_code == 303
    other = ask(server)
    denial = {"digest": other.digest, "reason": "no"}
    assert api.post(f"/api/v1/requests/{other.id}/deny", json=denial).status_code == 200
    assert [server.store.requests.get(each.id).request.state for each in (asked, other)] == [
        "approved",
        "denied",
    ]
    # What starts a run of Airflow needs the right to start runs there.
    assert api.post(f"/api/v1/requests/{other.id}/replan", json={}).status_code == 403


@pytest.fixture
def bea(server: PortalServer, browser: Browser) -> Iterator[Page]:
    """Airflow's pages for bea."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "_token", "value": server.token("bea"), "url": server.url}])
    found = context.new_page()
    found.set_default_timeout(LONG)
    yield found
    context.close()


def test_they_find_it_in_airflows_menu_and_decide_there(server: PortalServer, bea: Page) -> None:
    """*Dir Sync* stands in the menu; the request opens in Airflow's frame, and the decision is recorded."""
    asked = ask(server)
    bea.goto(f"{server.url}/")
    bea.get_by_role("link", name="Dir Sync").first.click()
    frame = bea.frame_locator("iframe[title='Dir Sync']")
    frame.locator(f"a[href$='/requests/{asked.id}']").first.click()
    frame.get_by_role("button", name="Approve…").click()
    frame.get_by_role("dialog").get_by_role("button", name="Approve 1 update").click()
    expect(frame.get_by_text("You have approved the request")).to_be_visible()
    assert server.store.requests.get(asked.id).request.decided_by == "bea"
