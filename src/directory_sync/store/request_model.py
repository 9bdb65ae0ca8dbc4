"""What the store is asked and told about requests for approval, and which names and texts it takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from directory_sync.approval.people import Approver
from directory_sync.approval.request import EventKind, Request
from directory_sync.errors import RequestError
from directory_sync.printable import storable

GONE = "gone"
"""What `decided_among` says of a request that does not exist."""

NAME_LENGTH = 250
"""Characters that the name of a person or role may have."""
TEXT_LENGTH = 10_000
"""Characters that a reason or comment may have."""
SEARCH_LENGTH = 1_000
"""Characters that a text to search for may have."""


class Filing(StrEnum):
    """What filing a request led to."""

    NEW = "new"
    SAME_AS_PENDING = "same_as_pending"
    REPLACES = "replaces"


@dataclass(frozen=True, slots=True)
class Filed:
    """The answer to filing a request.

    Attributes:
        filing: a new request; the one that is there already, because it asks the same; or a new one instead
            of an older one.
        id: of the request that counts now.
        replaced: the older one, which is stale now.
    """

    filing: Filing
    id: int
    replaced: int | None = None


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests a list shows; what is None or empty does not restrict it.

    Attributes:
        collections: only of these; the empty tuple is none at all, unlike None.
        run_id: only those that this run filed.
        approver: a user who was asked by name; `decided_by`: someone who approved, denied or cancelled it.
        filed_from, filed_before: half-open range of the time of filing.
        object: part of the id of an object that the plan changes, before or after, or of its name; letters in
            any case.
        description: part of the description or of the requester's reason; letters in any case.
        event: only those to which this has happened.
    """

    collections: tuple[str, ...] | None = None
    job: str | None = None
    run_id: str | None = None
    requester: str | None = None
    approver: str | None = None
    decided_by: str | None = None
    filed_from: datetime | None = None
    filed_before: datetime | None = None
    object: str | None = None
    states: tuple[str, ...] = ()
    description: str | None = None
    event: EventKind | None = None


@dataclass(frozen=True, slots=True)
class RequestPage:
    """A part of a list, newest first.

    Attributes:
        next: what to give as `before` to see what follows; None at the end.
    """

    requests: tuple[Request, ...]
    next: int | None


def checked_name(name: str, what: str) -> str:
    """A name as it is, or RequestError: a name that had to be altered could be someone else's."""
    if not name:
        raise RequestError(f"The {what} is empty. Give a name.")
    if len(name) > NAME_LENGTH:
        raise RequestError(
            f"The {what} {name[:20]!r}… has {len(name):,} characters; at most {NAME_LENGTH} can be stored."
        )
    if storable(name) != name:
        raise RequestError(
            f"The {what} {name!a} holds characters that cannot be stored (NUL or half of a pair). Correct the"
            " name."
        )
    return name


def checked_text(text: str, what: str) -> str:
    """A text in someone's words, or RequestError if it is too long."""
    if len(text) > TEXT_LENGTH:
        raise RequestError(
            f"The {what} has {len(text):,} characters; at most {TEXT_LENGTH:,} can be stored. Shorten it."
        )
    return text


def shortened(text: str) -> str:
    """A text that is kept elsewhere in full, at most as long as one that people may write here."""
    return text if len(text) <= TEXT_LENGTH else f"{text[: TEXT_LENGTH - 1]}\N{HORIZONTAL ELLIPSIS}"


def checked_approvers(approvers: Iterable[Approver]) -> tuple[Approver, ...]:
    """Each of them once; RequestError where a name cannot be stored."""
    distinct = tuple(dict.fromkeys(approvers))
    for approver in distinct:
        checked_name(approver.name, f"approver's {approver.kind} name")
    return distinct
