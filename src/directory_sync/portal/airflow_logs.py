"""The logs of a run's tasks, read as Airflow's own page reads them.

Like `airflow_runs`, this runs in Airflow's API server only. Whether a person may read logs has been checked.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from directory_sync.errors import StoreError

log = logging.getLogger(__name__)

_MARKS = ("::group::", "::endgroup::")
"""Lines that only fold others on Airflow's own page."""


@dataclass(frozen=True, slots=True)
class LoggedTask:
    """A task of a run. `tries`: how often it was begun; `state` as Airflow calls it."""

    task_id: str
    state: str
    tries: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. `level` is a name of Python's levels in small letters; empty where the line has none."""

    at: datetime | None
    level: str
    text: str


def tasks_of(dag_id: str, run_id: str) -> tuple[LoggedTask, ...]:
    """The tasks of a run, by their ids; none for a run that Airflow does not have. Raises StoreError."""
    query = select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    try:
        with create_session() as session:
            found = session.scalars(query.where(TaskInstance.map_index == -1)).all()
            return tuple(
                sorted(
                    (LoggedTask(each.task_id, str(each.state or "none"), each.try_number) for each in found),
                    key=lambda task: task.task_id,
                )
            )
    except Exception as error:
        log.exception("Airflow does not tell the tasks of run %s of %s.", run_id, dag_id)
        raise _untold(error) from None


def read_log(dag_id: str, run_id: str, task_id: str, number: int, *, most: int) -> list[LogLine]:
    """The lines of one try at a task, from the first, at most so many. Raises StoreError."""
    # It brings along whatever can read logs.
    from airflow.utils.log.log_reader import TaskLogReader

    try:
        with create_session() as session:
            found = None
            for model in (TaskInstance, TaskInstanceHistory):
                model_: Any = model
                query = select(model_).where(
                    model_.dag_id == dag_id,
                    model_.run_id == run_id,
                    model_.task_id == task_id,
                    model_.map_index == -1,
                    model_.try_number == number,
                )
                found = found or session.scalar(query.options(joinedload(model_.dag_run)))
            if found is None:
                return []
            assert isinstance(found.dag_run, DagRun)
            stream, _ = TaskLogReader().read_log_chunks(found, number, {"end_of_log": False})
            return list(islice(_lines(stream), most))
    except Exception as error:
        log.exception("Airflow does not give the log of task %s of run %s of %s.", task_id, run_id, dag_id)
        raise _untold(error) from None


def _lines(stream: Any) -> Iterator[LogLine]:
    for each in stream:
        text = str(each.event)
        if text.startswith(_MARKS):
            continue
        extra: dict[str, Any] = each.model_extra or {}
        level = str(extra.get("level") or "")
        yield LogLine(each.timestamp, level, text)
        for detail in extra.get("error_detail") or ():
            if isinstance(detail, dict):
                yield LogLine(each.timestamp, level, f"{detail.get('exc_type')}: {detail.get('exc_value')}")


def _untold(error: Exception) -> StoreError:
    return StoreError(
        f"Airflow does not give the log ({type(error).__name__}). The API server's own log says why. Try"
        " again, or open the task in Airflow."
    )
