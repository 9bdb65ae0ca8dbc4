"""In a terminal a connection means exactly what it means in a task, wherever it comes from."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from airflow.sdk import Connection
from hypothesis import given
from hypothesis import strategies as st

from directory_sync.cli.connections import EnvironmentConnections, parse_connection
from directory_sync.endpoints.airflow_fields import connection_info
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError


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
    {
        "conn_type": "ldap",
        "host": "dc1",
        "login": "cn=sync",
        "password": "p",
        "port": 636,
        "extra": {"security": "ldaps"},
    },
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
    st.sampled_from(["security", "verify", "page_size", "x y"]),
    st.one_of(parts, st.booleans(), st.integers()),
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


@pytest.fixture
def stored(airflow_database: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A connection in Airflow's metadata database, and not in the environment."""
    from airflow.models.connection import Connection as StoredConnection
    from airflow.utils.session import create_session

    assert airflow_database.exists()
    monkeypatch.delenv("AIRFLOW_CONN_STORED_AD", raising=False)
    with create_session() as session:
        session.query(StoredConnection).filter(StoredConnection.conn_id == "stored_ad").delete()
        session.add(
            StoredConnection(
                conn_id="stored_ad",
                conn_type="ldap",
                host="dc1",
                port=636,
                login="sync",
                password="p@ss",
                extra={"verify": False},
            )
        )
    return "stored_ad"


def test_the_metadata_database_is_asked(stored: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A connection that is made in Airflow's UI is found; nothing of Airflow's is written to the terminal."""
    handlers, level = list(logging.root.handlers), logging.root.level

    assert EnvironmentConnections().get(stored) == ConnectionInfo(
        id=stored, type="ldap", host="dc1", port=636, login="sync", password="p@ss", extra={"verify": False}
    )
    assert capsys.readouterr() == ("", "")
    assert (logging.root.handlers, logging.root.level) == (handlers, level)


@pytest.mark.usefixtures("airflow_database")
def test_a_connection_that_is_nowhere_is_an_error_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the connection and the variable."""
    with pytest.raises(
        EndpointError, match=r"connection nowhere: there is no such connection.*AIRFLOW_CONN_NOWHERE"
    ):
        EnvironmentConnections().get("nowhere")
    assert capsys.readouterr() == ("", "")


def test_a_failing_lookup_is_told_without_its_text(
    airflow_database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a backend or driver says may hold secrets, so only the kind of its error is told."""
    from airflow.models.connection import Connection as StoredConnection

    def fail(_connection_id: str) -> None:
        raise RuntimeError(f"{airflow_database}: password geheim-4711")

    monkeypatch.setattr(StoredConnection, "get_connection_from_secrets", fail)
    with pytest.raises(EndpointError) as raised:
        EnvironmentConnections().get("corp_ad")

    assert "RuntimeError" in str(raised.value)
    assert "AIRFLOW_CONN_CORP_AD" in str(raised.value)
    assert "geheim" not in str(raised.value)
    assert capsys.readouterr() == ("", "")
