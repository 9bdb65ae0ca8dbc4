"""One DAG run in Airflow's database, which one process after another goes on with, as scheduler and workers
do after a crash.

`dag.test()` would begin the run anew each time: a task that was killed is never tried again there.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG

TRIES = 20
"""Of each task, until somebody clears it."""
TRIED_AGAIN_LATER = 75
"""Exit status of an attempt that ended with a task to be tried again (sysexits.h, EX_TEMPFAIL)."""


class AirflowRun:
    """A DAG run of this moment: a new one, or what an earlier process has left of it.

    Args:
        dag: registered in the database.
        moment: its logical date.
    """

    def __init__(self, dag: DAG, moment: datetime) -> None:
        from airflow import settings
        from airflow.models.dagrun import DagRun
        from airflow.serialization.serialized_objects import DagSerialization
        from airflow.utils.state import DagRunState
        from airflow.utils.types import DagRunTriggeredByType, DagRunType
        from sqlalchemy import select

        self._dag = dag
        self._scheduled: Any = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        assert settings.Session is not None
        self._session = settings.Session()
        found = self._session.scalar(
            select(DagRun).where(DagRun.dag_id == dag.dag_id, DagRun.logical_date == moment)
        )
        if found is None:
            found = self._scheduled.create_dagrun(
                run_id=DagRun.generate_run_id(
                    run_type=DagRunType.MANUAL, logical_date=moment, run_after=moment
                ),
                logical_date=moment,
                data_interval=(moment, moment),
                run_after=moment,
                start_date=moment,
                run_type=DagRunType.MANUAL,
                state=DagRunState.RUNNING,
                triggered_by=DagRunTriggeredByType.TEST,
                triggering_user_name="chaos",
                session=self._session,
            )
            self._session.commit()
        elif found.state != DagRunState.RUNNING:
            # What failed for good, or succeeded, is begun again only where somebody clears it.
            self._scheduled.clear(
                run_id=found.run_id, dag_run_state=DagRunState.RUNNING, session=self._session
            )
            self._session.commit()
        self._run: Any = found
        self._run.dag = self._scheduled

    def go_on(self) -> int:
        """Run tasks until the run has ended or one is to be tried again.

        Returns 0 for a run that succeeded, 1 for one that failed, `TRIED_AGAIN_LATER` for one that is not
        over.
        """
        from airflow.sdk.definitions.dag import _run_task
        from airflow.utils.state import DagRunState, TaskInstanceState

        self._take_over()
        while True:
            self._session.expire_all()
            self._run.dag = self._scheduled
            schedulable, _ = self._run.update_state(session=self._session)
            again = [instance for instance in schedulable if instance.state == TaskInstanceState.UP_FOR_RETRY]
            for instance in schedulable:
                instance.try_number += 1
                instance.state = TaskInstanceState.SCHEDULED
            self._session.commit()
            if self._run.state != DagRunState.RUNNING:
                return int(self._run.state != DagRunState.SUCCESS)
            for instance in schedulable:
                if instance in again:
                    print(f"airflow: retry of {instance.task_id}, try {instance.try_number}", flush=True)
                _run_task(ti=instance, task=self._dag.task_dict[instance.task_id], run_triggerer=True)
                self._session.commit()
                instance.refresh_from_db(session=self._session)
                if instance.state == TaskInstanceState.UP_FOR_RETRY:
                    return TRIED_AGAIN_LATER
            if not schedulable:
                time.sleep(0.05)  # until the retry of a task is due

    def _take_over(self) -> None:
        """Do about each task whose worker has gone what the scheduler does: running counts as failed, waiting
        waits anew.
        """
        from airflow.utils.state import TaskInstanceState

        for instance in self._run.get_task_instances(session=self._session):
            instance.task = self._scheduled.get_task(instance.task_id)
            if instance.state in (TaskInstanceState.RUNNING, TaskInstanceState.DEFERRED):
                instance.handle_failure("The worker has gone.", session=self._session)
            elif instance.state in (TaskInstanceState.QUEUED, TaskInstanceState.SCHEDULED):
                instance.state = None
        self._session.commit()
