"""Looks through the REST API: who may, and what they are told."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from directory_sync.approval.people import Person
from directory_sync.endpoints.contract import ConnectionInfo
from tests.portal.pages_client import Looker
from tests.scenarios.looks import listener, silent
from tests.scenarios.previewed import ADA, definition, job

IDA = Person("ida", frozenset({"Op"}), verified=True)
EDDI = Person("eddi", frozenset({"Editors"}), verified=True)
OWEN = Person("owen", frozenset({"Viewer"}), verified=True)


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


def test_every_kind_of_look_is_answered(seer: Looker) -> None:
    """From the connection to the fields of a file."""
    assert look(seer, "test", connection="lab")["flavour"] == "openldap"
    top = look(seer, "containers", connection="lab")["containers"]
    assert [each["dn"] for each in top] == ["dc=example,dc=org"]
    counts = look(seer, "counts", connection="lab", under="dc=example,dc=org")["counts"]
    assert counts == {"ou=people,dc=example,dc=org": 2}
    assert look(seer, "schema", connection="lab", classes=["person"])["attributes"]
    place = {"connection": "lab", "container": "ou=people,dc=example,dc=org", "scope": "one"}
    assert look(seer, "records", source=place)["count"] == 2
    assert look(seer, "fields", source=place, object="user")["sampled"] == 2
    assert look(seer, "files")["files"] == [{"path": "staff.csv", "size": 14}]
    assert look(seer, "records", source={"file": "staff.csv"})["count"] == 1


def test_errors_say_what_to_do(seer: Looker) -> None:
    """Each with a status of its own."""
    gone = look(seer, "test", connection="gone", status=404)
    assert gone["error"] == "NoConnection"
    assert "Add it." in gone["detail"]
    assert (
        look(seer, "counts", connection="lab", under="nonsense", status=422)["error"] == "MissingObjectError"
    )
    assert look(seer, "test", connection="payroll", status=504)["error"] == "EndpointUnavailable"
    assert look(seer, "records", status=422)["error"] == "LookError"
    assert look(seer, "nonsense", connection="lab", status=422)["error"] == "ValidationError"
    place = {"connection": "lab", "container": "dc=example,dc=org", "filter": "(("}
    assert look(seer, "records", source=place, status=502)["error"] == "EndpointError"


def test_without_rules_only_administrators_look(seer: Looker) -> None:
    """Those who may create collections but choose no connections get the same answer for every name."""
    seer.become(IDA)
    assert "one of these roles" in look(seer, "test", connection="lab", status=403)["detail"]
    answer = seer.client.get("/dirsync/api/v1/connections")
    assert answer.status_code == 403


def test_an_owner_looks_at_what_the_collection_uses(seer: Looker) -> None:
    """On the same side, and at nothing else; not without naming the collection."""
    place: dict[str, Any] = {"connection": "lab", "container": "ou=people,dc=example,dc=org"}
    text = f"{definition('phones', jobs=[job(source=place)])}owners: [owen]\n"
    seer.store.collections.save("phones", text, expected=0, by=ADA)
    seer.become(OWEN)
    assert look(seer, "test", connection="lab", of="phones")["flavour"] == "openldap"
    look(seer, "test", connection="lab", status=403)
    look(seer, "test", connection="lab", side="destination", of="phones", status=403)
    look(seer, "test", connection="payroll", of="phones", status=403)
    look(seer, "test", connection="lab", of="other", status=403)
    listed = seer.client.get("/dirsync/api/v1/connections", params={"collection": "phones"}).json()
    assert listed["connections"] == [{"name": "lab", "type": "ldap", "sides": ["source"]}]
    seer.become(OWEN, hidden=frozenset({"phones"}))
    look(seer, "test", connection="lab", of="phones", status=403)


def test_with_rules_roles_decide(seer: Looker, rules: None) -> None:
    """For each side; what is not allowed is told in the same words whether it exists or not."""
    seer.become(EDDI)
    listed = seer.client.get("/dirsync/api/v1/connections").json()
    assert listed == {
        "connections": [{"name": "lab", "type": "ldap", "sides": ["source", "destination"]}],
        "files": ["source"],
    }
    told = {
        name: look(seer, "test", connection=name, status=403)["detail"].replace(name, "X")
        for name in ("payroll", "gone")
    }
    assert told["payroll"] == told["gone"]
    assert "name LAB" not in look(seer, "test", connection="LAB", status=403)["detail"]
    place = {"connection": "lab", "container": "dc=example,dc=org"}
    assert look(seer, "records", source=place)["count"] == 5
    # Only groups may be written there.
    assert look(seer, "records", destination=place)["count"] == 0
    look(seer, "records", source={"file": "staff.csv"})
    look(seer, "records", destination={"file": "staff.csv"}, status=403)
    seer.become(Person("eddi", frozenset({"Editors"}), verified=False))
    look(seer, "test", connection="lab", status=403)


def test_a_look_that_hangs_holds_up_no_page(seer: Looker, connections: dict[str, ConnectionInfo]) -> None:
    """It ends in the time it has; another page is answered meanwhile."""
    from directory_sync.looking.children import CHILDREN

    with listener(b"\x30\x64") as port:
        connections["slow"] = silent(port, "slow")
        told: list[Any] = []
        threads = [
            threading.Thread(target=lambda: told.append(seer.client.post(
                "/dirsync/api/v1/looks",
                json={"question": {"look": "test", "connection": "slow"}},
                headers={"Sec-Fetch-Site": "same-origin"},
            )))
            for _ in range(6)
        ]  # fmt: skip
        for thread in threads:
            thread.start()
        until = time.monotonic() + 5
        while (CHILDREN._under_way, CHILDREN._waiting) != (2, 4) and time.monotonic() < until:
            threading.Event().wait(0.01)
        # Two are being taken, and four wait for their turn.
        seer.get("/collections")
        assert not any(answer.status_code == 504 for answer in told)
        for thread in threads:
            thread.join(15)
        assert sorted({answer.status_code for answer in told}) == [503, 504]
        assert len(told) == 6


def test_a_deployment_may_keep_its_api_server_away(seer: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default wherever tasks run elsewhere."""
    monkeypatch.setenv("AIRFLOW__DIRECTORY_SYNC__ENDPOINT_ACCESS", "worker")
    assert "endpoint_access" in look(seer, "test", connection="lab", status=422)["detail"]
