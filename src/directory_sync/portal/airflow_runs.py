"""What the portal has Airflow do: start a run of a collection as the person who asks, and write Airflow's
audit log.

Like `airflow_login`, this runs in Airflow's API server only: it uses Airflow's own database.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from airflow.api.common.trigger_dag import trigger_dag
from airflow.exceptions import DagNotFound, DagRunAlreadyExists, ParamValidationError
from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from airflow.models.log import Log
from airflow.models.taskinstance import TaskInstance
from airflow.sdk.exceptions import AirflowException
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, State, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from directory_sync import settings
from directory_sync.errors import NotDecidable, RequestError, StoreError
from directory_sync.portal.run_in_airflow import UNTOLD, RunInAirflow
from directory_sync.store.run_identity import RunIdentity, requester_of

log = logging.getLogger(__name__)


def start_run(dag_id: str, *, by: str, conf: Mapping[str, Any], run_id: str | None = None) -> str:
    """Start a manual run of a DAG, as Airflow's own REST API does; its id.

    Args:
        dag_id: the collection's DAG. Whether the person may start it has been checked.
        by: user name, under which the run's requests are filed.
        conf: the run's parameters.
        run_id: what the run is called; None for whatever Airflow calls it.

    Raises NotDecidable where Airflow could not begin the run now, RequestError where it refuses the
    parameters, StoreError where its database does not answer; nothing was started then.
    """
    try:
        with create_session() as session:
            if why_not := _why_not(session.get(DagModel, dag_id), dag_id):
                raise NotDecidable(why_not)
            # A run without a logical date, as a click on *Trigger* makes it.
            run = trigger_dag(
                dag_id,
                triggered_by=DagRunTriggeredByType.UI,
                triggering_user_name=by,
                run_id=run_id,
                conf=dict(conf),
                session=session,
            )
            if run is None:
                raise NotDecidable(f"Airflow did not start a run of {dag_id}. See the log of its API server.")
            return str(run.run_id)
    except DagRunAlreadyExists:
        raise NotDecidable(
            f"Someone has started a run of {dag_id} at this very moment. Look at its runs."
        ) from None
    except DagNotFound:
        raise NotDecidable(_UNKNOWN.format(dag_id)) from None
    except SQLAlchemyError as error:
        raise StoreError(
            f"Airflow's database does not answer ({type(error).__name__}), so no run of {dag_id} was started."
            " Try again later."
        ) from None
    except (ParamValidationError, ValueError, AirflowException) as error:
        first_line = next(iter(str(error).splitlines()), type(error).__name__)
        raise RequestError(f"Airflow refuses to start a run of {dag_id}: {first_line}") from None


def run_of(dag_id: str, run_id: str) -> RunInAirflow:
    """What Airflow knows of a run.

    A failure is logged and nothing else: the pages that ask can be read without it.
    """
    try:
        with create_session() as session:
            run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
            dag = session.get(DagModel, dag_id)
            paused = dag is not None and bool(dag.is_paused)
            if run is None:
                return RunInAirflow(told=True, paused=paused)
            trigger = str(getattr(run.run_type, "value", run.run_type))
            identity = RunIdentity(
                run_id=run_id,
                trigger=trigger,
                requester=requester_of(trigger, run.triggering_user_name),
                triggering_user=run.triggering_user_name,
                logical_date=run.logical_date,
                run_after=run.run_after,
            )
            over = run.state in (DagRunState.SUCCESS, DagRunState.FAILED)
            return RunInAirflow(True, identity, run.queued_at or run.start_date, over, paused)
    except Exception:
        log.exception("Airflow does not tell what it knows of run %s of %s.", run_id, dag_id)
        return UNTOLD


def end_idle_run(dag_id: str, run_id: str) -> bool:
    """Mark a run as failed of which nothing is, or will be, on a worker: it is queued, or its DAG is switched
    off and none of its tasks runs. Whether it was.

    A run that goes on is left to its tasks. A failure is logged and nothing else.
    """
    try:
        with create_session() as session:
            named = (DagRun.dag_id == dag_id, DagRun.run_id == run_id)
            run = session.scalar(select(DagRun).where(*named).with_for_update())
            dag = session.get(DagModel, dag_id)
            if run is None or run.state not in (DagRunState.QUEUED, DagRunState.RUNNING):
                return False
            if run.state == DagRunState.RUNNING and not (dag is not None and dag.is_paused):
                return False
            tasks = session.scalars(
                select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
            ).all()
            if any(task.state in _ON_A_WORKER for task in tasks):
                return False
            for task in tasks:
                if task.state not in State.finished:
                    task.set_state(TaskInstanceState.SKIPPED, session=session)
            run.set_state(DagRunState.FAILED)
            return True
    except Exception:
        log.exception("Run %s of %s could not be marked as failed in Airflow.", run_id, dag_id)
        return False


_ON_A_WORKER = (TaskInstanceState.QUEUED, TaskInstanceState.RUNNING, TaskInstanceState.RESTARTING)
"""States of a task that a worker has, or is about to get."""


def send_mail_soon() -> None:
    """Have the maintenance run now, because no task of a run would send the mail about what was just done.

    Does nothing where no mail is configured, or a run of it is about to begin anyway. A failure is logged and
    nothing else: the mail goes with the next run.
    """
    dag_id = settings.UPKEEP_DAG_ID
    try:
        if not settings.mail_connection():
            return
        with create_session() as session:
            soon = (
                select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.state == DagRunState.QUEUED).limit(1)
            )
            if session.execute(soon).first() is not None:
                return
            if why_not := _why_not(session.get(DagModel, dag_id), dag_id):
                log.warning("Mail about requests waits: %s", why_not)
                return
            trigger_dag(dag_id, triggered_by=DagRunTriggeredByType.UI, conf={}, session=session)
    except Exception:
        log.exception("The maintenance could not be started, so mail waits for its next run.")


_UNKNOWN = (
    "Airflow knows no DAG {}. It may have been run from a terminal only, or its definition was removed. Put"
    " the definition into the collections folder, and wait until the DAG shows."
)


def _why_not(dag: DagModel | None, dag_id: str) -> str:
    if dag is None or dag.is_stale:
        return _UNKNOWN.format(dag_id)
    if dag.has_import_errors:
        return (
            f"The DAG {dag_id} has import errors, so it cannot be run. See the import errors on Airflow's"
            " page of DAGs."
        )
    if dag.is_paused:
        return (
            f"The DAG {dag_id} is paused, so a run would never begin. Resume it on its page in Airflow,"
            " then try again."
        )
    return ""


def write_audit_log(
    event: str, *, by: str, dag_id: str, run_id: str, task_id: str, extra: Mapping[str, Any]
) -> None:
    """Write what someone has done into Airflow's audit log. A failure is logged and nothing else: it is in
    the store already.

    Args:
        event: what, at most 60 characters.
        by: user name.
        dag_id, run_id, task_id: what it is about; the job's task. Run and task may be empty.
        extra: facts; never a secret.
    """
    try:
        with create_session() as session:
            entry = Log(event=event, owner=by, owner_display_name=by, extra=json.dumps(dict(extra)))
            entry.dag_id, entry.run_id, entry.task_id = dag_id, run_id or None, task_id or None
            session.add(entry)
    except Exception:
        # Whatever goes wrong here must not look as if the decision had not been recorded.
        log.exception(
            "Airflow's audit log could not be written. event=%s by=%s dag_id=%s run_id=%s",
            event,
            by,
            dag_id,
            run_id,
        )
