"""Pages that say that something is not possible."""

from __future__ import annotations

import pytest

from directory_sync.errors import StoreError
from directory_sync.store.store import Store
from tests.portal.pages_client import Looker


def test_what_does_not_exist(looker: Looker) -> None:
    """A request that nobody knows, a number that is none, a page that is none: each a page with a way on."""
    for path in ("/requests/999999", "/requests/99999999999999", "/nothing"):
        answer = looker.client.get(f"/dirsync{path}")
        assert answer.status_code in (404, 422)
        assert "Go to the request inbox" in answer.text


def test_the_store_does_not_answer(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says so, offers to try again, and does not need the store itself."""

    def broken(*args: object, **given: object) -> None:
        raise StoreError("The store does not answer. <b>Start</b> it.")

    monkeypatch.setattr(Store, "get_request", broken)
    monkeypatch.setattr(Store, "count_inbox", broken)
    page = looker.get(f"/requests/{looker.made['pending']}", status=503)
    assert "&lt;b&gt;Start&lt;/b&gt;" in page
    assert "Try again" in page


def test_an_error_as_a_part(looker: Looker) -> None:
    """Where htmx asks, the answer is the message alone."""
    part = looker.get("/requests/999999", status=404, part=True)
    assert part.startswith('<p role="alert">')


def test_somebody_who_is_not_logged_in(looker: Looker) -> None:
    """Every page leads to Airflow's sign-in and back; htmx is told to load the whole page."""
    from starlette.testclient import TestClient

    from directory_sync.portal.access import current_visitor

    app = looker.pages.app()
    portal = app.routes[-1].app  # type: ignore[attr-defined]
    del portal.dependency_overrides[current_visitor]
    answer = TestClient(app).get("/dirsync/requests?list=mine", headers={"HX-Request": "true"})
    assert answer.status_code == 401
    assert answer.headers["HX-Refresh"] == "true"
    answer = TestClient(app).get("/dirsync/requests?list=mine")
    assert "Sign in first" in answer.text
    assert "/api/v2/auth/login?next=%2Fplugin%2Fdirsync%2Fdirsync%2Frequests%3Flist%3Dmine" in answer.text
