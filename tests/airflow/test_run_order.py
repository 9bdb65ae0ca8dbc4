"""Order and failure actions: what Airflow makes of the wiring, against a model of ten lines."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from directory_sync.definition.models import Collection
from tests.airflow.dag_runs import task_states

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

CASES = 64


def expected(jobs: list[tuple[str, str]], failing: set[str]) -> tuple[dict[str, str], str]:
    """The rules of product.md: job states and the run's state."""
    states, aborted = {}, False
    for name, on_failure in jobs:
        if aborted:
            states[name] = "skipped"
            continue
        states[name] = "failed" if name in failing else "success"
        aborted = states[name] == "failed" and on_failure == "abort"
    return states, "failed" if "failed" in states.values() else "success"


def build(jobs: list[tuple[str, str]]) -> DAG:
    """The DAG of a collection with these jobs and failure actions."""
    from directory_sync.airflow.dag_factory import build_dag

    endpoints = {"source": {"file": "in.csv"}, "destination": {"file": "out.csv"}, "object": "row"}
    fields = {"fields": {"id": {"from": "id", "key": True}}}
    return build_dag(
        Collection.model_validate(
            {
                "name": f"order_{'_'.join(on_failure for _, on_failure in jobs)}",
                "jobs": [{"name": name, "on_failure": on_failure, **endpoints, **fields} for name, on_failure in jobs],
            }
        )
    )


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> tuple[set[str], list[str]]:
    """Jobs that fail, and the jobs in the order they ran. Stands in for everything behind the task."""
    from directory_sync.run import job as module
    from directory_sync.run.job import JobResult, JobState

    names: set[str] = set()
    ran: list[str] = []

    def run_job(snapshot: Any, job: Any, *, store: Any, **_: Any) -> JobResult:
        ran.append(job.name)
        state = JobState.FAILED if job.name in names else JobState.SUCCESS
        store.finish_job(store.start_job(snapshot.id, job.name).id, state.value)
        return JobResult(job=job.name, state=state, message="As the test says.")

    monkeypatch.setattr(module, "run_job", run_job)
    return names, ran


@pytest.mark.usefixtures("store_url")
def test_random_collections_end_as_the_model_says(run_dag: Callable[..., DagRun], failing: tuple[set[str], list[str]]) -> None:
    """Whatever the failure actions and whichever jobs fail: states of all jobs, their order, and the state of the run."""
    generator = random.Random(20261122)
    names, ran = failing
    cases: set[tuple[tuple[str, ...], tuple[bool, ...]]] = {
        (("abort",), (True,)),
        (("continue",), (True,)),
        (("abort",), (False,)),
    }
    while len(cases) < CASES:
        length = generator.choice((2, 3, 3, 4, 4))
        actions = tuple(generator.choice(("abort", "continue")) for _ in range(length))
        cases.add((actions, tuple(generator.random() < 0.4 for _ in range(length))))
    for actions, failures in sorted(cases):
        jobs = [(f"job{number}", action) for number, action in enumerate(actions)]
        names.clear()
        names.update(f"job{number}" for number, fails in enumerate(failures) if fails)
        ran.clear()
        run = run_dag(build(jobs))
        states, state = expected(jobs, names)
        found = task_states(run)
        assert ({name: found[name] for name in states}, str(run.state)) == (states, state), (actions, failures)
        assert ran == [name for name in states if states[name] != "skipped"]
