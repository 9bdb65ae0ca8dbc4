"""Previews in a real Airflow: asked by people through the API server, answered by a worker from a real
directory, killed on the way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from directory_sync.own_dags import PREVIEWS_DAG_ID
from directory_sync.store.preview_model import LOST, PreviewState
from tests.scenarios.airflow_parts import kill_tree
from tests.scenarios.directories import administrator
from tests.scenarios.faulty_airflow import SUFFIX, FaultyAirflow

pytestmark = pytest.mark.timeout(400)  # a dozen processes on a busy machine

API = "/dirsync/api/v1"
STAFF = 40


def definition(name: str, **job: Any) -> str:
    """A definition that makes people of a file."""
    fields = {"uid": {"from": "uid", "key": True}, "cn": "name", "sn": "name"} | job.pop("fields", {})
    return yaml.safe_dump(
        {
            "name": name,
            "paused": False,
            "jobs": [
                {
                    "name": "people",
                    "source": {"file": "staff.csv"},
                    "destination": {
                        "connection": "branch",
                        "container": f"ou=people,{SUFFIX}",
                        "filter": "(objectClass=inetOrgPerson)",
                    },
                    "object": "inetOrgPerson",
                    "rdn": "uid",
                    "fields": fields,
                    **job,
                }
            ],
        },
        sort_keys=False,
    )


@pytest.fixture(scope="module")
def airflow(tmp_path_factory: pytest.TempPathFactory, postgres_and_slapd: None) -> Iterator[FaultyAirflow]:
    """Airflow with one collection from a file and one that is saved, and a directory."""
    faulty = FaultyAirflow(tmp_path_factory.mktemp("previews"))
    faulty.data.mkdir()
    faulty.collections.mkdir()
    (faulty.collections / "from_file.yaml").write_text(definition("from_file"), encoding="utf-8")
    staff = "".join(f"user{number},User {number}\n" for number in range(STAFF))
    (faulty.data / "staff.csv").write_text(f"uid,name\n{staff}", encoding="utf-8")
    with faulty:
        faulty.wait_for("the DAG of previews", lambda: faulty.admin.has_dag(PREVIEWS_DAG_ID))
        body = {"text": definition("staff"), "expected": 0}
        faulty.as_user("admin").put(f"{API}/collections/staff", json=body).raise_for_status()
        yield faulty


def people(airflow: FaultyAirflow) -> int:
    """How many the directory holds."""
    session = administrator(airflow.slapd)
    found = session.search_s(f"ou=people,{SUFFIX}", 1, "(objectClass=inetOrgPerson)")
    session.unbind_s()
    return len(found)


def ask(airflow: FaultyAirflow, user: str = "admin", **body: Any) -> str:
    """Ask for a preview; its id."""
    answer = airflow.as_user(user).post(f"{API}/previews", json=body)
    assert answer.is_success, answer.text
    return str(answer.json()["id"])


def ended(airflow: FaultyAirflow, id: str, user: str = "admin") -> dict[str, Any]:
    """The preview once it has ended."""

    def look() -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = airflow.as_user(user).get(f"{API}/previews/{id}").json()
        except httpx.TimeoutException:  # a busy machine
            return None
        waits = ("waiting", "no_worker", "paused", "running")
        return None if found["state"] in waits else found

    result: dict[str, Any] = airflow.wait_for(f"the preview {id}", look)
    return result


def runs_of_previews(airflow: FaultyAirflow) -> list[dict[str, Any]]:
    """All runs of the internal DAG."""
    answer = airflow.as_user("admin").get(f"/api/v2/dags/{PREVIEWS_DAG_ID}/dagRuns", params={"limit": 100})
    found: list[dict[str, Any]] = answer.json()["dag_runs"]
    return found


def test_a_worker_answers_what_a_person_asks(airflow: FaultyAirflow) -> None:
    """Of a file and of what is saved, with what an edit causes; nothing is written, no one else sees it."""
    id = ask(airflow, "ida", collection="from_file")
    found = ended(airflow, id, "ida")
    assert found["state"] == "done", found
    (job,) = found["jobs"]
    assert job["asked"]["statistics"]["created"] == STAFF
    for user in ("admin", "bob"):
        assert airflow.as_user(user).get(f"{API}/previews/{id}").status_code == 404
        plan = job["asked"]["plan_id"]
        assert airflow.as_user(user).get(f"{API}/plans/{plan}/changes").status_code == 404
    assert airflow.as_user("bob").post(f"{API}/previews", json={"collection": "from_file"}).status_code == 403

    text = definition("staff", fields={"description": {"static": "staff"}})
    edited = ended(airflow, ask(airflow, text=text, collection="staff"))
    assert edited["state"] == "done", edited
    (job,) = edited["jobs"]
    assert [(each["text"], each["objects"]) for each in job["effects"]] == [
        ("Create, but differently", STAFF)
    ]
    path = f"{API}/previews/{edited['id']}/jobs/people/effects"
    page = airflow.as_user("admin").get(path, params={"limit": 3}).json()
    assert [each["fields"] for each in page["differences"]] == [["description"]] * 3
    unsaved = ended(airflow, ask(airflow, text=definition("fresh")))
    assert unsaved["jobs"][0]["asked"]["statistics"]["created"] == STAFF
    assert people(airflow) == 0
    assert not airflow.admin.has_dag("fresh")
    # What Airflow shows of the runs are ids, and nothing else.
    asked = {id, edited["id"], unsaved["id"]}
    shown = [run for run in runs_of_previews(airflow) if run["conf"].get("question") in asked]
    assert len(shown) == len(asked)
    for run in shown:
        assert set(run["conf"]) == {"question"}
        assert re.fullmatch("[0-9a-f]{32}", run["conf"]["question"])


def test_an_id_that_is_typed_into_airflow_gives_nothing(airflow: FaultyAirflow) -> None:
    """Neither a used one, nor one that waits; neither does clearing a run that has answered."""
    id = ask(airflow, "ida", collection="from_file")
    done = ended(airflow, id, "ida")
    paused = airflow.as_user("admin").patch(f"/api/v2/dags/{PREVIEWS_DAG_ID}", json={"is_paused": True})
    assert paused.is_success
    waits = airflow.store.previews.ask(_person("ida"), "from_file", _file(), definition("from_file"))
    airflow.as_user("admin").patch(f"/api/v2/dags/{PREVIEWS_DAG_ID}", json={"is_paused": False})
    for conf in ({"question": id}, {"question": waits.id}, {}, {"question": id, "collection": "staff"}):
        run = airflow.start_run(PREVIEWS_DAG_ID, conf=conf)
        assert airflow.admin.wait_for_run(PREVIEWS_DAG_ID, run, 120) == "failed", conf
    assert airflow.store.previews.get(waits.id).state is PreviewState.ASKED  # type: ignore[union-attr]
    airflow.store.previews.withdraw(waits.id)
    question = airflow.store.previews.get(id)
    assert question is not None
    cleared = airflow.as_user("admin").post(
        f"/api/v2/dags/{PREVIEWS_DAG_ID}/dagRuns/{question.run_id}/clear", json={"dry_run": False}
    )
    assert cleared.is_success, cleared.text
    assert airflow.admin.wait_for_run(PREVIEWS_DAG_ID, question.run_id, 120) == "failed"
    again = airflow.as_user("ida").get(f"{API}/previews/{id}").json()
    assert (again["state"], again["jobs"]) == (done["state"], done["jobs"])
    assert people(airflow) == 0


def test_a_worker_that_dies_in_the_middle(airflow: FaultyAirflow) -> None:
    """The person is told; no other run takes the question; the maintenance ends it, and a new one is
    answered.
    """
    airflow.proxy.delay = 2.0
    try:
        id = ask(airflow, collection="staff")

        def begun() -> Any:
            return airflow.store.runs.job_results(PREVIEWS_DAG_ID, id)

        (attempt,) = airflow.wait_for("its first plan", begun)
        kill_tree(attempt.pid)
        found = ended(airflow, id)
    finally:
        airflow.proxy.delay = 0.0
    assert found["state"] == "lost"
    question = airflow.store.previews.get(id)
    assert question is not None
    assert question.state is PreviewState.RUNNING
    airflow.keep_up()
    question = airflow.store.previews.get(id)
    assert question is not None
    assert (question.state, question.message) == (PreviewState.FAILED, LOST)
    assert ended(airflow, ask(airflow, collection="staff"))["state"] == "done"
    assert people(airflow) == 0


def test_a_cancelled_preview_ends(airflow: FaultyAirflow) -> None:
    """At once for the person, and soon for the worker."""
    airflow.proxy.delay = 2.0
    try:
        id = ask(airflow, collection="staff")
        airflow.wait_for("its first plan", lambda: airflow.store.runs.job_results(PREVIEWS_DAG_ID, id))
        answer = airflow.as_user("admin").post(f"{API}/previews/{id}/cancel").json()
        assert answer["state"] == "cancelled"
    finally:
        airflow.proxy.delay = 0.0
    question = airflow.store.previews.get(id)
    assert question is not None
    airflow.admin.wait_for_run(PREVIEWS_DAG_ID, question.run_id, 120)
    assert airflow.as_user("admin").get(f"{API}/previews/{id}").json()["state"] == "cancelled"


def test_without_its_dag_a_preview_says_what_to_do(airflow: FaultyAirflow) -> None:
    """It is not asked for in vain."""
    admin = airflow.as_user("admin")
    admin.patch(f"/api/v2/dags/{PREVIEWS_DAG_ID}", json={"is_paused": True}).raise_for_status()
    try:
        answer = admin.post(f"{API}/previews", json={"collection": "staff"})
    finally:
        admin.patch(f"/api/v2/dags/{PREVIEWS_DAG_ID}", json={"is_paused": False}).raise_for_status()
    assert (answer.status_code, answer.json()["error"]) == (409, "PreviewError")
    assert PREVIEWS_DAG_ID in answer.json()["detail"]


def _person(name: str) -> Any:
    from directory_sync.approval.people import Person

    return Person(name, frozenset({"op"}), verified=True)


def _file() -> Any:
    from directory_sync.store.preview_model import QuestionKind

    return QuestionKind.FILE
