"""Approval policies, plans and people: made by hand, and generated for property tests."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from directory_sync.approval.people import Assignment, Origin, Person
from directory_sync.approval.policy import needs_approval
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
