"""What a topic has to offer, for its mail to be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from directory_sync.mail.audience import Letter, Occasion, Recipient
from directory_sync.mail.links import Links
from directory_sync.mail.message import Thread
from directory_sync.store.outbox import DueMail
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
        """What mail is to be sent, and to whom; None if no one needs to hear of it (any more)."""

    def content(self, letter: Letter, recipient: Recipient, *, links: Links) -> dict[str, Any]:
        """What the template of a letter of the occasion gets."""

    def noted(self) -> Noted:
        """What its history says; nothing where there is none."""

    @property
    def repeats(self) -> bool:
        """Whether a mail of which it is not known whether the server took it is sent again, as the same
        message.
        """


Letters = Callable[[Store, DueMail], News]
"""Finds out what there is to say. Raises RequestNotFound where the subject is gone, or there is nothing
to say about it any more, and its mail with it."""
