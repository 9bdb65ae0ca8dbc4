"""Checks of who may decide: that roles and users of settings and policies exist in Airflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from directory_sync import settings
from directory_sync.definition.models import ApprovalPolicy
from directory_sync.definition.problems import nearest
from directory_sync.doctor.codes import Code
from directory_sync.doctor.examination import Examination
from directory_sync.doctor.findings import CannotTell, Fact, Finding, ok, problem, skipped, warning
from directory_sync.rights.judgement import broken_rules
from directory_sync.rights.reading import read_connection_rules
from directory_sync.rights.words import rule_problems
from directory_sync.settings.minimum import parse_minimum
from directory_sync.settings.reading import read_airflow

_SIMPLE = "SimpleAuthManager"
_FAB = "FabAuthManager"
_SIMPLE_ROLES = ("viewer", "user", "op", "admin")


@dataclass(frozen=True, slots=True)
class Known:
    """Who the auth manager knows.

    Attributes:
        manager: its name.
        roles: role → how many people have it.
        users: user names.
        complete: there are no others; some auth managers learn of a person at the first login.
    """

    manager: str
    roles: Mapping[str, int]
    users: frozenset[str]
    complete: bool

    @property
    def administrators(self) -> str:
        """The role of administrators, as this auth manager spells it."""
        return next((role for role in self.roles if role.lower() == "admin"), "Admin")


def administrators(examination: Examination) -> Iterator[Finding]:
    """Whether the roles of administrators exist and someone has one of them."""
    known = _known(examination)
    roles = settings.administrator_roles()
    existing = [role for role in roles if role in known.roles]
    if not existing:
        facts: dict[str, Fact] = {"known": sorted(known.roles), "right": known.administrators}
        yield problem(Code.NO_ADMINISTRATOR_ROLE, roles=roles, **facts)
    elif not any(known.roles[role] for role in existing):
        yield (problem if known.complete else warning)(Code.NO_ADMINISTRATOR, roles=existing)
    else:
        count = max(known.roles[role] for role in existing)
        yield ok(Code.ADMINISTRATORS_FOUND, roles=existing, count=count)


def editors(examination: Examination) -> Iterator[Finding]:
    """Whether someone may create collections in the portal."""
    roles = settings.collection_roles()
    if not roles:
        return  # the administrators' roles then, which have a check of their own
    known = _known(examination)
    count = max((known.roles.get(role, 0) for role in roles), default=0)
    if count:
        yield ok(Code.EDITORS_FOUND, roles=roles, count=count)
    else:
        yield (problem if known.complete else warning)(
            Code.NO_EDITOR_ROLE, roles=roles, known=sorted(known.roles), right=known.administrators
        )


def rules(examination: Examination) -> Iterator[Finding]:
    """Whether each collection keeps the rules of connections."""
    file = settings.connection_rules()
    if file is None:
        yield skipped(Code.NO_RULES)
        return
    found = read_connection_rules(file)
    administrators = settings.administrator_roles()
    kept = 0
    for each in examination.usable():
        version, loaded = each.version, each.loaded
        roles = None if version is None else version.roles if version.verified else ()
        broken = broken_rules(loaded.collection, found, roles, administrators)
        if broken:
            details = [str(one) for one in rule_problems(broken, loaded.places)]
            yield problem(Code.RULE_BROKEN, where=loaded.origin, file=str(file), details=details)
        else:
            kept += 1
    yield ok(Code.RULES_KEPT, count=kept, file=str(file))


def addresses(examination: Examination) -> Iterator[Finding]:
    """Whether the roles that mail addresses are given for exist."""
    known = _known(examination)
    for role in settings.role_addresses():
        if role not in known.roles:
            yield warning(
                Code.ADDRESS_OF_NO_ROLE,
                role=role,
                near=nearest(role, known.roles) or "",
                known=sorted(known.roles),
            )


def approvers(examination: Examination) -> Iterator[Finding]:
    """Whether someone could decide the requests of each policy."""
    known = _known(examination)
    found = 0
    for where, policy in _policies(examination):
        yield from _unknown(where, policy, known)
        yield from _undecidable(where, policy, known)
        found += 1
    yield ok(Code.POLICIES_READ, count=found)


def _undecidable(where: str, policy: ApprovalPolicy, known: Known) -> Iterator[Finding]:
    roles, users = policy.approvers.roles, policy.approvers.users
    able = sum(known.roles.get(role, 0) for role in roles) + sum(user in known.users for user in users)
    needed = policy.require if isinstance(policy.require, int) else 1
    facts: dict[str, Fact] = {"where": where, "roles": roles, "users": users, "needed": needed, "able": able}
    if not (set(roles) <= set(known.roles) and set(users) <= known.users):
        return  # who is unknown is told by name
    if able == 0:
        yield (problem if known.complete else warning)(Code.NO_APPROVER, **facts)
    elif able < needed:
        yield (problem if known.complete else warning)(Code.TOO_FEW_APPROVERS, **facts)


def _unknown(where: str, policy: ApprovalPolicy, known: Known) -> Iterator[Finding]:
    groups = [policy.approvers]
    if policy.escalation is not None:
        groups += [level for level in policy.escalation.levels if not isinstance(level, str)]
        groups += [policy.escalation.default] if policy.escalation.default is not None else []
    for role in sorted({role for group in groups for role in group.roles} - set(known.roles)):
        near = nearest(role, known.roles) or ""
        yield problem(Code.APPROVING_ROLE_UNKNOWN, where=where, role=role, near=near, manager=known.manager)
    for user in sorted({user for group in groups for user in group.users} - known.users):
        near = nearest(user, known.users) or ""
        yield (problem if known.complete else warning)(
            Code.APPROVING_USER_UNKNOWN, where=where, user=user, near=near, manager=known.manager
        )


def _policies(examination: Examination) -> Iterator[tuple[str, ApprovalPolicy]]:
    minimum = parse_minimum(settings.approval_minimum())
    if minimum is not None:
        yield "setting approval_minimum", minimum
    for each in examination.usable():
        loaded, collection = each.loaded, each.loaded.collection
        if isinstance(collection.approval, ApprovalPolicy):
            yield f"{loaded.origin}: approval", collection.approval
        for job in collection.enabled_jobs:
            if isinstance(job.approval, ApprovalPolicy):
                yield f"{loaded.origin}: job {job.name}, approval", job.approval


def _known(examination: Examination) -> Known:
    """Who Airflow knows. Raises CannotTell."""
    manager = read_airflow("core", "auth_manager").rpartition(".")[2] or _SIMPLE
    if manager == _SIMPLE:
        return _simple()
    if manager == _FAB:
        people = examination.metadata().people
        if people is None:
            raise CannotTell(Code.NO_USERS_HERE)
        return Known(manager, people.roles, people.users, complete=False)
    raise CannotTell(Code.AUTH_MANAGER_UNTOLD, manager=manager)


def _simple() -> Known:
    if read_airflow("core", "simple_auth_manager_all_admins").lower() in {"true", "1", "t", "y", "yes"}:
        raise CannotTell(Code.ALL_ARE_ADMINISTRATORS)
    users: dict[str, str] = {}
    for part in (read_airflow("core", "simple_auth_manager_users") or "admin:admin").split(","):
        name, _, role = part.strip().partition(":")
        if name and role:
            users[name.strip()] = role.strip()
    roles = {role: sum(each == role for each in users.values()) for role in {*_SIMPLE_ROLES, *users.values()}}
    return Known(_SIMPLE, roles, frozenset(users), complete=True)
