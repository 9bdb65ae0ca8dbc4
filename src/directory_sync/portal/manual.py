"""The docs as the portal shows them: the pages of `docs/`, with their links leading to each other here."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_PACKAGED = Path(__file__).parent / "docs"
_CHECKOUT = Path(__file__).parents[3] / "docs"
FOLDER = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
"""A package that was built holds the docs; a checkout has them where its readers look for them."""
_NAME = re.compile("[a-z][a-z0-9-]*")
_LOCAL = re.compile(r"(?P<page>[a-z][a-z0-9-]*)\.md(?P<anchor>#.*)?")


@dataclass(frozen=True, slots=True)
class ManualPage:
    """A page of the docs; `html` is made of Markdown in which no HTML counts."""

    title: str
    html: Markup


@functools.lru_cache(64)
def manual_page(name: str) -> ManualPage | None:
    """A page of the docs by its name; None if there is none."""
    if not _NAME.fullmatch(name):
        return None
    try:
        text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    except OSError:
        return None
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = reader.parse(text)
    title = _prepare(tokens)
    return ManualPage(title or name, Markup(reader.renderer.render(tokens, reader.options, {})))  # noqa: S704 - what is made of our own docs


def _prepare(tokens: Sequence[Token]) -> str:
    """Give headings the ids that links name, and have links lead to pages here; the title."""
    title, seen = "", set[str]()
    for token, after in zip(tokens, [*tokens[1:], None], strict=False):
        if token.type == "heading_open" and after is not None:
            anchor = slug(after.content)
            if anchor not in seen:
                token.attrSet("id", anchor)
                seen.add(anchor)
            title = title or after.content
        for child in token.children or ():
            target = str(child.attrGet("href") or "")
            if child.type == "link_open" and (found := _LOCAL.fullmatch(target)):
                child.attrSet("href", f"{found['page']}{found['anchor'] or ''}")
            elif child.type == "link_open" and not target.startswith(("http", "#")):
                child.attrSet("href", "index")
            elif child.type == "image":
                child.type, child.tag = "text", ""  # pictures are not part of the package
    return title


def slug(heading: str) -> str:
    """The id of a heading, as GitHub makes it."""
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")
