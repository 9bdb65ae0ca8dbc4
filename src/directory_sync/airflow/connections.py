"""Airflow's connections, as the endpoints take them."""

from __future__ import annotations

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRuntimeError

from directory_sync.endpoints.airflow_fields import connection_info
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError, NoConnection


class AirflowConnections:
    """Looks connections up where Airflow does: environment, secrets backends, metadata database."""

    def get(self, connection_id: str) -> ConnectionInfo:
        """Return the connection. Raises EndpointError if Airflow has none of that id or cannot read it."""
        endpoint = f"connection {connection_id}"
        try:
            connection = BaseHook.get_connection(connection_id)
        except AirflowNotFoundException:
            raise NoConnection(
                "Airflow has no such connection.",
                endpoint=endpoint,
                remedy=f"Create it under Admin → Connections, or set AIRFLOW_CONN_{connection_id.upper()}.",
            ) from None
        except (AirflowRuntimeError, ValueError) as error:
            # The text of such an error may quote the connection, password included.
            raise EndpointError(
                f"Airflow cannot read this connection ({type(error).__name__}).",
                endpoint=endpoint,
                remedy=(
                    "Check it under Admin → Connections, its environment variable, or the secrets backend"
                    " that holds it."
                ),
            ) from None
        return connection_info(connection)
