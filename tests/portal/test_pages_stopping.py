"""Progress of a run, and stopping it, on pages and through the REST API, without Airflow."""

from __future__ import annotations

import os
import re
import signal
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import update

from directory_sync.portal import airflow_dags, airflow_runs
from directory_sync.portal.run_in_airflow import RunInAirflow
from directory_sync.run.stopping import end_requests
from directory_sync.store.database import Database
from directory_sync.store.run_identity import RunIdentity
from directory_sync.store.run_progress import JobProgress
from directory_sync.store.store import Store
from directory_sync.store.tables import RunStopRow
from tests.portal.pages_client import Looker, text_of
from tests.scenarios.forked_child import ForkedChild, Tell
from tests.scenarios.portal_pages import ADA, BEA, IDA, AllRights
from tests.scenarios.saved import text_of as text_of_collection

GOING = {"dag_id": "running", "run_id": "manual__2026-11-25"}
WAITS = {"dag_id": "staff_to_branch", "run_id": "manual__2026-11-21"}
API = "/dirsync/api/v1/runs/running/manual__2026-11-25"


@pytest.fixture(autouse=True)
def audited(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What was written into Airflow's audit log, instead of it; nothing else of Airflow is asked."""
    entries: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(airflow_runs, "write_audit_log", lambda event, **more: entries.append((event, more)))
    monkeypatch.setattr(airflow_runs, "send_mail_soon", lambda: None)
    monkeypatch.setattr(airflow_runs, "end_idle_run", lambda dag_id, run_id: False)
    return entries


def beat(looker: Looker, progress: JobProgress) -> None:
    """Let the running job's worker say how far it is."""
    (result,) = [each for each in looker.store.runs.job_results(*GOING.values()) if each.state == "running"]
    looker.store.run_progress.beat(
        result.job_run_id, progress, collection=GOING["dag_id"], run_id=GOING["run_id"]
    )


def test_pages_and_rest_tell_how_far_a_run_is(looker: Looker) -> None:
    """Read, planned, and applied of a total, with a bar as soon as there is one."""
    beat(looker, JobProgress("read source", read=1200, listed=34))
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert "reading: 1,200 records and 34 objects read" in text_of(page)
    assert "<progress" not in page
    beat(looker, JobProgress("apply", read=1200, listed=34, planned=1200, applied=50, total=200))
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert "applied 50 of 200 changes" in text_of(page)
    assert re.search(r'<progress value="50" max="200"', page)
    assert 'hx-trigger="every 3s, look-now"' in page
    (job,) = [each for each in looker.client.get(API).json()["jobs"] if each["state"] == "running"]
    assert (job["progress"]["stage"], job["progress"]["applied"], job["progress"]["total"]) == (
        "apply",
        50,
        200,
    )
    task = {**GOING, "task_id": job["job"]}
    assert "applied 50 of 200 changes" in text_of(looker.get(f"/embed/ti?{urlencode(task)}"))


def test_a_run_is_stopped_on_its_page(looker: Looker, audited: list[Any]) -> None:
    """The question says what will happen; the page says who has stopped it, when and why."""
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert re.search(r'hx-get="/dirsync/embed/stop[^"]*"[^>]*aria-haspopup="dialog">Stop</a>', page)
    assert "Run in the Background</a>" in page
    question = looker.get(f"/embed/stop?{urlencode(GOING)}", part=True)
    assert "nothing resumes the run" in question
    address = looker.post("/embed/stop", {**GOING, "reason": "Wrong <b>file</b>."})
    page = looker.get(address.removeprefix("/dirsync"))
    text = text_of(page)
    assert "The run is stopped: what is under way is finished" in text
    assert "Stopping by bea" in text
    assert "Wrong <b>file</b>." in text
    assert "<b>file</b>" not in page
    assert "Stop</a>" not in page
    assert "every 3s" in page
    stop = looker.store.run_stops.of(*GOING.values())
    assert stop is not None
    assert (stop.by, stop.reason) == ("bea", "Wrong <b>file</b>.")
    ((event, entry),) = audited
    assert event == "directory_sync.stop_run"
    assert (entry["by"], entry["dag_id"], entry["run_id"]) == ("bea", *GOING.values())
    looker.store.runs.finish(*GOING.values(), "stopped")
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert "Stopped by bea" in text_of(page)
    looker.post("/embed/stop", {**GOING, "reason": ""}, status=409)


def test_no_worker_answers(looker: Looker) -> None:
    """After a minute the page says so and names what Airflow has; a sign of life ends that."""
    looker.post("/embed/stop", {**GOING, "reason": ""})
    assert "No worker has answered" not in looker.get(f"/embed/run?{urlencode(GOING)}")
    with looker.store._database.write() as connection:
        connection.execute(update(RunStopRow).values(asked=datetime.now(UTC) - timedelta(seconds=61)))
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert "No worker has answered for a minute" in page
    assert "mark the run as failed" in page
    beat(looker, JobProgress("compare"))
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert "No worker has answered" not in page
    assert "Its worker finishes the operations under way" in page


def test_what_waits_is_cancelled(looker: Looker) -> None:
    """By the person who stops the run, in whatever state the stop was cut off before."""
    number = looker.made["pending"]
    looker.store.run_stops.ask(*WAITS.values(), by="ida", reason="wrong")
    answer = looker.client.post(
        f"/dirsync/api/v1/runs/{WAITS['dag_id']}/{WAITS['run_id']}/stop",
        json={"reason": "again"},
        headers={"origin": "http://testserver"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["requests"] == [number]
    assert (answer.json()["stop"]["by"], answer.json()["stop"]["reason"]) == ("ida", "wrong")
    request = looker.store.requests.get(number).request
    assert (request.state, request.decided_by) == ("cancelled", "ida")
    found = looker.store.run_stops.of(*WAITS.values())
    assert found is not None
    assert end_requests(looker.store, found) == ()


def test_an_api_server_that_is_killed_in_the_middle(looker: Looker) -> None:
    """The run is stopped; asking again does what was left, under the name of the person who was first."""
    number = looker.made["pending"]

    def killed(tell: Tell) -> None:
        from directory_sync.portal import stopping
        from directory_sync.portal.access import Visitor

        stopping.end_requests = lambda store, stop: os.kill(os.getpid(), signal.SIGKILL)
        tell("here")
        with Store(Database(looker.store._database.url)) as store:
            visitor = Visitor(BEA, administrator=False, rights=AllRights())
            stopping.stop_run(store, visitor, *WAITS.values(), reason="wrong")

    child = ForkedChild(killed)
    assert child.wait_for("here")
    assert os.WTERMSIG(child.end()) == signal.SIGKILL
    assert looker.store.requests.get(number).request.state == "pending"
    assert "Stopping by bea" in text_of(looker.get(f"/embed/run?{urlencode(WAITS)}"))
    looker.become(IDA)
    looker.post("/embed/stop", {**WAITS, "reason": "again"})
    request = looker.store.requests.get(number).request
    assert (request.state, request.decided_by) == ("cancelled", "bea")


def test_who_may_not_stop_it(looker: Looker) -> None:
    """The button is there, disabled, with the reason; what may not be seen does not exist."""
    looker.become(BEA, start=False)
    page = looker.get(f"/embed/run?{urlencode(GOING)}")
    assert re.search(r"disabled[^>]*>Stop</button>", page)
    assert "Airflow does not let you start runs" in looker.get(f"/embed/stop?{urlencode(GOING)}")
    looker.post("/embed/stop", {**GOING, "reason": "x"}, status=403)
    looker.become(BEA, hidden=frozenset(["running"]))
    looker.get(f"/embed/stop?{urlencode(GOING)}", status=404)
    looker.post("/embed/stop", {**GOING, "reason": "x"}, status=404)
    assert looker.store.run_stops.of(*GOING.values()) is None


def test_a_reason_that_is_too_long(looker: Looker) -> None:
    """Nothing is stopped, and what was typed is there again."""
    page = looker.post("/embed/stop", {**GOING, "reason": "x" * 1001}, status=422)
    assert "x" * 1001 in page
    assert looker.store.run_stops.of(*GOING.values()) is None


def test_a_queued_run_does_not_begin(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has never heard of it, Airflow has; another DAG's run is no run of a collection."""
    queued = {"dag_id": "running", "run_id": "manual__later"}
    identity = RunIdentity("manual__later", "manual", "ida", "ida", None, datetime.now(UTC))
    looker.become(BEA, run=RunInAirflow(told=True, identity=identity))
    ended: list[tuple[str, str]] = []
    monkeypatch.setattr(airflow_runs, "end_idle_run", lambda *run: ended.append(run) or True)
    assert "Stop</a>" in looker.get(f"/embed/run?{urlencode(queued)}")
    looker.post("/embed/stop", {**queued, "reason": "not today"})
    assert ended == [tuple(queued.values())]
    page = looker.get(f"/embed/run?{urlencode(queued)}")
    assert "This run was stopped by bea" in text_of(page)
    assert "not today" in page
    assert "data-live" not in page
    looker.get("/embed/stop?dag_id=somebody_elses&run_id=manual__later", status=404)


def test_deleting_a_collection_waits_for_what_was_stopped(
    looker: Looker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page stops its runs, asks again by itself, and goes on when the collection is gone."""
    active = ["manual__1"]
    monkeypatch.setattr(airflow_dags, "active_runs", lambda name, **more: list(active))
    identity = RunIdentity("manual__1", "manual", "ida", "ida", None, datetime.now(UTC))
    looker.become(ADA, run=RunInAirflow(told=True, identity=identity))
    looker.store.collections.save("doomed", text_of_collection("doomed"), expected=0, by=ADA)
    page = looker.get("/collections/doomed/delete")
    assert "Stop its runs, cancel its requests, and delete it when they have ended" in page
    form = {"expected": "1", "confirm": "doomed", "comment": "old"}
    assert "under way" in looker.post("/collections/doomed/delete", form, status=409)
    assert looker.store.run_stops.of("doomed", "manual__1") is None
    page = looker.post("/collections/doomed/delete", {**form, "stop": "yes"}, status=409)
    assert 'hx-post="/dirsync/collections/doomed/delete" hx-trigger="every 3s"' in page
    assert "manual__1" in page
    stop = looker.store.run_stops.of("doomed", "manual__1")
    assert stop is not None
    assert (stop.by, stop.reason) == ("ada", "The collection is deleted. old")
    again = {"Sec-Fetch-Site": "same-origin", "HX-Request": "true"}
    answer = looker.client.post(
        "/dirsync/collections/doomed/delete", data={**form, "stop": "yes"}, headers=again
    )
    assert answer.status_code == 200
    assert "collection-ending" in answer.text
    assert "<html" not in answer.text
    active.clear()
    answer = looker.client.post(
        "/dirsync/collections/doomed/delete", data={**form, "stop": "yes"}, headers=again
    )
    assert answer.headers["hx-redirect"] == "/dirsync/collections/doomed?said=collection-deleted"
    assert looker.store.collections.get("doomed") is None


def test_a_deletion_that_is_refused_stops_nothing(looker: Looker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its comment is too long to be kept."""
    monkeypatch.setattr(airflow_dags, "active_runs", lambda name, **more: ["manual__1"])
    identity = RunIdentity("manual__1", "manual", "ida", "ida", None, datetime.now(UTC))
    looker.become(ADA, run=RunInAirflow(told=True, identity=identity))
    looker.store.collections.save("doomed", text_of_collection("doomed"), expected=0, by=ADA)
    form = {"expected": "1", "confirm": "doomed", "comment": "x" * 10_001, "stop": "yes"}
    assert "Shorten" in looker.post("/collections/doomed/delete", form, status=422)
    assert looker.store.run_stops.of("doomed", "manual__1") is None


def test_who_may_not_start_runs_stops_none_by_deleting(looker: Looker) -> None:
    """Deleting is one right, stopping another; without it nothing is stopped or deleted."""
    looker.become(ADA, start=False)
    looker.store.collections.save("kept", text_of_collection("kept"), expected=0, by=ADA)
    form = {"expected": "1", "confirm": "kept", "comment": "", "stop": "yes"}
    looker.post("/collections/kept/delete", form, status=403)
    assert looker.store.collections.get("kept") is not None
