"""Connections from the environment are read exactly as Airflow's tasks read them, without Airflow."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.airflow.connections import connection_info
from directory_sync.cli import connections
from directory_sync.cli.connections import EnvironmentConnections, parse_connection
from directory_sync.endpoints.protocol import ConnectionInfo
from directory_sync.errors import EndpointError

SECRET = "geheim-4711"


def as_airflow_reads(text: str) -> ConnectionInfo:
    """What a task gets for the value of an environment variable."""
    if text.startswith("{"):
        return connection_info(Connection.from_json(text, conn_id="corp"))
    return connection_info(Connection(conn_id="corp", uri=text))


URIS = [
    "ldap://dc1.corp.example",
    "ldap://dc1.corp.example:636",
    "ldap://cn=sync,dc=corp,dc=example:secret@dc1.corp.example:389/?security=starttls&page_size=500&verify=false",
    "ldap://CORP%5Csync:p%40ss%3Aw%2Frd%25@dc1.corp.example/",
    "ldap://DC1.Corp.Example:636",
    "ldap://ldaps://dc1.corp.example:636",
    "ldap://@:636",
    "ldap://:secret@host",
    "ldap://user@host",
    "ldap://user:@host",
    "ldap://[2001:db8::1]:636",
    "ldap:///?__extra__=%7B%22verify%22%3A+false%2C+%22nested%22%3A+%7B%22a%22%3A+%5B1%5D%7D%7D",
    "ldap:///?empty=&verify=",
    "postgresql://user:pass@db:5432/hr%2Fpeople",
    "google-cloud-platform://?extra__key=1",
    "my-own-type://host",
    "mysql://%2Fvar%2Frun%2FMySQL.sock/db",
    "LDAP://host",
]

DOCUMENTS = [
    {"conn_type": "ldap", "host": "dc1", "login": "cn=sync", "password": "p", "port": 636, "extra": {"security": "ldaps"}},
    {"conn_type": "ldap", "host": "dc1", "port": "389", "extra": '{"verify": false, "ca_certificate": null}'},
    {"conn_type": "postgresql", "host": "db", "schema": "hr", "description": "people"},
    {"conn_type": "my-type"},
    {"conn_type": "ldap", "host": None, "login": None, "password": None, "port": None, "extra": None},
    {"conn_type": "ldap", "extra": {}},
    {"host": "dc1"},
    {},
]


@pytest.mark.parametrize("uri", URIS, ids=range(len(URIS)))
def test_uris_are_read_as_airflow_reads_them(uri: str) -> None:
    """A URI means the same here as in a task, in every part."""
    ours, airflows = parse_connection("corp", uri), as_airflow_reads(uri)

    assert (ours, ours.password, ours.extra) == (airflows, airflows.password, airflows.extra)


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_json_is_read_as_airflow_reads_it(document: dict[str, object]) -> None:
    """A JSON object means the same here as in a task, whether extra is an object or a text."""
    text = json.dumps(document)

    assert parse_connection("corp", text) == as_airflow_reads(text)


parts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)
extras = st.dictionaries(
    st.sampled_from(["security", "verify", "page_size", "x y"]), st.one_of(parts, st.booleans(), st.integers())
)


@given(login=parts, password=parts, schema=parts, port=st.integers(1, 65535) | st.none(), extra=extras)
def test_every_uri_that_airflow_writes_is_read_back(
    login: str, password: str, schema: str, port: int | None, extra: dict[str, object]
) -> None:
    """Any characters survive the way through the URI that Airflow writes (`airflow connections export`)."""
    connection = Connection(
        conn_id="corp",
        conn_type="ldap",
        host="dc1.corp.example",
        login=login,
        password=password,
        schema=schema,
        port=port,
        extra=json.dumps(extra) if extra else None,
    )

    found = parse_connection("corp", connection.get_uri())

    assert found == ConnectionInfo(
        id="corp",
        type="ldap",
        host="dc1.corp.example",
        login=login,
        password=password,
        schema=schema,
        port=port,
        extra=extra,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"conn_type": "ldap", "password": "{SECRET}"', "no valid JSON object or URI"),
        (f'{{"conn_type": "ldap", "pasword": "{SECRET}"}}', "unknown key 'pasword'"),
        (f'{{"conn_type": "ldap", "password": ["{SECRET}"]}}', "password is not a text"),
        (f'{{"conn_type": "ldap", "port": "{SECRET}"}}', "port is not a number"),
        (f'{{"conn_type": "ldap", "extra": "{SECRET}"}}', "extra is not JSON"),
        (f'{{"conn_type": "ldap", "extra": ["{SECRET}"]}}', "extra is not a JSON object"),
        (f"ldap://sync:{SECRET}@host:port", "port is not a number"),
        (f"ldap://sync:{SECRET}@[host", "no valid JSON object or URI"),
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
    """A connection that the environment holds is found without asking Airflow; its id is written in capitals there."""
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
