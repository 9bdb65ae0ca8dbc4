"""What a test needs to run a DAG and to look at what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.sdk import DAG

RunCollection = Callable[..., "DagRun"]
"""Runs a collection of the jobs that it is given."""


def register(dag: DAG, bundle: str = "dags-folder") -> None:
    """Write a DAG into the metadata database, as the DAG processor does."""
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.serialization.definitions.dag import SerializedDAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    serialized = LazyDeserializedDAG.from_dag(dag)
    with create_session() as session:
        if session.get(DagBundleModel, bundle) is None:
            session.add(DagBundleModel(name=bundle))
            session.flush()
        SerializedDAG.bulk_write_to_db(bundle, None, [serialized], session=session)
        SerializedDagModel.write_dag(serialized, bundle_name=bundle, session=session)


def task_states(run: DagRun) -> dict[str, str]:
    """Task id → state at the end of a run."""
    return {instance.task_id: str(instance.state) for instance in run.get_task_instances()}
