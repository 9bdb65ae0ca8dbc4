"""One DAG for each definition in the folder `collections`, and one that keeps house.

Airflow reads a file of this folder only if it holds both words, airflow and dag.
"""

from pathlib import Path

from directory_sync.airflow.dag_factory import build_dags
from directory_sync.airflow.upkeep_dag import upkeep_dags
from directory_sync.settings import collections_folder

globals().update(build_dags(collections_folder(beside=Path(__file__))) | upkeep_dags())
