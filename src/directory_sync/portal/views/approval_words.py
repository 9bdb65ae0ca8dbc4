"""An approval policy in a few words."""

from __future__ import annotations

from directory_sync.definition.approval import ApprovalPolicy

_WHEN = {"always": "always", "manual": "runs by hand", "over_limit": "past a limit"}


def approval_words(policy: ApprovalPolicy | None) -> str:
    """Who has to agree, and when: `always: ida, role Approvers (2 of them)`."""
    if policy is None:
        return "none"
    named = [*policy.approvers.users, *(f"role {role}" for role in policy.approvers.roles)]
    many = "" if policy.require == "any" else f" ({policy.require} of them)"
    return f"{_WHEN[policy.when]}: {', '.join(named)}{many}"
