"""Four eyes in a real Airflow: an approver who may trigger, clear, delete and mark gets nothing written
alone.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from directory_sync.approval.request import Request
from directory_sync.definition.loading import load_text
from directory_sync.store.runs import TERMINAL
from tests.scenarios.airflow_parts import kill_tree
from tests.scenarios.faulty_airflow import FaultyAirflow

pytestmark = pytest.mark.timeout(400)  # a dozen processes on a busy machine

REQUESTER, APPROVER = "admin", "ida"
PEOPLE = "id,name\n1,Fry\n2,Leela\n"
WRITTEN = ["id,name", "1,Fry", "2,Leela"]
NAMES = ("reused", "terminal", "cleared", "begun_by_hand", "mistyped", "killed", "revived", "premarked")


def definition(name: str) -> str:
    """A job without a policy that fails as long as its source is missing, one under a policy, and one after
    it.
    """
    job = "object: row, fields: {id: {from: id, key: true}, name: name}"
    return f"""
name: {name}
paused: false
jobs:
  - {{name: before, source: {{file: {name}_before.csv}}, destination: {{file: {name}_before_out.csv}}, {job}}}
  - {{name: people, source: {{file: in.csv}}, destination: {{file: {name}.csv}}, approval: {{approvers: {{users: [{APPROVER}]}}}},
     on_failure: continue, {job}}}
  - {{name: after, source: {{file: in.csv}}, destination: {{file: {name}_after.csv}}, {job}}}
"""  # noqa: E501


@pytest.fixture(scope="module")
def airflow(faulty_airflow: FaultyAirflow) -> FaultyAirflow:
    """Airflow with a collection for each of these tests."""
    for name in NAMES:
        (faulty_airflow.data / f"{name}_before.csv").write_text(PEOPLE, encoding="utf-8")
    (faulty_airflow.data / "in.csv").write_text(PEOPLE, encoding="utf-8")
    faulty_airflow.define({name: definition(name) for name in NAMES})
    return faulty_airflow


def ask(airflow: FaultyAirflow, name: str, **more: Any) -> tuple[str, Request]:
    """A run of the requester that waits, and its request."""
    run = airflow.start_run(name, by=REQUESTER, **more)
    return run, airflow.waiting(name, run, "people")["people"]


def finish(airflow: FaultyAirflow, name: str, run: str, request: Request) -> None:
    """Deny the request, and wait until the run is over."""
    assert airflow.decide(request, by=APPROVER, approve=False).status_code == 200
    assert airflow.admin.wait_for_run(name, run, 120) == "success"


def clear(airflow: FaultyAirflow, name: str, run: str, *tasks: str, downstream: bool = False) -> None:
    """Clear tasks of a run as the approver."""
    body = {
        "dry_run": False,
        "task_ids": list(tasks),
        "dag_run_id": run,
        "only_failed": False,
        "include_downstream": downstream,
    }
    airflow.as_user(APPROVER).post(f"/api/v2/dags/{name}/clearTaskInstances", json=body).raise_for_status()


def why(airflow: FaultyAirflow, name: str, run: str, task: str, attempt: int = 1) -> str:
    """What the log of a task's attempt holds."""
    path = f"/api/v2/dags/{name}/dagRuns/{run}/taskInstances/{task}/logs/{attempt}?full_content=true"
    return airflow.as_user(APPROVER).get(path).text


def written(airflow: FaultyAirflow, name: str) -> list[str] | None:
    """The lines of a destination, or None if there is none yet."""
    file = airflow.data / f"{name}.csv"
    return file.read_text(encoding="utf-8").split() if file.exists() else None


def test_a_run_id_that_is_used_again_is_refused(airflow: FaultyAirflow) -> None:
    """The approver deletes the requester's ended run and triggers with its id: no request, nothing written,
    the record stays.
    """
    run, request = ask(airflow, "reused")
    finish(airflow, "reused", run, request)
    before = airflow.store.runs.find("reused", run)
    approver = airflow.as_user(APPROVER)
    approver.delete(f"/api/v2/dags/reused/dagRuns/{run}").raise_for_status()
    assert airflow.start_run("reused", by=APPROVER, dag_run_id=run) == run
    assert airflow.admin.wait_for_run("reused", run, 120) == "failed"
    assert set(airflow.admin.task_states("reused", run).values()) <= {"failed", "skipped", "upstream_failed"}
    for task in ("before", "_close"):
        assert "This run id was used before." in why(airflow, "reused", run, task)
    assert airflow.store.runs.find("reused", run) == before
    assert approver.get(f"/dirsync/api/v1/runs/reused/{run}").json()["id_used_again"]
    for tab in ("run", "ti"):
        page = approver.get(
            f"/dirsync/embed/{tab}", params={"dag_id": "reused", "run_id": run, "task_id": "people"}
        ).text
        assert "These results are of another run than the one that Airflow shows here." in page
        assert f"used again by <bdi>{APPROVER}</bdi>" in page
    assert airflow.store.requests.pending("reused", "people") is None
    assert (
        airflow.store.requests.of_run(request.collection_run_id, "people")
        == airflow.store.requests.get(request.id).request
    )
    gate = f"/api/v2/dags/reused/dagRuns/{run}/taskInstances/people.approval"
    approver.patch(gate, json={"new_state": "success"}).raise_for_status()
    clear(airflow, "reused", run, "people.apply")
    airflow.wait_for(
        "the apply", lambda: airflow.admin.task_states("reused", run)["people.apply"] == "failed"
    )
    assert "This run id was used before." in why(airflow, "reused", run, "people.apply")
    assert written(airflow, "reused") is None


def test_the_id_of_a_terminals_run_is_refused(airflow: FaultyAirflow) -> None:
    """It has no run in Airflow that could be told from another one."""
    collection = load_text(definition("terminal"), "terminal.yaml").collection
    airflow.store.runs.start(collection, "terminal__1", trigger=TERMINAL, requester=REQUESTER, verified=False)
    run = airflow.start_run("terminal", by=APPROVER, dag_run_id="terminal__1")
    assert airflow.admin.wait_for_run("terminal", run, 120) == "failed"
    assert "This run id was used before." in why(airflow, "terminal", run, "before")
    assert written(airflow, "terminal") is None


def test_a_cleared_task_plans_nothing_for_another(airflow: FaultyAirflow) -> None:
    """In the requester's ended run the approver clears all tasks: the job without a policy runs, the other
    says what to do.
    """
    run, request = ask(airflow, "cleared")
    finish(airflow, "cleared", run, request)
    (airflow.data / "cleared_before.csv").write_text(PEOPLE + "3,Bender\n", encoding="utf-8")
    clear(airflow, "cleared", run, "before", downstream=True)
    assert airflow.admin.wait_for_run("cleared", run, 120) == "failed"
    states = airflow.admin.task_states("cleared", run)
    ends = [states[task] for task in ("before", "people", "people.apply", "after")]
    assert ends == ["success", "failed", "skipped", "success"]
    assert "3,Bender" in (written(airflow, "cleared_before_out") or [])
    assert "Start a new run" in why(airflow, "cleared", run, "people", 2)
    assert airflow.store.requests.pending("cleared", "people") is None
    assert written(airflow, "cleared") is None

    own = airflow.start_run("cleared", by=APPROVER)
    mine = airflow.waiting("cleared", own, "people")["people"]
    assert mine.requester == APPROVER
    assert airflow.decide(mine, by=APPROVER).status_code == 403
    clear(airflow, "cleared", own, "people")
    airflow.wait_for(
        "the cleared task", lambda: airflow.admin.task_states("cleared", own)["people"] == "failed"
    )
    assert airflow.state(mine) == "pending"
    assert airflow.admin.task_states("cleared", own)["people.approval"] == "deferred"


def test_a_job_that_begins_because_another_was_cleared_plans_nothing(airflow: FaultyAirflow) -> None:
    """The job before it failed, so it was never tried.

    Clearing that one lets it begin, and not for its requester.
    """
    source = airflow.data / "begun_by_hand_before.csv"
    source.rename(source.with_suffix(".away"))
    run = airflow.start_run("begun_by_hand", by=REQUESTER)
    assert airflow.admin.wait_for_run("begun_by_hand", run, 120) == "failed"
    assert airflow.admin.task_states("begun_by_hand", run)["people"] == "skipped"
    source.with_suffix(".away").rename(source)
    clear(airflow, "begun_by_hand", run, "before", downstream=True)
    airflow.wait_for("the job", lambda: airflow.admin.task_states("begun_by_hand", run)["people"] == "failed")
    assert "Start a new run" in why(airflow, "begun_by_hand", run, "people")
    assert airflow.store.requests.pending("begun_by_hand", "people") is None


@pytest.mark.parametrize("end", ["failed", "success"])
def test_a_run_that_is_revived_plans_nothing(airflow: FaultyAirflow, end: str) -> None:
    """Marked as over before it began, its tasks deleted, and queued: as if nobody had touched it, but for
    what was heard.
    """
    approver = airflow.as_user(APPROVER)
    approver.patch("/api/v2/dags/revived", json={"is_paused": True}).raise_for_status()
    run = airflow.start_run("revived", by=REQUESTER)
    path = f"/api/v2/dags/revived/dagRuns/{run}"
    approver.patch(path, json={"state": end}).raise_for_status()
    for task in airflow.admin.task_states("revived", run):
        approver.delete(f"{path}/taskInstances/{task}").raise_for_status()
    approver.patch(path, json={"state": "queued"}).raise_for_status()
    approver.patch("/api/v2/dags/revived", json={"is_paused": False}).raise_for_status()
    assert airflow.admin.wait_for_run("revived", run, 120) == "failed"
    assert airflow.admin.task_states("revived", run)["people"] == "failed"
    assert "Start a new run" in why(airflow, "revived", run, "people")
    assert airflow.store.requests.pending("revived", "people") is None


def test_a_job_whose_turn_was_made_by_marking_plans_nothing(airflow: FaultyAirflow) -> None:
    """The job before it fails and keeps it from running; the approver has marked what stands between them
    beforehand.
    """
    source = airflow.data / "premarked_before.csv"
    source.rename(source.with_suffix(".away"))
    approver = airflow.as_user(APPROVER)
    approver.patch("/api/v2/dags/premarked", json={"is_paused": True}).raise_for_status()
    run = airflow.start_run("premarked", by=REQUESTER)
    marker = f"/api/v2/dags/premarked/dagRuns/{run}/taskInstances/before.ok"
    approver.patch(marker, json={"new_state": "success"}).raise_for_status()
    approver.patch("/api/v2/dags/premarked", json={"is_paused": False}).raise_for_status()
    assert airflow.admin.wait_for_run("premarked", run, 120) == "failed"
    assert airflow.admin.task_states("premarked", run)["people"] == "failed"
    assert "Start a new run" in why(airflow, "premarked", run, "people")
    assert airflow.store.requests.pending("premarked", "people") is None


def test_a_mistyped_key_fails_the_run_before_anything_is_read(airflow: FaultyAirflow) -> None:
    """Each task says so, also those that would only wait or close; Airflow's own keys are none of ours."""
    run = airflow.start_run("mistyped", by=REQUESTER, conf={"preview": True})
    assert airflow.admin.wait_for_run("mistyped", run, 120) == "failed"
    states = airflow.admin.task_states("mistyped", run)
    for task in ("before", "_close"):
        assert states[task] == "failed"
        log = why(airflow, "mistyped", run, task)
        assert "unknown key: 'preview' (did you mean preview_only?)" in log
    assert airflow.store.runs.find("mistyped", run) is None
    assert not list(airflow.data.glob("mistyped*out*"))
    run = airflow.start_run("mistyped", by=REQUESTER, conf={"airflow/anything": 1, "preview_only": True})
    assert airflow.admin.wait_for_run("mistyped", run, 120) == "success"
    assert not list(airflow.data.glob("mistyped*out*"))


def test_a_request_outlives_the_task_that_filed_it(airflow: FaultyAirflow, hanging: Path) -> None:
    """Killed for good in between filing and saying so: the gate waits, the approval counts, and the run is no
    failure.
    """
    hanging.touch()
    try:
        run = airflow.start_run("killed", by=REQUESTER)
        request = airflow.wait_for("the request", lambda: airflow.store.requests.pending("killed", "people"))
        time.sleep(1)
        result = next(each for each in airflow.store.runs.job_results("killed", run) if each.job == "people")
        assert (result.state, result.request_id) == ("waiting", request.id)
        kill_tree(result.pid)
    finally:
        hanging.unlink()
    airflow.wait_for(
        "the gate", lambda: airflow.admin.task_states("killed", run)["people.approval"] == "deferred"
    )
    assert airflow.admin.task_states("killed", run)["people"] == "failed"
    airflow.keep_up()
    assert airflow.state(request) == "pending"
    assert airflow.decide(request, by=APPROVER).status_code == 200
    assert airflow.admin.wait_for_run("killed", run, 120) == "success"
    assert written(airflow, "killed") == WRITTEN
    assert written(airflow, "killed_after") == WRITTEN
    assert airflow.admin.result("killed", run, "_close")["jobs"] == {
        "before": "success",
        "people": "success",
        "after": "success",
    }
    (stored,) = [each for each in airflow.store.runs.recent("killed") if each.run_id == run]
    assert stored.state == "success"
