"""Hears from Airflow that a run is over, also where someone has said so by hand, and notes it in the store.

A run that is over can be set going again without a trace on its tasks: they are deleted, and the run is
queued. The person who does that causes what it then plans. Airflow calls this in the scheduler, and in the
API server where a person has set the state.
"""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow.listeners import hookimpl

from directory_sync.airflow import task_ids

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

_TRIES = 40
"""With the pauses in between about half an hour, which outlasts a restart of the store."""
_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
_LEAVE_WITHIN = 5.0
"""Seconds that the process waits, when it ends, for what is still to be noted."""

log = logging.getLogger(__name__)


class _Ended(NamedTuple):
    collection: str
    run_id: str


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001 - Airflow calls it by these names
    """Called when a run has succeeded, or was marked so."""
    _heard(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:  # noqa: ARG001
    """Called when a run has failed, or was marked so."""
    _heard(dag_run)


def _heard(dag_run: DagRun) -> None:
    if _is_collection(dag_run.dag):
        _notes.put(_Ended(dag_run.dag_id, dag_run.run_id))


def _is_collection(dag: Any) -> bool:
    tasks = getattr(dag, "task_dict", {})
    return task_ids.CLOSE in tasks and tasks[task_ids.CLOSE].task_type == "CloseRunOperator"


class _Notes:
    """Notes what was heard, in a thread of its own: a store that hangs must hold up neither the scheduler nor
    a request.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._open = 0

    def put(self, ended: _Ended) -> None:
        with self._lock:
            self._open += 1
            self._queue.put(ended)
            # A process that was forked has no threads of its parent.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._work, name="directory_sync ended runs", daemon=True
                )
                self._thread.start()

    def wait(self, seconds: float = _LEAVE_WITHIN) -> None:
        """Give what was heard the time to be noted."""
        deadline = time.monotonic() + seconds
        while self._open and time.monotonic() < deadline:
            time.sleep(0.02)

    def _work(self) -> None:
        while True:
            _note(self._queue.get())
            with self._lock:
                self._open -= 1


def _note(ended: _Ended) -> None:
    from directory_sync.airflow.collection_task import open_store
    from directory_sync.errors import DirectorySyncError

    pause = _PAUSE
    for left in reversed(range(_TRIES)):
        try:
            with open_store() as store:
                store.ended_runs.note(ended.collection, ended.run_id)
        except DirectorySyncError as error:
            if not left:
                log.error(  # noqa: TRY400 - it says itself what is wrong
                    "The end of run %s of %s could not be noted: %s", ended.run_id, ended.collection, error
                )
                return
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return


_notes = _Notes()
atexit.register(_notes.wait)
