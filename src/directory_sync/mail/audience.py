"""Which events people hear about, and who of them: those who are asked, those who want to know the
outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from directory_sync.approval.eligibility import could_be_asked
from directory_sync.approval.people import Approver, same_person
from directory_sync.approval.policy import SCHEDULED
from directory_sync.approval.request import Event, EventKind, Request, RequestView


class Letter(StrEnum):
    """The kinds of mail; each has a template of its own."""

    ASKED = "asked"
    FILED = "filed"
    OUTCOME = "outcome"
    APPLIED = "applied"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Someone who is to get a mail.

    Attributes:
        addressee: a user, or everyone with a role.
        address: where to, if that is not to be looked up.
        asked_for_it: the requester, or who asked for a waiver.
        unable: Airflow did not let them see the request when they were asked, so that they are sent nothing
            about it.
    """

    addressee: Approver
    asked_for_it: bool = False
    unable: bool = False
    address: str = ""


@dataclass(frozen=True, slots=True)
class Occasion:
    """What mail is to be sent about an event, and who gets it."""

    letter: Letter
    recipients: tuple[Recipient, ...]

    def letter_to(self, recipient: Recipient) -> Letter:
        """The letter for one of them: where others are asked, who started the run hears that they are."""
        return Letter.FILED if self.letter is Letter.ASKED and recipient.asked_for_it else self.letter


_ASKING = frozenset({EventKind.FILED, EventKind.REROUTED, EventKind.ESCALATED})
_ENDING = frozenset(
    {EventKind.APPROVED, EventKind.DENIED, EventKind.EXPIRED, EventKind.CANCELLED, EventKind.STALE}
)


def occasion(view: RequestView, event: Event) -> Occasion | None:
    """What mail is due about an event, as things stand now; None if no one needs to hear of it (any more)."""
    if event.kind in _ASKING:
        recipients = (*_asked(view, event), *_starter(view, event))
        return Occasion(Letter.ASKED, recipients) if recipients else None
    if event.kind is EventKind.STALE and view.request.successor is not None:
        recipients = tuple(_not_asked_again(view))
        return Occasion(Letter.OUTCOME, recipients) if recipients else None
    if event.kind in _ENDING and _ends(event):
        return Occasion(Letter.OUTCOME, tuple(_without(event.actor, _everyone(view))))
    if event.kind is EventKind.APPLIED and not _noted_again(view, event):
        return Occasion(Letter.APPLIED, tuple(_distinct([*_who_asked(view), *_agreed(view)])))
    return None


def is_person(request: Request) -> bool:
    """Whether the requester is someone: not the schedule, and no name that no one has checked."""
    return bool(request.requester) and request.requester_verified and request.trigger != SCHEDULED


def asked_by(event: Event) -> tuple[Approver, ...]:
    """Who an event asks."""
    data = event.data or {}
    named = data.get("approvers" if event.kind is EventKind.FILED else "to") or ()
    return tuple(Approver(each["kind"], each["name"]) for each in named)


def _asked(view: RequestView, event: Event) -> Iterator[Recipient]:
    """Who the event has asked first, if they can still do something about it."""
    request = view.request
    if not request.pending:
        return
    unable = {(each["kind"], each["name"]) for each in (event.data or {}).get("unable") or ()}
    earlier = {
        approver
        for each in view.events
        if each.kind in _ASKING and each.id < event.id
        for approver in asked_by(each)
    }
    # Earlier versions recorded also people whose answer cannot count.
    for approver in could_be_asked(
        asked_by(event), request.rules, request.starter, view.asker, request.edits
    ):
        if approver in earlier:
            continue
        if approver.kind == "user" and any(
            same_person(decision.person.name, approver.name) for decision in view.decisions
        ):
            continue
        yield Recipient(approver, unable=(approver.kind, approver.name) in unable)


def _starter(view: RequestView, event: Event) -> Iterator[Recipient]:
    """Who started the run, when its request is filed: they may not know that others have to agree.

    Not who is asked themselves, nor who has filed the request by hand, as a waiver is.
    """
    request = view.request
    if not (event.kind is EventKind.FILED and request.pending and is_person(request)):
        return
    asked = could_be_asked(asked_by(event), request.rules, request.starter, view.asker)
    knows = (view.asker, *(approver.name for approver in asked if approver.kind == "user"))
    if not any(same_person(name, request.requester) for name in knows if name):
        yield Recipient(Approver("user", request.requester), asked_for_it=True)


def _ends(event: Event) -> bool:
    """Whether a decision settled the request; of several people who have to agree, it is the last one's."""
    return (
        event.kind not in (EventKind.APPROVED, EventKind.DENIED)
        or (event.data or {}).get("state") == event.kind.value
    )


def _noted_again(view: RequestView, event: Event) -> bool:
    """Whether the result was noted again, by a retry."""
    return any(each.kind is EventKind.APPLIED and each.id > event.id for each in view.events)


def _everyone(view: RequestView) -> Iterable[Recipient]:
    deciders = (Approver("user", decision.person.name) for decision in view.decisions)
    assignees = (Approver(assignee.kind, assignee.name) for assignee in view.assignees)
    return _distinct([*_who_asked(view), *map(Recipient, (*assignees, *deciders))])


def _not_asked_again(view: RequestView) -> Iterable[Recipient]:
    """Who hears of a newer plan only by the end of the older request.

    All others are asked about it, in a mail that says what it replaces: with a frequent schedule two each
    time would be too many.
    """
    brought_in = (
        Approver(each.kind, each.name) for each in view.assignees if each.why in {"reroute", "escalation"}
    )
    return _distinct([*_who_asked(view), *map(Recipient, brought_in)])


def _who_asked(view: RequestView) -> list[Recipient]:
    """Who started the run, as far as that is a person, and who asked for a waiver."""
    names = [view.request.requester] if is_person(view.request) else []
    if asker := view.asker:
        names.append(asker)
    return [Recipient(Approver("user", name), asked_for_it=True) for name in names]


def _agreed(view: RequestView) -> list[Recipient]:
    return [
        Recipient(Approver("user", decision.person.name)) for decision in view.decisions if decision.agreed
    ]


def _distinct(recipients: Iterable[Recipient]) -> list[Recipient]:
    """Each of them once; who asked, who comes first, as such."""
    found: dict[Approver, Recipient] = {}
    for recipient in recipients:
        found.setdefault(recipient.addressee, recipient)
    return list(found.values())


def _without(actor: str, recipients: Iterable[Recipient]) -> Iterator[Recipient]:
    """All but who did it; a role stays, because others have it too."""
    for recipient in recipients:
        if not (
            actor and recipient.addressee.kind == "user" and same_person(recipient.addressee.name, actor)
        ):
            yield recipient
