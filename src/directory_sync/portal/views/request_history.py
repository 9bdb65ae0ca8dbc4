"""What happened to a request, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from directory_sync.approval.people import Approver
from directory_sync.approval.request import Assignee, Event, EventKind, Request
from directory_sync.portal.standing import Standings, note

_TONES = {
    EventKind.APPROVED: "good",
    EventKind.APPLIED: "good",
    EventKind.DENIED: "bad",
    EventKind.CANCELLED: "careful",
    EventKind.EXPIRED: "careful",
    EventKind.STALE: "careful",
    EventKind.ESCALATED: "info",
    EventKind.REROUTED: "info",
    EventKind.FILED: "info",
}
_BY_PEOPLE = {
    EventKind.FILED: ("asked for approval", "The schedule’s run asked for approval"),
    EventKind.VIEWED: ("looked at the request", "Someone looked at the request"),
    EventKind.COMMENTED: ("wrote", "Someone wrote"),
    EventKind.DENIED: ("denied", "The request was denied"),
    EventKind.CANCELLED: ("cancelled the request", "The request was cancelled"),
    EventKind.EXPIRED: ("", "No one decided in time, so the request expired"),
    EventKind.APPLIED: ("", "The approved changes were applied"),
}
"""What someone did, and the same where no one did it."""
_WHY = {
    "policy": "named by the policy",
    "reroute": "asked by someone who was asked before",
    "escalation": "asked because no one had answered",
    "default": "the default approver",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: who (empty for no one), did what, in which words of theirs."""

    kind: str
    tone: str
    actor: str
    text: str
    quote: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """Someone who is asked: name, in words why and since when, and what keeps them from deciding (empty if
    nothing does).
    """

    name: str
    role: bool
    why: str
    since: datetime
    note: str = ""


def history(request: Request, events: Iterable[Event]) -> tuple[Entry, ...]:
    """What happened, newest last."""
    return tuple(
        Entry(
            event.kind.value,
            _TONES.get(event.kind, ""),
            event.actor,
            _text(request, event),
            _quote(event),
            event.at,
        )
        for event in events
    )


def asked(assignees: Iterable[Assignee], standings: Standings) -> tuple[Asked, ...]:
    """Everyone who is asked, in the order in which they were."""
    found = []
    for each in assignees:
        approver = Approver(each.kind, each.name)
        said = note(approver, standings[approver]) if approver in standings else ""
        found.append(Asked(each.name, each.kind == "role", _WHY.get(each.why, each.why), each.since, said))
    return tuple(found)


def _quote(event: Event) -> str:
    return "" if event.kind is EventKind.MAILED else event.text


def _text(request: Request, event: Event) -> str:
    data: Mapping[str, Any] = event.data or {}
    if event.kind in _BY_PEOPLE:
        by_person, by_system = _BY_PEOPLE[event.kind]
        return by_person if event.actor else by_system
    match event.kind:
        case EventKind.MAILED:
            return _mailed(event, data)
        case EventKind.APPROVED:
            return "approved" if data.get("state") == "approved" else "approved; others have to agree as well"
        case EventKind.REROUTED:
            return f"asked others too: {_people(data.get('to'))}"
        case EventKind.ESCALATED:
            return _escalated(data)
        case _:  # stale
            successor = data.get("successor", request.successor)
            if successor:
                return f"A newer plan took its place: request {successor}"
            version = event.policy_change
            return (
                "The request became stale"
                if version is None
                else f"Version {version} has another approval policy, so the request became stale"
            )


def _escalated(data: Mapping[str, Any]) -> str:
    people = _people(data.get("to"))
    if not people:
        return "No one had answered, and no one else to ask could be found"
    return f"No one had answered, so others are asked too (level {data.get('level', '?')}): {people}"


def _mailed(event: Event, data: Mapping[str, Any]) -> str:
    to = ", ".join(str(address) for address in data.get("to") or ())
    about = str(data.get("about", "")).replace("_", " ")
    unreached = [each for each in data.get("unreached") or () if isinstance(each, Mapping)]
    sentences = [f"{f'Mail ({about})' if about else 'Mail'} was sent to {to or 'no one'}"]
    if event.text:
        sentences.append(f"Not to everyone: {event.text}" if to else event.text)
    sentences += [f"Not to {_people([each])}: {each.get('why', '')}" for each in unreached]
    return " ".join(f"{sentence.rstrip('.')}." for sentence in sentences)


def _people(named: Any) -> str:
    people = [each for each in named or () if isinstance(each, Mapping)]
    return ", ".join(
        f"everyone with the role {each.get('name')}" if each.get("kind") == "role" else str(each.get("name"))
        for each in people
    )
