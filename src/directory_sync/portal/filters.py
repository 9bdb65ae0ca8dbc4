"""Which requests a list shows, read from query parameters: the same for pages, their addresses and the REST
API.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

from directory_sync.approval.states import RequestState
from directory_sync.definition.problems import nearest
from directory_sync.errors import QueryError
from directory_sync.printable import printable
from directory_sync.store.request_model import NAME_LENGTH, SEARCH_LENGTH, EventKind, RequestFilter
from directory_sync.store.requests import LARGEST_PAGE

DEFAULT_LIMIT = 50
LARGEST_NUMBER = 2**31 - 1


class ListKind(StrEnum):
    """The three lists."""

    INBOX = "inbox"
    MINE = "mine"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """One page of one list.

    Attributes:
        kind: which list.
        collections: asked for by name; whether they may be seen is not decided here. Empty for all.
        filter: everything else; its `collections` is None.
        before: the number that the page before has ended with.
        limit: the most on a page.
    """

    kind: ListKind
    collections: tuple[str, ...]
    filter: RequestFilter
    before: int | None
    limit: int


PARAMETERS = (
    "list",
    "collection",
    "job",
    "run_id",
    "requester",
    "approver",
    "decided_by",
    "object",
    "description",
    "state",
    "event",
    "from",
    "until",
    "before",
    "limit",
)
"""The names of all parameters; `collection` and `state` may be given more than once."""


def parse_query(parameters: Iterable[tuple[str, str]], *, strict: bool = False) -> ListQuery:
    """Read the parameters of a list's address. Empty ones count as not given, as forms send them.

    Args:
        parameters: name and value, as in the address; `QueryParams.multi_items()`.
        strict: refuse parameters that do not exist, instead of ignoring them.

    Raises QueryError with every problem, by the parameter's name.
    """
    reader = ParameterReader(parameters)
    if strict:
        reader.refuse_unknown(PARAMETERS)
    query = ListQuery(
        kind=reader.choice("list", ListKind) or ListKind.INBOX,
        collections=reader.names("collection"),
        filter=RequestFilter(
            job=reader.name("job"),
            run_id=reader.text("run_id", SEARCH_LENGTH),
            requester=reader.name("requester"),
            approver=reader.name("approver"),
            decided_by=reader.name("decided_by"),
            filed_from=reader.time("from"),
            filed_before=reader.time("until", end=True),
            object=reader.text("object", SEARCH_LENGTH),
            states=reader.choices("state", RequestState),
            description=reader.text("description", SEARCH_LENGTH),
            event=reader.choice("event", EventKind),
        ),
        before=reader.number("before", 0, LARGEST_NUMBER),
        limit=reader.number("limit", 1, LARGEST_PAGE) or DEFAULT_LIMIT,
    )
    reader.finish()
    return query


_Choice = TypeVar("_Choice", bound=StrEnum)


class ParameterReader:
    """Reads parameters one by one and gathers what is wrong with them, so that all of it can be told at
    once.
    """

    def __init__(self, parameters: Iterable[tuple[str, str]]) -> None:
        self._given: dict[str, list[str]] = {}
        self.problems: dict[str, str] = {}
        for name, value in parameters:
            if value.strip():
                self._given.setdefault(name, []).append(value.strip())

    def finish(self) -> None:
        """Raise QueryError if anything was wrong."""
        if self.problems:
            raise QueryError(self.problems)

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Note parameters that do not exist."""
        for name in self._given.keys() - set(known):
            near = nearest(name, known)
            hint = f"Did you mean {near}?" if near else f"There are: {', '.join(known)}."
            self.problems[_quoted(name)] = f"There is no such parameter. {hint}"

    def text(self, name: str, length: int = SEARCH_LENGTH) -> str | None:
        """A text of at most so many characters."""
        values = self._given.get(name, ())
        if len(values) > 1:
            self.problems[name] = "This may be given only once."
            return None
        if values and len(values[0]) > length:
            self.problems[name] = f"This has {len(values[0]):,} characters; at most {length:,} are possible."
            return None
        return values[0] if values else None

    def name(self, name: str) -> str | None:
        """The name of somebody or something."""
        return self.text(name, NAME_LENGTH)

    def names(self, name: str) -> tuple[str, ...]:
        """Several names, each once."""
        values = self._given.get(name, ())
        if any(len(value) > NAME_LENGTH for value in values):
            self.problems[name] = f"A name has at most {NAME_LENGTH} characters."
        return tuple(dict.fromkeys(values))

    def number(self, name: str, lowest: int, highest: int) -> int | None:
        """A whole number within bounds."""
        text = self.text(name, 20)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit()) or not lowest <= int(text) <= highest:
            self.problems[name] = f"{_quoted(text)} is no whole number from {lowest:,} to {highest:,}."
            return None
        return int(text)

    def choice(self, name: str, kind: type[_Choice]) -> _Choice | None:
        """One of an enumeration's values."""
        if (text := self.text(name, NAME_LENGTH)) is None:
            return None
        return self._choice(name, text, kind)

    def choices(self, name: str, kind: type[_Choice]) -> tuple[_Choice, ...]:
        """Several of an enumeration's values, each once."""
        found = [self._choice(name, text, kind) for text in self._given.get(name, ())]
        return tuple(dict.fromkeys(choice for choice in found if choice is not None))

    def time(self, name: str, *, end: bool = False) -> datetime | None:
        """A day or a point in time, UTC unless it says otherwise; with `end`, a day means the midnight behind
        it.
        """
        text = self.text(name, 40)
        if text is None:
            return None
        try:
            if len(text) == len("2026-01-31"):
                day = datetime.combine(date.fromisoformat(text), time(), UTC)
                return day + timedelta(days=1) if end else day
            # In an address a plus sign that nobody has encoded arrives as a blank.
            moment = datetime.fromisoformat(text.replace(" ", "+") if text[-6:-5] == " " else text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.problems[name] = (
                f"{_quoted(text)} is no day and no time. Write 2026-01-31 or 2026-01-31T18:00Z."
            )
            return None

    def _choice(self, name: str, text: str, kind: type[_Choice]) -> _Choice | None:
        known = [each.value for each in kind]
        if text in known:
            return kind(text)
        near = nearest(text, known)
        hint = f"Did you mean {near}?" if near else f"Possible: {', '.join(known)}."
        self.problems[name] = f"{_quoted(text)} is not possible here. {hint}"
        return None


def _quoted(text: str) -> str:
    """A text from an address as part of a message: short, and harmless wherever it is shown."""
    return f"“{printable(text if len(text) <= 40 else f'{text[:40]}…')}”"
