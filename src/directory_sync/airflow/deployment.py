"""What Airflow gives every run: its connections, and the settings of this deployment."""

from __future__ import annotations

from directory_sync import settings
from directory_sync.airflow.catalogue import templates_of_deployment
from directory_sync.airflow.connections import AirflowConnections
from directory_sync.rights.reading import rules_or_error
from directory_sync.run.deployment import Deployment
from directory_sync.settings.minimum import parse_minimum


def deployment() -> Deployment:
    """Read the settings. Raises SettingsError for one that cannot be used."""
    return Deployment(
        connections=AirflowConnections(),
        data_folder=settings.data_folder(),
        script_modules=settings.script_modules(),
        plan_max_age=settings.plan_max_age(),
        lease_duration=settings.lease_duration(),
        approval_minimum=parse_minimum(settings.approval_minimum()),
        connection_rules=rules_or_error(settings.connection_rules()),
        administrators=settings.administrator_roles(),
        templates=templates_of_deployment(),
    )
