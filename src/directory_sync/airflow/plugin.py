"""The Airflow plugin of this package."""

from airflow.plugins_manager import AirflowPlugin


class DirectorySyncPlugin(AirflowPlugin):
    """Registers what Airflow loads through the entry point `airflow.plugins`."""

    name = "directory_sync"
