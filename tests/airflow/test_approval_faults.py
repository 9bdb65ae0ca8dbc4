"""Faults around approval, in a real Airflow: parts of it are killed or taken away while requests wait and are
decided.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from directory_sync.approval.request import Request
from tests.scenarios.airflow_parts import kill_tree
from tests.scenarios.directories import administrator
from tests.scenarios.faulty_airflow import SUFFIX, FaultyAirflow, collection

pytestmark = pytest.mark.timeout(400)  # a dozen processes on a busy machine

OUTAGE = 8.0
"""Seconds that the store is away."""
MANY = 40
STAFF = 300

PEOPLE = "id,name\n1,Fry\n2,Leela\n"
WRITTEN = ["id,name", "1,Fry", "2,Leela"]

STAFF_TO_BRANCH = f"""
name: staff_to_branch
paused: false
approval: {{approvers: {{users: [bob]}}}}
jobs:
  - name: people
    source: {{file: staff.csv}}
    destination: {{connection: branch, container: "ou=people,{SUFFIX}", filter: (objectClass=inetOrgPerson)}}
    object: inetOrgPerson
    rdn: uid
    retries: 3
    fields:
      uid: {{from: uid, key: true}}
      cn: name
      sn: name
"""


@pytest.fixture(scope="module")
def airflow(faulty_airflow: FaultyAirflow) -> FaultyAirflow:
    """Airflow with the collections of all these tests."""
    (faulty_airflow.data / "in.csv").write_text(PEOPLE, encoding="utf-8")
    staff = "".join(f"user{number},User {number}\n" for number in range(STAFF))
    (faulty_airflow.data / "staff.csv").write_text(f"uid,name\n{staff}", encoding="utf-8")
    faulty_airflow.define(
        {
            "triggerer_killed": collection("triggerer_killed", "first", "second", "third"),
            "store_away": collection("store_away", "people"),
            "store_away_later": collection("store_away_later", "people"),
            "many": collection("many", *(f"job{number}" for number in range(MANY))),
            "staff_to_branch": STAFF_TO_BRANCH,
            **{
                name: collection(name, "people")
                for name in ("marked", "deleted", "edited", "vanished", "ungated")
            },
        }
    )
    return faulty_airflow


def written(airflow: FaultyAirflow, name: str) -> list[str] | None:
    """The lines of a destination, or None if there is none yet."""
    file: Path = airflow.data / f"{name}.csv"
    return file.read_text(encoding="utf-8").split() if file.exists() else None


def kinds(airflow: FaultyAirflow, request: Request) -> list[str]:
    """What happened to a request, in order, but for who looked at it."""
    return [
        event.kind.value for event in airflow.store.requests.get(request.id).events if event.kind != "viewed"
    ]


# -- parts of Airflow ----------------------------------------------------------------------------------------


def test_gates_outlive_their_triggerer(airflow: FaultyAirflow) -> None:
    """What is decided while no triggerer lives resumes its gate as soon as there is one again; what is not
    waits on.
    """
    run = airflow.start_run("triggerer_killed")
    requests = airflow.waiting("triggerer_killed", run, "first", "second", "third")
    airflow.parts.kill("triggerer")
    assert airflow.decide(requests["first"]).status_code == 200
    assert airflow.decide(requests["second"], approve=False).status_code == 200
    assert written(airflow, "triggerer_killed_first") is None
    airflow.start_triggerer()

    def tasks() -> dict[str, str]:
        return airflow.admin.task_states("triggerer_killed", run)

    decided = ("success", "skipped")
    airflow.wait_for(
        "the decided gates", lambda: (tasks()["first.apply"], tasks()["second.apply"]) == decided
    )
    assert [airflow.state(request) for request in requests.values()] == ["applied", "denied", "pending"]
    assert airflow.decide(requests["third"]).status_code == 200
    assert airflow.admin.wait_for_run("triggerer_killed", run, 90) == "success"
    assert [written(airflow, f"triggerer_killed_{job}") for job in requests] == [WRITTEN, None, WRITTEN]
    assert airflow.parts.runs("triggerer")


def test_an_api_server_that_dies_leaves_no_half_decision(airflow: FaultyAirflow) -> None:
    """Killed under a hail of decisions: each is recorded whole or not at all, and who asks again hears which.

    Then, on two server processes, two people contradict each other at the same moment: one wins, the other
    hears who did.
    """
    requests = airflow.ask("many", "killed")
    answered: dict[int, httpx.Response] = {}
    enough = threading.Event()
    airflow.as_user("bob")

    def approve(request: Request) -> None:
        with suppress(httpx.TransportError):  # nobody knows then, which is the point
            answered[request.id] = airflow.decide(request)
        if len(answered) >= MANY // 4:
            enough.set()

    with ThreadPoolExecutor(8) as pool:
        for request in requests:
            pool.submit(approve, request)
        assert enough.wait(60)
        airflow.parts.kill("api-server")
    assert {answer.status_code for answer in answered.values()} == {200}
    assert len(answered) < MANY, "it was killed too late to prove anything"
    states = {request.id: airflow.state(request) for request in requests}
    assert {states[number] for number in answered} == {"approved"}
    for request in requests:
        view = airflow.store.requests.get(request.id)
        assert (
            states[request.id],
            [each.person.name for each in view.decisions],
            kinds(airflow, request),
        ) in [
            ("approved", ["bob"], ["filed", "approved"]),
            ("pending", [], ["filed"]),
        ]
    airflow.start_api_server("--workers", "2")
    for request in requests:
        again = airflow.decide(request)
        if states[request.id] == "pending":
            assert again.status_code == 200
        else:
            said = again.json()
            assert (again.status_code, said["error"], said["by"], said["state"]) == (
                409,
                "AlreadyDecided",
                "bob",
                "approved",
            )
        assert [each.person.name for each in airflow.store.requests.get(request.id).decisions] == ["bob"]
        assert kinds(airflow, request) == ["filed", "approved"]
    contradict(airflow, airflow.ask("many", "contradicted")[:20])


def contradict(airflow: FaultyAirflow, requests: list[Request]) -> None:
    """Have bob approve and carol deny each request at the same moment."""
    winners: Counter[str] = Counter()
    people = ("bob", "carol")
    for person in people:
        airflow.as_user(person)
    start = threading.Barrier(2)

    def decide(request: Request, person: str) -> httpx.Response:
        start.wait(30)
        return airflow.decide(request, by=person, approve=person == "bob")

    with ThreadPoolExecutor(2) as pool:
        for request in requests:
            answers = dict(zip(people, pool.map(decide, [request] * 2, people), strict=True))
            view = airflow.store.requests.get(request.id)
            (only,) = view.decisions
            winner = only.person.name
            loser = next(person for person in people if person != winner)
            winners[winner] += 1
            state = "approved" if winner == "bob" else "denied"
            assert (view.request.state, only.agreed, kinds(airflow, request)) == (
                state,
                winner == "bob",
                ["filed", state],
            )
            assert answers[winner].status_code == 200
            said = answers[loser].json()
            assert (answers[loser].status_code, said["by"], said["state"]) == (409, winner, state)
            assert f"was {state} by {winner}" in said["detail"]
    assert sum(winners.values()) == len(requests)


# -- the store -----------------------------------------------------------------------------------------------


def test_a_store_that_is_away_loses_nothing(airflow: FaultyAirflow) -> None:
    """Gates wait on, people are told, a job that needs the store is tried again, and all goes on by itself
    afterwards.
    """
    waits = airflow.start_run("store_away")
    request = airflow.waiting("store_away", waits, "people")["people"]
    airflow.postgres.stop()
    begin = time.monotonic()
    later = airflow.start_run("store_away_later")
    for answer in (airflow.decide(request), airflow.as_user("bob").get("/dirsync/api/v1/requests")):
        said = answer.json()
        assert (answer.status_code, said["error"]) == (503, "StoreError")
        assert "See that the server runs" in said["detail"]
    tried = "up_for_retry", "up_for_reschedule"
    airflow.wait_for(
        "the job to fail", lambda: airflow.admin.task_states("store_away_later", later)["people"] in tried
    )
    time.sleep(max(0.0, OUTAGE - (time.monotonic() - begin)))
    assert airflow.admin.task_states("store_away", waits)["people.approval"] == "deferred"
    airflow.postgres.start()
    assert airflow.decide(request).status_code == 200
    assert airflow.admin.wait_for_run("store_away", waits, 90) == "success"
    other = airflow.waiting("store_away_later", later, "people")["people"]
    assert airflow.decide(other).status_code == 200
    assert airflow.admin.wait_for_run("store_away_later", later, 90) == "success"
    for name, each in (("store_away", request), ("store_away_later", other)):
        assert written(airflow, f"{name}_people") == WRITTEN
        assert kinds(airflow, each) == ["filed", "approved", "applied"]
    assert [result.attempt for result in airflow.store.runs.job_results("store_away_later", later)]


# -- runs that end otherwise ---------------------------------------------------------------------------------


def test_requests_of_runs_that_end_otherwise(airflow: FaultyAirflow) -> None:
    """A run that is marked failed, a DAG that is deleted, a gate or a whole collection that vanishes: no
    request waits in vain.

    An edited definition changes nothing of what was asked, not even while the DAG is paused.
    """
    names = ("marked", "deleted", "edited", "vanished", "ungated")
    runs = {name: airflow.start_run(name) for name in names}
    requests = {name: airflow.waiting(name, runs[name], "people")["people"] for name in names}
    operator = airflow.as_user("admin")

    operator.patch(
        f"/api/v2/dags/marked/dagRuns/{runs['marked']}", json={"state": "failed"}
    ).raise_for_status()
    operator.patch("/api/v2/dags/edited", json={"is_paused": True}).raise_for_status()
    (airflow.data / "other.csv").write_text("id,name\n7,Zoidberg\n", encoding="utf-8")
    (airflow.collections / "edited.yaml").write_text(
        collection("edited", "people", source="other.csv"), encoding="utf-8"
    )
    ungated = collection("ungated", "people").replace("approval:", "#")
    (airflow.collections / "ungated.yaml").write_text(ungated, encoding="utf-8")
    (airflow.collections / "vanished.yaml").unlink()
    airflow.wait_for("the withdrawal", lambda: airflow.state(requests["marked"]) == "cancelled")
    assert "marked failed" in airflow.store.requests.get(requests["marked"].id).events[-1].text
    assert airflow.decide(requests["marked"]).json()["state"] == "cancelled"

    def gate() -> str:
        return airflow.admin.task_states("ungated", runs["ungated"])["people.approval"]

    airflow.wait_for("the gate to vanish", lambda: gate() == "removed")
    operator.delete("/api/v2/dags/deleted").raise_for_status()
    airflow.keep_up()
    assert {name: airflow.state(requests[name]) for name in ("deleted", "vanished", "ungated", "edited")} == {
        "deleted": "cancelled",
        "vanished": "pending",
        "ungated": "cancelled",
        "edited": "pending",
    }
    airflow.age_definitions()
    airflow.keep_up()
    assert [airflow.state(requests[name]) for name in ("vanished", "edited")] == ["cancelled", "pending"]
    assert "no longer defined" in airflow.store.requests.get(requests["vanished"].id).events[-1].text

    assert airflow.decide(requests["edited"]).status_code == 200
    operator.patch("/api/v2/dags/edited", json={"is_paused": False}).raise_for_status()
    assert airflow.admin.wait_for_run("edited", runs["edited"], 90) == "success"
    assert {name: written(airflow, f"{name}_people") for name in names} == dict.fromkeys(names) | {
        "edited": WRITTEN
    }


# -- the apply -----------------------------------------------------------------------------------------------


def test_a_worker_that_dies_in_the_middle_of_the_apply(airflow: FaultyAirflow) -> None:
    """The next try goes on with the approved plan, and the request tells the truth; cleared afterwards, it
    writes nothing.
    """
    run = airflow.start_run("staff_to_branch")
    request = airflow.waiting("staff_to_branch", run, "people")["people"]
    airflow.proxy.delay = 0.5
    assert airflow.decide(request).status_code == 200
    airflow.wait_for("some people", lambda: people(airflow) >= 5)
    (begun,) = airflow.store.runs.job_results("staff_to_branch", run)
    kill_tree(begun.pid)
    there = people(airflow)
    assert there < STAFF, "the worker was killed too late to prove anything"
    (airflow.data / "staff.csv").write_text(
        "uid,name\nnobody,Nobody\n", encoding="utf-8"
    )  # what was approved counts
    airflow.proxy.delay = 0.0
    assert airflow.admin.wait_for_run("staff_to_branch", run, 120) == "success"
    assert people(airflow) == STAFF
    (result,) = airflow.store.runs.job_results("staff_to_branch", run)
    assert (result.state, result.attempt) == ("success", begun.attempt + 1)
    applied = airflow.as_user("bob").get(f"/dirsync/api/v1/requests/{request.id}").json()["request"]
    assert (applied["state"], applied["result"]["statistics"]["created"]) == ("applied", STAFF)
    stamps = operational(airflow)
    body: dict[str, Any] = {
        "dry_run": False,
        "task_ids": ["people.apply"],
        "dag_run_id": run,
        "only_failed": False,
    }
    airflow.as_user("admin").post(
        "/api/v2/dags/staff_to_branch/clearTaskInstances", json=body
    ).raise_for_status()
    assert airflow.admin.wait_for_run("staff_to_branch", run, 90) == "success"
    assert operational(airflow) == stamps
    assert kinds(airflow, request) == ["filed", "approved", "applied"]


def operational(airflow: FaultyAirflow) -> dict[str, tuple[bytes, ...]]:
    """DN → what changes with every write to an object."""
    session = administrator(airflow.slapd)
    try:
        found = session.search_s(
            f"ou=people,{SUFFIX}", 2, "(objectClass=inetOrgPerson)", ["entryCSN", "entryUUID"]
        )
    finally:
        session.unbind_s()
    return {dn: (*values["entryCSN"], *values["entryUUID"]) for dn, values in found}


def people(airflow: FaultyAirflow) -> int:
    """How many there are at the destination, asked of the server itself."""
    return len(operational(airflow))
