"""Who is whose manager, looked up in the people directory from Airflow's API server, within a short time."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from airflow.models.connection import Connection
from airflow.sdk.exceptions import AirflowNotFoundException

from directory_sync import settings
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import DirectorySyncError, EndpointError, NoConnection
from directory_sync.run.timed_people import TimedPeople

log = logging.getLogger(__name__)

SECONDS = 2.0
"""For all questions of one page together."""
MOST = 10
"""People whose managers are looked up for one page."""


def managers_of(users: Iterable[str]) -> dict[str, str]:
    """User → user name of the manager, of those whose manager is known for certain.

    Where there is no people directory, or it does not answer in time, none is known: the page that asks can
    do without.
    """
    try:
        where = settings.people_directory()
        if where is None:
            return {}
        found = {}
        with TimedPeople(where, _Connections(), seconds=SECONDS) as people:
            for user in list(dict.fromkeys(users))[:MOST]:
                if manager := people.manager_of(user):
                    found[user] = manager
    except DirectorySyncError as error:
        log.warning("Managers could not be looked up. %s", error)
        return {}
    return found


class _Connections:
    """Airflow's connections, as its API server finds them."""

    def get(self, connection_id: str) -> ConnectionInfo:
        endpoint = f"connection {connection_id}"
        try:
            found = Connection.get_connection_from_secrets(connection_id)
            extra = found.extra_dejson
        except AirflowNotFoundException:
            raise NoConnection(
                "Airflow has no such connection.",
                endpoint=endpoint,
                remedy="Create it under Admin → Connections.",
            ) from None
        except Exception as error:  # noqa: BLE001 any of a secrets backend's
            # The text of such an error may quote the connection, password included.
            raise EndpointError(
                f"Airflow cannot read this connection ({type(error).__name__}).",
                endpoint=endpoint,
                remedy="Check it under Admin → Connections.",
            ) from None
        return ConnectionInfo(
            id=found.conn_id or "",
            type=found.conn_type or "",
            host=found.host or "",
            port=found.port,
            login=found.login or "",
            password=found.password or "",
            schema=found.schema or "",
            extra={name: value for name, value in extra.items() if value is not None},
        )
