"""The *Log* of a run: Airflow's log of its tasks, by level and text."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from fastapi import APIRouter, Response
from fastapi import Request as HttpRequest

from directory_sync.errors import NotAllowed, QueryError, StoreError
from directory_sync.portal import airflow_logs, runs
from directory_sync.portal.access import CurrentVisitor
from directory_sync.portal.airflow_logs import LoggedTask, LogLine
from directory_sync.portal.queries import LogQuery
from directory_sync.portal.runs import RunView, job_of
from directory_sync.portal.storage import CurrentStore
from directory_sync.portal.views.frame import CurrentFrame
from directory_sync.portal.views.rendering import render
from directory_sync.store.runs import TERMINAL

router = APIRouter()

MOST_READ = 50_000
"""Lines that are looked through; Airflow's own page has all of them."""
MOST_SHOWN = 1_000
"""Lines that are shown: the last of those that match."""
_FAILED = frozenset({"failed", "up_for_retry"})


class Level(StrEnum):
    """How grave a line is, in ascending order."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


_RANKS = {level.value: rank for rank, level in enumerate(Level)}
_CHOICES = (("info", "info and above"), ("warning", "warnings and errors"), ("error", "errors only"))


@dataclass(frozen=True, slots=True)
class LogPage:
    """What the page shows.

    Attributes:
        view: the run; `task` the one that is shown, None where there is none.
        tasks: of the run, those of jobs before the others.
        number: which try, from 1.
        lines: the last lines that match; `matching` how many do; `read` how many were looked through.
        cut: there are more lines than are looked through.
        why_not: why there is no log, in words; empty where there is one.
    """

    view: RunView
    query: LogQuery
    tasks: tuple[LoggedTask, ...]
    task: LoggedTask | None
    number: int
    lines: tuple[LogLine, ...]
    matching: int
    read: int
    why_not: str
    levels = _CHOICES

    @property
    def cut(self) -> bool:
        """Whether the log is longer than what was looked through."""
        return self.read >= MOST_READ

    @property
    def filtered(self) -> bool:
        """Whether not all lines are let through."""
        return bool(self.query.search or self.query.level)


@router.get("/runs/{collection}/{run_id}/log")
def show_log(
    request: HttpRequest,
    collection: str,
    run_id: str,
    frame: CurrentFrame,
    visitor: CurrentVisitor,
    store: CurrentStore,
) -> Response:
    """The log of one task of a run: the job's that is asked for, else one that has failed, else the first."""
    view = runs.read_run(store, visitor, collection, run_id)
    query = LogQuery.read(request.query_params.multi_items())
    if not visitor.rights.may_read_logs(collection):
        raise NotAllowed(
            f"Airflow does not let you read the logs of {collection}. Ask an administrator of Airflow."
        )
    tasks: tuple[LoggedTask, ...] = ()
    task: LoggedTask | None = None
    lines: list[LogLine] = []
    number, why_not = 0, ""
    try:
        if view.snapshot.trigger == TERMINAL:
            why_not = "A run in a terminal has no log in Airflow: what it had to say was written there."
        elif view.other is not None:
            why_not = "Airflow has another run by this id now, so the log of this one is gone."
        else:
            tasks = _in_order(view, airflow_logs.tasks_of(collection, run_id))
            task = _chosen(tasks, query)
            why_not = "" if task else "Airflow has no task of this run. It may have been deleted there."
        if task is not None:
            number = min(query.number or task.tries, task.tries)
            why_not = "" if number else f"The task {task.task_id} has not begun, so it has no log."
        if task is not None and number:
            lines = airflow_logs.read_log(collection, run_id, task.task_id, number, most=MOST_READ)
    except StoreError as error:
        why_not = str(error)
    shown, matching = _matching(lines, query)
    page = LogPage(view, query, tasks, task, number, shown, matching, len(lines), why_not)
    return render(request, "run_log.html", frame, page)


def _in_order(view: RunView, tasks: Iterable[LoggedTask]) -> tuple[LoggedTask, ...]:
    places = {each.job.name: place for place, each in enumerate(view.jobs)}
    return tuple(
        sorted(tasks, key=lambda task: (places.get(job_of(task.task_id), len(places)), task.task_id))
    )


def _chosen(tasks: tuple[LoggedTask, ...], query: LogQuery) -> LoggedTask | None:
    """Raises QueryError for a task that there is not."""
    wanted = query.task or query.job
    if wanted and tasks:
        found = next((task for task in tasks if task.task_id == wanted), None)
        if found is None:
            raise QueryError({"task" if query.task else "job": "This run has no such task."})
        return found
    failed = next((task for task in tasks if task.state in _FAILED), None)
    return failed or next(iter(tasks), None)


def _matching(lines: Iterable[LogLine], query: LogQuery) -> tuple[tuple[LogLine, ...], int]:
    least, wanted = _RANKS.get(query.level or "", 0), query.search.casefold()
    last: deque[LogLine] = deque(maxlen=MOST_SHOWN)
    number = 0
    for line in lines:
        # A line without a level belongs to the one before it, as a traceback does: it is shown unless there
        # is a filter.
        if query.level and _RANKS.get(line.level, -1) < least:
            continue
        if wanted and wanted not in line.text.casefold():
            continue
        number += 1
        last.append(line)
    return tuple(last), number
