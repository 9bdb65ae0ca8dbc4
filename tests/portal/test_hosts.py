"""No answer leads to another host, whatever a request calls the host, the path or the way back."""

from __future__ import annotations

import socket
from urllib.parse import urljoin, urlsplit

import pytest

from tests.portal.asking import ask
from tests.scenarios.portal_server import PortalServer

HOSTILE = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Original-URL": "//evil.example/",
    "Forwarded": "host=evil.example",
}
PATHS = (
    "",
    "/",
    "//",
    "/requests/",
    "/requests//",
    "/requests/7/",
    "/api/v1/requests/",
    "/embed/run/",
    "/static",
    "/static/",
    "/static/portal.css/",
    "//evil.example",
    "//evil.example/",
    "/%2f%2fevil.example/",
    "/\\evil.example/",
    "/%5cevil.example/",
    "/requests//evil.example/",
    "/requests/..//evil.example/",
    "/;@evil.example/",
)
BACK = (
    "//evil.example",
    "https://evil.example/",
    "\\\\evil.example",
    "list=inbox&next=//evil.example",
    "list=//evil.example",
)


def _leads_home(server: PortalServer, location: str) -> bool:
    """Whether a browser that follows it stays on the host that it has asked, as browsers read addresses."""
    here = f"{server.url}/dirsync/x"
    there = urlsplit(urljoin(here, location.replace("\\", "/")))
    return (there.scheme, there.netloc) == (urlsplit(here).scheme, urlsplit(here).netloc)


@pytest.mark.parametrize("user", ["bea", None], ids=["signed in", "anonymous"])
@pytest.mark.parametrize("path", PATHS)
def test_no_path_leads_to_another_host(simple: PortalServer, path: str, user: str | None) -> None:
    """A slash too many, two slashes, a backslash: the answer is a page or an error, or leads to a path of
    this very host.
    """
    for headers in ({}, HOSTILE, {"Host": "evil.example/x?y="}):
        answer = simple.client(user).get(path, headers=headers, follow_redirects=False)
        assert "evil.example" not in answer.headers.get("location", "")
        assert _leads_home(simple, answer.headers.get("location", "")), answer.headers
        assert "//evil.example" not in answer.text.replace("//evil.example</bdi>", "")


@pytest.mark.parametrize("back", BACK)
def test_no_way_back_leads_to_another_host(simple: PortalServer, back: str) -> None:
    """What a form or an address brings in as the way back is never more than a list's filters."""
    asked = ask(simple)
    headers = {**HOSTILE, "Sec-Fetch-Site": "same-origin"}
    client = simple.client("bea")
    selected = {"do": "deny", "selected": f"{asked.id}:{asked.digest}", "reason": "no", "back": back}
    for answer in (
        client.get("/requests/ask", params={"do": "approve", "back": back}, headers=headers),
        client.post("/requests/decide", data={"do": "approve", "back": back}, headers=headers),
        client.post("/requests/decide", data=selected, headers=headers),
    ):
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/dirsync/requests?list=")
        assert "evil" not in answer.headers["location"]


def test_a_slash_too_many_shows_the_page(simple: PortalServer) -> None:
    """People type it, and links have it: nothing is lost, and nothing redirects."""
    client = simple.client("bea")
    assert "<h1>Request inbox</h1>" in client.get("/requests/").raise_for_status().text
    assert client.get("/api/v1/requests/").raise_for_status().json()["requests"] is not None
    assert client.get("/static/portal.css/").status_code == 200


def test_a_hostile_host_in_raw_form(simple: PortalServer) -> None:
    """Bytes that no client library would send."""
    for target, host in (
        ("/dirsync/requests/", "evil.example"),
        ("//evil.example/dirsync/requests/", "x"),
        ("/dirsync", "e\\v"),
    ):
        with socket.create_connection(("127.0.0.1", simple.port), timeout=20) as plain:
            plain.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            answer = b""
            while part := plain.recv(65536):
                answer += part
        head = answer.partition(b"\r\n\r\n")[0].decode("latin-1").lower()
        location = next(
            (line.partition(":")[2].strip() for line in head.splitlines() if line.startswith("location:")), ""
        )
        assert "evil" not in location
        assert _leads_home(simple, location), head
