"""What someone had typed into a form that was refused: it comes back with the refusal, so that it is not
lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope

from directory_sync.definition.documents import MAX_BYTES

LONGEST = 20_000
"""Characters of one text that come back."""
LONGEST_DEFINITION = 2 * MAX_BYTES
"""Characters of a definition that come back."""
LARGEST_FIELD = 4 * MAX_BYTES
"""Bytes of one field of a form: a definition of the largest size in any script."""
MOST_FIELDS = 1_000

LABELS: Mapping[str, str] = MappingProxyType(
    {
        "reason": "Reason",
        "text": "Comment",
        "users": "Users",
        "roles": "Roles or groups",
        "definition": "Definition as YAML",
        "comment": "Why",
        "to": "New name",
        "confirm": "Name, to confirm",
        "schedule": "Runs by itself",
        "timezone": "Time zone",
        "start": "Not before",
        "end": "Not after",
        "template": "Name of the template",
        "title": "Description, one line",
    }
)
"""Fields that people type into → how pages call them."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One text.

    Attributes:
        name: of the form's field.
        label: how the page calls it.
        text: as it was typed.
    """

    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class SentForm:
    """A form as it was sent; nothing of it is trusted.

    Attributes:
        typed: texts that someone has typed.
        values: every other field, by name; the last value counts.
    """

    typed: tuple[Typed, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


NOTHING = SentForm()
MOST_BYTES = 4 * MAX_BYTES
"""Of a form that is held while it is answered: a text of the longest size in any script, and the fields
around it.
"""


def sent_lines(text: str) -> str:
    """A definition as a form sends it, with the ends of lines that definitions have: browsers send others."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def sent_number(text: str) -> int:
    """The number of a version that a form's field holds; 0 for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


class RefuseForm(Protocol):
    """Answers a request that is refused, with what was typed into the form that it brought."""

    def __call__(self, request: Request, status: int, detail: str, *, sent: SentForm) -> Response:
        """The answer: HTTP's status, and in words what is wrong and what to do about it."""


class HeldForm:
    """The body of a form as it is read by an app, kept so that it can be read again if the app fails."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Take the request. Nothing is kept of what is no form."""
        self._scope = scope
        self._receive = receive
        self._keeps = scope["method"] == "POST" and is_form(Request(scope))
        self._messages: list[Message] = []
        self._size = 0

    async def receive(self) -> Message:
        """The next part of the body."""
        message = await self._receive()
        if self._keeps and message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._keeps = self._size <= MOST_BYTES
            self._messages = [*self._messages, message] if self._keeps else []
        return message

    async def form(self) -> SentForm:
        """The form, as far as it was read."""
        if not self._keeps:
            return NOTHING
        messages = iter([*self._messages, {"type": "http.request", "body": b"", "more_body": False}])

        async def replay() -> Message:
            return next(messages)

        return await sent_form(Request(self._scope, replay))


def is_form(request: Request) -> bool:
    """Whether a request brings a form."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return request.method == "POST" and kind in ("application/x-www-form-urlencoded", "multipart/form-data")


async def sent_form(request: Request) -> SentForm:
    """The form of a refused request, as far as it can be read."""
    if not is_form(request):
        return NOTHING
    try:
        form = await request.form(max_fields=MOST_FIELDS, max_files=0, max_part_size=LARGEST_FIELD)
    except (HTTPException, ClientDisconnect, AssertionError, RuntimeError, ValueError):
        return NOTHING  # cut off, too large, or no form after all
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    typed = tuple(
        Typed(name, label, text[: LONGEST_DEFINITION if name == "definition" else LONGEST])
        for name, label in LABELS.items()
        if (text := fields.get(name, "")).strip()
    )
    return SentForm(typed, {name: value for name, value in fields.items() if name not in LABELS})
