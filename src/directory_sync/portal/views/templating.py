"""The environment of Jinja templates: their filters, and how texts become HTML.

Everything is escaped; Python makes HTML around pieces of text only.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from directory_sync.approval.states import LABELS, RequestState
from directory_sync.mail.links import airflow_segment
from directory_sync.present import times
from directory_sync.present.pieces import Piece, visible
from directory_sync.present.words import count_kinds, kinds_text

STATIC = Path(__file__).parent.parent / "static"
"""Folder of style sheet, scripts and icons; served below `/static`."""

HTMX = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "allowScriptTags": False,
        "disableInheritance": True,  # a list is replaced as a whole, what its buttons fetch goes into the dialog  # noqa: E501
        "historyCacheSize": 0,
        "selfRequestsOnly": True,
        "scrollBehavior": "auto",
        "timeout": 20_000,
    }
)

Mark = Literal["", "del", "ins"]


def shown(text: str | Sequence[Piece], mark: Mark = "") -> Markup:
    """A text from elsewhere, harmless and complete: its direction does not touch its surroundings, nothing in
    it is hidden.

    Args:
        text: or its pieces.
        mark: the element that marked pieces are put into.
    """
    pieces = visible(text) if isinstance(text, str) else text
    return Markup("<bdi>{}</bdi>").format(Markup().join(_piece(piece, mark) for piece in pieces))


def _piece(piece: Piece, mark: Mark) -> Markup:
    if piece.spelled:
        html = Markup('<span class="spelled" title="{}">{}</span>').format(piece.name, piece.text)
        html += Markup("<br>") if piece.line_end else Markup()
    else:
        html = Markup("{}").format(piece.text)
    if not (mark and piece.marked):
        return html
    return Markup("<ins>{}</ins>").format(html) if mark == "ins" else Markup("<del>{}</del>").format(html)


def words(text: str) -> Markup:
    """What people wrote: as `shown`, but with its line breaks."""
    lines = text.replace("\r\n", "\n").split("\n")
    return Markup("<br>").join(shown(line) for line in lines)


def with_code(text: str) -> Markup:
    """A text of this program in which `…` is code."""
    pieces = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(piece) if index % 2 else Markup("{}").format(piece)
        for index, piece in enumerate(pieces)
    )


def moment(at: Any) -> Markup:
    """A time that the browser shows in the user's zone."""
    return Markup('<time datetime="{}">{}</time>').format(times.moment_iso(at), times.moment_text(at))


def state_label(state: str) -> str:
    """A state of a request as people call it."""
    return LABELS[RequestState(state)]


def in_words(name: str) -> str:
    """A name of the code as people write it."""
    return name.replace("_", " ")


def segment(text: str) -> str:
    """A name as one segment of a path."""
    return quote(text, safe="")


def one_line(text: str) -> str:
    """What people wrote, on one line, for lists."""
    return " ".join(text.split())


@functools.cache
def version_of(name: str) -> str:
    """A few characters that change with a static file's content, so that browsers never use an old one."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


@functools.cache
def environment() -> Environment:
    """The templates of all pages."""
    environment = Environment(
        loader=PackageLoader("directory_sync.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        {
            "shown": shown,
            "words": words,
            "with_code": with_code,
            "moment": moment,
            "state_label": state_label,
            "in_words": in_words,
            "segment": segment,
            "airflow_segment": airflow_segment,
            "one_line": one_line,
            "kinds": lambda statistics: kinds_text(count_kinds(statistics)),
            "count": lambda number, one, many: f"{number:,} {one if number == 1 else many}",
            "grouped": lambda number: f"{number:,}",
        }
    )
    environment.globals.update({"version_of": version_of, "htmx_config": HTMX})
    return environment
