"""Forged posts: what a page of another origin makes a browser send with somebody's cookie."""

from __future__ import annotations

import httpx
import pytest

from tests.portal.asking import ask
from tests.scenarios.portal_server import PortalServer

OWN = "{url}"
FORGED = {
    "cross-site form": {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
    "same-site form, other port": {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:1"},
    "typed address": {"sec-fetch-site": "none"},
    "no Sec-Fetch-Site, other origin": {"origin": "https://evil.example"},
    "no Sec-Fetch-Site, other port": {"origin": "http://127.0.0.1:1"},
    "opaque origin": {"origin": "null"},
    "same-origin and a foreign origin": {"sec-fetch-site": "same-origin", "origin": "https://evil.example"},
    "two sites": [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    "broken origin": {"origin": "http://[evil"},
    "no header at all": {},
    "basic login": {"authorization": "Basic YmVhOmJlYQ=="},
}
GENUINE = {
    "frame": {"sec-fetch-site": "same-origin", "origin": OWN},
    "plain http, no Sec-Fetch-Site": {"origin": OWN},
    "behind a proxy, by the address in [api] base_url": {"origin": "http://airflow.example:{port}"},
    "old browser without Origin": {"sec-fetch-site": "same-origin"},
}


def post(server: PortalServer, headers: object) -> httpx.Response:
    """Deny a request as bea, with her cookie and these headers."""
    asked = ask(server)
    given = headers.items() if isinstance(headers, dict) else headers
    filled = [(name, value.format(url=server.url, port=server.port)) for name, value in given]  # type: ignore[union-attr]
    with httpx.Client(
        base_url=f"{server.url}/dirsync", cookies={"_token": server.token("bea")}, trust_env=False
    ) as browser:
        answer = browser.post(
            f"/api/v1/requests/{asked.id}/deny",
            json={"digest": asked.digest, "reason": "no"},
            headers=filled,
            timeout=60,
        )
    assert (server.store.requests.get(asked.id).request.state == "denied") == answer.is_success
    return answer


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED)
def test_forged_posts_are_refused(simple: PortalServer, headers: object) -> None:
    """A request that may change something is refused unless it provably comes from the same origin; nothing
    is recorded.
    """
    answer = post(simple, headers)
    assert answer.status_code == 403
    assert "not come from a page of this Airflow" in answer.json()["detail"]
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")


@pytest.mark.parametrize("headers", GENUINE.values(), ids=GENUINE)
def test_posts_of_our_own_pages_pass(simple: PortalServer, headers: object) -> None:
    """The portal's own pages can post, with and without the newer headers, also behind a proxy."""
    assert post(simple, headers).status_code == 200


def test_a_token_that_no_browser_attaches_passes(server: PortalServer) -> None:
    """A program sends its token itself, and needs no header of a browser."""
    asked = ask(server)
    answer = server.client("bea").post(f"/api/v1/requests/{asked.id}/approve", json={"digest": asked.digest})
    assert answer.status_code == 200, answer.text


def test_a_token_does_not_outweigh_a_foreign_origin(simple: PortalServer) -> None:
    """A page of another origin that has got hold of a way to send a token is refused all the same."""
    asked = ask(simple)
    headers = {"origin": "https://evil.example"}
    answer = simple.client("bea").post(
        f"/api/v1/requests/{asked.id}/approve", json={"digest": asked.digest}, headers=headers
    )
    assert answer.status_code == 403


def test_pages_and_static_files_have_security_headers(simple: PortalServer) -> None:
    """Every answer, whatever it is, tells browsers not to run or frame what is not ours, and not to keep what
    is private.
    """
    for path, cache in [
        ("/api/v1/requests", "no-store"),
        ("/no/such/page", "no-store"),
        ("/static/icon.svg", "no-cache"),
    ]:
        answer = simple.client("bea").get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
        assert answer.headers.get("cache-control") == cache
