"""Whether a plan needs approval under a policy, and why.

How a deployment's minimum tightens a policy stands in `minimum`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import Field

from directory_sync.definition.models import ApprovalPolicy, Approvers
from directory_sync.endpoints.change import Action, Change
from directory_sync.plan.model import LimitCheck, Plan

SCHEDULED = "scheduled"
"""The trigger of runs that the schedule started, as Airflow names it.

Every other one, known or not, counts as by hand.
"""


EDITED = "edited"
"""Stands for the trigger of a scheduled run whose job was never applied as it is defined now: it counts
as by hand.
"""


def starter(trigger: str, requester: str) -> str:
    """The person who started a run, for checks of self-approval; empty for scheduled runs."""
    return "" if trigger == SCHEDULED else requester


class EffectivePolicy(ApprovalPolicy):
    """The policy that counts for a job: its own, tightened by the deployment's minimum.

    A request keeps a copy of it.
    """

    within: Approvers | None = Field(
        None, description="Only these may decide, however others were named. None: no such bound."
    )
    also_within: list[Approvers] | None = Field(
        None,
        description=(
            "The same, where the policy was changed during a run: only people who are in each of these may"
            " decide."
        ),
    )
    at_least: int = Field(1, ge=1, description="So many distinct people must agree in any case.")
    all_of: Approvers | None = Field(
        None,
        description=(
            "Each of these users, and one person of each of these roles, must agree in any case; no one"
            " can stand in for them."
        ),
    )


class WhyAsked(StrEnum):
    """Which rule of a policy's `when` holds."""

    ALWAYS = "always"
    BY_HAND = "by_hand"
    """The schedule did not start the run."""
    EDITED = "edited"
    """The schedule started the run, but the job was never applied as it is defined now."""
    OVER_LIMIT = "over_limit"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a plan needs approval.

    Attributes:
        rule: which rule of the policy's `when` holds.
        exceeded: for `over_limit` the limits that the plan goes past; empty otherwise.
        changes: the kinds of change that the policy asks about and the plan has; empty where it does not ask.
        fields: the same for fields, as the policy spells them.
    """

    rule: WhyAsked
    exceeded: tuple[LimitCheck, ...] = ()
    changes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()


def needs_approval(
    policy: ApprovalPolicy,
    plan: Plan,
    *,
    trigger: str,
    exceeded: Sequence[LimitCheck],
    canonical: Callable[[str], str] = str,
) -> Reason | None:
    """Say why the plan needs approval under the policy; None if it does not.

    An empty plan needs none. `when` has to hold, and where `changes` or `fields` are given, one of the two
    has to match; an empty list is as if it were not given, so that it asks for more approvals and not for
    none.

    Args:
        trigger: what started the run, as in `RunIdentity`, or `EDITED`; only `scheduled` passes a policy with
            `when: manual`.
        exceeded: the limits that the plan goes past and that are not waived.
        canonical: the destination's own spelling of a field, so that an alias (`surname` for `sn`) is the
            same field.
    """
    if not len(plan.changes):
        return None
    rule = _rule(policy, trigger, exceeded)
    if rule is None:
        return None
    reason = Reason(rule, tuple(exceeded) if rule is WhyAsked.OVER_LIMIT else ())
    if not (policy.changes or policy.fields):
        return reason
    changes, fields = _matches(policy, plan.changes, canonical)
    return replace(reason, changes=changes, fields=fields) if changes or fields else None


def kinds_of(change: Change) -> frozenset[Action]:
    """The kinds that a change counts as: a move that also changes fields is an update too."""
    if change.action is Action.MOVE and change.fields:
        return frozenset({Action.MOVE, Action.UPDATE})
    return frozenset({change.action})


def _rule(policy: ApprovalPolicy, trigger: str, exceeded: Sequence[LimitCheck]) -> WhyAsked | None:
    match policy.when:
        case "always":
            return WhyAsked.ALWAYS
        case "manual" if trigger == EDITED:
            return WhyAsked.EDITED
        case "manual":
            return None if trigger == SCHEDULED else WhyAsked.BY_HAND
        case "over_limit":
            return WhyAsked.OVER_LIMIT if exceeded else None


def _matches(
    policy: ApprovalPolicy, changes: Iterable[Change], canonical: Callable[[str], str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the policy asks about and the plan has: kinds and fields, in the policy's order and spelling."""
    kinds = {Action(kind) for kind in policy.changes or ()}
    fields = {field: _forms(field, canonical) for field in policy.fields or ()}
    found_kinds: set[Action] = set()
    found_fields: set[str] = set()
    forms: dict[str, frozenset[str]] = {}
    for change in changes:
        found_kinds |= kinds_of(change) & kinds
        for name in {field.field for field in change.fields}:
            if name not in forms:
                forms[name] = _forms(name, canonical)
                found_fields.update(
                    field for field, wanted in fields.items() if not wanted.isdisjoint(forms[name])
                )
        if len(found_kinds) == len(kinds) and len(found_fields) == len(fields):
            break
    return (
        tuple(dict.fromkeys(kind for kind in policy.changes or () if Action(kind) in found_kinds)),
        tuple(field for field in fields if field in found_fields),
    )


def _forms(field: str, canonical: Callable[[str], str]) -> frozenset[str]:
    """What a field answers to, in small letters: with and without options (RFC 4512, section 2.5), its alias
    resolved.
    """
    bare = field.partition(";")[0]
    return frozenset(name.casefold() for name in (field, bare, canonical(field), canonical(bare)))
