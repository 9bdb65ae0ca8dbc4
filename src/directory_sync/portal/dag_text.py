"""Whether Airflow has made a DAG of the newest version of a saved collection, and what to do if not."""

from __future__ import annotations

from enum import StrEnum

from directory_sync.portal.airflow_dags import BUNDLE_CLASS, DagState

BUNDLE_ENTRY = f'{{"name": "directory-sync", "classpath": "{BUNDLE_CLASS}", "kwargs": {{}}}}'
"""What an administrator adds to Airflow's configuration."""


class DagStanding(StrEnum):
    """Where a version of a collection stands in Airflow."""

    IN_AIRFLOW = "in_airflow"
    """New runs use this version."""
    WAITING = "waiting"
    """Airflow has not read this version yet."""
    IMPORT_ERROR = "import_error"
    """Airflow could not read it."""
    NO_BUNDLE = "no_bundle"
    """Airflow does not know that there are saved collections."""


def dag_standing(dag: DagState, revision: int, bundle: str | None) -> DagStanding:
    """Where a version with this revision stands. `bundle`: the name of the bundle, or None."""
    if bundle is None:
        return DagStanding.NO_BUNDLE
    if dag.import_error:
        return DagStanding.IMPORT_ERROR
    is_read = dag.known and dag.revision is not None and dag.revision >= revision
    return DagStanding.IN_AIRFLOW if is_read else DagStanding.WAITING


def dag_message(standing: DagStanding, dag: DagState) -> str:
    """What is wrong and what to do about it; empty if nothing is."""
    match standing:
        case DagStanding.NO_BUNDLE:
            return (
                "Airflow makes no DAG of saved collections yet. Add this entry to the list in its option"
                f" [dag_processor] dag_bundle_config_list, and restart it: {BUNDLE_ENTRY}"
            )
        case DagStanding.IMPORT_ERROR:
            last = next((line for line in reversed(dag.import_error.splitlines()) if line.strip()), "")
            return f"Airflow could not read the collection: {last.strip()}"
        case DagStanding.WAITING:
            return (
                "Airflow has not read this version yet; that takes some seconds. If it does not, see whether"
                " the DAG processor runs."
            )
        case DagStanding.IN_AIRFLOW:
            return ""
