"""What the portal asks Airflow about users: who is logged in, what roles they have, which DAGs they may see
and run.

This module and `airflow_runs` are the only ones of the portal that know Airflow; they run in its API server
only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Annotated, Any
from urllib.parse import urlsplit

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from airflow.configuration import conf
from airflow.models.dag import DagModel
from fastapi import Depends

LoggedInUser = Annotated[BaseUser, Depends(get_user)]
"""Dependency: the user of the token or the cookie; 401 without one, 403 for one that is not valid."""


def roles_of(user: BaseUser) -> frozenset[str]:
    """The names of the user's roles and groups, as far as the auth manager tells them."""
    if isinstance(user, SimpleAuthManagerUser):
        return frozenset([user.role] if user.role else [])
    if type(user).__module__.startswith("airflow.providers.fab."):
        return frozenset(role.name for role in user.roles) | _fab_groups(user)  # type: ignore[attr-defined]
    return frozenset()


def is_checked(user: BaseUser) -> bool:
    """Whether someone has checked who the user is: not where all_users is let in without a password."""
    if getattr(user, "is_anonymous", False):
        return False
    all_users = isinstance(get_auth_manager(), SimpleAuthManager) and conf.getboolean(
        "core", "simple_auth_manager_all_admins"
    )
    return not all_users


def readable(user: BaseUser, dag_ids: Collection[str]) -> frozenset[str]:
    """Those of the DAGs that the user may see.

    A DAG that Airflow does not know (any more) is judged by its name alone.
    """
    by_team: dict[str | None, set[str]] = defaultdict(set)
    for dag_id, team in _teams(dag_ids).items():
        by_team[team].add(dag_id)
    manager: Any = get_auth_manager()
    return frozenset(
        dag_id
        for team, ids in by_team.items()
        for dag_id in manager.filter_authorized_dag_ids(dag_ids=ids, user=user, method="GET", team_name=team)
    )


def may_start(user: BaseUser, dag_id: str) -> bool:
    """Whether the user may start runs of the DAG."""
    details = DagDetails(id=dag_id, team_name=_teams([dag_id])[dag_id])
    manager: Any = get_auth_manager()
    return bool(
        manager.is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )


def may_switch(user: BaseUser, dag_id: str) -> bool:
    """Whether the user may switch the DAG on and off, as Airflow's own page of it asks."""
    details = DagDetails(id=dag_id, team_name=_teams([dag_id])[dag_id])
    manager: Any = get_auth_manager()
    return bool(manager.is_authorized_dag(method="PUT", details=details, user=user))


def may_read_logs(user: BaseUser, dag_id: str) -> bool:
    """Whether the user may read the logs of the DAG's tasks, as Airflow's own page of a log asks."""
    details = DagDetails(id=dag_id, team_name=_teams([dag_id])[dag_id])
    manager: Any = get_auth_manager()
    return bool(
        manager.is_authorized_dag(
            method="GET", access_entity=DagAccessEntity.TASK_LOGS, details=details, user=user
        )
    )


def base_url() -> str:
    """Airflow's address as people reach it, without a slash at the end; empty if the setting `[api] base_url`
    is.
    """
    return str(conf.get("api", "base_url", fallback="") or "").rstrip("/")


def base_path() -> str:
    """The path that Airflow lives below, without a slash at the end; empty if it has its host for itself."""
    path = urlsplit(base_url()).path.strip("/")
    return f"/{path}" if path else ""


def _teams(dag_ids: Collection[str]) -> dict[str, str | None]:
    """DAG → its team, in a deployment that has teams."""
    teams: dict[str, str | None] = dict.fromkeys(dag_ids)
    if dag_ids and conf.getboolean("core", "multi_team", fallback=False):
        teams.update(DagModel.get_dag_id_to_team_name_mapping(list(dag_ids)))
    return teams


def _fab_groups(user: Any) -> frozenset[str]:
    """The groups of a FAB user.

    Asked of the database, because the user is detached from the session that has read it.
    """
    if getattr(user, "is_anonymous", False):
        return frozenset()
    from airflow.providers.fab.auth_manager.models import Group, assoc_user_group
    from airflow.utils.session import create_session
    from sqlalchemy import select

    query = select(Group.name).join(assoc_user_group, assoc_user_group.c.group_id == Group.id)
    with create_session() as session:
        return frozenset(session.scalars(query.where(assoc_user_group.c.user_id == user.id)))
