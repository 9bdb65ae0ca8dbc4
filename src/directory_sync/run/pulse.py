"""The sign of life of an attempt at a job: every two seconds it tells the store how far it is, and hears
whether a person has stopped the run.
"""

from __future__ import annotations

import logging
import threading
from types import TracebackType
from typing import Self

from directory_sync.errors import RunStopped, StoreError
from directory_sync.plan.planning import Progress, Stage
from directory_sync.store.run_progress import JobProgress
from directory_sync.store.runs import JobRun, Snapshot
from directory_sync.store.store import Store

PULSE_SECONDS = 2.0
"""Between two looks at the store."""

log = logging.getLogger(__name__)


class Pulse:
    """Looks regularly, in a thread of its own, from its `with` block's begin to its end.

    A store that does not answer is no reason to end the work: the lease and the outcomes see to that.

    Attributes:
        attempt: whose progress it is.

    Args:
        store: is told, and asked.
        snapshot: the attempt's run.
        attempt: from `Runs.start_job`.
        progress: hears how far the job is, too.
        seconds: between two looks.
    """

    def __init__(
        self,
        store: Store,
        snapshot: Snapshot,
        attempt: JobRun,
        progress: Progress = lambda stage, done, total: None,
        *,
        seconds: float = PULSE_SECONDS,
    ) -> None:
        self.attempt = attempt
        self._store = store
        self._collection, self._run_id = snapshot.collection.name, snapshot.run_id
        self._progress = progress
        self._seconds = seconds
        self._stage: Stage | None = None
        self._done: dict[Stage, int] = {}
        self._passed: dict[Stage, int] = {}
        self._total: int | None = None
        self._told: JobProgress | None = None
        self._stop: RunStopped | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat_regularly, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def progress(self, stage: Stage, done: int, total: int | None) -> None:
        """Hear how far the job is. Raises RunStopped where nothing is being written."""
        self._stage = stage
        if done < (before := self._done.get(stage, 0)):
            # A stage that comes in several parts counts each from the beginning.
            self._passed[stage] = self._passed.get(stage, 0) + before
        self._done[stage] = done
        if stage is Stage.APPLY:
            self._total = total
        elif self._stop is not None:
            raise self._stop
        self._progress(stage, done, total)

    def stopping(self) -> RunStopped | None:
        """What ends the work, if a person has stopped the run. Cheap: asks no store."""
        return self._stop

    def begin(self, stage: Stage, total: int) -> None:
        """Say that a stage is about to begin, before its first progress."""
        self._stage, self._total = stage, total

    def _beat_regularly(self) -> None:
        while not self._ended.wait(self._seconds):
            self._beat()

    def _beat(self) -> None:
        now = self._now()
        try:
            stop = self._store.run_progress.beat(
                self.attempt.id,
                None if now == self._told else now,
                collection=self._collection,
                run_id=self._run_id,
            )
        except StoreError as error:
            log.info("The store does not take how far the job is; trying again. error=%s", error)
            return
        self._told = now
        if stop is not None and self._stop is None:
            log.warning("The run is being stopped. What is under way is finished. %s", stop.text)
            self._stop = stop.error()

    def _now(self) -> JobProgress | None:
        stage = self._stage
        if stage is None:
            return None
        done = self._done
        return JobProgress(
            stage.value,
            read=done.get(Stage.READ_SOURCE, 0),
            listed=done.get(Stage.READ_DESTINATION, 0),
            planned=self._passed.get(Stage.COMPARE, 0) + done.get(Stage.COMPARE, 0),
            applied=done.get(Stage.APPLY, 0),
            total=self._total,
        )
