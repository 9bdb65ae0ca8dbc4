"""What Airflow is told about this package."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider information that Airflow reads through the entry point `apache_airflow_provider`."""
    return {"package-name": "airflow-directory-sync", "name": "Directory Sync", "description": "Directory synchronization."}
