"""The setting `approval_minimum`, an approval policy in YAML or JSON as under `approval:` in a definition."""

from __future__ import annotations

from directory_sync.definition.checks.collection import check_names
from directory_sync.definition.documents import parse_tree
from directory_sync.definition.models import ApprovalPolicy
from directory_sync.definition.nodes import Plain, to_data
from directory_sync.definition.places import Places
from directory_sync.definition.problems import printable
from directory_sync.definition.validation import validate
from directory_sync.errors import SettingsError

SETTING = "approval_minimum"


def parse_minimum(text: str) -> ApprovalPolicy | None:
    """Read the setting `approval_minimum`: YAML or JSON as under `approval:` in a definition; None for an
    empty text or `none`.

    Raises SettingsError. `manager` is refused as a level of escalation: jobs write that very attribute, so
    anyone who can change it could make themselves someone who decides in the whole deployment.
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
    needed = policy.require if isinstance(policy.require, int) else 1
    if not policy.approvers.roles and needed > users:
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
        " approval: in a "
        "definition, for example {approvers: {roles: [Admin]}, changes: [delete]}, or leave it empty. "
        f"It is set in airflow.cfg or by AIRFLOW__DIRECTORY_SYNC__{SETTING.upper()}."
    )
