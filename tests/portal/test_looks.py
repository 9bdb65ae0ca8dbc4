"""Looks through the REST API: who may, and what they are told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.endpoints.contract import ConnectionInfo
from directory_sync.errors import NoConnection
from tests.portal.pages_client import Looker
from tests.scenarios import directories
from tests.scenarios.looks import listener, silent
from tests.scenarios.previewed import ADA, definition, job
from tests.scenarios.slapd import Slapd, SlapdMissing, slapd_root

IDA = Person("ida", frozenset({"Op"}), verified=True)
EDDI = Person("eddi", frozenset({"Editors"}), verified=True)
OWEN = Person("owen", frozenset({"Viewer"}), verified=True)
RULES = """\
connections:
  lab: {source: {roles: [Editors]}, destination: {roles: [Editors], objects: [group]}}
  payroll: {source: {roles: [Payroll]}}
data_folder: {source: {roles: [Editors]}}
"""


@pytest.fixture(scope="module")
def slapd() -> Iterator[Slapd]:
    """A directory with two people."""
    try:
        slapd_root()
    except SlapdMissing as missing:
        pytest.skip(str(missing))
    with Slapd("dc=example,dc=org") as server:
        server.stop()
        people = "".join(
            f"\ndn: cn={name},ou=people,dc=example,dc=org\nobjectClass: inetOrgPerson\ncn: {name}\nsn: x\n"
            f"userPassword: never-seen\n"
            for name in ("ann", "bob")
        )
        server.load(directories.tree("dc=example,dc=org", "people", "groups") + "\n" + people)
        server.start()
        yield server


@pytest.fixture
def connections(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> dict[str, ConnectionInfo]:
    """What Airflow has: by name."""
    from directory_sync.looking.children import CHILDREN
    from directory_sync.portal import airflow_connections

    found = {"lab": directories.slapd_connection(slapd), "payroll": silent(1, "payroll")}

    def read(name: str) -> ConnectionInfo:
        if name not in found:
            raise NoConnection(
                "Airflow has no such connection.", endpoint=f"connection {name}", remedy="Add it."
            )
        return found[name]

    monkeypatch.setattr(airflow_connections, "read_connection", read)
    monkeypatch.setattr(
        airflow_connections, "in_database", lambda: {name: each.type for name, each in found.items()}
    )
    monkeypatch.setenv("AIRFLOW_CONN_HR", "postgres://hr")
    monkeypatch.setattr(CHILDREN, "seconds", 2.0)
    return found


@pytest.fixture
def ada(
    empty_looker: Looker,
    airflow_database: None,
    connections: dict[str, ConnectionInfo],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Looker]:
    """An administrator, who may use everything without rules."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__DATA_FOLDER", str(tmp_path / "data"))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__ENDPOINT_ACCESS", "api_server")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "staff.csv").write_text("id,name\n1,Ann\n", encoding="utf-8")
    empty_looker.become(ADA)
    yield empty_looker
    from directory_sync.looking.children import CHILDREN

    CHILDREN.close()


@pytest.fixture
def rules(ada: Looker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A deployment with rules, whose editors may create collections."""
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__CONNECTION_RULES", str(file))
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__COLLECTION_ROLES", "Editors, Admin")


def look(looker: Looker, kind: str, *, status: int = 200, of: str | None = None, **asked: Any) -> Any:
    """The answer to a look, or to why there is none."""
    answer = looker.client.post(
        "/dirsync/api/v1/looks",
        json={"question": {"look": kind, **asked}, "collection": of},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.status_code == status, answer.text
    assert "never-seen" not in answer.text
    assert "assw0rd" not in answer.text
    return answer.json()["answer"] if status == 200 else answer.json()


def test_every_kind_of_look_is_answered(ada: Looker) -> None:
    """From the connection to the fields of a file."""
    assert look(ada, "test", connection="lab")["flavour"] == "openldap"
    top = look(ada, "containers", connection="lab")["containers"]
    assert [each["dn"] for each in top] == ["dc=example,dc=org"]
    counts = look(ada, "counts", connection="lab", under="dc=example,dc=org")["counts"]
    assert counts == {"ou=people,dc=example,dc=org": 2}
    assert look(ada, "schema", connection="lab", classes=["person"])["attributes"]
    place = {"connection": "lab", "container": "ou=people,dc=example,dc=org", "scope": "one"}
    assert look(ada, "records", source=place)["count"] == 2
    assert look(ada, "fields", source=place, object="user")["sampled"] == 2
    assert look(ada, "files")["files"] == [{"path": "staff.csv", "size": 14}]
    assert look(ada, "records", source={"file": "staff.csv"})["count"] == 1


def test_errors_say_what_to_do(ada: Looker) -> None:
    """Each with a status of its own."""
    gone = look(ada, "test", connection="gone", status=404)
    assert gone["error"] == "NoConnection"
    assert "Add it." in gone["detail"]
    assert (
        look(ada, "counts", connection="lab", under="nonsense", status=422)["error"] == "MissingObjectError"
    )
    assert look(ada, "test", connection="payroll", status=504)["error"] == "EndpointUnavailable"
    assert look(ada, "records", status=422)["error"] == "LookError"
    assert look(ada, "nonsense", connection="lab", status=422)["error"] == "ValidationError"
    place = {"connection": "lab", "container": "dc=example,dc=org", "filter": "(("}
    assert look(ada, "records", source=place, status=502)["error"] == "EndpointError"


def test_without_rules_only_administrators_look(ada: Looker) -> None:
    """Those who may create collections but choose no connections get the same answer for every name."""
    ada.become(IDA)
    assert "one of these roles" in look(ada, "test", connection="lab", status=403)["detail"]
    answer = ada.client.get("/dirsync/api/v1/connections")
    assert answer.status_code == 403


def test_an_owner_looks_at_what_the_collection_uses(ada: Looker) -> None:
    """On the same side, and at nothing else; not without naming the collection."""
    place: dict[str, Any] = {"connection": "lab", "container": "ou=people,dc=example,dc=org"}
    text = f"{definition('phones', jobs=[job(source=place)])}owners: [owen]\n"
    ada.store.collections.save("phones", text, expected=0, by=ADA)
    ada.become(OWEN)
    assert look(ada, "test", connection="lab", of="phones")["flavour"] == "openldap"
    look(ada, "test", connection="lab", status=403)
    look(ada, "test", connection="lab", side="destination", of="phones", status=403)
    look(ada, "test", connection="payroll", of="phones", status=403)
    look(ada, "test", connection="lab", of="other", status=403)
    listed = ada.client.get("/dirsync/api/v1/connections", params={"collection": "phones"}).json()
    assert listed["connections"] == [{"name": "lab", "type": "ldap", "sides": ["source"]}]
    ada.become(OWEN, hidden=frozenset({"phones"}))
    look(ada, "test", connection="lab", of="phones", status=403)


def test_with_rules_roles_decide(ada: Looker, rules: None) -> None:
    """For each side; what is not allowed is told in the same words whether it exists or not."""
    ada.become(EDDI)
    listed = ada.client.get("/dirsync/api/v1/connections").json()
    assert listed == {
        "connections": [{"name": "lab", "type": "ldap", "sides": ["source", "destination"]}],
        "files": ["source"],
    }
    told = {
        name: look(ada, "test", connection=name, status=403)["detail"].replace(name, "X")
        for name in ("payroll", "gone")
    }
    assert told["payroll"] == told["gone"]
    assert "name LAB" not in look(ada, "test", connection="LAB", status=403)["detail"]
    place = {"connection": "lab", "container": "dc=example,dc=org"}
    assert look(ada, "records", source=place)["count"] == 5
    # Only groups may be written there.
    assert look(ada, "records", destination=place)["count"] == 0
    look(ada, "records", source={"file": "staff.csv"})
    look(ada, "records", destination={"file": "staff.csv"}, status=403)
    ada.become(Person("eddi", frozenset({"Editors"}), verified=False))
    look(ada, "test", connection="lab", status=403)


def test_a_look_that_hangs_holds_up_no_page(ada: Looker, connections: dict[str, ConnectionInfo]) -> None:
    """It ends in the time it has; another page is answered meanwhile."""
    import threading
    import time

    with listener(b"\x30\x64") as port:
        connections["slow"] = silent(port, "slow")
        told: list[Any] = []
        threads = [
            threading.Thread(target=lambda: told.append(ada.client.post(
                "/dirsync/api/v1/looks",
                json={"question": {"look": "test", "connection": "slow"}},
                headers={"Sec-Fetch-Site": "same-origin"},
            )))
            for _ in range(6)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        ada.get("/collections")
        # Two are being taken, and four wait for their turn.
        assert not any(answer.status_code == 504 for answer in told)
        for thread in threads:
            thread.join(15)
        assert sorted({answer.status_code for answer in told}) == [503, 504]
        assert len(told) == 6


def test_a_deployment_may_keep_its_api_server_away(ada: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default wherever tasks run elsewhere."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__ENDPOINT_ACCESS", "worker")
    assert "endpoint_access" in look(ada, "test", connection="lab", status=422)["detail"]
