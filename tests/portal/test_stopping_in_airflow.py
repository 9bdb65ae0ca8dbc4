"""Runs are stopped, and collections deleted with what is under way, through a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count

import pytest

from tests.portal.asking import ask
from tests.scenarios.airflow_cli import Output, run_as
from tests.scenarios.portal_server import COLLECTION, PortalServer
from tests.scenarios.saved import ADA, text_of

Call = Callable[..., Output]
_numbers = count(1)


@pytest.fixture
def call(simple: PortalServer, capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs a command as a user, without a terminal."""
    return lambda user, *arguments: run_as(simple, user, capsys, *map(str, arguments))


def queue(server: PortalServer, name: str = COLLECTION) -> str:
    """Start a run, which stays queued: there is no scheduler."""
    ask(server)  # it has run before, so it is known as a collection
    answer = server.client("olga").post(f"/api/v1/collections/{name}/runs", json={})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["run_id"])


def state(server: PortalServer, run_id: str) -> str:
    """What Airflow says of a run."""
    [(found,)] = server.metadata("select state from dag_run where run_id = ?", run_id)
    return str(found)


def test_a_queued_run_is_marked_as_failed(server: PortalServer) -> None:
    """It does not begin, the audit log says who has stopped it, and a second stop has nothing to do."""
    run_id = queue(server)
    answer = server.client("olga").post(
        f"/api/v1/runs/{COLLECTION}/{run_id}/stop", json={"reason": "not today"}
    )
    assert answer.status_code == 200, answer.text
    stopped = answer.json()
    assert (stopped["ended"], stopped["stop"]["by"], stopped["stop"]["reason"]) == (
        True,
        "olga",
        "not today",
    )
    assert state(server, run_id) == "failed"
    [(owner, extra)] = server.metadata(
        "select owner, extra from log where event = 'directory_sync.stop_run' and run_id = ?", run_id
    )
    assert (owner, json.loads(extra)) == ("olga", {"reason": "not today"})
    again = server.client("olga").post(f"/api/v1/runs/{COLLECTION}/{run_id}/stop", json={})
    assert again.status_code == 409, again.text
    page = server.client("olga").get("/embed/run", params={"dag_id": COLLECTION, "run_id": run_id})
    assert "This run was stopped by" in page.text


def test_a_run_of_another_dag_is_no_run_of_ours(server: PortalServer) -> None:
    """Neither one that Airflow does not have."""
    client = server.client("olga")
    assert client.post(f"/api/v1/runs/{COLLECTION}/never/stop", json={}).status_code == 404
    assert client.post("/api/v1/runs/etl/never/stop", json={}).status_code == 404


def test_the_commands(simple: PortalServer, call: Call) -> None:
    """`watch` tells how far a run is, `stop` ends it; who may not start runs may not stop them."""
    asked = ask(simple)
    status, out, err = call("olga", "collections", "watch", COLLECTION, asked.run_id, "--once")
    assert (status, out) == (0, "people: waiting for approval\n"), err
    data = call("olga", "collections", "watch", COLLECTION, asked.run_id, "--format", "json")[1]
    assert json.loads(data)["stop"] is None
    run_id = queue(simple)
    assert call("vera", "collections", "stop", COLLECTION, run_id)[0] == 5
    status, out, err = call("olga", "collections", "stop", COLLECTION, run_id, "--reason", "why")
    assert (status, out) == (0, f"{COLLECTION}: run {run_id} stopped by olga; ended\n"), err
    status, _, err = call("olga", "collections", "stop", COLLECTION, run_id)
    assert status != 0
    assert "has ended" in err


def test_deleting_stops_what_is_under_way(simple: PortalServer, call: Call) -> None:
    """Its requests are cancelled by the person who deletes it; without `--stop` it is refused."""
    name = f"stopped_{next(_numbers)}"
    simple.store.collections.save(name, text_of(name), expected=0, by=ADA)
    number = ask(simple, name=name).id
    status, _, err = call("admin", "collections", "delete", name, "--confirm", name)
    assert status == 1, err
    assert f"request {number} of it is under way" in err
    status, out, err = call(
        "admin", "collections", "delete", name, "--confirm", name, "--stop", "--comment", "done"
    )
    assert (status, out) == (0, f"{name}: deleted; version 2 is the deletion\n"), err
    view = simple.store.requests.get(number)
    assert (view.request.state, view.request.decided_by) == ("cancelled", "admin")
    assert view.events[-1].text == "The collection is deleted. done"
