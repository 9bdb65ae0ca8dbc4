"""Which plans need approval, and how a deployment's minimum tightens a policy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directory_sync.approval.eligibility import may_decide
from directory_sync.approval.minimum import tighten
from directory_sync.approval.people import Assignment, Origin, Person, identity, is_named, same_person
from directory_sync.approval.policy import EffectivePolicy, needs_approval
from directory_sync.approval.quorum import Approved, outcome
from directory_sync.approval.request import Decision, assignments
from directory_sync.definition.models import ApprovalPolicy, Approvers
from directory_sync.endpoints.change import Action
from directory_sync.errors import SettingsError
from directory_sync.plan.model import Plan
from directory_sync.requests.texts import reason_text
from directory_sync.settings.minimum import parse_minimum
from tests.scenarios.examples import examples
from tests.scenarios.policies import (
    NAMES,
    OVER,
    asks,
    change,
    later,
    people,
    plan,
    plans,
    policies,
    policy,
    request_view,
)

NOW = datetime(2026, 11, 22, tzinfo=UTC)


# -- whether a plan needs approval ---------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["always", "manual", "over_limit"])
def test_an_empty_plan_never_needs_approval(when: str) -> None:
    """There is nothing to approve in it."""
    assert not asks(policy(when=when), plan(over=True))


@pytest.mark.parametrize(
    "trigger", ["manual", "terminal", "backfill", "operator_triggered", "asset_triggered", "", "unheard of"]
)
def test_manual_lets_nothing_but_the_schedule_through(trigger: str) -> None:
    """Every trigger needs approval, known or not, only the schedule's own runs go straight through."""
    assert asks(policy(when="manual"), plan(change(Action.UPDATE)), trigger)
    assert not asks(policy(when="manual"), plan(change(Action.UPDATE)), "scheduled")


def test_over_limit_asks_only_beyond_a_limit() -> None:
    """The reason names the limit."""
    given = policy(when="over_limit")
    assert not asks(given, plan(change(Action.DELETE)))
    reason = needs_approval(
        given, plan(change(Action.DELETE), over=True), trigger="scheduled", exceeded=(OVER,)
    )
    assert "60 planned, 50 allowed" in reason_text(reason)


def test_a_waived_limit_is_not_exceeded() -> None:
    """What counts is what the caller says is exceeded, not what the plan's own checks say."""
    assert (
        needs_approval(
            policy(when="over_limit"), plan(change(Action.DELETE), over=True), trigger="manual", exceeded=()
        )
        is None
    )


def test_changes_or_fields_either_is_enough() -> None:
    """A plan with such a change or such a field needs approval, one with neither does not."""
    given = policy(changes=["delete"], fields=["department"])
    assert asks(given, plan(change(Action.UPDATE, "cn"), change(Action.DELETE)))
    assert asks(given, plan(change(Action.UPDATE, "department")))
    assert not asks(given, plan(change(Action.UPDATE, "cn"), change(Action.CREATE, "cn")))


def test_the_reason_says_what_matched() -> None:
    """Kinds and fields, as the policy spells them, and nothing that the plan does not have."""
    given = policy(changes=["create", "delete"], fields=["Department", "mail"])
    reason = needs_approval(given, plan(change(Action.DELETE, "DEPARTMENT")), trigger="manual", exceeded=())
    assert reason is not None
    assert (reason.changes, reason.fields) == (("delete",), ("Department",))
    assert reason_text(reason).endswith("The plan has changes of the kind delete and touches Department.")


def test_fields_are_the_same_in_any_case_and_with_options() -> None:
    """`userCertificate;binary` is userCertificate, and an alias is what the destination says it is."""
    assert asks(policy(fields=["USERCERTIFICATE"]), plan(change(Action.UPDATE, "userCertificate;binary")))
    surname = plan(change(Action.UPDATE, "surname"))
    assert not asks(policy(fields=["sn"]), surname)
    aliases = {"surname": "sn"}
    assert needs_approval(
        policy(fields=["sn"]),
        surname,
        trigger="manual",
        exceeded=(),
        canonical=lambda name: aliases.get(name, name),
    )


def test_a_move_that_changes_fields_is_an_update_too() -> None:
    """A field cannot be changed past a policy for updates by moving the object at the same time."""
    assert asks(policy(changes=["update"]), plan(change(Action.MOVE, "cn")))
    assert asks(policy(changes=["move"]), plan(change(Action.MOVE, "cn")))
    assert not asks(policy(changes=["update"]), plan(change(Action.MOVE)))


def test_an_empty_list_asks_for_everything() -> None:
    """`changes: []` is as if it were not given: in doubt a plan needs approval."""
    assert asks(policy(changes=[], fields=[]), plan(change(Action.UPDATE)))
    assert not asks(policy(changes=[], fields=["mail"]), plan(change(Action.UPDATE, "cn")))


# -- the minimum ---------------------------------------------------------------------------------------------


def tightened(minimum: dict[str, Any], own: dict[str, Any]) -> EffectivePolicy:
    result = tighten(policy(**minimum), policy(**own))
    assert result is not None
    return result


def test_without_a_minimum_the_job_decides() -> None:
    """Its own policy counts unchanged, or none."""
    assert tighten(None, None) is None
    own = policy(
        require=2, expires="2d", escalation={"after": "1d", "levels": ["manager"]}, changes=["delete"]
    )
    result = tighten(None, own)
    assert result is not None
    assert (result.within, result.at_least, result.all_of) == (None, 1, None)
    assert {**result.model_dump(), **own.model_dump()} == result.model_dump()


def test_a_job_without_a_policy_falls_under_the_minimum() -> None:
    """`approval: none` does not get past it."""
    result = tighten(policy(require="all", changes=["delete"]), None)
    assert result is not None
    assert (result.require, result.changes, result.within) == ("all", ["delete"], Approvers(users=["bob"]))


@pytest.mark.parametrize(
    ("key", "minimum", "own", "expected"),
    [
        ("when", "always", "manual", "always"),
        ("when", "manual", "manual", "manual"),
        ("when", "manual", "over_limit", "always"),
        ("require", "any", "any", "any"),
        ("require", 3, 2, 3),
        ("require", "any", 2, 2),
        ("self_approval", "forbid", "auto", "forbid"),
        ("self_approval", "auto", "allow", "allow"),
        ("expires", "2d", "1d", timedelta(days=1)),
        ("expires", "2d", None, timedelta(days=2)),
        ("changes", ["delete"], ["create"], ["delete", "create"]),
        ("changes", ["delete"], None, None),
        ("fields", ["mail"], [], None),
    ],
)
def test_each_key_is_tightened(key: str, minimum: Any, own: Any, expected: Any) -> None:
    """The stricter of the two, and what neither covers alone is covered."""
    assert getattr(tightened({key: minimum}, {key: own}), key) == expected


def test_kinds_of_one_and_fields_of_the_other_both_ask() -> None:
    """What either policy asks about needs approval."""
    result = tightened({"changes": ["delete"]}, {"fields": ["mail"]})
    assert (result.changes, result.fields) == (["delete"], ["mail"])


def test_all_and_a_number_both_count() -> None:
    """`all` of the job's own does not get around the minimum's number, nor the other way round."""
    assert tightened({"require": 3}, {"require": "all"}).at_least == 3
    result = tightened({"require": "all", "approvers": {"users": ["ciso"]}}, {"require": 2})
    assert (result.require, result.all_of) == (2, Approvers(users=["ciso"]))


def test_the_escalation_of_the_minimum_counts_where_the_job_has_none() -> None:
    """Time is the shorter, people are the job's own where it names some."""
    minimum = {
        "escalation": {"after": "1d", "levels": [{"users": ["carol"]}], "default": {"roles": ["Admin"]}}
    }
    result = tightened(minimum, {"escalation": {"after": "2d", "levels": ["manager"]}}).escalation
    assert result is not None
    assert (result.after, result.levels, result.default) == (
        timedelta(days=1),
        ["manager"],
        Approvers(roles=["Admin"]),
    )


def test_a_policy_survives_storage() -> None:
    """A request keeps the policy as JSON."""
    result = tightened(
        {"require": "all", "expires": "1d", "approvers": {"roles": ["Admin"]}},
        {"require": 2, "escalation": {"after": "36h", "levels": ["manager", {"users": ["carol"]}]}},
    )
    assert EffectivePolicy.model_validate(result.model_dump(mode="json")) == result
    assert EffectivePolicy.model_validate_json(result.model_dump_json()) == result


# -- the minimum, for any two policies -----------------------------------------------------------------------


@given(policies, st.none() | policies, plans, st.sampled_from(["manual", "scheduled", "backfill"]))
def test_tightening_never_drops_a_demand_for_approval(
    minimum: ApprovalPolicy, own: ApprovalPolicy | None, what: Plan, trigger: str
) -> None:
    """A plan that the minimum or the job's own policy demands approval for needs it under both together."""
    result = tighten(minimum, own)
    assert result is not None
    for one in (minimum, own):
        if one is not None and asks(one, what, trigger):
            assert asks(result, what, trigger)


@given(policies, st.none() | policies, later, people, st.sampled_from(NAMES))
def test_nobody_decides_who_may_not_under_the_minimum(
    minimum: ApprovalPolicy,
    own: ApprovalPolicy | None,
    added: tuple[Assignment, ...],
    person: Person,
    requester: str,
) -> None:
    """Neither by being named in a definition, nor by escalation or rerouting, nor by having asked."""
    result = tighten(minimum, own)
    assert result is not None
    view = request_view(result, *added, by=requester)
    if may_decide(view, person) is None:
        named = [minimum.approvers]
        if minimum.escalation is not None:
            named += [level for level in minimum.escalation.levels if isinstance(level, Approvers)]
            named += [minimum.escalation.default] if minimum.escalation.default else []
        assert any(is_named(group, person) for group in named)
        assert minimum.self_approval != "forbid" or not same_person(person.name, requester)


@settings(max_examples=examples(200))
@given(
    policies,
    policies,
    later,
    # Nobody answers twice: the store and `may_decide` see to that.
    st.lists(people, max_size=5, unique_by=lambda person: identity(person.name)),
    st.sampled_from(NAMES),
)
def test_what_is_approved_is_approved_under_both(
    minimum: ApprovalPolicy,
    own: ApprovalPolicy,
    added: tuple[Assignment, ...],
    agreed: list[Person],
    requester: str,
) -> None:
    """Whatever is enough for the tightened policy is enough for the minimum and for the job's own policy
    alone.
    """
    result = tighten(minimum, own)
    assert result is not None
    answers = [Decision(person, agreed=True, at=NOW) for person in agreed]
    if not isinstance(
        outcome(result, (*assignments(result), *added), answers, requester=requester), Approved
    ):
        return
    alone = tighten(None, own)
    assert alone is not None
    assert isinstance(outcome(alone, (*assignments(alone), *added), answers, requester=requester), Approved)
    least = tighten(minimum, None)
    assert least is not None
    assert least.within is not None
    circle = (*assignments(least), Assignment(least.within, Origin.REROUTED))
    assert isinstance(outcome(least, circle, answers, requester=requester), Approved)


# -- the setting ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "  \n", "none", " none "])
def test_the_setting_may_be_empty(text: str) -> None:
    """Then there is no minimum."""
    assert parse_minimum(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "approvers: {roles: [Admin]}\nchanges: [delete]\nrequire: 2\n",
        "{approvers: {roles: [Admin]}, changes: [delete], require: 2}",
        '{"approvers": {"roles": ["Admin"]}, "changes": ["delete"], "require": 2}',
        '{\n\t"approvers": {"roles": ["Admin"]},\n\t"changes": ["delete"],\n\t"require": 2\n}',
    ],
    ids=["yaml", "flow", "json", "json with tabs"],
)
def test_the_setting_is_yaml_or_json(text: str) -> None:
    """The same keys as under `approval:` in a definition."""
    assert parse_minimum(text) == policy(approvers={"roles": ["Admin"]}, changes=["delete"], require=2)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("always", "holds a single text"),
        ("[a, b]", "holds a list"),
        ("{approvers: {roles: [Admin]}, chnages: [delete]}", "did you mean changes?"),
        ("{changes: [delete]}", "approvers"),
        ("{approvers: {}}", "approvers: names no one"),
        ("{approvers: {users: ['bob ']}}", "approvers.users[0]: no user can have this name"),
        ("{approvers: {users: [bob]}, require: 0}", "require: expected any, all"),
        ("{approvers: {users: [bob, bob]}, require: 2}", "require: needs 2 people, but only 1"),
        ("{approvers: {users: [bob]}, when: never}", "when: expected"),
        (
            "{approvers: {users: [bob]}, escalation: {after: 1d, levels: [manager]}}",
            "cannot escalate to a manager",
        ),
        ("{approvers: {users: [bob", "approval_minimum"),
        ("approvers: &a {users: [*a]}", "approval_minimum"),
        ("approvers: {users: [b\x1bob]}", "U+001B"),
        ("{approvers: {users: [bob]}, \x1b[31m: 1}", "U+001B"),
    ],
)
def test_a_wrong_setting_is_refused(text: str, says: str) -> None:
    """The error names the setting and the key, and says what would be right."""
    with pytest.raises(SettingsError) as caught:
        parse_minimum(text)
    message = str(caught.value)
    assert message.startswith("Setting [directory_sync] approval_minimum is no approval policy: ")
    assert "AIRFLOW__DIRECTORY_SYNC__APPROVAL_MINIMUM" in message
    assert says in message
    assert message.isprintable()
