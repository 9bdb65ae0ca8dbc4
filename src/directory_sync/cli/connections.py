"""Connections for a terminal: from `AIRFLOW_CONN_…` without Airflow, and only otherwise by Airflow's own
lookup.

Importing Airflow takes seconds, and a machine that only runs this command may have no initialised Airflow at
all.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import EndpointError, NoConnection

if TYPE_CHECKING:
    from airflow.sdk import Connection

_EXTRA_KEY = "__extra__"
_TEXT_FIELDS = ("host", "login", "password", "schema")
_JSON_FIELDS = frozenset({"conn_id", "conn_type", "description", "port", "extra", *_TEXT_FIELDS})


def variable_name(connection_id: str) -> str:
    """The environment variable that can hold a connection."""
    return f"AIRFLOW_CONN_{connection_id.upper()}"


class EnvironmentConnections:
    """Looks connections up in the environment, then where Airflow looks: secrets backends and the metadata
    database.
    """

    def __init__(self) -> None:
        self._found: dict[str, ConnectionInfo] = {}

    def get(self, connection_id: str) -> ConnectionInfo:
        """Return the connection.

        Raises EndpointError with the remedy if there is none or it cannot be read.
        """
        if connection_id not in self._found:
            text = os.environ.get(variable_name(connection_id), "")
            self._found[connection_id] = (
                parse_connection(connection_id, text) if text.strip() else ask_airflow(connection_id)
            )
        return self._found[connection_id]


def parse_connection(connection_id: str, text: str) -> ConnectionInfo:
    """Read a connection as Airflow reads `AIRFLOW_CONN_…`: a JSON object, or a URI.

    See "Storing connections in environment variables" in Airflow's documentation. No part of the text is ever
    quoted in an error, because any of it may be the password. Raises EndpointError.
    """
    text = text.strip()
    try:
        return _from_json(connection_id, text) if text.startswith("{") else _from_uri(connection_id, text)
    except ValueError as error:
        # Texts of Python's own parsers may quote what they read; ours never do.
        reason = (
            str(error)
            if isinstance(error, _WrongConnectionError)
            else "it is not a valid JSON object or URI."
        )
        raise EndpointError(
            f"{variable_name(connection_id)} cannot be read: {reason}",
            endpoint=f"connection {connection_id}",
            remedy='Write for example {"conn_type": "ldap", "host": "dc1.lab.example", "login": "…", "password":'  # noqa: E501
            ' "…"}, '
            "or a URI with percent-encoded parts.",
        ) from None


class _WrongConnectionError(ValueError):
    """What is wrong with a connection's text, in words that quote nothing of it but names of keys."""


def _from_json(connection_id: str, text: str) -> ConnectionInfo:
    data = json.loads(text)
    unknown = sorted(set(data) - _JSON_FIELDS)
    if unknown:
        raise _WrongConnectionError(
            f"unknown key {unknown[0]!r}; the keys are {', '.join(sorted(_JSON_FIELDS - {'conn_id'}))}."
        )
    for name in ("conn_type", *_TEXT_FIELDS):
        if data.get(name) is not None and not isinstance(data[name], str):
            raise _WrongConnectionError(f"{name} is not a text.")
    return ConnectionInfo(
        id=connection_id,
        type=_normal_type(data.get("conn_type") or ""),
        port=_port(data.get("port")),
        extra=_extra(data.get("extra")),
        **{name: data.get(name) or "" for name in _TEXT_FIELDS},
    )


def _from_uri(connection_id: str, uri: str) -> ConnectionInfo:
    """Read `TYPE://LOGIN:PASSWORD@HOST:PORT/SCHEMA?NAME=VALUE`; `TYPE://PROTOCOL://HOST` gives a host with a
    protocol.
    """
    if uri.count("://") not in (1, 2):
        raise _WrongConnectionError(
            "it is neither a JSON object nor a URI with one :// (or two: type and protocol)."
        )
    kind, _, address = uri.partition("://")
    protocol, has_protocol, rest = address.partition("://")
    if has_protocol and any(character in protocol for character in "@:/?#"):
        raise _WrongConnectionError("a part of the URI holds ://; write it percent-encoded (%3A%2F%2F).")
    parts = urlsplit(f"//{rest if has_protocol else address}")
    host = _host(parts)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return ConnectionInfo(
        id=connection_id,
        type=_normal_type(kind.lower()),
        host=f"{protocol}://{host}" if has_protocol and host else host,
        port=_uri_port(parts),
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=unquote(parts.path[1:]),
        extra=_extra(query.get(_EXTRA_KEY, query)),
    )


def _host(parts: SplitResult) -> str:
    host = unquote(parts.hostname or "")
    if "/" not in host:
        return host
    # A path as host (a socket, say) keeps its case, which `hostname` does not.
    return unquote(parts.netloc.rpartition("@")[2].partition(":")[0])


def _uri_port(parts: SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise _WrongConnectionError("the port is not a number from 0 to 65535.") from None


def _port(value: object) -> int | None:
    if value in (None, "", 0):
        return None
    try:
        return int(cast(Any, value))
    except (TypeError, ValueError):
        raise _WrongConnectionError("port is not a number.") from None


def _extra(value: object) -> Mapping[str, Any]:
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError:
            raise _WrongConnectionError("extra is not JSON.") from None
    if not value:
        return {}
    if not isinstance(value, dict):
        raise _WrongConnectionError("extra is not a JSON object.")
    return {str(name): item for name, item in value.items() if item is not None}


def _normal_type(kind: str) -> str:
    """Airflow's name of a connection type: underscores, and one name for PostgreSQL."""
    return "postgres" if kind == "postgresql" else kind.replace("-", "_")


# -- Airflow's own lookup ------------------------------------------------------------------------------------


def ask_airflow(connection_id: str) -> ConnectionInfo:
    """Look a connection up in Airflow's secrets backends and metadata database. Raises EndpointError."""
    endpoint = f"connection {connection_id}"
    variable = variable_name(connection_id)
    with _quiet():
        try:
            from airflow.models.connection import Connection as StoredConnection

            from directory_sync.endpoints.airflow_fields import connection_info

            return connection_info(
                cast("Connection", StoredConnection.get_connection_from_secrets(connection_id))
            )
        except Exception as error:  # noqa: BLE001 - configuration, backends and drivers may raise anything
            missing = type(error).__name__ == "AirflowNotFoundException"
            # The text of another error may quote the connection, password included.
            kind = "" if missing else f" ({type(error).__name__})"
    raise (NoConnection if missing else EndpointError)(
        "there is no such connection, neither in the environment nor in Airflow's secrets backends and"
        " metadata database."
        if missing
        else f"it is not in the environment, and Airflow's own lookup fails{kind}.",
        endpoint=endpoint,
        remedy=f"Set {variable} (JSON or URI), or create it in Airflow"
        + (
            "."
            if missing
            else "; airflow connections get " + connection_id + " shows what is wrong with the lookup."
        ),
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Airflow's own log lines and warnings away from the terminal, above all from standard output."""
    logging_disabled = logging.root.manager.disable
    root_handlers, root_level = list(logging.root.handlers), logging.root.level
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(logging_disabled)
            # Importing Airflow configures logging for the whole process; this process has its own.
            logging.root.handlers[:] = root_handlers
            logging.root.setLevel(root_level)
