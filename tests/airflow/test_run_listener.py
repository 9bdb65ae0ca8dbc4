"""What is noted of runs that Airflow calls ended."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from directory_sync.store.store import Store
from tests.scenarios.planning import one_job

COLLECTION = one_job()


def hears(state: str, run_id: str, *tasks: Any) -> None:
    """Let the listener hear that a run is over, and have it noted."""
    from directory_sync.airflow import run_listener

    dag = SimpleNamespace(task_dict={task.task_id: task for task in tasks})
    run = SimpleNamespace(dag=dag, dag_id=COLLECTION.name, run_id=run_id)
    getattr(run_listener, f"on_dag_run_{state}")(dag_run=run, msg="")
    run_listener._notes.wait(30)


def task(task_id: str = "_close", task_type: str = "CloseRunOperator") -> Any:
    return SimpleNamespace(task_id=task_id, task_type=task_type)


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_run_that_the_store_has_not_closed_is_noted(store: Store, state: str) -> None:
    """Also one that the store has never heard of: it was ended before any job began; and once only."""
    hears(state, "r1", task())
    hears(state, "r1", task())
    assert store.ended_runs.has(COLLECTION.name, "r1")
    assert not store.ended_runs.has(COLLECTION.name, "r2")
    assert not store.ended_runs.has("other", "r1")


def test_a_run_that_is_closed_is_not_noted(store: Store) -> None:
    """What is known already needs no second note, so that the table stays small."""
    store.runs.start(COLLECTION, "r1", trigger="manual", requester="ida", verified=True)
    store.runs.finish(COLLECTION.name, "r1", "success")
    hears("success", "r1", task())
    assert not store.ended_runs.has(COLLECTION.name, "r1")


@pytest.mark.parametrize("other", [task("_close", "EmptyOperator"), task("close")], ids=["type", "name"])
def test_other_dags_are_not_noted(store: Store, other: Any) -> None:
    """A deployment has DAGs that are no collections."""
    hears("failed", "r1", other)
    assert not store.ended_runs.has(COLLECTION.name, "r1")


def test_airflow_is_given_the_listener() -> None:
    """The plugin brings it, by the names that Airflow calls."""
    from airflow.listeners.listener import get_listener_manager

    from directory_sync.airflow import run_listener

    assert run_listener in get_listener_manager().pm.get_plugins()
