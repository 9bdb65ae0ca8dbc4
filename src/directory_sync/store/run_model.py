"""Runs and attempts at their jobs, as the history shows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from directory_sync.approval.request import MessageCode
from directory_sync.plan.model import RecordProblem, Statistics
from directory_sync.store.run_progress import JobProgress


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run as the history shows it. `state` is `running` until `finished` is set.

    `wrote`: any attempt at any of its jobs has written something.
    """

    id: int
    collection: str
    run_id: str
    trigger: str
    requester: str
    verified: bool
    reason: str
    preview_only: bool
    started: datetime
    finished: datetime | None
    state: str
    wrote: bool


@dataclass(frozen=True, slots=True)
class StoredJobResult:
    """The latest attempt at a job.

    Attributes:
        attempt: its number, from 1.
        state: as given to `finish_job`, or `running`.
        statistics: None as long as it runs, or if it ended before anything was counted.
        planned: what its plan would do, where nothing of it was written when the attempt ended; None
            otherwise.
        host, pid: the process that works or worked on it.
        plan_id: the last complete plan of any attempt, or None.
        request_id: the request that it waits for, also one of another run, or applies; None if there is
            none.
        code: what the message says.
        wrote: this attempt or an earlier one of the run has written something.
        progress: how far it is while it runs; None where nothing was told yet.
    """

    job_run_id: int
    job: str
    attempt: int
    state: str
    statistics: Statistics | None
    message: str
    warnings: tuple[str, ...]
    problems: tuple[RecordProblem, ...]
    started: datetime
    finished: datetime | None
    host: str
    pid: int
    plan_id: int | None
    request_id: int | None = None
    planned: Statistics | None = None
    code: MessageCode = MessageCode.OTHER
    wrote: bool = False
    progress: JobProgress | None = None
