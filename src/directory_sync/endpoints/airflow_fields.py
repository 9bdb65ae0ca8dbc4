"""What an Airflow connection holds, without importing Airflow: tasks and its API server have different
classes for it.
"""

from __future__ import annotations

from typing import Any, Protocol

from directory_sync.endpoints.contract import ConnectionInfo


class AirflowConnection(Protocol):
    """What both have."""

    conn_id: Any
    conn_type: Any
    host: Any
    port: Any
    login: Any
    schema: Any

    @property
    def password(self) -> Any:
        """In clear."""

    @property
    def extra_dejson(self) -> Any:
        """As a dictionary."""


def connection_info(connection: AirflowConnection) -> ConnectionInfo:
    """The connection. Extra fields that the form left empty are left out."""
    extra: dict[str, Any] = connection.extra_dejson
    return ConnectionInfo(
        id=connection.conn_id or "",
        type=connection.conn_type or "",
        host=connection.host or "",
        port=connection.port,
        login=connection.login or "",
        password=connection.password or "",
        schema=connection.schema or "",
        extra={name: value for name, value in extra.items() if value is not None},
    )
