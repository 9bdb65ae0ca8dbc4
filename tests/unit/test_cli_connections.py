"""Connections from the environment need no Airflow, and what is wrong with one is told without showing it."""

from __future__ import annotations

import pytest

from directory_sync.cli import connections
from directory_sync.cli.connections import EnvironmentConnections, parse_connection
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError

SECRET = "geheim-4711"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"conn_type": "ldap", "password": "{SECRET}"', "not a valid JSON object or URI"),
        (f'{{"conn_type": "ldap", "pasword": "{SECRET}"}}', "unknown key 'pasword'"),
        (f'{{"conn_type": "ldap", "password": ["{SECRET}"]}}', "password is not a text"),
        (f'{{"conn_type": "ldap", "port": "{SECRET}"}}', "port is not a number"),
        (f'{{"conn_type": "ldap", "extra": "{SECRET}"}}', "extra is not JSON"),
        (f'{{"conn_type": "ldap", "extra": ["{SECRET}"]}}', "extra is not a JSON object"),
        (f"ldap://sync:{SECRET}@host:port", "port is not a number"),
        (f"ldap://sync:{SECRET}@[host", "not a valid JSON object or URI"),
        (f"ldap://sync:{SECRET}@host/?url=https://x", "percent-encoded"),
        (SECRET, "neither a JSON object nor a URI"),
    ],
)
def test_a_wrong_connection_is_named_but_never_quoted(text: str, expected: str) -> None:
    """The message names connection, variable and what is wrong; nothing of the value is in it."""
    with pytest.raises(EndpointError) as raised:
        parse_connection("corp", text)

    assert expected in str(raised.value)
    assert "connection corp" in str(raised.value)
    assert "AIRFLOW_CONN_CORP" in str(raised.value)
    assert SECRET not in str(raised.value)


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that the environment holds is found without asking Airflow; its id is written in capitals
    there.
    """
    monkeypatch.setenv("AIRFLOW_CONN_CORP_AD", "ldap://dc1.corp.example")
    monkeypatch.setattr(connections, "ask_airflow", lambda connection_id: pytest.fail("asked Airflow"))

    assert EnvironmentConnections().get("corp_ad").host == "dc1.corp.example"


@pytest.mark.parametrize("value", [None, "", " "], ids=["unset", "empty", "blank"])
def test_airflow_is_asked_otherwise(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Without a value in the environment Airflow's own lookup decides, once per connection."""
    asked: list[str] = []

    def ask(connection_id: str) -> ConnectionInfo:
        asked.append(connection_id)
        return ConnectionInfo(id=connection_id, type="ldap")

    monkeypatch.delenv("AIRFLOW_CONN_CORP", raising=False)
    if value is not None:
        monkeypatch.setenv("AIRFLOW_CONN_CORP", value)
    monkeypatch.setattr(connections, "ask_airflow", ask)
    found = EnvironmentConnections()

    assert found.get("corp") is found.get("corp")
    assert asked == ["corp"]
