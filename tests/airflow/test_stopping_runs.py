"""A run that is stopped, with everything real from the operators down to the file that is written."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.run.stopping import end_requests
from directory_sync.store.store import Store
from tests.airflow.dag_runs import RunCollection, task_states
from tests.scenarios.requests import decide

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

PEOPLE = {
    "name": "people",
    "source": {"file": "in.csv"},
    "destination": {"file": "out.csv"},
    "object": "row",
    "fields": {"id": {"from": "id", "key": True}, "name": "name"},
    "on_failure": "continue",
}
AFTER = {**PEOPLE, "name": "after", "destination": {"file": "after.csv"}}
PATIENCE = 120.0
"""Seconds that a gate may take to begin on a busy machine."""
GATED = {**PEOPLE, "approval": {"approvers": {"users": ["bea"]}}, "wait_for_approval": True}


def stop(store: Store) -> None:
    """Stop the newest run."""
    store.run_stops.ask("corp", store.runs.recent("corp")[0].run_id, by="ann", reason="wrong file")


def job_states(store: Store, run: DagRun) -> dict[str, str]:
    return {each.job: each.state for each in store.runs.job_results("corp", run.run_id)}


def test_a_job_that_plans_writes_nothing_and_later_jobs_do_not_run(
    run_collection: RunCollection, store: Store, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the failure action is to continue; the run has failed in Airflow, and is stopped here."""
    from directory_sync.run import job

    make_plan = job._make_plan

    def stopped_while_planning(*args: Any, **given: Any) -> Any:
        plan = make_plan(*args, **given)
        stop(store)
        return plan

    monkeypatch.setattr(job, "_make_plan", stopped_while_planning)
    run = run_collection(PEOPLE, AFTER)
    assert task_states(run) == {"people": "failed", "after": "skipped", "_close": "failed"}
    assert not (data / "out.csv").exists()
    assert not (data / "after.csv").exists()
    assert job_states(store, run) == {"people": "stopped"}
    (stored,) = store.runs.recent("corp")
    assert (stored.state, stored.finished is not None) == ("stopped", True)
    end = store.run_ends.get(stored.id)
    assert end is not None
    assert end.states == {"people": "stopped", "after": "not_run"}


def test_a_file_is_not_written_in_part(
    run_collection: RunCollection, store: Store, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop before the new content is in place leaves the file as it was; each change says so."""
    from directory_sync.run.pulse import Pulse

    begin = Pulse.begin

    def stopped_before_writing(self: Pulse, *args: Any) -> None:
        begin(self, *args)
        stop(store)
        self._beat()

    monkeypatch.setattr(Pulse, "begin", stopped_before_writing)
    run = run_collection(PEOPLE, AFTER)
    assert task_states(run) == {"people": "failed", "after": "skipped", "_close": "failed"}
    assert not (data / "out.csv").exists()
    (result,) = store.runs.job_results("corp", run.run_id)
    assert result.plan_id is not None
    outcomes = store.plans.outcomes(result.plan_id)
    assert {place: each.result for place, each in outcomes.items()} == {0: "not_done", 1: "not_done"}
    assert store.plans.load(result.plan_id).state == "stopped"


def test_a_run_that_was_stopped_before_it_began(
    run_collection: RunCollection, store: Store, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every job is skipped, nothing is read, and the store has the run as stopped."""
    from directory_sync.airflow.operators import SyncJobOperator

    execute = SyncJobOperator.execute

    def stopped_in_the_queue(self: SyncJobOperator, context: Any) -> Any:
        store.run_stops.ask("corp", context["ti"].run_id, by="ann", reason="not today")
        return execute(self, context)

    monkeypatch.setattr(SyncJobOperator, "execute", stopped_in_the_queue)
    run = run_collection(PEOPLE, AFTER)
    assert task_states(run) == {"people": "skipped", "after": "skipped", "_close": "failed"}
    assert not (data / "out.csv").exists()
    assert job_states(store, run) == {}
    assert store.runs.recent("corp")[0].state == "stopped"


@pytest.mark.parametrize("reached", [True, False])
def test_a_job_that_waits_in_the_gate_ends(
    run_collection: RunCollection,
    store: Store,
    data: Path,
    caplog: pytest.LogCaptureFixture,
    reached: bool,
) -> None:
    """Its request is cancelled, by the gate itself where the API server was killed before it did so and a
    person has decided meanwhile.
    """
    caplog.set_level(logging.DEBUG, logger="directory_sync")

    def act() -> None:
        deadline = time.monotonic() + PATIENCE
        while "Waiting for the decision on request" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
        stop(store)
        found = store.run_stops.of("corp", store.runs.recent("corp")[0].run_id)
        assert found is not None
        if reached:
            end_requests(store, found)
        else:
            request = store.requests.pending("corp", "people")
            assert request is not None
            decide(store, request.id)

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(act)
        run = run_collection(GATED, AFTER)
        acting.result()
    assert task_states(run) == {
        "people": "success",
        "people.approval": "skipped",
        "people.apply": "skipped",
        "people.settled": "success",
        "after": "skipped",
        "_close": "failed",
    }
    assert not (data / "out.csv").exists()
    assert not (data / "after.csv").exists()
    (request,) = store.requests.all().requests
    assert (request.state, request.decided_by) == ("cancelled", "ann")
    assert job_states(store, run) == {"people": "cancelled"}
    assert store.runs.recent("corp")[0].state == "stopped"
    assert store.run_stops.with_requests() == []


def test_an_approved_plan_is_not_applied_after_a_stop(
    run_collection: RunCollection, store: Store, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped between the gate and the apply: the request is cancelled, and its task skipped."""
    from directory_sync.airflow.apply_operator import ApplyOperator

    execute = ApplyOperator.execute

    def stopped_before(self: ApplyOperator, context: Any) -> Any:
        stop(store)
        return execute(self, context)

    monkeypatch.setattr(ApplyOperator, "execute", stopped_before)

    def approve() -> None:
        deadline = time.monotonic() + PATIENCE
        while (request := store.requests.pending("corp", "people")) is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert request is not None
        decide(store, request.id)

    with ThreadPoolExecutor(1) as pool:
        acting = pool.submit(approve)
        run = run_collection(GATED, AFTER)
        acting.result()
    states = task_states(run)
    assert (states["people.approval"], states["people.apply"]) == ("success", "skipped")
    assert (states["after"], states["_close"]) == ("skipped", "failed")
    assert not (data / "out.csv").exists()
    (request,) = store.requests.all().requests
    assert (request.state, request.decided_by) == ("cancelled", "ann")
