"""Words for findings about who may decide and edit."""

from __future__ import annotations

from collections.abc import Mapping

from directory_sync.doctor.codes import Code
from directory_sync.doctor.wording.words import Words, words

WORDS: Mapping[Code, Words] = {
    Code.ADMINISTRATORS_FOUND: words("Administrators by the roles {roles}: {count}."),
    Code.NO_ADMINISTRATOR_ROLE: words(
        "None of the roles in administrator_roles exists ({roles}), so no one sees all requests or can"
        " waive a limit.",
        "Name one of Airflow's roles ({known}):",
        "[directory_sync]",
        "administrator_roles = {right}",
    ),
    Code.NO_ADMINISTRATOR: words(
        "No one has a role of administrator_roles ({roles}), so no one sees all requests or can waive a"
        " limit.",
        "Give the role to someone, or name another role in administrator_roles.",
    ),
    Code.EDITORS_FOUND: words("People who may save collections, by the roles {roles}: {count}."),
    Code.NO_EDITOR_ROLE: words(
        "No one has a role of collection_roles ({roles}), so only owners may save collections, and no one can"
        " create one.",
        "Name one of Airflow's roles ({known}), or leave it empty for the administrators' roles:",
        "[directory_sync]",
        "collection_roles = {right}",
    ),
    Code.NO_RULES: words(
        "There are no rules of connections (connection_rules): only administrators choose connections of"
        " saved collections."
    ),
    Code.RULES_KEPT: words("Collections that keep the rules of connections in {file}: {count}."),
    Code.RULE_BROKEN: words(
        "{where} breaks the rules of connections in {file}, so it does not run.",
        "Correct the collection or the rules.",
    ),
    Code.ADDRESS_OF_NO_ROLE: words(
        "role_addresses names the role {role}, which Airflow does not have.{near: Did you mean @?}",
        "Correct it in role_addresses. The roles are {known}.",
    ),
    Code.POLICIES_READ: words("Approval policies looked at: {count}."),
    Code.NO_APPROVER: words(
        "{where}: no one could approve{roles:; roles: @}{users:; users: @}.",
        "Give one of the roles to someone, or name others under approvers. Until then requests stay pending.",
    ),
    Code.TOO_FEW_APPROVERS: words(
        "{where}: {needed} people must agree, but only {able} could.",
        "Give the role to more people, or lower require.",
    ),
    Code.APPROVING_ROLE_UNKNOWN: words(
        "{where}: Airflow ({manager}) has no role {role}.{near: Did you mean @?}",
        "Correct the name, or create the role.",
    ),
    Code.APPROVING_USER_UNKNOWN: words(
        "{where}: Airflow ({manager}) knows no user {user}.{near: Did you mean @?}",
        "Correct the name, or add the user to Airflow. Where people log in elsewhere, they are known"
        " after their first login.",
    ),
    Code.NO_USERS_HERE: words("Roles were not checked: Airflow's database holds no users and roles of FAB."),
    Code.AUTH_MANAGER_UNTOLD: words("Roles were not checked: {manager} cannot be asked for them."),
    Code.ALL_ARE_ADMINISTRATORS: words(
        "Roles were not checked: with [core] simple_auth_manager_all_admins everyone is an administrator."
    ),
}
