"""The letters: what mail about a topic says, and to whom. Each topic has one entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from directory_sync.approval.request import Event, EventKind, RequestView
from directory_sync.errors import RequestNotFound
from directory_sync.mail.audience import Occasion, Recipient, occasion
from directory_sync.mail.content import content
from directory_sync.mail.message import Thread, request_thread
from directory_sync.store.outbox import DueMail, Topic
from directory_sync.store.store import Store


class Noted(NamedTuple):
    """What a history says of earlier mails about the same event: who was reached, and who was given up.

    Attributes:
        reached: mail addresses, lower case.
        given_up: kind and name of people and roles.
    """

    reached: frozenset[str] = frozenset()
    given_up: frozenset[tuple[str, str]] = frozenset()


class News(Protocol):
    """One event that mail is due about, as things stand now."""

    @property
    def thread(self) -> Thread:
        """What its mails have in common with those about other events of the same subject."""

    def occasion(self) -> Occasion | None:
        """What mail is to be sent, and to whom; None if nobody needs to hear of it (any more)."""

    def content(self, recipient: Recipient, *, portal_url: str) -> dict[str, Any]:
        """What the template of the occasion's letter gets."""

    def noted(self) -> Noted:
        """What its history says; nothing where there is none."""


Letters = Callable[[Store, DueMail], News]
"""Finds out what there is to say. Raises RequestNotFound where the subject is gone, and its mail with it."""


@dataclass(frozen=True, slots=True)
class RequestNews:
    """What has happened to a request."""

    view: RequestView
    event: Event

    @property
    def thread(self) -> Thread:
        """All mails of a request."""
        return request_thread(self.view.request)

    def occasion(self) -> Occasion | None:
        """Those who are asked, or who want to know the outcome."""
        return occasion(self.view, self.event)

    def content(self, recipient: Recipient, *, portal_url: str) -> dict[str, Any]:
        """The request, the event and who gets it."""
        found = self.occasion()
        assert found is not None
        return content(found.letter, self.view, self.event, recipient, portal_url=portal_url)

    def noted(self) -> Noted:
        """The request's `mailed` events."""
        earlier = [
            event.data
            for event in self.view.events
            if event.kind is EventKind.MAILED and event.data and event.data.get("event") == self.event.id
        ]
        return Noted(
            frozenset(str(address).lower() for data in earlier for address in data["to"]),
            frozenset((each["kind"], each["name"]) for data in earlier for each in data["unreached"]),
        )


def request_news(store: Store, due: DueMail) -> RequestNews:
    """What has happened to a request, as it is now. Raises RequestNotFound."""
    view = store.requests.get(due.subject)
    event = next((event for event in view.events if event.id == due.event), None)
    if event is None:
        raise RequestNotFound(f"Request {due.subject} has no event {due.event} any more.")
    return RequestNews(view, event)


LETTERS: Mapping[str, Letters] = {Topic.REQUEST: request_news}
"""Topic → what finds out what to say. Mail about other topics waits in the outbox."""
