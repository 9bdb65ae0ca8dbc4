"""What the portal asks Airflow about its connections. Like `airflow_dags`, in Airflow's API server only."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable

from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from directory_sync.endpoints.airflow_fields import connection_info
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError, NoConnection, StoreError

log = logging.getLogger(__name__)

_VARIABLE = "AIRFLOW_CONN_"
_MOST = 5_000


def in_database() -> dict[str, str]:
    """Name → type, of the connections in Airflow's own database. Raises StoreError."""
    try:
        with create_session() as session:
            query = select(Connection.conn_id, Connection.conn_type).order_by(Connection.conn_id).limit(_MOST)
            return {str(name): str(type or "") for name, type in session.execute(query)}
    except SQLAlchemyError as error:
        raise StoreError(
            f"Airflow's database does not answer ({type(error).__name__}), so it cannot be told which"
            " connections there are. Try again later."
        ) from None


def in_environment() -> list[str]:
    """The names, in small letters, of connections that environment variables hold."""
    found = (name.removeprefix(_VARIABLE) for name in os.environ if name.startswith(_VARIABLE))
    return sorted(name.lower() for name in found if name)


def types_of(names: Iterable[str]) -> dict[str, str]:
    """Name → type of connections that are looked up one by one; those that cannot be found are left out."""
    found = {}
    for name in names:
        try:
            found[name] = read_connection(name).type
        except EndpointError as error:
            if not isinstance(error, NoConnection):
                log.warning("%s", error)
    return found


def read_connection(name: str) -> ConnectionInfo:
    """A connection, wherever Airflow finds it: environment, secrets backends, database. Holds a password.

    Raises NoConnection if there is none, EndpointError if it cannot be read.
    """
    endpoint = f"connection {name}"
    try:
        return connection_info(Connection.get_connection_from_secrets(name))
    except AirflowNotFoundException:
        raise NoConnection(
            "Airflow has no such connection.",
            endpoint=endpoint,
            remedy=f"Create it under Admin → Connections, or set {_VARIABLE}{name.upper()}.",
        ) from None
    except Exception as error:  # noqa: BLE001 - what it says may be the connection, with its password
        raise EndpointError(
            f"Airflow cannot read this connection ({type(error).__name__}).",
            endpoint=endpoint,
            remedy=(
                "Check it under Admin → Connections, its environment variable, or the secrets backend that"
                " holds it."
            ),
        ) from None
