"""What a deployment gives every run: connections, folders, bounds.

Airflow and the command line each fill it in their own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from directory_sync.definition.models import ApprovalPolicy
from directory_sync.definition.templates import BUILT_IN, Templates
from directory_sync.endpoints.contract import Connections
from directory_sync.errors import ConnectionRulesError
from directory_sync.rights.connection_rules import ConnectionRules


@dataclass(frozen=True, slots=True)
class Deployment:
    """The surroundings of a run.

    Attributes:
        connections: finds connections by id.
        data_folder: file endpoints are relative to it and may not leave it.
        script_modules: modules that `script` transformations may come from.
        plan_max_age: a retry goes on with a stored plan only if it is not older.
        lease_duration: how long a lease lives without a sign of life from its holder.
        approval_minimum: the policy that no job's own policy can loosen, or None.
        connection_rules: what collections may do with connections; None without rules. An error if the rules
            cannot be read: it stops what would use a connection, and nothing else.
        administrators: roles whose saved collections may use what the rules name no roles for.
        templates: that saved collections may use.
    """

    connections: Connections
    data_folder: Path
    script_modules: tuple[str, ...] = ()
    plan_max_age: timedelta = timedelta(hours=6)
    lease_duration: timedelta = timedelta(seconds=60)
    approval_minimum: ApprovalPolicy | None = None
    connection_rules: ConnectionRules | ConnectionRulesError | None = None
    administrators: tuple[str, ...] = ()
    templates: Templates = BUILT_IN
