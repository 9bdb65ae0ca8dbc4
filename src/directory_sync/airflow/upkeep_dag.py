"""The DAG that keeps house: it ends requests whose time or run is over, asks the next approvers, sends mail,
deletes old ones.

Everything heavy is imported when its task executes, because this module is imported whenever the DAG file is
parsed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, get_parsing_context
from airflow.sdk.exceptions import AirflowFailException

from directory_sync import settings
from directory_sync.airflow import previews_dag
from directory_sync.airflow.broken import broken_dag
from directory_sync.airflow.collection_task import fail
from directory_sync.airflow.run_parameters import refuse_unknown_keys
from directory_sync.airflow.timetable import CollectionTimetable
from directory_sync.errors import DirectorySyncError, SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Context

UPKEEP_DAG_ID = settings.UPKEEP_DAG_ID
TASK_ID = "keep_up"

_LONGEST = timedelta(minutes=30)


class UpkeepOperator(BaseOperator):
    """Does once what has to be done from time to time; what it leaves undone, the next run does."""

    def execute(self, context: Context) -> dict[str, Any]:
        """Return how much was done. Fails when something could not be done; everything else was."""
        from dataclasses import asdict
        from functools import cache

        from directory_sync.airflow.catalogue import catalogue_of, defined_collections, is_saved
        from directory_sync.airflow.collection_task import open_store
        from directory_sync.airflow.upkeep import keep_up
        from directory_sync.printable import printable_lines

        refuse_unknown_keys(context["dag_run"].conf or {}, {})
        instance = context["ti"]

        def is_over(dag_id: str, run_id: str) -> bool:
            return not instance.get_dr_count(dag_id, run_ids=[run_id], states=["queued", "running"])

        @cache
        def defined() -> frozenset[str] | None:
            folder = settings.collections_folder(beside=Path(context["dag"].fileloc))
            return defined_collections(catalogue_of(folder))

        def is_gone(collection: str) -> bool:
            with open_store() as store:
                saved = is_saved(store, collection)
            if saved is not None:
                return not saved
            known = defined()
            return known is not None and collection not in known

        try:
            kept = keep_up(is_over, is_gone)
        except DirectorySyncError as error:
            fail(error, str(error))
        if kept.problems:
            raise AirflowFailException(
                printable_lines("\n".join((*kept.problems, "The rest was done; the next run tries again.")))
            )
        return asdict(kept)


def upkeep_dags() -> dict[str, DAG]:
    """The package's own DAGs by their ids: the one for housekeeping, and the one that answers previews;
    nothing where the file is read for a task of another DAG.
    """
    wanted = get_parsing_context().dag_id
    own = {UPKEEP_DAG_ID: _build, previews_dag.PREVIEWS_DAG_ID: previews_dag.build}
    return {dag_id: build() for dag_id, build in own.items() if wanted in {None, dag_id}}


def _build() -> DAG:
    try:
        interval = settings.upkeep_interval()
    except SettingsError as error:
        return broken_dag(UPKEEP_DAG_ID, str(error))
    with DAG(
        dag_id=UPKEEP_DAG_ID,
        dag_display_name="Directory Sync: upkeep",
        description=(
            "Ends requests for approval whose time is over, asks the next approvers, sends mail that waits."
        ),
        doc_md=(
            "Runs by itself; **leave it switched on**. Without it requests do not expire or escalate, and"
            " mail that could not be sent at once is not sent later. It approves nothing. How often it runs"
            " says the setting `upkeep_interval`.\n"
        ),
        schedule=CollectionTimetable([interval]),
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        # One that hangs must not be the last one.
        dagrun_timeout=2 * _LONGEST,
        is_paused_upon_creation=False,
    ) as dag:
        # Airflow itself may not answer while it starts; that is no reason for a red run.
        UpkeepOperator(
            task_id=TASK_ID, retries=2, retry_delay=timedelta(seconds=15), execution_timeout=_LONGEST
        )
    return dag
