"""What a terminal gives a run: settings, connections from the environment, and who sits in front of it."""

from __future__ import annotations

import os
import pwd
import secrets
import socket
from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime

from directory_sync import settings
from directory_sync.cli.connections import EnvironmentConnections
from directory_sync.cli.exit_status import UsageError
from directory_sync.definition.templates import FolderTemplates
from directory_sync.rights.reading import rules_or_error
from directory_sync.run.deployment import Deployment
from directory_sync.settings.minimum import parse_minimum


def terminal_deployment(arguments: Namespace) -> Deployment:
    """Return what the settings say, with what the arguments say instead. Raises SettingsError, UsageError."""
    deployment = Deployment(
        connections=EnvironmentConnections(),
        data_folder=settings.data_folder(),
        script_modules=settings.script_modules(),
        plan_max_age=settings.plan_max_age(),
        lease_duration=settings.lease_duration(),
        approval_minimum=parse_minimum(settings.approval_minimum()),
        connection_rules=rules_or_error(settings.connection_rules()),
        administrators=settings.administrator_roles(),
        templates=FolderTemplates(settings.deployment_templates_folder()),
    )
    if arguments.data_folder is None:
        return deployment
    if not arguments.data_folder.is_dir():
        raise UsageError(f"--data-folder: there is no folder {arguments.data_folder}.")
    return replace(deployment, data_folder=arguments.data_folder)


def operating_system_user() -> str:
    """Name of the user who started this process, by its real user id: environment variables can say
    anything.
    """
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


def new_run_id() -> str:
    """An id for a run from a terminal; no two are the same."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return f"terminal__{now}_{secrets.token_hex(4)}"


def holder() -> str:
    """How others are told who holds a lease."""
    return f"directory-sync run by {operating_system_user()} on {socket.gethostname()}, process {os.getpid()}"
