"""Who sends a request, as approval policies know people: user name, roles and groups from Airflow's auth
manager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from directory_sync import settings
from directory_sync.approval.people import Person
from directory_sync.portal import airflow_login

if TYPE_CHECKING:
    from airflow.api_fastapi.auth.managers.models.base_user import BaseUser


def person_of(user: BaseUser) -> Person:
    """The user as a person who acts.

    Roles are those of SimpleAuthManager (one) or FAB (roles and groups); other auth managers tell no roles,
    so that their users can be named as approvers, but not by role. A user that no one has checked is not
    verified: they can look, but not decide.
    """
    name = user.get_name() or ""
    return Person(name, airflow_login.roles_of(user), verified=bool(name) and airflow_login.is_checked(user))


def is_administrator(person: Person) -> bool:
    """Whether the person has one of the setting's `administrator_roles`. Raises SettingsError."""
    return not person.roles.isdisjoint(settings.administrator_roles())
