"""What events say about who is asked and who has answered. `records` makes them of what the store keeps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from directory_sync.approval.people import Assignment, Decision, Origin, Person
from directory_sync.approval.policy import EffectivePolicy
from directory_sync.definition.models import Approvers
from directory_sync.store.request_model import EventKind


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened.

    Attributes:
        kind: what.
        at: when; UTC.
        person: who did it, with the roles that they had; None if nobody did.
        approvers: who is asked from now on (rerouted, escalated); None if an escalation found nobody.
        level: the level of an escalation, from 1.
        text: reason, comment or note.
    """

    kind: EventKind
    at: datetime
    person: Person | None = None
    approvers: Approvers | None = None
    level: int | None = None
    text: str = ""


def assignments(policy: EffectivePolicy, events: Iterable[Event] = ()) -> tuple[Assignment, ...]:
    """Everybody who is asked: whom policy and minimum name, then those whom escalation and rerouting brought
    in.
    """
    asked = [Assignment(policy.approvers)]
    if policy.all_of is not None:
        asked.append(Assignment(policy.all_of, Origin.MINIMUM))
    for event in events:
        if event.approvers is not None and event.kind is EventKind.ESCALATED:
            asked.append(Assignment(event.approvers, Origin.ESCALATED))
        elif event.approvers is not None and event.kind is EventKind.REROUTED:
            asked.append(Assignment(event.approvers, Origin.REROUTED, event.person))
    return tuple(asked)


def decisions(events: Iterable[Event]) -> tuple[Decision, ...]:
    """The answers that were given, oldest first."""
    return tuple(
        Decision(event.person, event.kind is EventKind.APPROVED, event.at, event.text)
        for event in events
        if event.kind in (EventKind.APPROVED, EventKind.DENIED) and event.person is not None
    )
