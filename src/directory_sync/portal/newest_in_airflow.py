"""That Airflow has read what was saved, before a run is started of it."""

from __future__ import annotations

import time

from directory_sync.errors import NotDecidable
from directory_sync.portal.airflow_dags import bundle_name, dag_states
from directory_sync.portal.dag_text import DagStanding, dag_message, dag_standing
from directory_sync.store.collection_versions import SavedVersion

PATIENCE = 15.0
"""Seconds that a person who starts a run is kept waiting; Airflow takes up to ten to read a version."""
PAUSE = 0.5
"""Seconds between two looks."""


def require_newest_in_airflow(saved: SavedVersion | None) -> None:
    """Wait until new runs use the newest version of a saved collection; None for one from a file.

    A run goes by the version that Airflow knows when it starts: one that is started right after a save would
    go by the version before, which is not what the person has just seen.

    Raises NotDecidable, with what to do, if Airflow does not read it in time or cannot.
    """
    if saved is None:
        return
    until = time.monotonic() + PATIENCE
    while True:
        dag = dag_states([saved.name])[saved.name]
        standing = dag_standing(dag, saved.revision, bundle_name())
        if standing is DagStanding.IN_AIRFLOW:
            return
        if standing is not DagStanding.WAITING or time.monotonic() >= until:
            raise NotDecidable(
                f"No run of {saved.name} was started: it would not go by version {saved.number}, which is"
                f" the newest. {dag_message(standing, dag)}"
            )
        time.sleep(PAUSE)
