"""The letters: what mail about a topic says, and to whom. Each topic has one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from directory_sync.approval.request import Event, EventKind, Request, RequestView
from directory_sync.errors import RequestNotFound
from directory_sync.mail.audience import Letter, Occasion, Recipient, occasion
from directory_sync.mail.content import content
from directory_sync.mail.links import Links
from directory_sync.mail.message import Thread, request_thread
from directory_sync.mail.news import Letters, Noted
from directory_sync.mail.plan_patterns import plan_patterns
from directory_sync.mail.run_news import run_news
from directory_sync.store.outbox import DueMail, Topic
from directory_sync.store.store import Store


@dataclass(frozen=True, slots=True)
class RequestNews:
    """What has happened to a request."""

    view: RequestView
    event: Event
    patterns: tuple[str, ...] = ()
    repeats = False
    """The request's history tells of the doubt."""

    @property
    def thread(self) -> Thread:
        """All mails of a request."""
        return request_thread(self.view.request)

    def occasion(self) -> Occasion | None:
        """Those who are asked, or who want to know the outcome."""
        return occasion(self.view, self.event)

    def content(self, letter: Letter, recipient: Recipient, *, links: Links) -> dict[str, Any]:
        """The request, the event and who gets it."""
        return content(letter, self.view, self.event, recipient, links=links, patterns=self.patterns)

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
    return RequestNews(view, event, _patterns(store, view.request))


def _patterns(store: Store, request: Request) -> tuple[str, ...]:
    """The changes by pattern; none where no one is asked any more."""
    if not request.pending:
        return ()
    snapshot = store.runs.find(request.collection, request.run_id)
    if snapshot is None:
        return ()
    return plan_patterns(store, request.plan_id, snapshot.collection.job(request.job))


LETTERS: Mapping[str, Letters] = {Topic.REQUEST: request_news, Topic.RUN: run_news}
"""Topic → what finds out what to say. Mail about other topics waits in the outbox."""
