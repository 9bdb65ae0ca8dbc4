"""Somebody who looks at the portal's pages, over a furnished store and without Airflow's login."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

from directory_sync.approval.people import Person
from directory_sync.store.store import Store
from tests.scenarios.portal_pages import AllRights, Pages


@dataclass
class Looker:
    """A client of the pages.

    Attributes:
        pages: store, and who looks.
        made: numbers of the furnished requests, by what they show.
    """

    pages: Pages
    made: dict[str, int]
    client: Any

    @property
    def store(self) -> Store:
        """The store behind the pages."""
        return self.pages.store

    def become(self, person: Person, **rights: Any) -> None:
        """Be somebody else from now on."""
        self.pages.person = person
        self.pages.rights = AllRights(**rights)

    def get(self, path: str, *, status: int = 200, part: bool = False) -> str:
        """A page; `part`: as htmx asks for it."""
        answer = self.client.get(
            f"/dirsync{path}", headers={"HX-Request": "true"} if part else {}, follow_redirects=False
        )
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text}"
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        text: str = answer.text
        if not part:
            check(text)
        return text

    def post(self, path: str, data: dict[str, Any] | None = None, *, status: int = 303) -> str:
        """Send a form; the address that it leads to, or the page where it leads nowhere."""
        answer = self.client.post(
            f"/dirsync{path}",
            data=data or {},
            headers={"Sec-Fetch-Site": "same-origin"},
            follow_redirects=False,
        )
        assert answer.status_code == status, f"{path}: {answer.status_code}\n{answer.text}"
        return str(answer.headers["location"] if status in (303, 307) else answer.text)


class _Outline(HTMLParser):
    """What is in a page: elements that are not closed, ids, inline code."""

    VOID = frozenset(("meta", "link", "input", "br", "rect", "img"))

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note it."""
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name == "style" or name.startswith("on"):
                self.wrong.append(f"{tag} {name}={value}")
        if tag == "script" and "src" not in dict(attrs):
            self.wrong.append("script within the page")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element that closes itself."""

    def handle_endtag(self, tag: str) -> None:
        """Elements close in the order in which they were opened."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def check(page: str) -> None:
    """A page is well formed, has one main heading, no id twice, and no inline code."""
    outline = _Outline()
    outline.feed(page)
    assert not outline.wrong
    assert not outline.open
    assert len(outline.ids) == len(set(outline.ids)), sorted(outline.ids)
    assert page.count("<h1") == 1


def text_of(page: str) -> str:
    """What people read, on one line."""
    import html

    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", page)))
