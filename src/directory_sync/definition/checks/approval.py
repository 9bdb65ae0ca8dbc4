"""Checks of an approval policy: that somebody can decide, and that what it names exists."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from directory_sync.definition.approval import impossible_name
from directory_sync.definition.models import ApprovalPolicy, Approvers
from directory_sync.definition.nodes import Path
from directory_sync.definition.places import Places
from directory_sync.definition.problems import Problem, suggest


def check_policy(
    policy: ApprovalPolicy, path: Path, fields: Collection[str], places: Places
) -> Iterator[Problem]:
    """Check a policy; `fields` are the destination fields of the jobs that it counts for."""
    people = set(policy.approvers.users)
    if isinstance(policy.require, int) and not policy.approvers.roles and policy.require > len(people):
        yield places.problem(
            (*path, "require"),
            f"needs {policy.require} people, but only {len(people)} may approve",
            f"name more users or a role, or require at most {len(people)}",
        )
    known = {name.lower() for name in fields}
    for index, name in enumerate(policy.fields or ()):
        if name.lower() not in known:
            hint = suggest(name, fields) or "name a field that the job writes"
            yield places.problem(
                (*path, "fields", index), f"no job under this policy writes the field {name}", hint
            )
    yield from check_names(policy, path, places)
    if policy.escalation is None:
        return
    if not policy.escalation.levels and policy.escalation.default is None:
        yield places.problem(
            (*path, "escalation"), "names nobody to ask next", "give levels, default, or both", at_key=True
        )
    if policy.expires and policy.expires <= policy.escalation.after:
        yield places.problem(
            (*path, "expires"),
            "the request ends before it would be escalated",
            "give a longer time than escalation's after",
            severity="warning",
        )


def check_names(policy: ApprovalPolicy, path: Path, places: Places) -> Iterator[Problem]:
    """Check that everyone named by the policy can exist."""
    groups: list[tuple[Path, Approvers]] = [((*path, "approvers"), policy.approvers)]
    if policy.escalation is not None:
        levels = enumerate(policy.escalation.levels)
        groups += [
            ((*path, "escalation", "levels", i), level) for i, level in levels if isinstance(level, Approvers)
        ]
        if policy.escalation.default is not None:
            groups.append(((*path, "escalation", "default"), policy.escalation.default))
    for place, group in groups:
        for kind, names in (("users", group.users), ("roles", group.roles)):
            for index, name in enumerate(names):
                if wrong := impossible_name(name):
                    hint = "write the name as Airflow shows it"
                    yield places.problem(
                        (*place, kind, index), f"no {kind[:-1]} can have this name: it {wrong}", hint
                    )
