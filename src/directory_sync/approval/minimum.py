"""The deployment's minimum: a policy in the settings that every job's own policy can tighten but never
loosen.
"""

from __future__ import annotations

from directory_sync.approval.policy import EffectivePolicy
from directory_sync.approval.strictest import (
    asked_about,
    circle,
    people_required,
    required,
    shorter,
    shorter_escalation,
    stricter_self_approval,
    stricter_when,
)
from directory_sync.definition.checks.collection import check_names
from directory_sync.definition.documents import parse_tree
from directory_sync.definition.models import ApprovalPolicy
from directory_sync.definition.nodes import Plain, to_data
from directory_sync.definition.places import Places
from directory_sync.definition.problems import printable
from directory_sync.definition.validation import validate
from directory_sync.errors import SettingsError

SETTING = "approval_minimum"


def tighten(minimum: ApprovalPolicy | None, own: ApprovalPolicy | None) -> EffectivePolicy | None:
    """The policy that counts where a deployment has a minimum and a job its own policy; either may be
    missing.

    With a minimum, whatever it demands approval for needs it, nobody decides who may not decide under it, and
    nothing is approved without the people that it requires. Within that, the job's own policy counts in full.
    Key by key:

    * `approvers`: the job's own are asked. The minimum names a circle, its approvers and the people of its
      escalation, and whoever decides must be in it too, also people who are brought in by escalation or
      rerouting. A person may be named here by user name and there by role. A union would let a definition add
      its author's friends; dropping the job's own would ignore what it demands. If nobody is in both, the
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


# -- the setting
# ------------------------------------------------------------------------------------------------------


def parse_minimum(text: str) -> ApprovalPolicy | None:
    """Read the setting `approval_minimum`: YAML or JSON as under `approval:` in a definition; None for an
    empty text or `none`.

    Raises SettingsError. `manager` is refused as a level of escalation: jobs write that very attribute, so
    whoever can change it could make themselves somebody who decides in the whole deployment.
    """
    if text.strip() in ("", "none"):
        return None
    root, problems = parse_tree(text, SETTING)
    if root is None or problems:
        # A tab between values is right in JSON only.
        as_json, json_problems = parse_tree(text, f"{SETTING}.json")
        if as_json is None or json_problems:
            raise _wrong(problems[0].message)
        root = as_json
    plain = to_data(root)
    if wrong := _problems(plain):
        raise _wrong("; ".join(wrong))
    policy = ApprovalPolicy.model_validate(plain)
    if policy.escalation is not None and "manager" in policy.escalation.levels:
        raise _wrong("escalation.levels: a minimum cannot escalate to a manager, name users or roles")
    if impossible := list(check_names(policy, (), Places.none("minimum"))):
        raise _wrong("; ".join(f"{problem.key}: {problem.text}" for problem in impossible))
    users = len(set(policy.approvers.users))
    if not policy.approvers.roles and people_required(policy) > users:
        raise _wrong(
            f"require: needs {policy.require} people, but only {users} may approve, name more users or a role"
        )
    return policy


def _problems(plain: Plain) -> list[str]:
    """What is wrong with the policy, in the words that a definition gets: the collection around it is there
    for them only.
    """
    _, _, problems = validate({"name": "minimum", "approval": plain, "jobs": []}, Places.none("minimum"))
    return [
        f"{key}: {problem.text}"
        if (key := problem.key.removeprefix("approval").lstrip("."))
        else problem.text
        for problem in problems
        if problem.key.startswith("approval")
    ]


def _wrong(what: str) -> SettingsError:
    return SettingsError(
        f"Setting [directory_sync] {SETTING} is no approval policy: {printable(what)}. Write it as under"
        f" approval: in a "
        "definition, for example {approvers: {roles: [Admin]}, changes: [delete]}, or leave it empty. "
        f"It is set in airflow.cfg or by AIRFLOW__DIRECTORY_SYNC__{SETTING.upper()}."
    )
