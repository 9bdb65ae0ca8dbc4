"""Airflow for the fault campaign: imported once, then forked for each attempt, which goes on with a DAG run
as far as it comes.

The same run again is Airflow's own retry of the tasks that failed or whose worker has gone: see
`airflow_run`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.chaos import forking
from tests.chaos.airflow_run import TRIES, AirflowRun
from tests.scenarios.airflow_database import airflow_database

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def main(home: Path) -> None:
    """Serve attempts until standard input ends."""
    answers = forking.answers_only()
    _settings(home)
    airflow_database(home)
    # No connection to Airflow's database may be open when a worker is forked, so even the first steps are a
    # child's.
    modules = home / "modules"
    forking.fork(lambda: _make_database(modules))
    for name in modules.read_text().split():
        # Workers need them all, and importing them takes longer than anything else that they do.
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    forking.serve(_run, answers)


def _settings(home: Path) -> None:
    (home / "dags").mkdir(parents=True)
    (home / "airflow.cfg").write_text("[core]\nload_examples = False\n", encoding="utf-8")
    os.environ.update(
        {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
            "AIRFLOW__API_AUTH__JWT_SECRET": "for-tests-only-" * 5,
        }
    )
    os.environ.pop("AIRFLOW_CONFIG", None)


def _make_database(modules: Path) -> None:
    """Make Airflow's database, run a DAG that does nothing, and note what had to be imported for it."""
    from airflow.sdk import DAG
    from airflow.utils.db import initdb

    import directory_sync.airflow.close_run
    import directory_sync.airflow.dag_factory
    import directory_sync.airflow.deployment
    import directory_sync.airflow.operators
    import directory_sync.run.job  # noqa: F401
    from directory_sync.airflow.pause import PauseTrigger  # noqa: F401
    from tests.airflow.dag_runs import register

    initdb()
    with DAG("nothing", schedule=None) as dag:
        from airflow.providers.standard.operators.python import PythonOperator

        PythonOperator(task_id="nothing", python_callable=int)
    register(dag)
    dag.test(logical_date=_FIRST)
    modules.write_text(" ".join(name for name in list(sys.modules) if name != "__main__"))


def _run(order: dict[str, Any]) -> int:
    from directory_sync.airflow import collection_task
    from directory_sync.airflow.dag_factory import build_dag
    from directory_sync.definition.documents import read_document
    from directory_sync.definition.loading import load
    from tests.airflow.dag_runs import register

    collection_task.FIRST_PAUSE = 0.5
    dag = build_dag(load(read_document(Path(order["definition"]))).collection)
    for task in dag.tasks:
        task.retries, task.retry_delay, task.retry_exponential_backoff = (
            TRIES - 1,
            timedelta(seconds=0.1),
            0.0,
        )
    register(dag)
    return AirflowRun(dag, _FIRST + timedelta(minutes=int(order["run"]))).go_on()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
