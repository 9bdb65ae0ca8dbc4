"""Two policies as one that asks for at least as much as each of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Literal

from directory_sync.approval.policy import EffectivePolicy
from directory_sync.definition.models import ApprovalPolicy, Approvers, Escalation

When = Literal["always", "manual", "over_limit"]
SelfApproval = Literal["forbid", "allow", "auto"]

_STRICTEST_FIRST: tuple[SelfApproval, ...] = ("forbid", "allow", "auto")


def strictest(own: EffectivePolicy | None, other: EffectivePolicy | None) -> EffectivePolicy | None:
    """The policy that counts where a job's policy was changed after its run had begun; either may be missing.

    Whatever one of the two demands approval for needs it, no one decides who may not decide under both, and
    nothing is approved without the people that each requires. The rules are those of `minimum.tighten`, with
    one of the two as the minimum. If both ask the same people, those may reroute and escalate as ever; if
    not, the person who decides must be named by both.

    Args:
        own: what the definition says now; its approvers are asked.
        other: what it said when the run began.
    """
    if own is None or other is None or own == other:
        return own or other
    changes, fields = asked_about(other, own)
    at_least, require = required(other, own)
    same_people = own.approvers == other.approvers and _chain(own) == _chain(other)
    circles = [
        *(own.also_within or ()),
        *(other.also_within or ()),
        *([] if same_people else [circle(own), circle(other)]),
        *([other.within] if other.within is not None and other.within != own.within else []),
    ]
    # Under `all` of both, asked of the same people, another person may stand in under each.
    all_others = other.require == "all" and not (same_people and own.require == "all")
    in_person = [each for each in (own.all_of, other.all_of, other.approvers if all_others else None) if each]
    return EffectivePolicy(
        approvers=own.approvers,
        when=stricter_when(other, own),
        changes=changes,
        fields=fields,
        require=require,
        self_approval=stricter_self_approval(other, own),
        escalation=shorter_escalation(other.escalation, own.escalation),
        expires=shorter(other.expires, own.expires),
        within=own.within,
        also_within=circles or None,
        at_least=max(at_least, own.at_least, other.at_least),
        all_of=_together(in_person) if in_person else None,
    )


def circle(minimum: ApprovalPolicy) -> Approvers:
    """All people that a policy trusts to decide, at once or later."""
    named = [minimum.approvers]
    if minimum.escalation is not None:
        named.extend(level for level in minimum.escalation.levels if isinstance(level, Approvers))
        named.extend([minimum.escalation.default] if minimum.escalation.default else [])
    return _together(named)


def asked_about(one: ApprovalPolicy, other: ApprovalPolicy) -> tuple[list[str] | None, list[str] | None]:
    """The kinds of change and the fields that either asks about; None where one asks about everything."""
    if not all(policy.changes or policy.fields for policy in (one, other)):
        return None, None
    changes = _union(policy.changes or () for policy in (one, other))
    fields = _union(policy.fields or () for policy in (one, other))
    return changes or None, fields or None


def required(minimum: ApprovalPolicy, own: ApprovalPolicy) -> tuple[int, str | int]:
    """How many people in any case, and what is required of the job's own approvers."""
    least = people_required(minimum)
    if own.require == "all":
        return least, "all"
    larger = max(least, people_required(own))
    return 1, "any" if larger == 1 else larger


def people_required(policy: ApprovalPolicy) -> int:
    """The number of distinct people that `require` asks for; 1 for `any` and `all`."""
    return policy.require if isinstance(policy.require, int) else 1


def stricter_when(one: ApprovalPolicy, other: ApprovalPolicy) -> When:
    """The same, or `always`: neither `manual` nor `over_limit` covers the other."""
    return one.when if one.when == other.when else "always"


def stricter_self_approval(one: ApprovalPolicy, other: ApprovalPolicy) -> SelfApproval:
    """`forbid` before `allow` before `auto`."""
    return min(one.self_approval, other.self_approval, key=_STRICTEST_FIRST.index)


def shorter_escalation(minimum: Escalation | None, own: Escalation | None) -> Escalation | None:
    """The shorter time; own levels and default, where there are none the minimum's."""
    if minimum is None or own is None:
        return minimum or own
    return Escalation(
        after=min(minimum.after, own.after),
        levels=own.levels or minimum.levels,
        default=own.default or minimum.default,
    )


def shorter(one: timedelta | None, other: timedelta | None) -> timedelta | None:
    """The shorter of two times, either of which may be missing."""
    given = [time for time in (one, other) if time is not None]
    return min(given) if given else None


def _chain(policy: ApprovalPolicy) -> tuple[object, ...]:
    """The people that escalation asks, in order."""
    return (*policy.escalation.levels, policy.escalation.default) if policy.escalation else ()


def _together(groups: Iterable[Approvers]) -> Approvers:
    named = list(groups)
    return Approvers(
        users=_union(group.users for group in named), roles=_union(group.roles for group in named)
    )


def _union(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for names in lists for name in names))
