"""Which of the notifications' triggers a run fulfils, by how its jobs have ended. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from directory_sync.definition.models import NotifyWhen
from directory_sync.plan.model import Statistics, counts_a_change
from directory_sync.run.result import JobState, has_failed

_EVERY_RUN = frozenset({NotifyWhen.ALWAYS})
_FAILURE = frozenset({NotifyWhen.FAILURE, NotifyWhen.ERRORS})


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How one job of a run has ended.

    Attributes:
        state: a `JobState`, or one of `run.task_ends`.
        statistics: what was counted: what was written, not what was planned. None if nothing was.
    """

    state: str
    statistics: Statistics | None = None


def triggers(jobs: Iterable[JobEnd], *, failed: bool = False) -> frozenset[NotifyWhen]:
    """The triggers that a run fulfils. A preview is told to no one, so it must not be asked about.

    - `always`: each run.
    - `records_updated`: at least one object was created, updated, moved, disabled or deleted; also by a job
      that failed afterwards.
    - `errors`: a record or object is in error, or is a conflict; also in a job whose plan waits or was not
      approved. Each failure is one, too.
    - `failure`: a job has failed: its source or destination could not be read to the end, a limit has stopped
      it, its plan could not be applied, or a person has stopped the run. What was not approved has not
      failed.

    Args:
        jobs: of the run.
        failed: the run has failed for a reason that none of its jobs shows.
    """
    found = set(_EVERY_RUN | (_FAILURE if failed else frozenset()))
    for job in jobs:
        found |= _of_job(job)
    return frozenset(found)


def _of_job(job: JobEnd) -> frozenset[NotifyWhen]:
    fulfilled: set[NotifyWhen] = set()
    if has_failed(job.state):
        fulfilled |= _FAILURE
    if job.state == JobState.PREVIEWED or job.statistics is None:
        return frozenset(fulfilled)
    figures = job.statistics.to_json()
    if counts_a_change(figures):
        fulfilled.add(NotifyWhen.RECORDS_UPDATED)
    if figures["errors"] or figures["conflicts"] or job.state in _WITH_ERRORS:
        fulfilled.add(NotifyWhen.ERRORS)
    return frozenset(fulfilled)


_WITH_ERRORS = frozenset({JobState.SUCCESS_WITH_ERRORS, JobState.CONFLICTS})
