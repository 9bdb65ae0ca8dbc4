"""What the portal asks Airflow's auth manager about people who are not there: those who are asked to decide.

SimpleAuthManager and FAB can be asked; of all others nothing is known. Runs in Airflow's API server only, as
`airflow_login`.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import (
    SimpleAuthManager,
    SimpleAuthManagerRole,
)
from airflow.configuration import conf
from airflow.utils.session import create_session
from sqlalchemy import func, select

from directory_sync.approval.people import Approver
from directory_sync.portal.airflow_login import readable
from directory_sync.portal.codes import Known
from directory_sync.portal.standing import UNTOLD, Standing, Standings

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from sqlalchemy.orm import Session

log = logging.getLogger(__name__)

_AUTH_DB = 1
"""FAB keeps users and passwords itself (`AUTH_DB` of Flask-AppBuilder): an approver that it does not know
does not exist.
"""


def standings(approvers: Collection[Approver], dag_id: str) -> Standings:
    """What Airflow knows of each of them. Where it does not answer, nothing is known."""
    manager = get_auth_manager()
    try:
        if isinstance(manager, SimpleAuthManager):
            return _of_simple(manager, approvers, dag_id)
        if type(manager).__module__.startswith("airflow.providers.fab."):
            return _of_fab(manager, approvers, dag_id)
    except Exception:
        # It is a hint for people. A configuration or a version of Airflow that cannot be asked must not cost
        # them the page.
        log.exception("Airflow does not tell who may see %s.", dag_id)
    return dict.fromkeys(approvers, UNTOLD)


def names(most: int) -> tuple[Sequence[str], Sequence[str]]:
    """Names of users who may sign in, and of roles; at most so many of each. None where Airflow does not
    tell.
    """
    manager = get_auth_manager()
    try:
        if isinstance(manager, SimpleAuthManager):
            if conf.getboolean("core", "simple_auth_manager_all_admins"):
                return (), ()
            users = SimpleAuthManager.get_users()
            roles = sorted({str(user.role) for user in users if user.role})
            return sorted(user.username for user in users)[:most], roles[:most]
        if type(manager).__module__.startswith("airflow.providers.fab."):
            from airflow.providers.fab.auth_manager.models import Role, User

            with create_session() as session:
                people = (
                    select(User.username).where(User.active.is_(True)).order_by(User.username).limit(most)
                )
                every = select(Role.name).order_by(Role.name).limit(most)
                return list(session.scalars(people)), list(session.scalars(every))
    except Exception:
        # As for `standings`: it is a hint for people.
        log.exception("Airflow does not tell the names of its users.")
    return (), ()


def _counted(known: Known, people: int, seeing: int, opening: int) -> Standing:
    return Standing(known, people=people, seeing=seeing, opening=opening)


def _similar(name: str, names: Iterable[str]) -> str:
    return next((each for each in names if each != name and each.casefold() == name.casefold()), "")


# -- SimpleAuthManager ---------------------------------------------------------------------------------------


def _of_simple(manager: SimpleAuthManager, approvers: Collection[Approver], dag_id: str) -> Standings:
    if conf.getboolean("core", "simple_auth_manager_all_admins"):
        return dict.fromkeys(approvers, UNTOLD)
    users = SimpleAuthManager.get_users()
    found = {}
    for each in approvers:
        if each.kind == "role":
            meant = [user for user in users if user.role == each.name]
            names = {str(user.role) for user in users} | {role.name.lower() for role in SimpleAuthManagerRole}
        else:
            meant = [user for user in users if user.username == each.name]
            names = {user.username for user in users}
        if not meant and each.name not in names:
            found[each] = Standing(Known.NO, similar=_similar(each.name, sorted(names)))
            continue
        seeing = [user for user in meant if _sees(user, dag_id)]
        opening = [
            user for user in seeing if manager.is_authorized_view(access_view=AccessView.PLUGINS, user=user)
        ]
        found[each] = _counted(Known.YES, len(meant), len(seeing), len(opening))
    return found


def _sees(user: SimpleAuthManagerUser, dag_id: str) -> bool:
    return dag_id in readable(user, [dag_id])


# -- FAB -----------------------------------------------------------------------------------------------------


def _of_fab(manager: Any, approvers: Collection[Approver], dag_id: str) -> Standings:
    from airflow.providers.fab.www.security import permissions

    app = getattr(manager, "flask_app", None)
    own = app is not None and app.config.get("AUTH_TYPE") == _AUTH_DB
    with create_session() as session:
        sight = _roles_that_read(
            session, {permissions.RESOURCE_DAG, permissions.resource_name(dag_id, permissions.RESOURCE_DAG)}
        )
        menu = _roles_that_read(session, {permissions.RESOURCE_PLUGIN})
        found = {}
        for each in approvers:
            roles_of, known = (
                _fab_role(session, each.name) if each.kind == "role" else _fab_user(session, each.name)
            )
            if not known:
                missing = Known.NO if own or each.kind == "role" else Known.NOT_YET
                found[each] = Standing(missing, similar=_fab_similar(session, each))
                continue
            seeing = [roles for roles in roles_of.values() if not roles.isdisjoint(sight)]
            opening = [roles for roles in seeing if not roles.isdisjoint(menu)]
            found[each] = _counted(Known.YES, len(roles_of), len(seeing), len(opening))
    return found


def _roles_that_read(session: Session, resources: set[str]) -> frozenset[int]:
    from airflow.providers.fab.auth_manager.models import Action, Permission, Resource, assoc_permission_role

    query = (
        select(assoc_permission_role.c.role_id)
        .join(Permission, Permission.id == assoc_permission_role.c.permission_view_id)
        .join(Action, Action.id == Permission.action_id)
        .join(Resource, Resource.id == Permission.resource_id)
        .where(Action.name == "can_read", Resource.name.in_(resources))
    )
    return frozenset(session.scalars(query))


def _fab_user(session: Session, name: str) -> tuple[dict[int, set[int]], bool]:
    """The roles of the user, if they may sign in; and whether there is one."""
    from airflow.providers.fab.auth_manager.models import User

    rows = session.execute(select(User.id, User.username, User.active).where(User.username == name)).all()
    exact = [row for row in rows if row.username == name]  # SQLite compares user names without regard to case
    return _roles_of(
        session, select(User.id).where(User.id.in_([row.id for row in exact if row.active]))
    ), bool(exact)


def _fab_role(session: Session, name: str) -> tuple[dict[int, set[int]], bool]:
    """The roles of all who have the role or are in the group and may sign in; and whether there is one.

    Rights come from a user's own roles alone: Airflow's API server does not look at those of a group.
    """
    from airflow.providers.fab.auth_manager.models import Group, Role, User, assoc_user_group, assoc_user_role

    role = session.scalar(select(Role.id).where(Role.name == name))
    group = session.scalar(select(Group.id).where(Group.name == name))
    by_role = select(assoc_user_role.c.user_id).where(assoc_user_role.c.role_id == role)
    by_group = select(assoc_user_group.c.user_id).where(assoc_user_group.c.group_id == group)
    query = select(User.id).where(User.active.is_(True), User.id.in_(by_role.union(by_group)))
    return _roles_of(session, query), role is not None or group is not None


def _roles_of(session: Session, users: Any) -> dict[int, set[int]]:
    from airflow.providers.fab.auth_manager.models import assoc_user_role

    roles: dict[int, set[int]] = defaultdict(set, {id: set() for id in session.scalars(users)})
    query = select(assoc_user_role.c.user_id, assoc_user_role.c.role_id).where(
        assoc_user_role.c.user_id.in_(users)
    )
    for user, role in session.execute(query):
        roles[user].add(role)
    return dict(roles)


def _fab_similar(session: Session, approver: Approver) -> str:
    from airflow.providers.fab.auth_manager.models import Group, Role, User

    columns = (Role.name, Group.name) if approver.kind == "role" else (User.username,)
    names = (
        name
        for column in columns
        for name in session.scalars(select(column).where(func.lower(column) == approver.name.lower()))
    )
    return _similar(approver.name, names)
