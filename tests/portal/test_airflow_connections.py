"""Connections as Airflow's API server has them: in its database and in the environment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from directory_sync.errors import EndpointError, NoConnection

pytestmark = pytest.mark.usefixtures("airflow_database")


@pytest.fixture
def kept(airflow_database: None) -> Iterator[None]:
    """One connection in Airflow's database."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    with create_session() as session:
        session.add(
            Connection(
                conn_id="looked_at", conn_type="ldap", host="dc1", login="cn=x", password="hidden", extra="{}"
            )
        )
    yield
    with create_session() as session:
        session.query(Connection).filter(Connection.conn_id == "looked_at").delete()


def test_connections_are_found_wherever_they_are(kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """With their types; a password is read only where it is needed."""
    from directory_sync.portal import airflow_connections as found

    monkeypatch.setenv("AIRFLOW_CONN_LAB_AD", '{"conn_type": "ldap", "host": "dc2", "password": "hidden"}')
    assert found.in_database()["looked_at"] == "ldap"
    assert "lab_ad" in found.in_environment()
    assert found.types_of(["lab_ad", "nowhere"]) == {"lab_ad": "ldap"}
    read = found.read_connection("looked_at")
    assert (read.id, read.host, read.password) == ("looked_at", "dc1", "hidden")
    assert "hidden" not in repr(read)


def test_what_cannot_be_read_says_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is not there, and one that is broken."""
    from directory_sync.portal import airflow_connections as found

    with pytest.raises(NoConnection, match="AIRFLOW_CONN_NOWHERE"):
        found.read_connection("nowhere")
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", '{"conn_type": "ldap", "password": "hidden", "port": [}')
    with pytest.raises(EndpointError) as caught:
        found.read_connection("broken")
    assert "hidden" not in str(caught.value)
    assert found.types_of(["broken"]) == {}
