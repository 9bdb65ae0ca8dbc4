"""Requests as the store keeps them, in the words in which this package decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from directory_sync.approval.history import Event, assignments
from directory_sync.approval.people import Decision, Person, RequestView
from directory_sync.approval.policy import SCHEDULED, EffectivePolicy
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import Approvers
from directory_sync.store import request_model as stored
from directory_sync.store.runs import Snapshot


def policy_of(request: stored.Request) -> EffectivePolicy:
    """The policy as it was when the request was filed."""
    return EffectivePolicy.model_validate(dict(request.policy))


def requester_of(asked: stored.Request | Snapshot) -> str:
    """Whom a request is by, as far as that keeps anybody from deciding: the schedule is nobody, whoever may
    have that name.
    """
    return "" if asked.trigger == SCHEDULED else asked.requester


def asker_of(view: stored.RequestView) -> str:
    """Who asked for a waiver; empty for all other requests, which the run itself files."""
    if not view.request.waiver:
        return ""
    return next((event.actor for event in view.events if event.kind is stored.EventKind.FILED), "")


def events_of(view: stored.RequestView) -> tuple[Event, ...]:
    """What has happened to the request, oldest first."""
    return tuple(_event(event) for event in view.events)


def decisions_of(decisions: Iterable[stored.Decision]) -> tuple[Decision, ...]:
    """The answers that were given, oldest first."""
    return tuple(
        Decision(
            Person(each.person, frozenset(each.roles), each.verified), each.approve, each.at, each.reason
        )
        for each in decisions
    )


def for_decision(view: stored.RequestView) -> RequestView:
    """What has to be known of a request to tell who may decide it."""
    policy = policy_of(view.request)
    return RequestView(
        state=RequestState(view.request.state),
        policy=policy,
        requester=requester_of(view.request),
        assignments=assignments(policy, events_of(view)),
        decisions=decisions_of(view.decisions),
        asked_by=asker_of(view),
    )


def named(*groups: Approvers | None) -> tuple[stored.Approver, ...]:
    """Everybody whom these name, as the store asks them."""
    given = [group for group in groups if group is not None]
    return (
        *(stored.Approver("user", user) for group in given for user in group.users),
        *(stored.Approver("role", role) for group in given for role in group.roles),
    )


def _event(event: stored.Event) -> Event:
    data: Mapping[str, Any] = event.data or {}
    person = None
    if event.actor:
        person = Person(event.actor, frozenset(data.get("roles", ())), verified=bool(data.get("verified")))
    return Event(
        kind=event.kind,
        at=event.at,
        person=person,
        approvers=_approvers(data.get("to") or ()),
        level=data.get("level"),
        text=event.text,
    )


def _approvers(names: Sequence[Any]) -> Approvers | None:
    """Whom an event asks; mail addresses, which stand at the same place in the event of a mail, are
    nobody.
    """
    people = [each for each in names if isinstance(each, Mapping)]
    if not people:
        return None
    return Approvers(
        users=[each["name"] for each in people if each["kind"] == "user"],
        roles=[each["name"] for each in people if each["kind"] == "role"],
    )
