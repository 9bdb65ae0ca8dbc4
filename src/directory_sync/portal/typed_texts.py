"""What somebody had typed into a form that was refused: it comes back with the refusal, so that it is not lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

LONGEST = 20_000
"""Characters of one text that come back."""
MOST_FIELDS = 1_000

_LABELS: Mapping[str, str] = MappingProxyType(
    {"reason": "Reason", "text": "Comment", "users": "Users", "roles": "Roles or groups"}
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
        typed: texts that somebody has typed.
        values: every other field, by name; the last value counts.
    """

    typed: tuple[Typed, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)


NOTHING = SentForm()


async def sent_form(request: Request) -> SentForm:
    """The form of a refused request, as far as it can be read."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method != "POST" or kind not in ("application/x-www-form-urlencoded", "multipart/form-data"):
        return NOTHING
    try:
        form = await request.form(max_fields=MOST_FIELDS, max_files=0)
    except (HTTPException, ClientDisconnect, AssertionError, RuntimeError, ValueError):
        return NOTHING  # cut off, too large, or no form after all
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    typed = tuple(Typed(name, label, text[:LONGEST]) for name, label in _LABELS.items() if (text := fields.get(name, "")).strip())
    return SentForm(typed, {name: value for name, value in fields.items() if name not in _LABELS})
