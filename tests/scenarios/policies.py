"""Approval policies, plans and people: made by hand, and generated for property tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from directory_sync.approval.people import Assignment, Origin, Person, named
from directory_sync.approval.policy import EffectivePolicy, needs_approval
from directory_sync.approval.request import Decision, Event, EventKind, Request, RequestView
from directory_sync.approval.states import RequestState
from directory_sync.definition.models import ApprovalPolicy, Approvers
from directory_sync.endpoints.change import Action, Change, FieldChange
from directory_sync.plan.model import LimitCheck, Plan, Statistics

OVER = LimitCheck("delete", "", planned=60, base=1000, allowed=50, limit="5%")


def policy(**keys: Any) -> ApprovalPolicy:
    return ApprovalPolicy.model_validate({"approvers": {"users": ["bob"]}, **keys})


def plan(*changes: Change, over: bool = False) -> Plan:
    return Plan(
        "corp", "people", "lab", changes, "", Statistics(), managed=1000, limits=(OVER,) if over else ()
    )


def change(action: Action, *fields: str) -> Change:
    return Change(action, "1", "cn=1", fields=tuple(FieldChange(name, (b"a",), (b"b",)) for name in fields))


def asks(given: ApprovalPolicy, what: Plan, trigger: str = "manual") -> bool:
    return needs_approval(given, what, trigger=trigger, exceeded=what.exceeded) is not None


NOW = datetime(2026, 11, 22, tzinfo=UTC)


def event(
    kind: EventKind,
    at: datetime = NOW,
    person: Person | None = None,
    approvers: Approvers | None = None,
    level: int | None = None,
    text: str = "",
) -> Event:
    """What the store notes of it."""
    data: dict[str, Any] = {"to": [{"kind": each.kind, "name": each.name} for each in named(approvers)]}
    if level is not None:
        data["level"] = level
    if person is not None:
        data |= {"roles": sorted(person.roles), "verified": person.verified}
    return Event(0, kind, "" if person is None else person.name, text, at, data)


def request_view(
    policy: EffectivePolicy,
    *later: Assignment,
    state: RequestState = RequestState.PENDING,
    by: str = "anna",
    decisions: Sequence[Decision] = (),
) -> RequestView:
    """A request under a policy, which these were asked to decide later."""
    happened = {Origin.ESCALATED: EventKind.ESCALATED, Origin.REROUTED: EventKind.REROUTED}
    events = [event(happened[each.origin], NOW, each.by, each.approvers) for each in later]
    request = Request(
        id=1,
        collection="corp",
        job="people",
        run_id="run",
        collection_run_id=1,
        plan_id=1,
        digest="",
        policy=policy.model_dump(mode="json", exclude_none=True),
        waiver=False,
        requester=by,
        requester_verified=True,
        requester_may_decide=False,
        trigger="manual",
        statistics={},
        changes=1,
        state=state,
        filed=NOW,
    )
    return RequestView(request, (), tuple(decisions), tuple(events))


NAMES = ["anna", "bob", "Bob", "carol"]
ROLES = ["Admin", "Approvers"]
groups = st.builds(
    lambda users, roles: Approvers(users=users or ([] if roles else ["anna"]), roles=roles),
    st.lists(st.sampled_from(NAMES), max_size=3),
    st.lists(st.sampled_from(ROLES), max_size=2),
)
FIELDS = ["mail", "MAIL", "cn", "department"]
policies = st.fixed_dictionaries(
    {
        "approvers": groups,
        "when": st.sampled_from(["always", "manual", "over_limit"]),
        "require": st.sampled_from(["any", "all", 1, 2, 3]),
        "self_approval": st.sampled_from(["forbid", "allow", "auto"]),
        "changes": st.none() | st.lists(st.sampled_from([action.value for action in Action]), max_size=3),
        "fields": st.none() | st.lists(st.sampled_from(FIELDS), max_size=2),
        "expires": st.none() | st.timedeltas(timedelta(hours=1), timedelta(days=9)),
        "escalation": st.none()
        | st.fixed_dictionaries(
            {"after": st.just("1d"), "levels": st.lists(groups, max_size=2), "default": st.none() | groups},
        ),
    }
).map(ApprovalPolicy.model_validate)
plans = st.builds(
    lambda changes, over: plan(*changes, over=over),
    st.lists(
        st.builds(
            lambda action, fields: change(action, *fields),
            st.sampled_from(Action),
            st.lists(st.sampled_from(FIELDS)),
        )
    ),
    st.booleans(),
)
people = st.builds(
    Person,
    st.sampled_from([*NAMES, "mallory"]),
    st.frozensets(st.sampled_from([*ROLES, "Viewer"])),
    verified=st.just(True),
)
later = st.lists(
    st.builds(Assignment, groups, st.sampled_from([Origin.ESCALATED, Origin.REROUTED]), st.none() | people),
    max_size=2,
).map(tuple)
