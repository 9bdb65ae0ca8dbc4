"""Empties the store's outbox: for each event that is due, the mails that people are to get, and their
results.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from directory_sync.errors import EndpointError, MailError, RequestNotFound
from directory_sync.mail import MAX_AGE
from directory_sync.mail.addresses import Addresses
from directory_sync.mail.audience import Occasion, Recipient
from directory_sync.mail.letters import LETTERS
from directory_sync.mail.links import Links
from directory_sync.mail.message import message
from directory_sync.mail.news import Letters, News
from directory_sync.mail.sending import Sender
from directory_sync.mail.templates import Templates
from directory_sync.printable import printable
from directory_sync.store.outbox import DueMail, Unreached
from directory_sync.store.store import Store

GIVE_UP = timedelta(days=3)
"""So long after the first try, mail that still cannot be sent is given up."""
HOLD = timedelta(seconds=40)
"""So long after the last sign of its sender no one else looks at an event that is being mailed."""
IN_DOUBT = timedelta(minutes=2)
"""A mail that was begun so long ago, and of which no one has noted how that ended, may or may not have been
sent.
"""
LOOK_AGAIN = timedelta(seconds=40)
"""After this it is looked at again whether another sender has noted the end of what it had begun."""
FIRST_PAUSE = timedelta(minutes=4)
"""Before the second try; a little less than upkeep takes by default, so that its next turn tries again.

Doubles with each try.
"""
LONGEST_PAUSE = timedelta(hours=6)
"""The pauses grow no further."""
LIMIT = 500
"""Most events of one call."""

_UNABLE = (
    "Airflow did not let them see the collection when they were asked, so nothing about it was sent to them."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sent:
    """A mail that the server has accepted.

    Attributes:
        topic, subject: what it is about: `request`, and its number.
        about: the kind of event.
        to: the address.
    """

    topic: str
    subject: int
    about: str
    to: str


@dataclass(slots=True)
class DeliveryResult:
    """The result of the mail that was due.

    Attributes:
        sent: mails that were accepted.
        problems: what could not be sent and is tried again, or was given up; sentences that name what it is
            about.
        warnings: templates that could not be used; each once.
    """

    sent: list[Sent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def deliver(
    store: Store,
    *,
    sender: Sender,
    addresses: Addresses,
    links: Links,
    templates: Templates,
    letters: Mapping[str, Letters] = LETTERS,
    limit: int = LIMIT,
) -> DeliveryResult:
    """Send the mail that is due. Several processes may do so at the same time: each event is one's only.

    Each person gets a mail of their own. What was sent, and who could not be reached, is noted; a request's
    history has a `mailed` event that names the event it is about. If this process dies, another one goes on
    with those who are left; no one gets a mail twice for that. Of one that was being handed over in that very
    moment no one knows: it is not sent again, and that is noted too. While the server takes no mail, this
    stops at the first one.

    Args:
        store: holds what there is to say, and the outbox.
        sender: sends.
        addresses: finds the addresses of users and roles.
        links: makes the addresses of pages; where they are not known, mails have no link.
        templates: make the words.
        letters: say what mail about each topic is.
        limit: the most events of this call.

    Raises StoreError.
    """
    store.outbox.forget_mail(MAX_AGE)
    result = DeliveryResult()
    for _ in range(limit):
        due = store.outbox.claim_mail(HOLD, max_age=MAX_AGE, topics=letters)
        if due is None:
            break
        try:
            news = letters[due.topic](store, due)
            round_ = _Round(store, news, due, sender, addresses, links, templates, result.warnings)
            round_.send()
            _record(store, round_, result)
        except (RequestNotFound, _OvertakenError):
            # Deleted meanwhile, and its mail with it; or this process was still for so long that another one
            # goes on with it.
            continue
        if round_.no_mail:
            break
    return result


class _OvertakenError(Exception):
    """Another sender has taken the event over, because this one had given no sign for too long."""


@dataclass(slots=True)
class _Round:
    """The mails about one event that are left to send, and what happens to each."""

    store: Store
    news: News
    due: DueMail
    sender: Sender
    addresses: Addresses
    links: Links
    templates: Templates
    warnings: list[str]
    sent: list[str] = field(default_factory=list)
    unreached: list[Unreached] = field(default_factory=list)
    waiting: dict[Recipient, str] = field(default_factory=dict)
    """Who is to get it later, and why not now."""
    not_found: dict[str, list[str]] = field(default_factory=dict)
    """Why people could not be looked up, and who."""
    in_doubt: bool = False
    """Another sender may still be handing a mail over."""
    no_mail: str = ""
    """Why the server takes no mail at all."""

    @property
    def problem(self) -> str:
        """Why some are to get it later; empty if no one is.

        An error that is true of several stands there once.
        """
        together = {_not_found([name], error) for error, names in self.not_found.items() for name in names}
        texts = [text for text in self.waiting.values() if text not in together]
        return " ".join(
            dict.fromkeys([*texts, *(_not_found(names, error) for error, names in self.not_found.items())])
        )

    def send(self) -> None:
        """Send as many of them as possible."""
        found = self.news.occasion()
        if found is None:
            return
        noted = self.news.noted()
        reached = {*noted.reached, *(address.lower() for address in self.due.reached)}
        given_up = {*noted.given_up, *((each.kind, each.name) for each in self.due.unreached)}
        for recipient in found.recipients:
            addressee = recipient.addressee
            if (addressee.kind, addressee.name) in given_up:
                continue
            if recipient.unable:
                self.unreached.append(Unreached(addressee.kind, addressee.name, _UNABLE))
                continue
            try:
                address = self._address(recipient)
                if not address or address.lower() in reached or self._is_in_doubt(recipient, address):
                    continue
                self._send(found, recipient, address)
                reached.add(address.lower())
            except _OvertakenError:
                raise
            except MailError as error:
                if error.concerns_all:
                    self.no_mail = str(error)
                if error.for_good:
                    self.unreached.append(Unreached(addressee.kind, addressee.name, str(error)))
                else:
                    self.waiting[recipient] = str(error)
            except EndpointError as error:
                self.not_found.setdefault(str(error), []).append(printable(addressee.name))
                self.waiting[recipient] = _not_found([printable(addressee.name)], str(error))
            except Exception as error:  # one mail that cannot be made must not keep others from theirs
                log.exception(
                    "The mail to %s about %s cannot be made.",
                    printable(addressee.name),
                    self.news.thread.name,
                )
                self.waiting[recipient] = (
                    f"The mail cannot be made: unexpected {type(error).__name__}. See the log, and report"
                    " this."
                )

    def _address(self, recipient: Recipient) -> str:
        """Where to send it; empty if nowhere, which is noted."""
        named = recipient.address
        found = self.addresses.named(named) if named else self.addresses.find(recipient.addressee)
        if not found.address:
            self.unreached.append(
                Unreached(recipient.addressee.kind, recipient.addressee.name, found.why_not)
            )
        return found.address

    def _send(self, found: Occasion, recipient: Recipient, address: str) -> None:
        if self.no_mail:
            raise MailError(self.no_mail)
        letter = found.letter_to(recipient)
        rendered = self.templates.render(letter, self.news.content(letter, recipient, links=self.links))
        if rendered.warning and rendered.warning not in self.warnings:
            self.warnings.append(rendered.warning)
        mail = message(
            rendered,
            thread=self.news.thread,
            event=self.due.event,
            sender=self.sender.sender,
            to=address,
            at=self.due.at,
        )

        def handing_over() -> None:
            if not self.store.outbox.start_mail(self.due, address, hold=HOLD):
                raise _OvertakenError

        try:
            self.sender.send(mail, address, handing_over)
        except MailError:
            self.store.outbox.end_mail(self.due, address, reached=False)
            raise
        self.store.outbox.end_mail(self.due, address, reached=True)
        self.sent.append(address)

    def _is_in_doubt(self, recipient: Recipient, address: str) -> bool:
        """Whether another sender had begun with it and has not noted how that ended; what follows from that
        is noted.
        """
        begun = {name.lower(): at for name, at in self.due.begun.items()}.get(address.lower())
        if begun is None:
            return False
        if self.due.at - begun < IN_DOUBT:
            self.in_doubt = True
        elif self.news.repeats:
            return False
        else:
            why = (
                "The process that sent the mail was killed while it did, so it is not known whether it has"
                " arrived. It is not sent a second time."
            )
            self.unreached.append(Unreached(recipient.addressee.kind, recipient.addressee.name, why))
        return True


def _not_found(names: list[str], error: str) -> str:
    *others, last = names
    whose = f"addresses of {', '.join(others)} and {last}" if others else f"address of {last}"
    return f"The mail {whose} could not be looked up. {error}"


def _record(store: Store, round_: _Round, result: DeliveryResult) -> None:
    """Note the result of a round, and when the rest is due again."""
    due, about = round_.due, f"{round_.news.thread.name} ({round_.due.kind})"
    result.sent += [Sent(due.topic, due.subject, due.kind, address) for address in round_.sent]
    problem, again = round_.problem, None
    if round_.waiting and due.at - due.first_try >= GIVE_UP:
        problem = f"Given up after {GIVE_UP.days} days. {problem}"
        round_.unreached += [
            Unreached(each.addressee.kind, each.addressee.name, why) for each, why in round_.waiting.items()
        ]
    elif round_.waiting:
        again = due.at + pause(due.tries)
    if round_.in_doubt:
        again = due.at + LOOK_AGAIN
    if problem:
        result.problems.append(f"Mail about {about} was not sent to everyone. {problem}")
    if not store.outbox.keeps_history(due.topic):
        # Nowhere else can it be read.
        result.problems += [
            f"Mail about {about} does not reach {each.kind} {printable(each.name)}. {each.why}"
            for each in round_.unreached
        ]
    # What a sender that was killed had sent stands in no history yet.
    reached = [*due.reached, *round_.sent]
    store.outbox.record_mail(due, reached, problem=problem, unreached=round_.unreached, again=again)


def pause(tries: int) -> timedelta:
    """How long to wait after so many tries: ever longer."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(tries - 1, 16)
    return min(doubled, LONGEST_PAUSE)
