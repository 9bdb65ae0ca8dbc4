"""Source and destination on one server: told by what the servers hold, not by what connections are called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from directory_sync.run.result import JobState
from directory_sync.store.store import Store
from tests.scenarios import directories
from tests.scenarios.container import Container
from tests.scenarios.corner import FIELDS, PERSON, Corner, succeed
from tests.scenarios.slapd import Database, Slapd

WITHIN_ITSELF: dict[str, Any] = {
    "fields": {**FIELDS, "description": {"static": "x"}},
    "limits": {"delete": "none"},
}


def itself(corner: Corner, **more: Any) -> dict[str, Any]:
    """A job whose destination is its source's container."""
    destination = {"connection": "b", "container": corner.place("from"), "filter": f"(objectClass={PERSON})"}
    return {**WITHIN_ITSELF, "destination": destination, **more}


@pytest.mark.parametrize("hidden", ["dn.base=", "dn.subtree="])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_login_that_sees_no_identity_is_no_second_server(
    new_slapd: Callable[..., Slapd], store: Store, tmp_path: Path, hidden: str, host: str
) -> None:
    """Nobody can tell whether it is the source's server, or it is: either way nothing is read."""
    corner = Corner.alone(new_slapd, store, tmp_path, login="b", hidden=hidden)
    corner.connections["b"]["host"] = host
    corner.people("from", "ann")
    result = corner.run(**itself(corner))
    assert result.state is JobState.FAILED
    assert "overlaps the source" in result.message or "this may be the server of the source" in result.message
    assert result.statistics.read == 0


@pytest.mark.parametrize("line", ["subordinate", "subordinate advertise"])
def test_a_database_within_another_is_part_of_it(
    new_slapd: Callable[..., Slapd], store: Store, tmp_path: Path, line: str
) -> None:
    """Read through the inner naming context, removed through the outer one: that overlaps."""
    outer = "dc=example,dc=org"
    inner = f"ou=from,{outer}"
    admin = f'access to * by dn.exact="cn=admin,{outer}" manage by * read'
    slapd = new_slapd(
        Database(inner, lines=[line, admin]),
        Database(outer),
        ldif=f"dn: {inner}\nobjectClass: organizationalUnit\n",
    )
    slapd.stop()
    slapd.load(directories.tree(outer, "people"), suffix=outer)
    slapd.start()
    corner = Corner(Container(outer, slapd, directories.administrator(slapd)), store, tmp_path)
    corner.connections = {connection: {"login": f"cn=admin,{outer}"} for connection in ("a", "b")}
    place = {"connection": "b", "container": outer, "filter": f"(objectClass={PERSON})"}
    result = corner.run(**{**itself(corner), "destination": place})
    assert result.state is JobState.FAILED
    assert "overlaps the source" in result.message


def test_a_copy_of_the_server_is_another_place_where_its_connection_says_so(
    new_slapd: Callable[..., Slapd], store: Store, tmp_path: Path
) -> None:
    """A lab restored from production's dump shows the same UUIDs: refused until one of the connections names
    an instance.
    """
    corner = Corner.alone(new_slapd, store, tmp_path, login="nobody", hidden="dn.base=")
    corner.people("from", "ann", "bob")
    copy = new_slapd("dc=example,dc=org", ldif=corner.container.slapd.dump())
    corner.connections["b"] = {"port": copy.port}
    refused = corner.run(**itself(corner))
    assert "give its connection an instance" in refused.message
    corner.connections["b"]["extra"] = {"security": "none", "instance": "lab"}
    assert succeed(corner.run(**itself(corner))).statistics.updated == 2
    assert "description" not in corner.container.values(f"uid=ann,{corner.place('from')}")
