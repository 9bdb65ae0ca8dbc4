"""The deployment's minimum: a policy in the settings that every job's own policy can tighten but never
loosen.
"""

from __future__ import annotations

from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.strictest import (
    asked_about,
    circle,
    required,
    shorter,
    shorter_escalation,
    stricter_self_approval,
    stricter_when,
)
from directory_sync.definition.models import ApprovalPolicy


def tighten(minimum: ApprovalPolicy | None, own: ApprovalPolicy | None) -> EffectivePolicy | None:
    """The policy that counts where a deployment has a minimum and a job its own policy; either may be
    missing.

    With a minimum, whatever it demands approval for needs it, no one decides who may not decide under it, and
    nothing is approved without the people that it requires. Within that, the job's own policy counts in full.
    Key by key:

    * `approvers`: the job's own are asked. The minimum names a circle, its approvers and the people of its
      escalation, and a person who decides must be in it too, also people who are brought in by escalation or
      rerouting. A person may be named here by user name and there by role. A union would let a definition add
      its author's friends; dropping the job's own would ignore what it demands. If no one is in both, the
      request waits, and says why.
    * `when`: the same, or `always` where they differ, because neither `manual` nor `over_limit` covers the
      other.
    * `changes`, `fields`: what either asks about needs approval; if one of the two asks about everything,
      everything does.
    * `require`: the larger number. `all` of the job's own goes together with the minimum's number; where the
      minimum says `all`, each of its people is asked and must agree in person, besides what the job requires.
    * `self_approval`: `forbid` before `allow` before `auto`.
    * `expires`: the shorter time.
    * `escalation`: the shorter time; the job's own levels and default, where it has none the minimum's.
    """
    if minimum is None:
        return None if own is None else EffectivePolicy.model_validate(_content(own))
    trusted = circle(minimum)
    if own is None:
        return EffectivePolicy.model_validate({**_content(minimum), "within": trusted})
    changes, fields = asked_about(minimum, own)
    at_least, require = required(minimum, own)
    return EffectivePolicy(
        approvers=own.approvers,
        when=stricter_when(minimum, own),
        changes=changes,
        fields=fields,
        require=require,
        self_approval=stricter_self_approval(minimum, own),
        escalation=shorter_escalation(minimum.escalation, own.escalation),
        expires=shorter(minimum.expires, own.expires),
        within=trusted,
        at_least=at_least,
        all_of=minimum.approvers if minimum.require == "all" else None,
    )


def _content(policy: ApprovalPolicy) -> dict[str, object]:
    return {name: getattr(policy, name) for name in ApprovalPolicy.model_fields}
